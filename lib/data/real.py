"""From the files of real datasets to sets of faces and pairs: crops cut, leaks removed.

Rows of a source that are left out on the way are written to `<cache>/dropped/<name>.csv`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset
from tqdm import tqdm

from lib import workspace
from lib.data import crops, listing, splits
from lib.data.crops import Options
from lib.data.faces import FaceSet, PairSet, mapped, spatial_cues
from lib.data.listing import BOX, Listing
from lib.data.sources import published
from lib.params import DataParams, Params
from lib.vocabulary import ATTRIBUTES, FACE_SOURCES, SOURCE_NAMES, TRAITS
from lib.workspace import files

COLUMNS = (*("key", "source", "identity", "split", "image"), *BOX, "file", "line")
ALLOWED_UNREADABLE = {"aflw": published.aflw.UNREADABLE}
UNREADABLE = "unreadable picture"


def read(source: str, params: Params, progress: bool = True) -> Listing:
    """What the files of a dataset list.

    ValueError where they are missing or wrong, and where the profile tests no face of a training
    source. A copy in which none can test gets a remark.
    """
    home = published.home(source, params.data)
    if home is None:
        raise ValueError(f"{published.folder(source, params.data)} does not exist")
    if source in FACE_SOURCES and not getattr(params.data, source).test:
        size = getattr(DataParams(), source).test
        raise ValueError(
            f"data.{source}.test is 0, so no face of {SOURCE_NAMES[source]} would be tested; say "
            f"how many are (the paper's are {size:,})"
        )
    reader = published.DATASETS[source].reader
    found = reader.rows(home, params.data, seed=params.seed, progress=progress)
    title, sides = SOURCE_NAMES[source], () if source == "ckplus" else ("train", "test")
    lacking = {
        f"no {side} part: a copy of {title} with a few of its pictures?": len(found.table)
        for side in sides
        if side not in set(found.table["split"])
    }
    return replace(found, remarks=lacking | found.remarks)


def faces(source: str, params: Params, cache: Path, progress: bool = True) -> FaceSet:
    """Every face of a real dataset; its table has digest and hash of the pictures for `join`."""
    return cropped(source, read(source, params, progress), params, cache, progress)


def cropped(
    name: str,
    found: Listing,
    params: Params,
    cache: Path,
    progress: bool = True,
    *,
    upright: bool = False,
) -> FaceSet:
    """The listed faces with their crops. Unreadable pictures that are allowed are in no split.

    upright: turn pictures as their camera noted.
    """
    already = int((found.dropped["reason"] == UNREADABLE).sum())
    made = crops.cached(
        found.table,
        cache / "crops",
        name,
        Options(params.data.size, upright=upright),
        unreadable=ALLOWED_UNREADABLE.get(name, 0) - already,
        progress=progress,
    )
    table = _with_hashes(found.table, made.index)
    broken = made.index["state"] == crops.BROKEN
    table.loc[broken, "split"] = UNREADABLE
    labels = torch.from_numpy(found.table[list(ATTRIBUTES)].to_numpy(np.int8, copy=True))
    extra = [name for name in ("subject", "sequence", "frame") if name in table]
    gone = listing.as_dropped(table[broken], UNREADABLE)
    _save_dropped(cache, name, pd.concat([found.dropped, gone]))
    return FaceSet(made.images, labels, table[[*COLUMNS, "content", "phash", *extra]])


def join(parts: Sequence[FaceSet], cache: Path, name: str, progress: bool = True) -> FaceSet:
    """Several sets as one, training faces first, without those that a test face gives away.

    The crops are copied to `<cache>/<name>.npy` and memory-mapped from there.
    """
    # Missing hashes would make the others float64, which holds 53 of their 64 bits.
    tables = [
        table if "phash" in table else table.assign(content="", phash=np.uint64(0))
        for table in (part.table for part in parts)
    ]
    table = pd.concat(tables, ignore_index=True)
    images = [part.images for part in parts]
    leaks = splits.find_leaks(table, ConcatDataset(images))  # type: ignore[arg-type]
    _save_leaks(cache, name, table, leaks)
    order = _training_first(table["split"], leaks["train"])
    labels = torch.cat([part.labels for part in parts])[torch.from_numpy(order)]
    table = table.iloc[order].reset_index(drop=True)
    table = table.assign(phash=[f"{value:016x}" for value in table["phash"]])
    return FaceSet(in_one_file(images, order, cache / f"{name}.npy", progress), labels, table)


def pairs(params: Params, cache: Path, progress: bool = True) -> PairSet:
    """The pairs of the relation dataset, training before test, without leaks."""
    found = read("relation", params, progress)
    sides = [
        found.table.assign(
            key=found.table["key"] + f" {side}",
            **{name: found.table[f"{side}_{name}"] for name in BOX},
        )
        for side in ("left", "right")
    ]
    both, count = pd.concat(sides, ignore_index=True), len(found.table)
    options = Options(params.data.size)
    made = crops.cached(both, cache / "crops", "relation", options, progress=progress)
    leaks = splits.find_leaks(_with_hashes(both, made.index), made.images)
    leaks = leaks.assign(train=leaks["train"] % count).drop_duplicates("train")
    _save_dropped(cache, "relation", found.dropped)
    _save_leaks(cache, "relation", found.table, leaks)
    order = _training_first(found.table["split"], leaks["train"])
    left, right = (
        in_one_file([part], order, cache / f"relation_{side}.npy", progress)
        for side, part in zip(("left", "right"), made.images.split(count), strict=True)
    )
    table = found.table.iloc[order].reset_index(drop=True)
    columns = [f"{side}_{name}" for side in ("left", "right") for name in BOX]
    boxes = torch.from_numpy(table[columns].to_numpy(np.float64).reshape(-1, 2, 4))
    picture = torch.from_numpy(table[["width", "height"]].to_numpy(np.float64))
    traits = torch.from_numpy(table[list(TRAITS)].to_numpy(np.int8, copy=True))
    table = table.drop(columns=list(TRAITS))
    return PairSet(left, right, spatial_cues(boxes, picture), traits, table)


def _with_hashes(table: pd.DataFrame, index: np.ndarray) -> pd.DataFrame:
    """A table with digest and perceptual hash of each row's picture."""
    content = [bytes(value).hex() for value in index["content"]]
    return table.assign(content=content, phash=index["phash"])


