"""Inverses and log-determinants of covariances: in float32 by halves, or in float64 by Cholesky."""

import torch
from torch import Tensor

from lib.cores import matrix_products, product

WHOLE = 128  # rows of a matrix that is not halved any more
CLOSE = 1e-4  # what a trial may miss by, or float64 has to do


def inverse(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Inverses (..., D, D) of positive definite matrices, float64, and half their log-determinants.

    Rows and columns are scaled to a diagonal of ones, which costs no digit. Matrices near the
    identity then (classes in the principal axes of all faces) lose hardly any in float32, where
    nearly all work is products; a few vectors are tried, and where they do not come back, a
    Cholesky factor is taken in float64. torch.linalg.LinAlgError where that finds one not to be
    positive definite.
    """
    scale = diagonal(matrices).rsqrt()
    even = matrices * scale[..., :, None] * scale[..., None, :]
    found = _in_float32(even) if matrices.shape[-1] > WHOLE else None
    if found is None:
        factor = torch.linalg.cholesky(even)
        found = torch.cholesky_inverse(factor), diagonal(factor).log().sum(-1)
    inverses, half = found
    inverses *= scale[..., :, None]
    inverses *= scale[..., None, :]
    return inverses, half - scale.log().sum(-1)


def _in_float32(matrices: Tensor) -> tuple[Tensor, Tensor] | None:
    """The same of matrices whose diagonal is one; None where float32 does not suffice."""
    with matrix_products("highest"):
        inverses, half = _by_halves(matrices.float())
    inverses = inverses.double()
    chance = torch.Generator().manual_seed(0)
    tried = torch.randn(matrices.shape[-1], 4, generator=chance, dtype=torch.float64)
    tried = tried.to(matrices.device)
    missed = matrices @ (inverses @ tried) - tried
    return (inverses, half) if bool(missed.abs().amax() < CLOSE) else None


def _by_halves(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse of [[A, B'], [B, C]] from those of A and of its Schur complement C - B A^-1 B'.

    (..., D, D) float32 -> the same, and half the log-determinants, float64. NaN where a part is
    not positive definite.
    """
    if matrix.shape[-1] <= WHOLE:
        factor, _ = torch.linalg.cholesky_ex(matrix.double())
        return torch.cholesky_inverse(factor).float(), diagonal(factor).log().sum(-1)
    half = matrix.shape[-1] // 2
    below = matrix[..., half:, :half]
    first, size = _by_halves(matrix[..., :half, :half])
    ahead = _times(below, first)  # B A^-1
    second, more = _by_halves(matrix[..., half:, half:] - _times(ahead, below.mT))
    corner = _times(second, ahead)
    upper = torch.cat([first + _times(ahead.mT, corner), -corner.mT], -1)
    return torch.cat([upper, torch.cat([-corner, second], -1)], -2), size + more


def _times(left: Tensor, right: Tensor) -> Tensor:
    """left right, (..., R, D) and (..., D, C) -> (..., R, C)."""
    if left.ndim > 2:
        return left @ right
    return product(left.contiguous(), right.mT.contiguous())


def diagonal(matrices: Tensor) -> Tensor:
    """(..., D, D) -> (..., D), a view."""
    return matrices.diagonal(dim1=-2, dim2=-1)
