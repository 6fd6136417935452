"""The one door from parameters to faces and pairs, whatever their origin.

python -m lib.datasets <profile>     what was found, what is missing, where to ask
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from lib import world
from lib.faces import FaceSet, PairSet, concatenate
from lib.params import Params
from lib.sources import manifest as sources_manifest
from lib.sources.crops import crop
from lib.vocabulary import ATTRIBUTES, EXPRESSIONS, FACE_SOURCES, column
from lib.workspace import ROOT

MOVIE_SHARE = 522 / 790  # of the relation test part (Section 6.2)
TEST_START = 10_000_000  # indices of test faces: other people than the training faces'


def faces(params: Params, *, cache: Path, progress: bool = True) -> FaceSet:
    """The training and test faces of AFLW, CelebA and ExpW, as Section 6.1 divides them.

    The ExpW test part holds equally many faces of each expression; no identity and no picture
    stands on both sides. ValueError if every source is absent.
    """
    parts = []
    for source in FACE_SOURCES:
        wanted = getattr(params.data, source)
        if wanted.origin == "absent":
            continue
        test = test_indices(source, wanted.test, params)
        parts.append(draw(source, np.arange(wanted.train), "train", params, progress))
        parts.append(draw(source, test, "test", params, progress))
    parts += [manifest(Path(path), params) for path in params.data.manifests]
    if not parts:
        raise ValueError("aflw, celeba and expw are all absent: set data.<source>.origin to world")
    return concatenate(parts)


def manifest(path: Path, params: Params) -> FaceSet:
    """The user's own faces as a `faces.csv` lists them (see `sources.manifest`)."""
    table = sources_manifest.rows(path if path.is_absolute() else ROOT / path)
    pictures = []
    for face in table.itertuples():
        with Image.open(face.image) as picture:
            pictures.append(crop(picture, (face.x, face.y, face.w, face.h), params.data.size))
    labels = torch.tensor(table[list(ATTRIBUTES)].to_numpy(), dtype=torch.int8)
    return FaceSet(torch.stack(pictures), labels, table.drop(columns=list(ATTRIBUTES)))


def draw(
    source: str, indices: np.ndarray, split: str, params: Params, progress: bool = True
) -> FaceSet:
    """Faces of the embedded world, marked with their split."""
    drawn = world.faces(
        source,
        indices,
        seed=params.seed,
        size=params.data.size,
        progress=progress,
        yaw_bins=params.data.yaw_bins,
    )
    drawn.table["split"] = split
    return drawn


def test_indices(source: str, count: int, params: Params) -> np.ndarray:
    """Which faces test: the first ones, for ExpW equally many of each expression."""
    start = TEST_START
    if source != "expw":
        return np.arange(start, start + count)
    each, chosen = count // len(EXPRESSIONS), []
    candidates = np.arange(start, start + 60 * count)
    labels = world.annotations(source, candidates, seed=params.seed)
    for name in EXPRESSIONS:
        chosen.append(candidates[labels[:, column(name)] == 1][:each])
    return np.sort(np.concatenate(chosen))


def sfew(params: Params, *, cache: Path, progress: bool = True) -> FaceSet | None:
    """SFEW's training and validation faces; None where it is absent."""
    wanted = params.data.sfew
    if wanted.origin == "absent":
        return None
    test = np.arange(TEST_START, TEST_START + wanted.test)
    train = draw("sfew", np.arange(wanted.train), "train", params, progress)
    return concatenate([train, draw("sfew", test, "test", params, progress)])


def ckplus(params: Params, *, cache: Path, progress: bool = True) -> FaceSet | None:
    """CK+'s first (neutral) and last three frames of each sequence; None where it is absent.

    Column `fold`: one of `evaluation.folds`, no subject in two of them.
    """
    wanted = params.data.ckplus
    if wanted.origin == "absent":
        return None
    frames, per_subject = world.FRAMES, world.FRAMES * world.SEQUENCES
    index = np.arange(wanted.train * per_subject)
    kept = (index % frames == 0) | (index % frames >= frames - 3)  # first, and last three
    chosen = draw("ckplus", index[kept], "train", params, progress)
    subjects = {name: k for k, name in enumerate(pd.unique(chosen.table["subject"]))}
    chosen.table["fold"] = chosen.table["subject"].map(subjects) % params.evaluation.folds
    return chosen


def relation(params: Params, *, cache: Path, progress: bool = True) -> PairSet | None:
    """Pairs of the web and of movies, training and test without a shared identity, or None."""
    wanted = params.data.relation
    if wanted.origin == "absent":
        return None
    parts = []
    for split, count, start in (("train", wanted.train, 0), ("test", wanted.test, TEST_START)):
        movie = round(count * MOVIE_SHARE)
        for part, number in (("web", count - movie), ("movie", movie)):
            pairs = world.relation(
                part,
                np.arange(start, start + number),
                seed=params.seed,
                size=params.data.size,
                progress=progress,
            )
            pairs.table["split"] = split
            parts.append(pairs)
    return join(parts)


def join(parts: list[PairSet]) -> PairSet:
    """Several sets of pairs as one."""
    names = ("left", "right", "cues", "labels")
    tensors = [torch.cat([getattr(part, name) for part in parts]) for name in names]
    return PairSet(*tensors, pd.concat([part.table for part in parts], ignore_index=True))
