"""The entry point from parameters to sets of faces and pairs, whatever their origin.

python -m lib.data.datasets <profile>     what was found, what is missing, where to ask

A profile says for each dataset where it comes from: the embedded world, the files under
`data.root`, or nowhere. The sets look the same, except for their tables.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from lib.data import listing, real, rendered
from lib.data.faces import FaceSet, PairSet, concatenate
from lib.data.inventory import take as inventory
from lib.data.listing import Listing
from lib.data.sources import manifest as manifests
from lib.data.sources import published
from lib.params import Params, load
from lib.vocabulary import FACE_SOURCES, SOURCE_NAMES
from lib.workspace.provenance import ROOT

ARTIFACTS = ("sfew", "ckplus", "relation")  # sets of their own, beside the training faces


def faces(params: Params, *, cache: Path, progress: bool = True) -> FaceSet | None:
    """The training and test faces of AFLW, CelebA and ExpW, divided as in Section 6.1.

    The ExpW test part holds equally many faces of each expression; no identity and no picture is in
    both parts. None where every source is absent and no manifest is named.
    """
    parts = []
    real.clear_dropped(cache, *FACE_SOURCES, "faces leaks")
    lists = face_lists(params, progress)
    for source in FACE_SOURCES:
        if source in lists:
            parts.append(real.cropped(source, lists.pop(source), params, cache, progress))
        elif published.origin(source, params.data) == "world":
            parts += rendered.faces(source, params, progress)
    for name, own in lists.items():
        parts.append(real.cropped(name, own, params, cache, progress, upright=True))
    if any("phash" in part.table for part in parts):
        return real.join(parts, cache, "faces", progress)
    return concatenate(parts) if parts else None


def face_lists(params: Params, progress: bool = True) -> dict[str, Listing]:
    """What the files of real AFLW, CelebA and ExpW list, and the manifests (`manifest0`, ...).

    ValueError where two of them have a key in common, or give one box contrary labels.
    """
    data = params.data
    sources = [name for name in FACE_SOURCES if published.origin(name, data) == "real"]
    lists = {source: real.read(source, params, progress) for source in sources}
    own = manifests.read_all([ROOT / path for path in data.manifests])
    lists |= {f"manifest{number}": found for number, found in enumerate(own)}
    listing.check_keys(lists.values())
    return lists


def manifest(path: Path, name: str, params: Params, cache: Path, progress: bool = True) -> FaceSet:
    """The user's own faces as a `faces.csv` lists them (see `sources.manifest`)."""
    return real.cropped(name, manifests.read(path), params, cache, progress, upright=True)


def sfew(params: Params, *, cache: Path, progress: bool = True) -> FaceSet | None:
    """SFEW's training and validation faces; None where it is absent."""
    origin = _origin("sfew", params, cache)
    if origin == "real":
        return real.join([real.faces("sfew", params, cache, progress)], cache, "sfew", progress)
    return concatenate(rendered.faces("sfew", params, progress)) if origin == "world" else None


def ckplus(params: Params, *, cache: Path, progress: bool = True) -> FaceSet | None:
    """CK+'s first (neutral) and last three frames of each sequence; None where it is absent.

    Column `fold`: one of `evaluation.folds`; no subject is in two of them.
    """
    origin = _origin("ckplus", params, cache)
    if origin == "absent":
        return None
    if origin == "real":
        part = real.faces("ckplus", params, cache, progress)
        found = real.join([part], cache, "ckplus", progress)
    else:
        found = rendered.ckplus(params, progress)
    found.table["fold"] = pd.factorize(found.table["subject"])[0] % params.evaluation.folds
    return found


def relation(params: Params, *, cache: Path, progress: bool = True) -> PairSet | None:
    """Pairs of the web and of movies, training and test without a shared identity, or None."""
    origin = _origin("relation", params, cache)
    if origin == "real":
        return real.pairs(params, cache, progress)
    return rendered.relation(params, progress) if origin == "world" else None


def _origin(source: str, params: Params, cache: Path) -> str:
    """Where a set comes from; what an earlier run left out of it is forgotten."""
    real.clear_dropped(cache, source, f"{source} leaks")
    return published.origin(source, params.data)


# What there is ------------------------------------------------------------------------------------


def absent(
    params: Params, sets: Mapping[str, FaceSet | PairSet | None] = MappingProxyType({})
) -> dict[str, str]:
    """What cannot be made in this run -> the dataset, or the part of one, that it needs.

    sets: those of notebook 01 by artifact (`01_faces`). Keys are sources (`celeba`) and artifacts.
    """
    origins = {source: published.origin(source, params.data) for source in SOURCE_NAMES}
    missing = {name: SOURCE_NAMES[name] for name in origins if origins[name] == "absent"}
    artifacts = {f"01_{source}": missing[source] for source in missing if source in ARTIFACTS}
    if set(FACE_SOURCES) <= set(missing) and not params.data.manifests:
        artifacts["01_faces"] = "AFLW, CelebA or ExpW"
    found = {name: part for name, part in sets.items() if part is not None}
    return missing | artifacts | lacking_parts(found, params.evaluation.folds)


def lacking_parts(sets: Mapping[str, FaceSet | PairSet], folds: int) -> dict[str, str]:
    """As `absent`: parts that a copy with a few of its pictures may lack."""
    lacking = {}
    for name, part in sets.items():
        title = SOURCE_NAMES.get(name[3:], "AFLW, CelebA or ExpW")
        sides = set(part.table["split"])
        if name == "01_ckplus" and part.table["subject"].nunique() < folds:
            lacking[name] = f"at least {folds} people of {title}"
        elif name != "01_ckplus" and (gone := [k for k in ("train", "test") if k not in sides]):
            lacking[name] = f"a {' and a '.join(gone)} part of {title}"
    if faces := sets.get("01_faces"):
        tested = set(faces.table["source"][faces.table["split"] == "test"])
        there = set(faces.table["source"]) & set(FACE_SOURCES)
        lacking |= {name: f"a test part of {SOURCE_NAMES[name]}" for name in there - tested}
    return lacking


def kinds(params: Params) -> dict[str, str]:
    """What the artifacts of notebook 01 are made of: `embedded world`, `real set`, or both."""
    words = {"real": "real set", "world": "embedded world"}
    sources = {"01_faces": FACE_SOURCES} | {f"01_{name}": (name,) for name in ARTIFACTS}
    found = {}
    for artifact, names in sources.items():
        origins = [published.origin(name, params.data) for name in names]
        parts = [words[origin] for origin in dict.fromkeys(origins) if origin in words]
        if artifact == "01_faces" and params.data.manifests:
            parts.append("own pictures")
        if parts:
            found[artifact] = " and ".join(sorted(parts))
    return found


def left_out(cache: Path) -> pd.DataFrame:
    """Rows of real sets that are in none of the sets made with this cache: set, file, line, reason.

    With what is in the sets, they are all rows of the source.
    """
    paths = sorted((cache / "dropped").glob("*.csv"))
    return listing.dropped_of({path.stem: pd.read_csv(path) for path in paths})


if __name__ == "__main__":
    try:
        found = inventory(load(sys.argv[1]))
    except (ValueError, IndexError, OSError) as error:
        sys.exit(str(error))
    print(found)
    sys.exit(bool(found.problems))
