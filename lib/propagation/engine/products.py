"""Products of matrices as fast and as exact as a device allows, and tasks on several threads."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

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


def product(left: Tensor, right: Tensor, added: Tensor | None = None) -> Tensor:
    """left right' + added: (R, D), (C, D) and (C,) -> (R, C).

    On a CPU in float32 by oneDNN, which uses its widest vectors whoever made it; MKL, behind `@`,
    uses those of Intel's only, and is slow where C is small. left may be `packed` already.
    """
    left = packed(left) if len(right) else left
    if left.is_mkldnn:
        return functional.linear(left, right, added).to_dense()
    return left @ right.T if added is None else torch.addmm(added, left, right.T)


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


def has_bfloat16(device: torch.device | str) -> bool:
    """Whether a device multiplies matrices of bfloat16 in hardware; without, they are slow."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return torch.backends.mkldnn.is_available() and any(
        able.get(name, False) for name in ("avx512_bf16", "amx_bf16")
    )


@contextmanager
def exact_products() -> Iterator[None]:
    """Matrix products on a GPU: of float32 in float32, not TF32 (10 bits); of bfloat16 added up in
    float32 to the end.
    """
    settings, precision = torch.backends.cuda.matmul, torch.get_float32_matmul_precision()
    reduced = settings.allow_bf16_reduced_precision_reduction
    torch.set_float32_matmul_precision("highest")
    settings.allow_bf16_reduced_precision_reduction = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
        settings.allow_bf16_reduced_precision_reduction = reduced
