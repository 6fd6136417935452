"""The six published datasets: readers, owners, terms, and where the faces of a run come from."""

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from lib.data import listing
from lib.data.sources import aflw, celeba, ckplus, expw, files, relation, sfew
from lib.params import DataParams
from lib.vocabulary import SOURCE_NAMES
from lib.workspace.provenance import ROOT, digest

MMLAB = "Multimedia Laboratory, The Chinese University of Hong Kong; http://mmlab.ie.cuhk.edu.hk"
LISTS = (".txt", ".lst", ".csv", ".sqlite")  # everything but pictures


@dataclass(frozen=True)
class Dataset:
    """reader: the module with its `rows`, its `COUNT`, and its `MARKERS`: files or folders of which
    one exists where the set is there. owner: where to ask. pictures: what to know about them.
    """

    reader: ModuleType
    owner: str
    pictures: str

    @property
    def expected(self) -> int:
        """Faces or pairs of the whole set."""
        return self.reader.COUNT

    @property
    def terms(self) -> str:
        return f"non-commercial research only; not to be passed on; {self.pictures}"


DATASETS = {
    "aflw": Dataset(
        aflw,
        "Institute of Computer Graphics and Vision, Graz University of Technology; "
        "http://lrs.icg.tugraz.at/research/aflw/ (on request, from an academic address)",
        "the photographs keep the licences of their Flickr owners",
    ),
    "celeba": Dataset(celeba, f"{MMLAB}/projects/CelebA.html", "the pictures belong to others"),
    "expw": Dataset(
        expw,
        f"{MMLAB}/projects/socialrelation/index.html",
        "the pictures come from web search and belong to others",
    ),
    "sfew": Dataset(
        sfew,
        "Abhinav Dhall and co-authors (AFEW and SFEW, the EmotiW challenges), on request with a "
        "signed licence agreement",
        "the frames come from films",
    ),
    "ckplus": Dataset(
        ckplus,
        "Jeffrey F. Cohn, University of Pittsburgh, on request with a signed agreement",
        "only subjects who agreed to it may be shown in print",
    ),
    "relation": Dataset(
        relation,
        f"{MMLAB}/projects/socialrelation/index.html",
        "the pictures come from the web and from films",
    ),
}


def folder(source: str, data: DataParams) -> Path:
    """Where a dataset is expected: its own folder under `data.root`."""
    return ROOT / data.root / source


def home(source: str, data: DataParams) -> Path | None:
    """The dataset's folder if it is there, None where it is missing or empty.

    ValueError where something else is there or the folder cannot be read: that is a broken copy,
    not an absent one.
    """
    place, reader = folder(source, data), DATASETS[source].reader
    with listing.readable(place):
        if not (place.exists() or place.is_symlink()):
            return None
        if not place.is_dir():
            listing.fail(place, 0, "is no folder; put the dataset there, or remove it")
        if all(files.is_system_file(path) for path in place.iterdir()):
            return None
    if not any(files.locate(place, name) for name in reader.MARKERS):
        for name, words in getattr(reader, "EDITIONS", {}).items():
            if files.locate(place, name):
                listing.fail(place, 0, f"holds {name}: this is {words}")
        raise ValueError(
            f"{place} holds no {' or '.join(reader.MARKERS)}, so it is not {SOURCE_NAMES[source]} "
            "as published; unpack the dataset there as it came, or empty the folder"
        )
    return place


def origin(source: str, data: DataParams) -> str:
    """Where the faces of a source come from in this run: `real`, `world` or `absent`.

    ValueError where the profile requires the real set and it is missing, or does not say how many
    training faces the embedded world should render.
    """
    wanted, title = getattr(data, source), SOURCE_NAMES[source]
    if wanted.origin not in ("world", "absent") and home(source, data) is not None:
        return "real"
    if wanted.origin == "real":
        raise ValueError(
            f"data.{source}.origin is real, but {folder(source, data)} does not hold {title}: "
            f"ask {DATASETS[source].owner}; or set origin to found or world"
        )
    if wanted.origin in ("absent", "found"):
        return "absent"
    if not wanted.train:
        size = getattr(DataParams(), source).train
        raise ValueError(
            f"data.{source}.train is 0, all that the real set has, but {title} comes from the "
            f"embedded world, which has no limit; set data.{source}.train (the paper's is {size:,})"
            f" or data.{source}.origin: found"
        )
    return "world"


def stamps(data: DataParams) -> dict[str, str]:
    """Origin and last change of each source, so that a run knows when its data are outdated."""
    found = {}
    for source in DATASETS:
        try:
            found[source] = origin(source, data)
            if found[source] == "real":
                found[source] += f" {stamp(folder(source, data))}"
        except (ValueError, OSError):
            found[source] = "wrong"  # notebook 01 says what is wrong
    for name in (*data.manifests, *([data.movie_list] if data.movie_list else [])):
        try:
            found[name] = str((ROOT / name).stat().st_mtime_ns)
        except OSError:
            found[name] = "missing"
    return found


def stamp(place: Path) -> str:
    """A digest of when each list and folder of a dataset last changed.

    Pictures are not looked at: there are hundreds of thousands. Adding or removing one changes its
    folder; one overwritten in place is cut again when notebook 01 next runs.
    """
    marks = []
    for base, _, names in os.walk(place):
        lists_here = [os.path.join(base, name) for name in names if name.endswith(LISTS)]
        marks += [(path, os.stat(path).st_mtime_ns) for path in (base, *lists_here)]
    return digest(repr(sorted(marks)))
