"""The renderer in few GPU kernels: what hundreds of small operations would read and write stays
in registers.

A part marked `fused` runs as it is written, operation by operation, except within `fusing`: there
torch.compile makes kernels of it. That takes minutes, so it pays for many pictures. What a GPU does
in fewer instructions, to the last bits of a float, has two forms here; pictures of a processor are
frozen to the bit.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

OPTIONS = {
    "use_fast_math": True,  # exp to 2 ulp
    "max_complex_pointwise_cat_inputs": 4,  # eight planes: written one by one, not each chosen
    "max_pointwise_cat_inputs": 4,
    "assert_indirect_indexing": False,  # places in the noise table are within it
}
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
    return torch.compile(part, dynamic=False, options=OPTIONS)


def root(square: torch.Tensor) -> torch.Tensor:
    """square ** 0.5, square >= 0; compiled, from the quick inverse root, 0 at 0."""
    return square * (square + 1e-24).rsqrt() if _active else square.sqrt()


def over(value: torch.Tensor, divisor: torch.Tensor) -> torch.Tensor:
    """value / divisor, where one divisor serves many values."""
    return value * (1 / divisor) if _active else value / divisor


def mix(one: torch.Tensor, other: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """one + share (other - one)."""
    return one + share * (other - one) if _active else torch.lerp(one, other, share)


def power(base: torch.Tensor, exponent: float | torch.Tensor) -> torch.Tensor:
    """base ** exponent, base >= 0; compiled, in a tenth of the instructions."""
    return (base.log() * exponent).exp() if _active else base**exponent


def wearers(flag: torch.Tensor) -> torch.Tensor | slice | None:
    """The rows (B,) whose flag is not 0; compiled, all: there asking would cost more than drawing.

    None if there is no such row.
    """
    if _active:
        return slice(None)
    rows = flag.nonzero()[:, 0]
    return rows if len(rows) else None
