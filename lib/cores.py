"""How the machine is used: on what device; tasks side by side or ahead; products exact or fast."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from lib.params import Params

Task, Result = TypeVar("Task"), TypeVar("Result")


def side_by_side(
    work: Callable[[Task], Result], tasks: Iterable[Task], device: torch.device | str = "cpu"
) -> Iterator[Result]:
    """`work` of every task, in order: as many at a time as torch has threads, each on one thread.

    Faster than sharing small tensors between threads, and a result is the same to the last bit
    however many cores there are. On a GPU one after the other.
    """
    threads = torch.get_num_threads()
    workers = threads if torch.device(device).type == "cpu" else 1
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(work, tasks)
    finally:
        torch.set_num_threads(threads)


def ahead(
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    device: torch.device | str = "cuda",
    most: int = 2,
) -> Iterator[Result]:
    """`work` of every task, in order. Beside a GPU up to `most` are done in a thread before they
    are asked for; a CPU that computes itself does each in its turn.
    """
    if torch.device(device).type == "cpu":
        yield from map(work, tasks)
        return
    coming: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for task in tasks:
            coming.append(pool.submit(work, task))
            if len(coming) > most:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def product(
    left: Tensor, right: Tensor, added: Tensor | None = None, out: Tensor | None = None
) -> Tensor:
    """left right' + added: (R, D), (C, D) and (C,) -> (R, C), in `out` if given.

    On a CPU in float32 by oneDNN, which uses its widest vectors whoever made it; MKL, behind `@`,
    uses those of Intel's only, and is slow where C is small. left may be `packed` already.
    """
    left = packed(left) if len(right) else left
    if left.is_mkldnn:
        if out is None:
            return functional.linear(left, right, added).to_dense()
        for part, some in products(left, right, added):
            out[:, part] = some
        return out
    if added is None:
        return torch.mm(left, right.T, out=out)
    return torch.addmm(added, left, right.T, out=out)


def products(
    left: Tensor, right: Tensor, added: Tensor | None = None
) -> Iterator[tuple[slice, Tensor]]:
    """`product` by blocks of columns, each of which is in a CPU's cache when it comes."""
    left, most = packed(left), 2048 if left.device.type == "cpu" else 65_536
    for begin in range(0, len(right), most):
        part = slice(begin, min(begin + most, len(right)))
        yield part, product(left, right[part], None if added is None else added[part])


def packed(left: Tensor) -> Tensor:
    """A matrix as `product` wants it, worth doing once for several products."""
    useful = left.device.type == "cpu" and left.dtype == torch.float32 and left.numel()
    if left.is_mkldnn or not useful or not torch.backends.mkldnn.is_available():
        return left
    return left.to_mkldnn()


def device(params: "Params") -> str:
    """Where a notebook's own process may compute, `cuda` or `cpu`.

    A GPU where there is one and the profile wants it; but not before it forks processes to train
    on several: they cannot use a GPU that it has touched.
    """
    forks = params.devices * params.nodes > 1 and not launched()
    return "cuda" if params.device != "cpu" and not forks and torch.cuda.is_available() else "cpu"


def launched() -> bool:
    """Whether torchrun or srun has started this process, among others."""
    return "RANK" in os.environ or "SLURM_PROCID" in os.environ


@contextmanager
def matrix_products(precision: str) -> Iterator[None]:
    """Products of float32 matrices on a GPU: `highest` in float32, `high` in TF32 (10 bits)."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
