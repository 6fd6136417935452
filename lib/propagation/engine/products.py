"""Matrix products as fast and as exact as a device allows, and tasks on several threads."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def side_by_side(
    work: Callable[[Any], Any], tasks: Iterable[Any], device: torch.device | str = "cpu"
) -> Iterator[Any]:
    """`work` of every task, in order: as many at a time as torch has threads, each on one thread.

    Results are bitwise the same for any number of cores. On a GPU one after the other.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads if torch.device(device).type == "cpu" else 1) as pool:
            yield from pool.map(work, tasks)
    finally:
        torch.set_num_threads(threads)


def product(left: Tensor, right: Tensor, added: Tensor | None = None) -> Tensor:
    """left right' + added: (R, D), (C, D) and (C,) -> (R, C). With leading dimensions too, but for
    `added`. left may be `packed` already.

    On a CPU in float32 by oneDNN: MKL, behind `@`, is slow where C is small, and uses the widest
    vectors of Intel's processors only.
    """
    if left.ndim > 2:
        return left @ right.mT
    left = packed(left) if len(right) else left
    if left.is_mkldnn:
        return functional.linear(left, right, added).to_dense()
    return left @ right.T if added is None else torch.addmm(added, left, right.T)


def packed(left: Tensor) -> Tensor:
    """A matrix in oneDNN's layout, worth doing once for several products."""
    useful = left.device.type == "cpu" and left.dtype == torch.float32 and left.numel()
    if left.is_mkldnn or not useful or not torch.backends.mkldnn.is_available():
        return left
    return left.to_mkldnn()
