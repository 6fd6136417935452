"""Batches of pictures on several threads of a processor, or fetched from a GPU."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

Task, Result = TypeVar("Task"), TypeVar("Result")


def side_by_side(work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """`work` of every task, in order: as many at a time as torch has threads, each on one thread.

    A result is the same to the last bit however many cores there are.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(work, tasks)
    finally:
        torch.set_num_threads(threads)


def fetched(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """Batches of a GPU on the processor, in order, each copied while the GPU is at the next."""
    stream = torch.cuda.Stream()
    coming: deque[tuple[Tensor, torch.cuda.Event]] = deque()
    for batch in batches:
        copy = torch.empty(batch.shape, dtype=batch.dtype, pin_memory=True)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            copy.copy_(batch, non_blocking=True)
            coming.append((copy, stream.record_event()))
        batch.record_stream(stream)  # its memory is not given away before
        if len(coming) > 1:
            yield _arrived(*coming.popleft())
    while coming:
        yield _arrived(*coming.popleft())


def _arrived(copy: Tensor, event: torch.cuda.Event) -> Tensor:
    event.synchronize()
    return copy


@contextmanager
def float32_products() -> Iterator[None]:
    """Matrix products on a GPU in float32, not TF32."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
