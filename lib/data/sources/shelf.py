"""From the rows of real datasets to sets of faces: crops from the store, leaks removed.

What is left out on the way is noted in `<cache>/dropped/<name>.csv`, one line per row of a source.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.lib.format import open_memmap
from torch import Tensor
from tqdm import tqdm

from lib import workspace
from lib.data.faces import FaceSet, PairSet, mapped, spatial_cues
from lib.data.sources import catalogue, leaks, lists, store
from lib.data.sources.lists import BOX, DROPPED, Rows
from lib.params import DataParams, Params
from lib.vocabulary import ATTRIBUTES, FACE_SOURCES, SOURCE_NAMES, TRAITS

COLUMNS = (*("key", "source", "identity", "split", "image"), *BOX, "file", "line")
FORGIVEN = {"aflw": catalogue.aflw.UNREADABLE}
UNREADABLE = "unreadable picture"
PORTION = 256  # crops copied at a time


def rows(source: str, params: Params, progress: bool = True) -> Rows:
    """What the files of a dataset hold; ValueError where they are missing or wrong.

    Also where nobody of a training source would be tested: no profile means that.
    """
    home = catalogue.home(source, params.data)
    if home is None:
        raise ValueError(f"{catalogue.folder(source, params.data)} does not exist")
    if source in FACE_SOURCES and not getattr(params.data, source).test:
        size = getattr(DataParams(), source).test
        raise ValueError(
            f"data.{source}.test is 0: nobody of {SOURCE_NAMES[source]} would be tested; say how "
            f"many faces are (the paper's are {size:,})"
        )
    reader = catalogue.DATASETS[source].reader
    return reader.rows(home, params.data, seed=params.seed, progress=progress)


def faces(source: str, params: Params, cache: Path, progress: bool = True) -> FaceSet:
    """Every face of a real dataset; its table keeps digest and hash of the pictures for `join`."""
    found = rows(source, params, progress)
    already = int((found.dropped["reason"] == UNREADABLE).sum())
    options = {"forgive": FORGIVEN.get(source, 0) - already, "progress": progress}
    return shelved(found, cache, source, params.data.size, **options)


def shelved(found: Rows, cache: Path, name: str, size: int, **options) -> FaceSet:
    """Rows with their crops. Unreadable pictures that the store forgives belong to no split."""
    crops = store.crops(found.table, cache / "crops", name, size=size, **options)
    table = seen(found.table, crops.index)
    broken = crops.index["state"] == store.BROKEN
    table.loc[broken, "split"] = UNREADABLE
    labels = torch.from_numpy(found.table[list(ATTRIBUTES)].to_numpy(np.int8, copy=True))
    extra = [name for name in ("subject", "sequence", "frame") if name in table]
    note(cache, name, pd.concat([found.dropped, gone(table[broken], UNREADABLE)]))
    return FaceSet(crops.images, labels, table[[*COLUMNS, "content", "look", *extra]])


def seen(table: pd.DataFrame, index: np.ndarray) -> pd.DataFrame:
    """A table with digest and perceptual hash of each row's picture."""
    content = [bytes(value).hex() for value in index["content"]]
    return table.assign(content=content, look=index["look"])


def join(parts: Sequence[FaceSet], cache: Path, name: str, progress: bool = True) -> FaceSet:
    """Several sets as one, training faces first, without those that a test face gives away.

    Nothing is held in memory: the crops are copied to `<cache>/<name>.npy` and mapped from there.
    """
    table = pd.concat([looked(part.table) for part in parts], ignore_index=True)
    images = [part.images for part in parts]
    found = leaks.find(table, Several(images))
    note(cache, f"{name} leaks", gone(table.iloc[found["train"]], reasons(found)))
    order = arranged(table["split"], found["train"])
    labels = torch.cat([part.labels for part in parts])[torch.from_numpy(order)]
    table = tidy(table.iloc[order].reset_index(drop=True))
    return FaceSet(gathered(images, order, cache / f"{name}.npy", progress), labels, table)


def looked(table: pd.DataFrame) -> pd.DataFrame:
    """A table with digest and hash, blank and 0 where its pictures have none.

    Missing hashes would make the others float64, which holds 53 of their 64 bits.
    """
    return table if "look" in table else table.assign(content="", look=np.uint64(0))


