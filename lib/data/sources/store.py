"""Crops, made once: a memory-mapped file and an index that says from what each was made.

    <folder>/<name>-<digest>/images.npy   (N, 3, S, S) uint8
                             index.npy    N records: what the crop was made from, how it looks

Rows are cut in parallel and reach the disk before the index says so; a killed run goes on where it
stopped. The store has its final name only when it is whole. When files or parameters change, crops
that do not depend on the change are taken over from the store before.
"""

import contextlib
import fcntl
import hashlib
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.format import open_memmap
from torch import Tensor
from tqdm import tqdm

from lib.data.faces import mapped
from lib.data.sources import lists
from lib.data.sources.cutting import MARGIN, Box, Cut, Job, cut
from lib.provenance import digest

VERSION = "1"  # raise with any change of what a crop looks like
CHUNK = 128  # rows of one job
ALONE = 512  # as many rows are cut without starting processes
RECORD = np.dtype([("made", "V16"), ("content", "V16"), ("look", "u8"), ("state", "u1")])
MISSING, DONE, BROKEN = 0, 1, 2


@dataclass(frozen=True)
class Crops:
    """images: (N, 3, S, S) uint8, memory-mapped. index: (N,) records.

    `content` is a digest of the picture's file, `look` its perceptual hash, `state` BROKEN where
    the picture cannot be read (the crop is black).
    """

    images: Tensor
    index: np.ndarray


def crops(
    rows: pd.DataFrame,
    folder: Path,
    name: str,
    *,
    size: int,
    margin: float = MARGIN,
    upright: bool = False,
    forgive: int = 0,
    progress: bool = True,
) -> Crops:
    """The crops of rows `image`, `x`, `y`, `w`, `h`, `width`, `height`, in their order.

    forgive: so many pictures may be unreadable. ValueError beyond that, naming them; what could be
    cut stays cut. Two processes that ask for the same store wait for each other.
    """
    made = recipes(rows, size, margin, upright)
    final = folder / f"{name}-{digest(made.tobytes())}"
    with locked(folder, name):
        if not final.exists():
            part = started(final, made, size)
            fill(part, rows, size, margin, upright, forgive, name if progress else "")
            os.replace(part, final)
        for other in folder.glob(f"{name}-*"):
            if other != final:
                shutil.rmtree(other)
    return Crops(mapped(final / "images.npy"), np.load(final / "index.npy", mmap_mode="r"))


def recipes(rows: pd.DataFrame, size: int, margin: float, upright: bool) -> np.ndarray:
    """A digest per row of all that its crop depends on: (N,) of 16 bytes."""
    stamps = {path: os.stat(path) for path in rows["image"].unique()}
    columns = [rows[name] for name in ("image", "x", "y", "w", "h", "width", "height")]
    made = []
    for path, *box in zip(*columns, strict=True):
        stamp = stamps[path]
        recipe = (VERSION, path, stamp.st_size, stamp.st_mtime_ns, size, margin, upright)
        text = repr((*recipe, *(float(value) for value in box)))
        made.append(hashlib.sha256(text.encode()).digest()[:16])
    return np.array(made, "V16")


@contextlib.contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """One process at a time; the lock goes with the process that holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def started(final: Path, made: np.ndarray, size: int) -> Path:
    """The unfinished store of these rows; a new one takes over what earlier stores hold of them."""
    part = final.with_name(final.name + ".part")
    if (part / "index.npy").exists():
        return part
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    images = open_memmap(part / "images.npy", "w+", np.uint8, (len(made), 3, size, size))
    index = np.zeros(len(made), RECORD)
    index["made"] = made
    name = final.name.rpartition("-")[0]
    for other in final.parent.glob(f"{name}-*"):
        if (other / "index.npy").exists():
            take_over(images, index, other)
    images.flush()
    np.save(part / "index.part.npy", index)
    os.replace(part / "index.part.npy", part / "index.npy")  # from here on, the part can go on
    return part


def take_over(images: np.ndarray, index: np.ndarray, other: Path) -> None:
    """Copy crops that were made from the same from another store, a chunk at a time."""
    there = np.load(other / "index.npy", mmap_mode="r")
    place = {bytes(record): row for row, record in enumerate(there["made"])}
    pairs = [(row, place.get(bytes(record), -1)) for row, record in enumerate(index["made"])]
    pairs = [(row, old) for row, old in pairs if old >= 0 and there["state"][old] == DONE]
    if not pairs:
        return
    old_images = np.load(other / "images.npy", mmap_mode="r")
    rows, olds = np.array(pairs).T
    for start in range(0, len(rows), CHUNK):
        here, from_there = rows[start : start + CHUNK], olds[start : start + CHUNK]
        images[here], index[here] = old_images[from_there], there[from_there]


def fill(
    part: Path, rows: pd.DataFrame, size: int, margin: float, upright: bool, forgive: int, bar: str
) -> None:
    """Cut what is missing, in parallel, and note each chunk in the index when it is on the disk."""
    index = np.load(part / "index.npy", mmap_mode="r+")
    todo, broken = np.flatnonzero(index["state"] != DONE), []
    work = jobs(part / "images.npy", rows, todo, size, margin, upright)
    with tqdm(total=len(todo), desc=f"{bar} crops", disable=not (bar and len(todo))) as shown:
        for done in side_by_side(work, len(todo)):
            broken += [one for one in done if one.problem]
            for one in done:
                state = BROKEN if one.problem else DONE
                index[one.row] = (index["made"][one.row], one.content, one.look, state)
            index.flush()
            shown.update(len(done))
    pictures = {rows["image"].iloc[one.row]: one for one in broken}
    if len(pictures) > forgive:
        first = [(rows.iloc[one.row], one.problem) for one in list(pictures.values())[:5]]
        mend = f"copy each again or {lists.removal(first[0][0]['file'], first[0][0]['line'])}"
        text = "\n".join(f"  {told(row, problem)}" for row, problem in first)
        raise ValueError(f"{len(pictures)} pictures cannot be cut; {mend}:\n{text}")


def told(row: pd.Series, problem: str) -> str:
    """What is wrong with a picture, after the row that lists it; where none does, it is the row."""
    listed = row["file"] != row["image"]
    return f"{lists.place(row['file'], row['line'])}: {problem}" if listed else problem


def jobs(
    target: Path, rows: pd.DataFrame, todo: np.ndarray, size: int, margin: float, upright: bool
) -> Iterator[Job]:
    """The missing rows in portions, made as they are asked for."""
    offset = np.load(target, mmap_mode="r").offset
    columns = {name: rows[name].to_numpy() for name in ("image", *"xywh", "width", "height")}
    for start in range(0, len(todo), CHUNK):
        chosen = [
            (int(row), str(columns["image"][row]), box_of(columns, row), picture_of(columns, row))
            for row in todo[start : start + CHUNK]
        ]
        yield Job(str(target), offset, size, margin, upright, tuple(chosen))


def box_of(columns: dict[str, np.ndarray], row: int) -> Box:
    return tuple(float(columns[name][row]) for name in "xywh")


def picture_of(columns: dict[str, np.ndarray], row: int) -> tuple[int, int]:
    return int(columns["width"][row]), int(columns["height"][row])


def side_by_side(work: Iterator[Job], rows: int) -> Iterator[list[Cut]]:
    """The jobs' results, from all cores; few jobs wait at a time, so that memory stays constant."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if rows <= ALONE or cores == 1:
        yield from map(cut, work)
        return
    # Not forked: a notebook's process runs many threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=context) as pool:
        waiting = []
        for job in work:
            waiting.append(pool.submit(cut, job))
            if len(waiting) >= 3 * cores:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
