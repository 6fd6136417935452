"""Inverses and log-determinants of covariances: in float32 by halves, or in float64 by Cholesky."""

import torch
from torch import Tensor

from lib.propagation.engine.products import product

WHOLE = 128  # rows of a matrix that is not halved any more
CLOSE = 1e-4  # what a trial may miss by, or float64 has to do


def inverse(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Inverses (..., D, D) of positive definite float64 ones, and half their log-determinants.

    Rows and columns are scaled to a diagonal of ones, which costs no digit. Matrices near the
    identity then (classes in the principal axes of all faces) lose hardly any in float32, where
    nearly all work is products, and the inverses are float32. A few vectors are tried, and where
    they do not come back, a Cholesky factor is taken in float64. torch.linalg.LinAlgError where
    that finds one not to be positive definite.
    """
    scale = diagonal(matrices).rsqrt()
    found = _in_float32(matrices, scale) if matrices.shape[-1] > WHOLE else None
    if found is None:
        factor = torch.linalg.cholesky(_scaled(matrices.clone(), scale))
        found = torch.cholesky_inverse(factor), diagonal(factor).log().sum(-1)
    inverses, half = found
    return _scaled(inverses, scale), half - scale.log().sum(-1)


def _in_float32(matrices: Tensor, scale: Tensor) -> tuple[Tensor, Tensor] | None:
    """The same of scaled matrices; None where float32 does not suffice."""
    inverses, half = _by_halves(_scaled(matrices.float(), scale))
    chance = torch.Generator().manual_seed(0)
    tried = torch.randn(matrices.shape[-1], 4, generator=chance).to(matrices.device)
    back = (inverses @ tried) * scale[..., None]
    missed = (matrices @ back) * scale[..., None] - tried
    return (inverses, half) if bool(missed.abs().amax() < CLOSE) else None


def _scaled(matrices: Tensor, scale: Tensor) -> Tensor:
    """Rows and columns times `scale` (..., D), in place."""
    scale = scale.to(matrices.dtype)
    return matrices.mul_(scale[..., :, None]).mul_(scale[..., None, :])


def _by_halves(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse of [[A, B'], [B, C]] from those of A and of its Schur complement C - B A^-1 B'.

    (..., D, D) float32 -> the same, and half the log-determinants, float64. NaN where a part is
    not positive definite.
    """
    if matrix.shape[-1] <= WHOLE:
        factor, _ = torch.linalg.cholesky_ex(matrix.double())
        return torch.cholesky_inverse(factor).float(), diagonal(factor).log().sum(-1)
    half = matrix.shape[-1] // 2
    below = matrix[..., half:, :half].contiguous()
    first, size = _by_halves(matrix[..., :half, :half])
    ahead = _times(below, first)  # B A^-1, as A^-1 is symmetric
    second, more = _by_halves(matrix[..., half:, half:] - _times(ahead, below))
    ahead = ahead.mT.contiguous()
    corner = _times(ahead, second)  # A^-1 B' S^-1
    upper = torch.cat([first + _times(ahead, corner), -corner], -1)
    return torch.cat([upper, torch.cat([-corner.mT, second], -1)], -2), size + more


def _times(left: Tensor, right: Tensor) -> Tensor:
    """left right', (..., R, D) and (..., C, D) -> (..., R, C)."""
    return product(left, right) if left.ndim == 2 else left @ right.mT


def diagonal(matrices: Tensor) -> Tensor:
    """(..., D, D) -> (..., D), a view."""
    return matrices.diagonal(dim1=-2, dim2=-1)
