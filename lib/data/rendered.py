"""Faces and pairs of the embedded world as sets, divided into training and test."""

from typing import Any

import numpy as np

from lib import world
from lib.data.faces import FaceSet, PairSet, concatenate, spatial_cues
from lib.params import Params
from lib.vocabulary import EXPRESSIONS, column
from lib.workspace.provenance import device
from lib.world.scenes import Pairs

MOVIE_SHARE = 522 / 790  # of the relation test part (Section 6.2)
TEST_START = 10_000_000  # first index of test faces: their people are in no training face


def faces(source: str, params: Params, progress: bool = True) -> list[FaceSet]:
    """Training and test faces of a source, as many as the profile says."""
    wanted = getattr(params.data, source)
    test = _test_indices(source, wanted.test, params)
    return [
        render(source, np.arange(wanted.train), "train", params, progress),
        render(source, test, "test", params, progress),
    ]


def ckplus(params: Params, progress: bool = True) -> FaceSet:
    """CK+'s first (neutral) and last three frames of each sequence of the profile's subjects."""
    frames, per_subject = world.FRAMES, world.FRAMES * world.SEQUENCES
    index = np.arange(params.data.ckplus.train * per_subject)
    kept = (index % frames == 0) | (index % frames >= frames - 3)
    return render("ckplus", index[kept], "train", params, progress)


def render(
    source: str, indices: np.ndarray, split: str, params: Params, progress: bool = True
) -> FaceSet:
    """The faces of a source at some indices (N,), marked with their split."""
    options = _options(params, progress)
    made = world.faces(source, indices, yaw_bins=params.data.yaw_bins, **options)
    return FaceSet(made.images, made.labels, made.table.assign(split=split), made.truth)


def _test_indices(source: str, count: int, params: Params) -> np.ndarray:
    """Indices of the test faces: the first ones; for ExpW equally many of each expression."""
    if source != "expw":
        return np.arange(TEST_START, TEST_START + count)
    each = count // len(EXPRESSIONS)
    candidates = np.arange(TEST_START, TEST_START + 60 * count)
    labels = world.annotations(source, candidates, seed=params.seed)
    chosen = [candidates[labels[:, column(name)] == 1][:each] for name in EXPRESSIONS]
    return np.sort(np.concatenate(chosen))


def relation(params: Params, progress: bool = True) -> PairSet:
    """Pairs of the web and of movies, training and test without a shared identity."""
    wanted, parts = params.data.relation, []
    for split, count, start in (("train", wanted.train, 0), ("test", wanted.test, TEST_START)):
        movie = round(count * MOVIE_SHARE)
        for part, number in (("web", count - movie), ("movie", movie)):
            indices = np.arange(start, start + number)
            made = world.relation(part, indices, **_options(params, progress))
            parts.append(pair_set(made, split))
    return concatenate(parts)


def pair_set(made: Pairs, split: str = "") -> PairSet:
    """Rendered pairs with their spatial cues."""
    cues = spatial_cues(made.boxes, made.picture)
    return PairSet(made.left, made.right, cues, made.labels, made.table.assign(split=split))


def _options(params: Params, progress: bool) -> dict[str, Any]:
    where = {"device": device(params), "progress": progress}
    return {"seed": params.seed, "size": params.data.size, **where}
