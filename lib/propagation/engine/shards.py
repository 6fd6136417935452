"""Faces' features in rows: shared out over processes, and read block by block.

Rows are shared over the processes of a torch.distributed group; without a group, one has all. On
a GPU they need not fit: they may stay in memory or in a memory-mapped file, and go there in blocks.
"""

import copy
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor

BLOCK = 32_768  # rows that are read, sent or compared with at a time


def own_rows(count: int, group: "dist.ProcessGroup | None") -> range:
    """The rows of `count` that this process keeps: a contiguous share."""
    if group is None:
        return range(count)
    rank, size = dist.get_rank(group), dist.get_world_size(group)
    return range(count * rank // size, count * (rank + 1) // size)


def add_up(part: Tensor, group: "dist.ProcessGroup | None") -> Tensor:
    """Sum of every process's `part`, the same on each; in place."""
    if group is not None:
        dist.all_reduce(part, group=group)
    return part


class Rows:
    """The features of all faces, centred; this process keeps a share of them.

    features: (n, D) float, this process's own rows, in the order of the ranks.
    device: None to compute where the features lie, on a centred copy. Otherwise they stay where
        they are, a memory-mapped file included, and go to the device in blocks. `auto`: a GPU if
        there is one, on a copy there if it has room; else where they lie.

    count: all faces, N. begin: number of this process's first. ValueError naming row and column
    where a feature is not finite.
    """

    def __init__(
        self,
        features: Tensor,
        *,
        device: torch.device | str | None = None,
        group: "dist.ProcessGroup | None" = None,
    ) -> None:
        if device == "auto":
            features, device = nearest_gpu(features)
        self.features, self.group = features, group
        self.device = torch.device(device or features.device)
        self.own = len(features)
        size = dist.get_world_size(group) if group else 1
        self.rank = dist.get_rank(group) if group else 0
        sizes = torch.zeros(size, dtype=torch.long, device=self.device)
        sizes[self.rank] = self.own
        ends = add_up(sizes, group).cumsum(0).tolist()
        self.spans = list(zip([0, *ends[:-1]], ends, strict=True))
        self.begin, self.count = self.spans[self.rank][0], ends[-1]
        self.mean, self.axes = self._mean(), None
        self.resident = features.float() - self.mean if device is None else None

    def _mean(self) -> Tensor:
        total = torch.zeros(self.features.shape[1], dtype=torch.float64, device=self.device)
        wide = torch.promote_types(self.features.dtype, torch.float32)  # sums exceed a float16
        for begin in range(0, self.own, 1024):
            block = self.features[begin : begin + 1024].to(self.device)
            part = block.sum(0, dtype=wide)
            if not torch.isfinite(part).all():
                refuse(block, self.begin + begin)
            total += part
        return (add_up(total, self.group) / max(1, self.count)).float()

    def take(self, rows: slice | Tensor) -> Tensor:
        """Some of this process's rows (R, D) on the device, float32."""
        kept = self.features if self.resident is None else self.resident
        tensor = isinstance(rows, Tensor)
        part = kept.index_select(0, rows.to(kept.device)) if tensor else kept[rows]
        if self.resident is not None:
            return part
        part = part.to(self.device, torch.float32) - self.mean
        return part if self.axes is None else in_axes(part, self.axes)

    def parts(self, size: int) -> Iterator[tuple[slice, Tensor]]:
        """This process's rows in order, `size` at a time."""
        for begin in range(0, self.own, size):
            part = slice(begin, min(begin + size, self.own))
            yield part, self.take(part)

    def blocks(
        self, chosen: Tensor | None = None, size: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """All processes' rows, on every process: numbers (M,) and features (M, D), in order.

        chosen: ascending numbers of the faces wanted, of all N; None for all. size: most rows of
        a block.
        """
        for rank, (begin, end) in enumerate(self.spans):
            if chosen is None:
                wanted = torch.arange(begin, end, device=self.device)
            else:
                wanted = chosen[(chosen >= begin) & (chosen < end)].to(self.device)
            for numbers in wanted.split(size or BLOCK) if len(wanted) else ():
                yield numbers, self._send(numbers, rank, chosen is None)

    def _send(self, numbers: Tensor, rank: int, whole: bool) -> Tensor:
        """The features of one process's faces, on every process."""
        if rank == self.rank:
            first = int(numbers[0]) - self.begin
            block = self.take(slice(first, first + len(numbers)) if whole else numbers - self.begin)
        else:
            block = torch.empty(len(numbers), len(self.mean), device=self.device)
        if self.group is not None:
            block = block.contiguous()
            dist.broadcast(block, dist.get_global_rank(self.group, rank), group=self.group)
        return block

    def gather(self, part: Tensor) -> Tensor:
        """All N rows of something (N, ...) on every process, from each one's own (n, ...)."""
        if self.group is None:
            return part
        rows = torch.zeros(self.count, *part.shape[1:], dtype=part.dtype, device=part.device)
        rows[self.begin : self.begin + self.own] = part
        return add_up(rows, self.group)

    def turned(self, axes: Tensor) -> "Rows":
        """The same faces in other axes (D, d) float64: a copy (N, d) of those on the device, and
        otherwise turned as they come.
        """
        rows = copy.copy(self)
        if self.resident is None:
            rows.axes = axes
            return rows
        rows.resident = self.resident.new_empty(self.own, axes.shape[1])
        for part, points in self.parts(2048):
            rows.resident[part] = in_axes(points, axes)
        return rows


def in_axes(points: Tensor, axes: Tensor) -> Tensor:
    """Points (R, D) in other axes (D, d) float64; multiplied in float64, float32 again."""
    return (points.double() @ axes).float()


def nearest_gpu(features: Tensor) -> tuple[Tensor, str | None]:
    """Features and device for `Rows`: on the GPU if work on them takes less than it has free."""
    if features.device.type != "cpu" or not torch.cuda.is_available():
        return features, None
    needed = 6 * 4 * features.numel()  # the centred and the turned copy, distances, products
    if needed > torch.cuda.mem_get_info()[0]:
        return features, "cuda"
    return features.to("cuda"), None


def refuse(features: Tensor, begin: int) -> None:
    """ValueError naming the first feature that is NaN or infinite; faces count from `begin`."""
    broken = (~torch.isfinite(features)).nonzero()
    for row, column in broken[:1].tolist():
        raise ValueError(
            f"feature {column} of face {begin + row} is {float(features[row, column])}; "
            "features must be finite: was the network's training stopped by a NaN?"
        )
