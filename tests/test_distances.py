"""Squared distances and their lower bounds against float64."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.propagation.engine.distances import Bounds, Distances, quickest


def points(count: int, width: int, offset: float, seed: int) -> torch.Tensor:
    """Points of very different lengths around a place that is not the origin; one is the origin."""
    chance = torch.Generator().manual_seed(seed)
    lengths = torch.rand(count, 1, generator=chance).mul(8).sub(4).exp()
    some = lengths * torch.randn(count, width, generator=chance) + offset
    some[0] = 0
    return some


def squares(some: torch.Tensor) -> torch.Tensor:
    return (some[:, None].double() - some.double()).square().sum(2)


def filled(kind, some: torch.Tensor, asking, begin: int) -> torch.Tensor:
    gap = torch.empty(len(some[asking]), len(some) - begin, dtype=kind.dtype)
    kind(some).fill(gap, asking, begin)
    return gap


@given(st.integers(1, 60), st.integers(1, 200), st.sampled_from([0, 3, 100]), st.integers(0, 99))
def test_bounds_are_below_the_distances_and_close(count, width, offset, seed):
    some = points(count, width, offset, seed)
    exact = squares(some)
    scale = some.double().square().sum(1)
    rounding = 1e-6 * (scale[:, None] + scale)  # of sums in float32
    gap = filled(Bounds, some, slice(None), 0)
    assert (Bounds.floor(gap) <= exact + rounding).all()
    # 2 r (2 + r) |x| |y| on either side of the product, r at most 2^-8, and the rounding of it.
    product = scale.sqrt()[:, None] * scale.sqrt()
    assert (exact - gap.double() <= 0.033 * product + 2**-8 * exact + rounding).all()


@given(st.integers(1, 60), st.integers(1, 200), st.integers(0, 99))
def test_distances_are_those_of_float64(count, width, seed):
    some = points(count, width, 3, seed)
    exact, scale = squares(some), some.double().square().sum(1)
    gap = filled(Distances, some, slice(None), 0)
    assert ((gap - exact).abs() <= 1e-5 * (scale[:, None] + scale)).all()


@pytest.mark.parametrize("kind", [Distances, Bounds])
def test_some_rows_and_columns_equal_those_of_the_whole(kind):
    some = points(50, 40, 1, 0)
    whole = filled(kind, some, slice(None), 0).float()
    part = filled(kind, some, slice(7, 19), 7).float()
    torch.testing.assert_close(part, whole[7:19, 7:], rtol=2**-7, atol=1e-2)
    chosen = torch.tensor([4, 40, 4])
    torch.testing.assert_close(
        filled(kind, some, chosen, 0).float(), whole[chosen], rtol=2**-7, atol=1e-2
    )


def test_bounds_are_used_where_bfloat16_is_fast(monkeypatch):
    for name, expected in (("avx512_bf16", Bounds), ("amx_bf16", Bounds), ("avx2", Distances)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda name=name: {name: True})
        assert quickest("cpu") is expected
