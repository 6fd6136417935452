"""The renderer in few GPU kernels: what hundreds of small operations would read and write stays
in registers.

A part marked `fused` runs as it is written, operation by operation, except within `fusing`: there
torch.compile makes kernels of it. That takes minutes, so it pays for many pictures.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

_active = False


@contextmanager
def fusing(wanted: bool = True) -> Iterator[None]:
    """Within it, parts of the renderer are compiled."""
    global _active
    before, _active = _active, wanted
    try:
        yield
    finally:
        _active = before


def active() -> bool:
    """Whether parts are compiled."""
    return _active


def fused(part: Callable) -> Callable:
    """A function of latents and tensors, the same numbers but for rounding where it is compiled."""

    @functools.wraps(part)
    def run(*given):
        return (_compiled(part) if _active else part)(*given)

    return run


@functools.cache
def _compiled(part: Callable) -> Callable:
    return torch.compile(part, dynamic=False)


def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """left @ right of small matrices; compiled, as a sum within the kernel around it."""
    if not _active:
        return left @ right
    return (left.unsqueeze(-1) * right.unsqueeze(-3)).sum(-2)


def sums(weights: torch.Tensor, planes: torch.Tensor | list[torch.Tensor]) -> list[torch.Tensor]:
    """Weighted sums: weights (B, K, M) of planes (B, M, HW) give K times (B, HW).

    Planes that come as a list of (B, HW) are added up one by one, within the kernel around it.
    """
    if isinstance(planes, torch.Tensor):
        return list(torch.bmm(weights, planes).unbind(1))
    terms = [
        [row[:, None] * plane for row, plane in zip(rows.unbind(1), planes, strict=True)]
        for rows in weights.unbind(1)
    ]
    return [functools.reduce(torch.add, each) for each in terms]


def wearers(flag: torch.Tensor) -> torch.Tensor | slice | None:
    """The rows (B,) whose flag is not 0; compiled, all: there asking would cost more than drawing.

    None if there is no such row.
    """
    if _active:
        return slice(None)
    rows = flag.nonzero()[:, 0]
    return rows if len(rows) else None
