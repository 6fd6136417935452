"""Rows shared out over the processes of a torch.distributed group; without a group, one has all."""

import torch
import torch.distributed as dist
from torch import Tensor


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


def whole(part: Tensor, count: int, group: "dist.ProcessGroup | None") -> Tensor:
    """All `count` rows on every process, from each one's own rows."""
    if group is None:
        return part
    own = own_rows(count, group)
    rows = torch.zeros(count, *part.shape[1:], dtype=part.dtype, device=part.device)
    rows[own.start : own.stop] = part
    return add_up(rows, group)
