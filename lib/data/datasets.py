"""The one door from parameters to faces and pairs, whatever their origin.

python -m lib.datasets <profile>     what was found, what is missing, where to ask

A profile says for each dataset where it comes from: the embedded world, the files under
`data.root`, or nowhere. The sets do not show the difference, but for their tables.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lib import world
from lib.data.faces import FaceSet, PairSet, concatenate
from lib.data.sources import catalogue, holdings, lists, shelf
from lib.data.sources import manifest as sources_manifest
from lib.data.sources.holdings import Holdings
from lib.data.sources.lists import Rows
from lib.params import Params, load
from lib.provenance import ROOT, device
from lib.vocabulary import EXPRESSIONS, FACE_SOURCES, SOURCE_NAMES, column

MOVIE_SHARE = 522 / 790  # of the relation test part (Section 6.2)
ARTIFACTS = ("sfew", "ckplus", "relation")  # sets of their own, beside the training faces
TEST_START = 10_000_000  # indices of test faces: other people than the training faces'


def faces(params: Params, *, cache: Path, progress: bool = True) -> FaceSet | None:
    """The training and test faces of AFLW, CelebA and ExpW, as Section 6.1 divides them.

    The ExpW test part holds equally many faces of each expression; no identity and no picture
    stands on both sides. None where every source is absent and no manifest is named.
    """
    parts = []
    shelf.forget(cache, *FACE_SOURCES, "faces leaks")
    for source in FACE_SOURCES:
        origin = catalogue.origin(source, params.data)
        if origin == "real":
            parts.append(shelf.faces(source, params, cache, progress))
        elif origin == "world":
            wanted = getattr(params.data, source)
            test = test_indices(source, wanted.test, params)
            parts.append(draw(source, np.arange(wanted.train), "train", params, progress))
            parts.append(draw(source, test, "test", params, progress))
    for number, path in enumerate(params.data.manifests):
        parts.append(manifest(ROOT / path, f"manifest{number}", params, cache, progress))
    if any("look" in part.table for part in parts):
        return shelf.join(parts, cache, "faces", progress)
    return concatenate(parts) if parts else None


def absent(params: Params) -> dict[str, str]:
    """What cannot be made in this run -> the dataset that it needs.

    Keys are sources (`celeba`) and artifacts of notebook 01 (`01_sfew`).
    """
    missing = {
        source: SOURCE_NAMES[source]
        for source in SOURCE_NAMES
        if catalogue.origin(source, params.data) == "absent"
    }
    artifacts = {f"01_{source}": missing[source] for source in missing if source in ARTIFACTS}
    if set(FACE_SOURCES) <= set(missing) and not params.data.manifests:
        artifacts["01_faces"] = "AFLW, CelebA or ExpW"
    return missing | artifacts


def kinds(params: Params) -> dict[str, str]:
    """What the artifacts of notebook 01 are made of: `embedded world`, `real set`, or both."""
    words = {"real": "real set", "world": "embedded world"}
    sources = {"01_faces": FACE_SOURCES} | {f"01_{name}": (name,) for name in ARTIFACTS}
    found = {}
    for artifact, names in sources.items():
        origins = [catalogue.origin(name, params.data) for name in names]
        parts = [words[origin] for origin in dict.fromkeys(origins) if origin in words]
        if artifact == "01_faces" and params.data.manifests:
            parts.append("own pictures")
        if parts:
            found[artifact] = " and ".join(sorted(parts))
    return found


def left_out(cache: Path) -> pd.DataFrame:
    """Rows of real sets that are in none of the sets made with this cache: set, file, line, reason.

    With what is in the sets they are all rows of the source (see `holdings`).
    """
    return shelf.noted(cache)


def manifest(path: Path, name: str, params: Params, cache: Path, progress: bool = True) -> FaceSet:
    """The user's own faces as a `faces.csv` lists them (see `sources.manifest`)."""
    table = sources_manifest.rows(path)
    found = Rows(table, lists.nothing(), len(table))
    return shelf.shelved(found, cache, name, params.data.size, upright=True, progress=progress)


def draw(
    source: str, indices: np.ndarray, split: str, params: Params, progress: bool = True
) -> FaceSet:
    """Faces of the embedded world, marked with their split."""
    drawn = world.faces(
        source,
        indices,
        seed=params.seed,
        size=params.data.size,
        device=device(params),
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
    shelf.forget(cache, "sfew", "sfew leaks")
    wanted, origin = params.data.sfew, catalogue.origin("sfew", params.data)
    if origin == "absent":
        return None
    if origin == "real":
        part = shelf.faces("sfew", params, cache, progress)
        return shelf.join([part], cache, "sfew", progress)
    test = np.arange(TEST_START, TEST_START + wanted.test)
    train = draw("sfew", np.arange(wanted.train), "train", params, progress)
    return concatenate([train, draw("sfew", test, "test", params, progress)])


def ckplus(params: Params, *, cache: Path, progress: bool = True) -> FaceSet | None:
    """CK+'s first (neutral) and last three frames of each sequence; None where it is absent.

    Column `fold`: one of `evaluation.folds`, no subject in two of them.
    """
    shelf.forget(cache, "ckplus", "ckplus leaks")
    origin = catalogue.origin("ckplus", params.data)
    if origin == "absent":
        return None
    if origin == "real":
        part = shelf.faces("ckplus", params, cache, progress)
        return folded(shelf.join([part], cache, "ckplus", progress), params)
    frames, per_subject = world.FRAMES, world.FRAMES * world.SEQUENCES
    index = np.arange(params.data.ckplus.train * per_subject)
    kept = (index % frames == 0) | (index % frames >= frames - 3)  # first, and last three
    return folded(draw("ckplus", index[kept], "train", params, progress), params)


def folded(chosen: FaceSet, params: Params) -> FaceSet:
    """CK+ with its column `fold`: subjects are dealt out in turn."""
    subjects = {name: k for k, name in enumerate(pd.unique(chosen.table["subject"]))}
    chosen.table["fold"] = chosen.table["subject"].map(subjects) % params.evaluation.folds
    return chosen


def relation(params: Params, *, cache: Path, progress: bool = True) -> PairSet | None:
    """Pairs of the web and of movies, training and test without a shared identity, or None."""
    shelf.forget(cache, "relation", "relation leaks")
    wanted, origin = params.data.relation, catalogue.origin("relation", params.data)
    if origin == "absent":
        return None
    if origin == "real":
        return shelf.pairs(params, cache, progress)
    parts = []
    for split, count, start in (("train", wanted.train, 0), ("test", wanted.test, TEST_START)):
        movie = round(count * MOVIE_SHARE)
        for part, number in (("web", count - movie), ("movie", movie)):
            pairs = world.relation(
                part,
                np.arange(start, start + number),
                seed=params.seed,
                size=params.data.size,
                device=device(params),
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


def look(params: Params, *, progress: bool = True) -> Holdings:
    """What lies under the data folder and what is missing; reads lists, cuts no crops."""
    return holdings.look(params, progress=progress)


if __name__ == "__main__":
    try:
        found = look(load(sys.argv[1]))
    except (ValueError, IndexError, OSError) as mistake:
        sys.exit(str(mistake))
    print(found)
    sys.exit(bool(found.problems))