def arranged(split: pd.Series, leaked: pd.Series) -> np.ndarray:
    """Places of what stays, training before test: each is then one run of the file of crops."""
    sides = [np.flatnonzero(split == side) for side in ("train", "test")]
    return np.concatenate([np.setdiff1d(sides[0], leaked), sides[1]])


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Digest and hash as text: some tables have neither."""
    return table.assign(look=[f"{value:016x}" for value in table["look"]])


class Several:
    """The images of several sets, one by one, by their place in all of them."""

    def __init__(self, images: Sequence[Tensor]) -> None:
        self.images, self.starts = images, np.cumsum([0, *(len(part) for part in images)])

    def __getitem__(self, place: int) -> Tensor:
        part = int(np.searchsorted(self.starts, place, "right")) - 1
        return self.images[part][place - int(self.starts[part])]


def gathered(images: Sequence[Tensor], order: np.ndarray, path: Path, progress: bool) -> Tensor:
    """The chosen images of several sets, in that order, in one file; mapped from there."""
    starts = np.cumsum([0, *(len(part) for part in images)])
    shape = (len(order), *images[0].shape[1:])

    def write(place: Path) -> None:
        target = open_memmap(place, "w+", np.uint8, shape)
        portions = range(0, len(order), PORTION)
        for first in tqdm(portions, f"{path.stem}: one file", disable=not progress, leave=False):
            chosen = order[first : first + PORTION]
            part = np.searchsorted(starts, chosen, "right") - 1
            for number in np.unique(part):
                mine = part == number
                index = torch.from_numpy(chosen[mine] - starts[number])
                target[first : first + len(chosen)][mine] = images[number][index].numpy()
        target.flush()

    workspace.atomically(path, write)
    result = mapped(path)
    result.file = path
    return result


def pairs(params: Params, cache: Path, progress: bool = True) -> PairSet:
    """The pairs of the relation dataset, training before test, without leaks."""
    found, size = rows("relation", params, progress), params.data.size
    sides = [one_side(found.table, side) for side in ("left", "right")]
    both = pd.concat(sides, ignore_index=True)
    crops = store.crops(both, cache / "crops", "relation", size=size, progress=progress)
    count = len(found.table)
    leaked = leaks.find(seen(both, crops.index), crops.images)
    leaked = leaked.assign(train=leaked["train"] % count).drop_duplicates("train")
    note(cache, "relation", found.dropped)
    note(cache, "relation leaks", gone(found.table.iloc[leaked["train"]], reasons(leaked)))
    order = arranged(found.table["split"], leaked["train"])
    faces = {
        side: gathered([part], order, cache / f"relation_{side}.npy", progress)
        for side, part in zip(("left", "right"), crops.images.split(count), strict=True)
    }
    table = found.table.iloc[order].reset_index(drop=True)
    boxes = torch.from_numpy(np.stack([part[list(BOX)].to_numpy()[order] for part in sides], 1))
    picture = torch.from_numpy(table[["width", "height"]].to_numpy(np.float64))
    traits = torch.from_numpy(table[list(TRAITS)].to_numpy(np.int8, copy=True))
    table = table.drop(columns=list(TRAITS))
    return PairSet(faces["left"], faces["right"], spatial_cues(boxes, picture), traits, table)


def one_side(table: pd.DataFrame, side: str) -> pd.DataFrame:
    """The pairs' faces of one side, as rows of faces."""
    boxes = {name: table[f"{side}_{name}"] for name in BOX}
    return table.assign(key=table["key"] + f" {side}", **boxes)


# What is left out -------------------------------------------------------------------------------


def gone(table: pd.DataFrame, reason: str | Sequence[str]) -> pd.DataFrame:
    """Rows as dropped ones."""
    return table[["file", "line"]].assign(reason=reason)[list(DROPPED)]


def reasons(found: pd.DataFrame) -> list[str]:
    pairs = zip(found["what"], found["test_key"], strict=True)
    return [f"leak: {what} as test face {key}" for what, key in pairs]


def note(cache: Path, name: str, dropped: pd.DataFrame) -> None:
    path = cache / "dropped" / f"{name}.csv"
    workspace.atomically(path, lambda part: dropped.to_csv(part, index=False))


def forget(cache: Path, *names: str) -> None:
    """Take back the notes on sets that are no longer made from real data."""
    for name in names:
        (cache / "dropped" / f"{name}.csv").unlink(missing_ok=True)


def noted(cache: Path) -> pd.DataFrame:
    """What was left out when the sets in this cache were made: set, file, line, reason."""
    paths = sorted((cache / "dropped").glob("*.csv"))
    found = [pd.read_csv(path).assign(set=path.stem) for path in paths]
    table = pd.concat([lists.nothing().assign(set=""), *found], ignore_index=True)
    return table[["set", *DROPPED]]
