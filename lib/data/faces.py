"""Faces and pairs of faces as the rest of the project sees them: crops, labels, and a table.

A set is three aligned things: `images` (uint8), `labels` (int8, -1 where missing) and a `table`
with one row per face (key, source, identity, split). Selecting and joining return new sets.
"""

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import pandas as pd
import torch

from lib import vocabulary
from lib.workspace import files, provenance

PATHS = ["file", "image"]  # columns of real sets that depend on the disk
CUES = (
    *("left_x", "left_y", "left_w", "left_h", "right_x", "right_y", "right_w", "right_h"),
    *("offset_x", "offset_y", "scale"),
)


class Rows:
    """What sets of faces and of pairs have in common: N aligned rows of tensors and of a table."""

    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    def arrays(self) -> dict[str, torch.Tensor]:
        """The tensors of the set by name; those that are None are left out."""
        return {k: value for k, value in vars(self).items() if isinstance(value, torch.Tensor)}

    def select(self, where: pd.Series | np.ndarray | torch.Tensor | Sequence[int]) -> Self:
        """The rows at a boolean mask or at indices, in that order."""
        index = torch.as_tensor(np.array(where))  # a copy: pandas' own arrays may be read-only
        index = index.nonzero()[:, 0] if index.dtype == torch.bool else index.long()
        table = self.table.iloc[index.numpy()].reset_index(drop=True)
        arrays = {name: picked(array, index) for name, array in self.arrays().items()}
        return type(self)(table=table, **arrays)  # type: ignore[call-arg]

    def where(self, **columns: str) -> Self:
        """The rows with these values in the table, e.g. `where(source="expw", split="test")`."""
        return self.select((self.table[list(columns)] == pd.Series(columns)).all(axis=1))

    @property
    def training(self) -> torch.Tensor:
        """Which rows train, (N,) bool."""
        return torch.tensor((self.table["split"] == "train").to_numpy())

    def save(self, folder: Path) -> Path:
        """Write the set to a folder that `load` opens: .npy files that can be memory-mapped, and
        the table as parquet.

        Replaces a set that is there; arrays that only the old one had are removed.
        """
        folder.mkdir(parents=True, exist_ok=True)
        arrays = self.arrays()
        files.remove(folder / "table.parquet")  # without it, the set is not whole
        for name, array in arrays.items():
            files.seal(folder / f"{name}.npy", functools.partial(_save_array, array))
        for path in folder.glob("*.npy"):
            if path.stem not in arrays:
                files.remove(path)
        files.seal(folder / "table.parquet", self.table.to_parquet, {"arrays": sorted(arrays)})
        return folder

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open a saved set; images stay on disk until they are read, and changes are not written.

        FileNotFoundError where the set is not finished; ValueError where a file of it is damaged.
        """
        table = folder / "table.parquet"
        again = "run notebook 01 again, or `make reproduce`"
        if not table.exists():
            raise FileNotFoundError(f"{folder} holds no finished set: {again}")
        paths = {k: folder / f"{k}.npy" for k in files.verified(table, again)["arrays"]}
        for path in paths.values():
            files.verified(path, again)
        arrays = {name: mapped(path) for name, path in paths.items()}
        return cls(table=pd.read_parquet(table), **arrays)  # type: ignore[call-arg]


@dataclass(frozen=True)
class FaceSet(Rows):
    """N faces.

    images: (N, 3, S, S) uint8 RGB, may be memory-mapped.
    labels: (N, 24) int8 in {-1 missing, 0, 1}, columns as `vocabulary.ATTRIBUTES`; what a model
        may see.
    table: N rows with at least `key` (unique), `source`, `identity` (none is both in
        training and in test) and `split` (`train` or `test`).
    truth: (N, 24) int8 without -1 where everything is known (embedded world), else None. For
        measuring pseudo labels only; training never reads it.
    visible: (N, 24) int8: the labels that training and propagation may see, decided once in
        notebook 01 (`heldout.decide`); -1 for all test faces. None before that.
    """

    images: torch.Tensor
    labels: torch.Tensor
    table: pd.DataFrame
    truth: torch.Tensor | None = None
    visible: torch.Tensor | None = None

    def __post_init__(self) -> None:
        check_set(self.table, self.images, self.labels, len(vocabulary.ATTRIBUTES))
        for name in ("truth", "visible"):
            other = getattr(self, name)
            if other is not None and other.shape != self.labels.shape:
                shapes = f"{tuple(other.shape)} and labels {tuple(self.labels.shape)}"
                raise ValueError(f"{name} {shapes} differ in shape")

    @property
    def held(self) -> torch.Tensor:
        """The labels (N, 24) held out from training and propagation, -1 elsewhere.

        ValueError before `heldout.decide` has chosen them.
        """
        if self.visible is None:
            raise ValueError("no labels are held out yet: run notebook 01")
        return self.labels.masked_fill((self.visible >= 0) | ~self.training[:, None], -1)


@dataclass(frozen=True)
class PairSet(Rows):
    """N pairs of faces that share a picture; the left face is the one further left in it.

    left, right: (N, 3, S, S) uint8 RGB.
    cues: (N, 11) float32, Section 5's order: two boxes (x, w over image width; y, h over image
        height), offsets of the boxes over the left box's size, ratio of the widths.
    labels: (N, 8) int8 in {-1, 0, 1}, columns as `vocabulary.TRAITS`.
    table: N rows with at least `key`, `identity`, `split`, and `part` (`web` or `movie`).
    """

    left: torch.Tensor
    right: torch.Tensor
    cues: torch.Tensor
    labels: torch.Tensor
    table: pd.DataFrame

    def __post_init__(self) -> None:
        check_set(self.table, self.left, self.labels, len(vocabulary.TRAITS))


Set = TypeVar("Set", FaceSet, PairSet)


def concatenate(sets: Sequence[Set]) -> Set:
    """Several sets as one; `truth` and `visible` are kept only where all of them have them."""
    parts = [part.arrays() for part in sets]
    names = [name for name in parts[0] if all(name in part for part in parts)]
    arrays = {name: torch.cat([part[name] for part in parts]) for name in names}
    table = pd.concat([part.table for part in sets], ignore_index=True)
    return type(sets[0])(table=table, **arrays)


def spatial_cues(boxes: torch.Tensor, image_size: torch.Tensor) -> torch.Tensor:
    """The 11 spatial cues of Section 5.

    boxes: (N, 2, 4) float: x, y, w, h of the left and the right face, px.
    image_size: (N, 2) float: width, height, px.
    Returns (N, 11) float32. ValueError where a box has no width or height.
    """
    if (boxes[..., 2:] <= 0).any():
        row = int((boxes[..., 2:] <= 0).flatten(1).any(1).nonzero()[0])
        raise ValueError(f"pair {row}: box {boxes[row].tolist()} has no area; fix or drop it")
    relative = boxes / image_size.repeat(1, 2).unsqueeze(1)  # (N, 2, 4)
    left, right = boxes[:, 0], boxes[:, 1]
    offset = (left[:, :2] - right[:, :2]) / left[:, 2:]  # (N, 2)
    scale = left[:, 2:3] / right[:, 2:3]  # (N, 1)
    return torch.cat([relative.flatten(1), offset, scale], 1).float()


def fingerprint(*sets: FaceSet | PairSet) -> str:
    """Short hash of whole sets (table, pictures, labels): which data a number was measured on.

    Where the user's copy of the files is stored does not count.
    """
    parts = []
    for part in sets:
        parts.append(part.table.drop(columns=PATHS, errors="ignore").to_csv(index=False))
        parts.append(provenance.content_hash(*part.arrays().values()))
    return provenance.digest("".join(parts))


def check_set(table: pd.DataFrame, images: torch.Tensor, labels: torch.Tensor, wide: int) -> None:
    """Refuse tables, images and labels that do not fit together."""
    lengths = (len(table), len(images), len(labels))
    if len(set(lengths)) > 1:
        raise ValueError(f"table, images and labels differ in length: {lengths}")
    if labels.ndim != 2 or labels.shape[1] != wide:
        raise ValueError(f"labels must be (N, {wide}), found {tuple(labels.shape)}")
    if not table["key"].is_unique:
        twice = table["key"][table["key"].duplicated()].iloc[0]
        raise ValueError(f"key {twice!r} is twice in the table; keys must be unique")


def picked(array: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """The rows at an index; consecutive images are a view, which may stay on disk."""
    first = int(index[0]) if len(index) else 0
    consecutive = first >= 0 and torch.equal(index, torch.arange(first, first + len(index)))
    if array.ndim == 4 and consecutive:
        return array[first : first + len(index)]
    return array[index]


def _save_array(array: torch.Tensor, path: Path) -> None:
    path.unlink(missing_ok=True)
    if linked := getattr(array, "linkable", None):
        try:
            os.link(linked, path)
            return
        except OSError:  # another disk, or one without links
            pass
    files.save_array(path, array.numpy())


def mapped(path: Path, *, linkable: bool = False) -> torch.Tensor:
    """An .npy file as a tensor that is read from disk when needed, copy on write.

    linkable: file and tensor are never changed, so that saving may link the file.
    """
    tensor = torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False))
    if linkable:
        tensor.linkable = path  # type: ignore[attr-defined]
    return tensor
