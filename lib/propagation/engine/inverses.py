"""Inverses and log-determinants of covariances: by halves in float32, or Cholesky in float64."""

import torch
from torch import Tensor

from lib.propagation.engine.products import product

WHOLE = 128  # rows of a matrix that is not halved any more
CLOSE = 1e-4  # largest error of a product with the inverse; above, float64 is used


def inverse(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Inverses (..., D, D) of positive definite float64 matrices, and half their log-determinants.

    Rows and columns are scaled to a diagonal of ones, without loss. Covariances of classes in the
    principal axes of all faces are then near the identity, and float32 is tried, where nearly all
    work is matrix products. LinAlgError where a matrix is not positive definite.
    """
    scale = matrices.diagonal(dim1=-2, dim2=-1).rsqrt()
    found = _in_float32(matrices, scale) if matrices.shape[-1] > WHOLE else None
    inverses, half = found or _by_cholesky(torch.linalg.cholesky(_scaled(matrices.clone(), scale)))
    return _scaled(inverses, scale), half - scale.log().sum(-1)


def _in_float32(matrices: Tensor, scale: Tensor) -> tuple[Tensor, Tensor] | None:
    """The same of scaled matrices; None where products with a few random vectors are wrong."""
    inverses, half = _by_halves(_scaled(matrices.float(), scale))
    generator = torch.Generator().manual_seed(0)
    tried = torch.randn(matrices.shape[-1], 4, generator=generator).to(matrices.device)
    back = (inverses @ tried) * scale[..., None]
    missed = (matrices @ back) * scale[..., None] - tried
    return (inverses, half) if bool(missed.abs().amax() < CLOSE) else None


def _by_cholesky(factor: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cholesky_inverse(factor), factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _scaled(matrices: Tensor, scale: Tensor) -> Tensor:
    """Rows and columns times `scale` (..., D), in place."""
    scale = scale.to(matrices.dtype)
    return matrices.mul_(scale[..., :, None]).mul_(scale[..., None, :])


def _by_halves(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse of [[A, B'], [B, C]] from those of A and of its Schur complement C - B A^-1 B'.

    float32, and half the log-determinants in float64. NaN where a part is not positive definite.
    """
    if matrix.shape[-1] <= WHOLE:
        inverse, size = _by_cholesky(torch.linalg.cholesky_ex(matrix.double())[0])
        return inverse.float(), size
    half = matrix.shape[-1] // 2
    below = matrix[..., half:, :half].contiguous()
    first, size = _by_halves(matrix[..., :half, :half])
    ahead = product(below, first)  # B A^-1, as A^-1 is symmetric
    second, more = _by_halves(matrix[..., half:, half:] - product(ahead, below))
    ahead = ahead.mT.contiguous()
    corner = product(ahead, second)  # A^-1 B' S^-1
    upper = torch.cat([first + product(ahead, corner), -corner], -1)
    return torch.cat([upper, torch.cat([-corner.mT, second], -1)], -2), size + more
