"""Small tasks side by side, one processor core each."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

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
