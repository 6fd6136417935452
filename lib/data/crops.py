"""Crops on disk, cut once: a memory-mapped file, and an index of what each crop was made from.

    <folder>/<name>-<digest>/images.npy   (N, 3, S, S) uint8
                             index.npy    N records: recipe, digest of the file, perceptual hash

Rows are cut in parallel and are on disk before the index says so; a killed run continues where it
stopped. The folder gets its final name only when it is whole. When files or parameters change,
crops that do not depend on the change are copied from the folder before.
"""

import errno
import hashlib
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor
from tqdm import tqdm

from lib.data import listing
from lib.data.faces import mapped
from lib.data.pictures import MARGIN, Cut, Job, Options, cut
from lib.workspace import files, machine
from lib.workspace.provenance import digest

VERSION = "3"  # raise with any change of what a crop looks like, or of the index
CHUNK = 128  # rows of one job
ALONE = 512  # up to so many rows are cut without starting processes
RECORD = np.dtype([("recipe", "V16"), ("content", "V16"), ("phash", "u8"), ("state", "u1")])
MISSING, DONE, BROKEN = 0, 1, 2
STORED = ("images.npy", "index.npy")  # files of a finished folder
GEOMETRY = ("x", "y", "w", "h", "width", "height")


@dataclass(frozen=True)
class Crops:
    """images: (N, 3, S, S) uint8, memory-mapped. index: (N,) records.

    `content` is a digest of the picture's file, `phash` its perceptual hash, `state` is BROKEN
    where the picture cannot be read (the crop is black).
    """

    images: Tensor
    index: np.ndarray


def cached(
    rows: pd.DataFrame,
    folder: Path,
    name: str,
    options: Options,
    *,
    unreadable: int = 0,
    progress: bool = True,
) -> Crops:
    """The crops of rows `image`, `x`, `y`, `w`, `h`, `width`, `height`, in their order.

    unreadable: so many pictures may be unreadable. ValueError beyond that, naming them; crops that
    could be cut stay. Two processes that ask for the same crops wait for each other.
    """
    made = _recipes(rows, options)
    final = folder / f"{name}-{digest(made.tobytes())}"
    with files.locked(folder / f".{name}.lock"):
        if not _whole(final):
            shutil.rmtree(final, ignore_errors=True)
            _make(final, made, rows, options, unreadable, name if progress else "")
        for other in folder.glob(f"{name}-*"):
            if other != final:
                shutil.rmtree(other)
    return Crops(mapped(final / "images.npy"), np.load(final / "index.npy", mmap_mode="r"))


def _make(
    final: Path, made: np.ndarray, rows: pd.DataFrame, options: Options, unreadable: int, bar: str
) -> None:
    """Cut into an unfinished folder, and rename it; where the disk is full, remove it."""
    part = final.with_name(final.name + ".part")
    try:
        _start(part, final, made, options.size)
        _fill(part, rows, options, unreadable, bar)
        for file in STORED:
            files.note(part / file)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            shutil.rmtree(part, ignore_errors=True)
            raise files.full(final) from None
        raise
    os.replace(part, final)
    files.flush(final.parent)


def _recipes(rows: pd.DataFrame, options: Options) -> np.ndarray:
    """A digest per row of all that its crop depends on: (N,) of 16 bytes."""
    stats = {path: os.stat(path) for path in rows["image"].unique()}
    columns = [rows[name] for name in ("image", *GEOMETRY)]
    made = []
    for path, *box in zip(*columns, strict=True):
        size, changed = stats[path].st_size, stats[path].st_mtime_ns
        recipe = (VERSION, path, size, changed, options.size, MARGIN, options.upright)
        text = repr((*recipe, *(float(value) for value in box)))
        made.append(hashlib.sha256(text.encode()).digest()[:16])
    return np.array(made, "V16")


def _whole(final: Path) -> bool:
    """Whether a finished folder is there with every bit; a damaged one is cut again."""
    try:
        for file in STORED:
            files.verified(final / file, "it is cut again")
    except (OSError, ValueError):
        return False
    return True


