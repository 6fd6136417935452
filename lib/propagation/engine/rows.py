"""Features on the device that computes, or read block by block from where they are."""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

BLOCK = 32_768  # rows read, or compared with, at a time
Device = torch.device | str | None


class Rows:
    """The features (N, D) of all faces, centred.

    device: None to compute where the features are, on a centred copy (`resident`). Otherwise they
        stay where they are, e.g. in a memory-mapped file, and go to the device in blocks. `auto`:
        a copy on a GPU if there is one; in blocks if they are too many for it.
    """

    def __init__(self, features: Tensor, device: Device = None) -> None:
        if device == "auto":
            features, device = to_gpu(features)
        self.features, self.device = features, torch.device(device or features.device)
        self.count = len(features)
        self.mean = self._mean()
        self.axes: Tensor | None = None
        self.width = len(self.mean)
        self.resident: Any = features.float() - self.mean if device is None else None

    def _mean(self) -> Tensor:
        total = torch.zeros(self.features.shape[1], dtype=torch.float64, device=self.device)
        wide = torch.promote_types(self.features.dtype, torch.float32)  # sums exceed a float16
        for part in slices(self.count, 1024):
            total += self.features[part].to(self.device).sum(0, dtype=wide)
        return (total / max(1, self.count)).float()

    def take(self, rows: slice | Tensor) -> Tensor:
        """Some rows (R, D) on the device, float32."""
        kept = self.features if self.resident is None else self.resident
        some = kept[rows] if isinstance(rows, slice) else kept.index_select(0, rows.to(kept.device))
        if self.resident is not None:
            return some
        some = some.to(self.device, torch.float32) - self.mean
        return some if self.axes is None else turn(some, self.axes)

    def blocks(self, chosen: Tensor | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Numbers (M,) and features (M, D) of all rows or of ascending chosen ones, in blocks."""
        numbers = torch.arange(self.count) if chosen is None else chosen
        for some in numbers.to(self.device).split(BLOCK) if len(numbers) else ():
            run = slice(int(some[0]), int(some[-1]) + 1)
            yield some, self.take(run if chosen is None else some)

    def turned(self, axes: Tensor) -> "Rows":
        """The same faces in other axes (D, d) float64: a copy if resident, or turned by blocks."""
        rows = copy.copy(self)
        rows.width = axes.shape[1]
        if self.resident is None:
            rows.axes = axes
            return rows
        rows.resident = self.resident.new_empty(self.count, axes.shape[1])
        for part in slices(self.count, 2048):
            rows.resident[part] = turn(self.resident[part], axes)
        return rows


def turn(points: Tensor, axes: Tensor) -> Tensor:
    """Points (R, D) in other axes (D, d); multiplied in float64, float32 again."""
    return (points.double() @ axes).float()


def to_gpu(features: Tensor) -> tuple[Tensor, str | None]:
    """Features and device for `Rows`: on a GPU if there is one with memory for the work on them."""
    if features.device.type != "cpu" or not torch.cuda.is_available():
        return features, None
    needed = 6 * 4 * features.numel()  # the centred and the turned copy, distances, products
    fits = needed <= torch.cuda.mem_get_info()[0]
    return (features.to("cuda"), None) if fits else (features, "cuda")


def slices(count: int, size: int) -> Iterator[slice]:
    """0 .. count in slices of `size`."""
    return (slice(begin, min(begin + size, count)) for begin in range(0, count, size))
