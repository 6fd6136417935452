"""The two class densities of every attribute, and their log-odds in the unary term.

    mu_y    = sum of x_i over faces with label y / N_y                            Eqn. 13
    Sigma_y = sum of (x_i - mu_y)(x_i - mu_y)' / N_y                              Eqn. 14
    log-odds = log N(x | mu_1, Sigma_1) - log N(x | mu_0, Sigma_0)                Eqn. 4

Both follow from sums over the faces of a class, which the engine updates as labels flip.
"""

import torch
from torch import Tensor

from lib.propagation.engine import Gaussian, LogOdds, Rows, Sums


class Densities:
    """The class densities of A attributes.

    covariance: `full`; `shared` by both classes; `diagonal`; `pca-<d>`: full in the first d
        principal components of all faces.
    shrinkage: how far it is pulled towards a multiple of the identity: a share, or `ledoit-wolf`.
        Without, that of a class with fewer members than dimensions is singular.

    A class without members has log-odds 0; one of a single member the covariance of all faces.
    """

    def __init__(self, rows: Rows, covariance: str, shrinkage: str | float) -> None:
        self.kind, self.shrinkage = covariance, shrinkage
        components = {"diagonal": 0}.get(covariance, rows.width)
        components = int(covariance[4:]) if "-" in covariance else components
        self.log_odds = LogOdds(rows, self.gaussians, components)
        self.everyone = covariance_of(self.log_odds.total)
        self.ridge = 1e-6 * float(self.everyone.diagonal().mean()) + 1e-12

    def gaussians(self, ones: Sums, zeros: Sums) -> tuple[Gaussian, Gaussian]:
        """Mean and covariance of class 1 and of class 0, from sums over their faces."""
        if self.kind != "shared":
            return (mean_of(ones), self._own(ones)), (mean_of(zeros), self._own(zeros))
        count = ones.count + zeros.count
        shares = [(part.count / count)[..., None, None] for part in (ones, zeros)]
        pooled = shares[0] * covariance_of(ones) + shares[1] * covariance_of(zeros)
        pooled = shrunk(pooled, count, ones.spread() + zeros.spread(), self.shrinkage)
        diagonal_of(pooled).add_(self.ridge)
        return (mean_of(ones), pooled), (mean_of(zeros), pooled)

    def _own(self, part: Sums) -> Tensor:
        """The covariance of a class, or its diagonal."""
        covariance = shrunk(covariance_of(part), part.count, part.spread(), self.shrinkage)
        if (alone := part.count <= 1).any():
            covariance = covariance.where(~alone[..., None, None], self.everyone)
        diagonal_of(covariance).add_(self.ridge)
        return diagonal_of(covariance) if self.kind == "diagonal" else covariance


def diagonal_of(matrices: Tensor) -> Tensor:
    """(..., D, D) -> (..., D), a view."""
    return matrices.diagonal(dim1=-2, dim2=-1)


def mean_of(part: Sums) -> Tensor:
    """mu of Eqn. 13, (..., D)."""
    return part.first / part.count[..., None]


def covariance_of(part: Sums) -> Tensor:
    """Sigma of Eqn. 14, (..., D, D): mean of x x' minus mu mu'."""
    mean = mean_of(part)
    raw = part.second / part.count[..., None, None]
    return raw.addcmul_(mean[..., :, None], mean[..., None, :], value=-1)


def shrunk(covariance: Tensor, count: Tensor, fourth: Tensor, share: str | float) -> Tensor:
    """(1 - lambda) Sigma + lambda tr(Sigma)/D I, in place.

    share: lambda, or `ledoit-wolf`: as Ledoit and Wolf (2004) estimate it from the number of faces
        and the sum of |x - mu|^4 over them.
    """
    level = diagonal_of(covariance).mean(-1)
    if isinstance(share, str):
        square = torch.linalg.matrix_norm(covariance).square()
        noise = (fourth / count - square).clamp(min=0) / count
        spread = square - covariance.shape[-1] * level.square()  # |Sigma - level I|^2
        weight = (noise / spread.clamp(min=1e-300)).clamp(max=1)
    else:
        weight = torch.as_tensor(share, device=covariance.device)
    covariance.mul_((1 - weight)[..., None, None])
    diagonal_of(covariance).add_((weight * level)[..., None])
    return covariance