def _start(part: Path, final: Path, made: np.ndarray, size: int) -> None:
    """Begin the unfinished folder of these rows, unless there is one, with the crops of earlier
    folders; the space on the disk is taken first.
    """
    if (part / "index.npy").exists():
        return
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    images = files.reserved(part / "images.npy", (len(made), 3, size, size))
    index = np.zeros(len(made), RECORD)
    index["recipe"] = made
    name = final.name.rpartition("-")[0]
    for other in final.parent.glob(f"{name}-*"):
        if _whole(other):
            _reuse(images, index, other)
    images.flush()
    files.atomically(part / "index.npy", lambda path: files.save_array(path, index))


def _reuse(images: np.ndarray, index: np.ndarray, other: Path) -> None:
    """Copy the crops with the same recipe from another folder, a chunk at a time."""
    there = np.load(other / "index.npy", mmap_mode="r")
    if there.dtype != RECORD:
        return
    place = {bytes(record): row for row, record in enumerate(there["recipe"])}
    pairs = [(row, place.get(bytes(record), -1)) for row, record in enumerate(index["recipe"])]
    pairs = [(row, old) for row, old in pairs if old >= 0 and there["state"][old] == DONE]
    if not pairs:
        return
    old_images = np.load(other / "images.npy", mmap_mode="r")
    rows, olds = np.array(pairs).T
    for start in range(0, len(rows), CHUNK):
        here, from_there = rows[start : start + CHUNK], olds[start : start + CHUNK]
        images[here], index[here] = old_images[from_there], there[from_there]


def _fill(part: Path, rows: pd.DataFrame, options: Options, unreadable: int, bar: str) -> None:
    """Cut what is missing in parallel; the index notes each chunk when it is on disk."""
    index = np.load(part / "index.npy", mmap_mode="r+")
    left = np.flatnonzero(index["state"] != DONE)
    broken: list[Cut] = []
    work = _jobs(part / "images.npy", rows, left, options)
    with tqdm(total=len(left), desc=f"{bar} crops", disable=not (bar and len(left))) as shown:
        for done in _in_parallel(work, len(left)):
            broken += [one for one in done if one.problem]
            for one in done:
                state = BROKEN if one.problem else DONE
                index[one.row] = (index["recipe"][one.row], one.content, one.phash, state)
            index.flush()
            shown.update(len(done))
    pictures = {rows["image"].iloc[one.row]: one for one in broken}
    if len(pictures) > unreadable:
        todo, text = listing.removal(rows.iloc[broken[0].row]), ""
        for one in list(pictures.values())[:5]:
            row = rows.iloc[one.row]
            listed = row["file"] != row["image"]
            where = f"{listing.place(row['file'], row['line'])}: " if listed else ""
            text += f"\n  {where}{one.problem}"
        raise ValueError(
            f"{len(pictures)} pictures cannot be cut; copy each again or {todo}:{text}"
        )


def _jobs(target: Path, rows: pd.DataFrame, todo: np.ndarray, options: Options) -> Iterator[Job]:
    """The missing rows in chunks, made as they are asked for."""
    offset = np.load(target, mmap_mode="r").offset
    table = rows[["image", *GEOMETRY]]
    for start in range(0, len(todo), CHUNK):
        places = todo[start : start + CHUNK]
        columns = table.iloc[places].itertuples(index=False, name=None)
        chosen = [
            (row, path, (x, y, w, h), (int(width), int(height)))
            for row, (path, x, y, w, h, width, height) in zip(places.tolist(), columns, strict=True)
        ]
        yield Job(str(target), offset, options, tuple(chosen))


def _in_parallel(work: Iterator[Job], rows: int) -> Iterator[list[Cut]]:
    """The jobs' results, from all cores; few jobs wait at a time, so that memory stays constant."""
    cores = machine.processors()
    if rows <= ALONE or cores == 1:
        yield from map(cut, work)
        return
    # Not forked: a notebook's process runs many threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, machine.end_with_parent) as pool:
        waiting: list[Future[list[Cut]]] = []
        for job in work:
            waiting.append(pool.submit(cut, job))
            if len(waiting) >= 3 * cores:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
