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


def fetched(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """Batches of a GPU on the processor, in order, each copied while the GPU is at the next."""
    road, coming = torch.cuda.Stream(), deque()
    for batch in batches:
        copy = torch.empty(batch.shape, dtype=batch.dtype, pin_memory=True)
        road.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(road):
            copy.copy_(batch, non_blocking=True)
            coming.append((copy, road.record_event()))
        batch.record_stream(road)  # its memory is not given away before
        if len(coming) > 1:
            yield _there(*coming.popleft())
    while coming:
        yield _there(*coming.popleft())


def _there(copy: Tensor, event: torch.cuda.Event) -> Tensor:
    event.synchronize()
    return copy


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


def device(params: "Params") -> str:
    """Where a notebook's own process may compute, `cuda` or `cpu`.

    A GPU where there is one and the profile wants it; but not before it forks processes to train
    on several: they cannot use a GPU that it has touched.
    """
    return "cuda" if on_gpu(params) and not forks(params) else "cpu"


def on_gpu(params: "Params") -> bool:
    """Whether a profile's networks train on a GPU: there is one, and the profile wants it."""
    return params.device != "cpu" and torch.cuda.is_available()


def named(params: "Params") -> str:
    """What a profile computes on, for the record: the name of a GPU, or `cpu`.

    `cuda` alone before this process forks others: asking for a name touches the GPU (see `device`).
    """
    if device(params) == "cuda":
        return torch.cuda.get_device_name()
    return "cuda" if on_gpu(params) else "cpu"


def forks(params: "Params") -> bool:
    """Whether a profile wants several processes that nobody has started yet."""
    return params.devices * params.nodes > 1 and not launched()


def launched() -> bool:
    """Whether torchrun or srun has started this process, among others.

    A task that SLURM started alone, e.g. a notebook under `srun --pty`, is none of several.
    """
    tasks = int(os.environ.get("SLURM_NTASKS", 1))
    return "RANK" in os.environ or ("SLURM_PROCID" in os.environ and tasks > 1)


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
