"""Inverses by halves are those of Cholesky in float64."""

import numpy as np
import pytest
import torch

from lib.propagation.engine import inverses


def covariance(dimensions: int, condition: float, seed: int = 0) -> torch.Tensor:
    """A covariance in random axes, its eigenvalues spread over `condition`."""
    chance = torch.Generator().manual_seed(seed)
    draw = torch.randn(dimensions, dimensions, generator=chance, dtype=torch.float64)
    axes = torch.linalg.qr(draw).Q
    return axes * torch.logspace(0, np.log10(condition), dimensions, dtype=torch.float64) @ axes.T


@pytest.mark.parametrize("dimensions", [1, 5, 128, 129, 300, 1024])
@pytest.mark.parametrize("condition", [1.0, 50.0, 1e9])
def test_inverse_and_determinant_are_those_of_the_matrix(dimensions, condition):
    """1e9 is more than float32 can invert, so that float64 has to."""
    matrix = covariance(dimensions, condition)
    found, half = inverses.inverse(matrix)
    back = found.double() @ matrix - torch.eye(dimensions, dtype=torch.float64)
    assert float(back.abs().max()) < (2e-5 if condition < 1e3 else 1e-5)
    expected = float(torch.logdet(matrix)) / 2
    assert float(half) == pytest.approx(expected, abs=1e-4 * max(1, dimensions / 100))


def test_float64_is_used_where_float32_is_not_enough():
    good, _ = inverses.inverse(covariance(300, 20.0))
    bad, _ = inverses.inverse(covariance(300, 1e9))
    assert (good.dtype, bad.dtype) == (torch.float32, torch.float64)


def test_units_of_columns_do_not_matter():
    """Features whose units are 10^12 apart."""
    units = torch.logspace(-6, 6, 300, dtype=torch.float64)
    matrix = covariance(300, 20.0)
    found, _ = inverses.inverse(units[:, None] * matrix * units)
    expected, _ = inverses.inverse(matrix)
    back = units[:, None] * found * units
    torch.testing.assert_close(back, expected.double(), rtol=1e-3, atol=1e-5)


def test_several_matrices_at_once():
    several = torch.stack([covariance(300, 30.0, seed) for seed in range(3)])
    found, half = inverses.inverse(several)
    for each, one, size in zip(several, found, half, strict=True):
        alone, alone_size = inverses.inverse(each)
        torch.testing.assert_close(one, alone, rtol=1e-4, atol=1e-5)
        assert float(size) == pytest.approx(float(alone_size), abs=1e-3)


def test_matrix_that_is_not_positive_definite_is_refused():
    matrix = covariance(200, 10.0)
    matrix[0, 1] = matrix[1, 0] = 10.0
    with pytest.raises(torch.linalg.LinAlgError):
        inverses.inverse(matrix)