def _training_first(split: pd.Series, leaked: pd.Series) -> np.ndarray:
    """Places of the faces that stay, training before test, so that each is one run of the file."""
    train, test = (np.flatnonzero(split == side) for side in ("train", "test"))
    return np.concatenate([np.setdiff1d(train, leaked), test])


def in_one_file(images: Sequence[Tensor], order: np.ndarray, path: Path, progress: bool) -> Tensor:
    """The images of several sets, each (N, 3, S, S), at these places of all of them, in that order;
    memory-mapped from one file.
    """
    shape = (len(order), *images[0].shape[1:])
    every: ConcatDataset = ConcatDataset(images)  # type: ignore[arg-type]

    def write(part: Path) -> None:
        target = files.reserved(part, shape)  # an error in words where the disk is full
        bar = tqdm(order, f"{path.stem}: one file", disable=not progress, leave=False)
        for row, place in enumerate(bar):
            target[row] = every[int(place)]
        target.flush()

    workspace.atomically(path, write)
    return mapped(path, linkable=True)


# What is left out ---------------------------------------------------------------------------------


def _save_leaks(cache: Path, name: str, table: pd.DataFrame, leaks: pd.DataFrame) -> None:
    reasons = "leak: " + leaks["what"] + " as test face " + leaks["test_key"]
    gone = listing.as_dropped(table.iloc[leaks["train"]], reasons.to_list())
    _save_dropped(cache, f"{name} leaks", gone)


def _save_dropped(cache: Path, name: str, dropped: pd.DataFrame) -> None:
    path = cache / "dropped" / f"{name}.csv"
    workspace.atomically(path, lambda part: dropped.to_csv(part, index=False))


def clear_dropped(cache: Path, *names: str) -> None:
    """Remove the files of sets that are no longer made from real data."""
    for name in names:
        (cache / "dropped" / f"{name}.csv").unlink(missing_ok=True)
