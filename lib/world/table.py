"""A table of latents as tensors on a device; rendered faces and pairs as plain tensors."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch


class Faces(NamedTuple):
    """N rendered faces: images (N, 3, S, S) uint8, labels and truth (N, 24) int8, a table."""

    images: torch.Tensor
    labels: torch.Tensor
    table: pd.DataFrame
    truth: torch.Tensor


class Pairs(NamedTuple):
    """N rendered pairs of faces.

    left, right (N, 3, S, S) uint8; boxes (N, 2, 4) x y w h and picture (N, 2) width, height, px,
    float64; labels (N, 8) int8; a table.
    """

    left: torch.Tensor
    right: torch.Tensor
    boxes: torch.Tensor
    picture: torch.Tensor
    labels: torch.Tensor
    table: pd.DataFrame


class Latents:
    """Numeric columns of a table: `p["yaw"]` is (B, 1, 1), `p.column("yaw")` (B, 1) and
    `p.flat("yaw")` (B,), float32."""

    def __init__(self, values: torch.Tensor, names: list[str]) -> None:
        self.values, self.places = values, {name: i for i, name in enumerate(names)}

    @classmethod
    def of(cls, table: pd.DataFrame, device: str | torch.device = "cpu") -> "Latents":
        numeric = table.select_dtypes("number")
        values = np.array(numeric.to_numpy(np.float32).T, order="C")
        return cls(torch.from_numpy(values).to(device), list(numeric.columns))

    def __len__(self) -> int:
        return self.values.shape[1]

    def flat(self, name: str) -> torch.Tensor:
        return self.values[self.places[name]]

    def column(self, name: str) -> torch.Tensor:
        return self.flat(name)[:, None]

    def __getitem__(self, name: str) -> torch.Tensor:
        return self.flat(name)[:, None, None]

    def select(self, index: torch.Tensor | slice) -> "Latents":
        """The rows at an index, a mask or a slice."""
        chosen = Latents(self.values[:, index], [])
        chosen.places = self.places
        return chosen

    def mixed(self, other: "Latents", take: torch.Tensor) -> "Latents":
        """These rows, but the other's where `take` (B,) is true; both have the same columns."""
        chosen = Latents(torch.where(take, other.values, self.values), [])
        chosen.places = self.places
        return chosen

    def padded(self, count: int) -> "Latents":
        """These rows, the first repeated until there are `count`.

        Products of matrices round otherwise in batches of other sizes; in batches of one size an
        image is the same to the last bit whichever others stand beside it.
        """
        if len(self) == count:
            return self
        index = torch.arange(count, device=self.values.device)
        return self.select(torch.where(index < len(self), index, 0))


def wearers(flag: torch.Tensor) -> torch.Tensor | None:
    """The rows (B,) whose flag is not 0; None if there is no such row."""
    rows = flag.nonzero()[:, 0]
    return rows if len(rows) else None
