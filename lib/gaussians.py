"""The two class densities of every attribute in the unary term (Eqns. 4, 13, 14)."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Sums over a set of faces from which mean, covariance and shrinkage follow exactly.

    count; sum of x (D,); of x x' (D, D); of |x|^2 x (D,); of |x|^4. In float64, so that adding
    and taking away faces loses nothing.
    """

    count: int
    first: Tensor
    second: Tensor
    third: Tensor
    fourth: Tensor

    @classmethod
    def of(cls, points: Tensor) -> Self:
        length = points.square().sum(1)
        return cls(
            len(points),
            points.double().sum(0),
            (points.T @ points).double(),
            (length @ points).double(),
            length.double().square().sum(),
        )

    def __add__(self, other: Self) -> Self:
        return type(self)(*(a + b for a, b in zip(self._parts(), other._parts(), strict=True)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(*(a - b for a, b in zip(self._parts(), other._parts(), strict=True)))

    def _parts(self) -> tuple:
        return self.count, self.first, self.second, self.third, self.fourth

    @property
    def mean(self) -> Tensor:
        """mu of Eqn. 13, (D,)."""
        return self.first / self.count

    @property
    def covariance(self) -> Tensor:
        """Sigma of Eqn. 14, (D, D)."""
        return self.second / self.count - torch.outer(self.mean, self.mean)

    @property
    def central_fourth(self) -> Tensor:
        """Sum of |x - mu|^4."""
        mean, square = self.mean, self.mean @ self.mean
        return (
            self.fourth
            - 4 * mean @ self.third
            + 2 * square * self.second.trace()
            + 4 * mean @ self.second @ mean
            - 3 * self.count * square**2
        )


class Gaussians:
    """Class densities kept as sums, which labels that flip update.

    covariance: `full`, `shared` by both classes, `diagonal`, or `pca-<d>`: full in the first d
        principal components.
    shrinkage: `ledoit-wolf` or a fixed share: how far a covariance is pulled towards a multiple
        of the identity, without which a class of fewer members than dimensions is singular.

    A class without members gives log-odds 0; one of a single member borrows all faces' covariance.
    """

    def __init__(self, features: Tensor, covariance: str, shrinkage: str | float) -> None:
        points = features.float() - features.float().mean(0)
        if covariance.startswith("pca-"):
            axes = torch.linalg.eigh((points.T @ points).double()).eigenvectors
            points = points @ axes[:, -int(covariance[4:]) :].float()
        self.points, self.kind, self.shrinkage = points, covariance, shrinkage
        self.total = Moments.of(points)
        self.ridge = 1e-6 * float(self.total.covariance.diagonal().mean()) + 1e-12
        self.positive: dict[int, tuple[Tensor, Moments]] = {}

    def update(self, attribute: int, current: Tensor) -> None:
        """Take note of the labels (N,) of an attribute; only what flipped is summed again."""
        now = current > 0
        smaller = min(int(now.sum()), int((~now).sum()))
        if attribute in self.positive:
            before, moments = self.positive[attribute]
            joined, left = now & ~before, before & ~now
            if int(joined.sum() + left.sum()) < smaller:
                moments = moments + Moments.of(self.points[joined]) - Moments.of(self.points[left])
                self.positive[attribute] = (now, moments)
                return
        if int(now.sum()) == smaller:
            moments = Moments.of(self.points[now])
        else:
            moments = self.total - Moments.of(self.points[~now])
        self.positive[attribute] = (now, moments)

    def odds(self, attribute: int, rows: Tensor) -> Tensor:
        """log N(x | mu_1, Sigma_1) - log N(x | mu_0, Sigma_0) of some faces (R,) -> (R,) float32.

        One quadratic form, x' Q x + b' x + c with Q = (Sigma_0^-1 - Sigma_1^-1) / 2.
        """
        ones = self.positive[attribute][1]
        zeros = self.total - ones
        points = self.points[rows]
        if ones.count == 0 or zeros.count == 0:
            return torch.zeros(len(points), device=points.device)
        (inverse1, half1), (inverse0, half0) = self._inverses(ones, zeros)
        mean1, mean0 = ones.mean, zeros.mean
        linear = (inverse1 @ mean1 - inverse0 @ mean0).float()
        constant = (mean0 @ inverse0 @ mean0 - mean1 @ inverse1 @ mean1) / 2 + half0 - half1
        odds = points @ linear + constant.float()
        if self.kind == "shared":
            return odds
        difference = ((inverse0 - inverse1) / 2).float()
        if self.kind == "diagonal":
            return odds + points.square() @ difference.diagonal()
        return odds + quadratic_form(points, difference)

    def _inverses(self, ones: Moments, zeros: Moments) -> list[tuple[Tensor, Tensor]]:
        """Inverse covariance and half its log-determinant, of class 1 and of class 0."""
        if self.kind == "shared":
            count = ones.count + zeros.count
            pooled = (ones.count * ones.covariance + zeros.count * zeros.covariance) / count
            fourth = ones.central_fourth + zeros.central_fourth
            return [self._invert(self._shrink(pooled, count, fourth))] * 2
        covariances = [
            self._shrink(part.covariance, part.count, part.central_fourth)
            if part.count > 1
            else self.total.covariance
            for part in (ones, zeros)
        ]
        return [self._invert(covariance) for covariance in covariances]

    def _shrink(self, covariance: Tensor, count: int, fourth: Tensor) -> Tensor:
        """(1 - lambda) Sigma + lambda tr(Sigma)/D I; lambda of Ledoit and Wolf (2004), or fixed."""
        level = covariance.diagonal().mean()
        target = level * torch.eye(len(covariance), dtype=level.dtype, device=level.device)
        share = self.shrinkage
        if share == "ledoit-wolf":
            noise = (fourth / count - covariance.square().sum()).clamp(min=0) / count
            spread = (covariance - target).square().sum()
            share = float((noise / spread.clamp(min=1e-300)).clamp(max=1))
        return (1 - share) * covariance + share * target

    def _invert(self, covariance: Tensor) -> tuple[Tensor, Tensor]:
        if self.kind == "diagonal":
            variance = covariance.diagonal() + self.ridge
            return variance.reciprocal().diag(), variance.log().sum() / 2
        eye = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
        factor = torch.linalg.cholesky(covariance + self.ridge * eye)
        return torch.cholesky_inverse(factor), factor.diagonal().log().sum()


def quadratic_form(points: Tensor, matrix: Tensor, blocks: int = 8) -> Tensor:
    """x' M x for each row of points (R, D), M (D, D) symmetric -> (R,).

    Only the upper block triangle is multiplied, blocks off the diagonal counted twice.
    """
    dimensions = points.shape[1]
    width = -(-dimensions // blocks)
    result = torch.zeros(len(points), dtype=points.dtype, device=points.device)
    for begin in range(0, dimensions, width):
        end = min(begin + width, dimensions)
        part = matrix[:end, begin:end].clone()
        part[:begin] *= 2
        result += (points[:, :end] @ part).mul_(points[:, begin:end]).sum(1)
    return result
