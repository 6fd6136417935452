"""The two class densities of every attribute in the unary term (Eqns. 4, 13, 14)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from lib.cores import side_by_side
from lib.shards import Rows, add_up

BANDS = 8  # of a symmetric matrix, of which only the upper triangle is computed
ROWS = {"cpu": 2048, "cuda": 65_536}  # faces multiplied at a time
FEW = 1024  # faces; as few are multiplied in float64: their covariance may be all but singular


@dataclass(frozen=True)
class Moments:
    """Sums over a set of faces from which mean, covariance and shrinkage follow exactly.

    count; sum of x (D,); of x x' (D, D); of |x|^2 x (D,); of |x|^4 (). In float64, so that adding
    and taking away faces loses nothing.
    """

    count: int
    first: Tensor
    second: Tensor
    third: Tensor
    fourth: Tensor

    @classmethod
    def of(cls, blocks: Iterable[tuple[Tensor, Tensor]], rows: Rows, dimensions: int) -> Self:
        """Sums over blocks of points (R, D) and signs (R,): +1 adds a face, -1 takes it away.

        The sums of all processes that share the rows.
        """
        new = {"dtype": torch.float64, "device": rows.device}
        first, third = torch.zeros(2, dimensions, **new)
        second, scalars = torch.zeros(dimensions, dimensions, **new), torch.zeros(2, **new)
        for points, sign in blocks:
            points = points.double() if len(points) <= FEW else points
            signed, length = points * sign[:, None], points.square().sum(1)
            scalars += torch.stack([sign.sum(), (sign * length.square()).sum()])
            first += signed.sum(0)
            third += length @ signed
            for begin, end in bands(dimensions):
                second[:end, begin:end] += points[:, :end].T @ signed[:, begin:end]
        for part in (first, second, third, scalars):
            add_up(part, rows.group)
        second = second.triu_() + second.triu(1).T
        return cls(int(scalars[0].round()), first, second, third, scalars[1])

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
        return (self.second / self.count).addr_(self.mean, self.mean, alpha=-1)

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


@dataclass(frozen=True)
class Form:
    """x' Q x + b' x + c, the log-ratio of two Gaussians: Q (D, D) symmetric or (D,) diagonal."""

    quadratic: Tensor | None
    linear: Tensor
    constant: Tensor

    def __call__(self, points: Tensor) -> Tensor:
        """(R, D) -> (R,)."""
        odds = points @ self.linear + self.constant
        if self.quadratic is None:
            return odds
        if self.quadratic.ndim == 1:
            return odds + points.square() @ self.quadratic
        for begin, end in bands(len(self.linear)):
            product = points[:, :end] @ self.quadratic[:end, begin:end]
            odds += product.mul_(points[:, begin:end]).sum(1)
        return odds


class Gaussians:
    """Class densities kept as sums, which labels that flip update.

    covariance: `full`, `shared` by both classes, `diagonal`, or `pca-<d>`: full in the first d
        principal components.
    shrinkage: `ledoit-wolf` or a fixed share: how far a covariance is pulled towards a multiple
        of the identity, without which a class of fewer members than dimensions is singular.

    A class without members gives log-odds 0; one of a single member borrows all faces' covariance.
    """

    def __init__(self, rows: Rows, covariance: str, shrinkage: str | float) -> None:
        self.rows, self.kind, self.shrinkage = rows, covariance, shrinkage
        self.dimensions = len(rows.mean)
        self.size = ROWS.get(rows.device.type, ROWS["cpu"])
        self.total = self._total()
        if covariance.startswith("pca-"):
            axes = torch.linalg.eigh(self.total.second).eigenvectors[:, -int(covariance[4:]) :]
            self.rows = rows.projected(axes.float())
            self.dimensions = axes.shape[1]
            self.total = self._total()
        self.ridge = 1e-6 * float(self.total.covariance.diagonal().mean()) + 1e-12
        self.before: Tensor | None = None  # labels (n, A) that the sums below are of
        self.positive: dict[int, Moments] = {}  # sums over class 1

    def update(self, attributes: list[int], current: Tensor) -> None:
        """Take note of the labels (n, A) of some attributes; only what flipped is summed again."""
        now = current > 0
        before = now if self.before is None else self.before
        sets = torch.stack([now, ~now, now != before]).sum(1)  # (3, A)
        counts = add_up(sets, self.rows.group).T.tolist()
        for a in attributes:
            ones, zeros, flips = counts[a]
            if a in self.positive and flips < min(ones, zeros):
                flipped = now[:, a] != before[:, a]
                self.positive[a] = self.positive[a] + self._sum(flipped, now[:, a])
            elif ones <= zeros:
                self.positive[a] = self._sum(now[:, a], now[:, a])
            else:
                self.positive[a] = self.total - self._sum(~now[:, a], ~now[:, a])
        self.before = now

    def odds(self, attributes: list[int], wanted: Tensor) -> Tensor:
        """log N(x | mu_1, Sigma_1) - log N(x | mu_0, Sigma_0), (n, A) float32, 0 if not wanted."""
        odds = torch.zeros(wanted.shape, device=self.rows.device)
        ones = (self.positive[a] for a in attributes)
        forms = dict(zip(attributes, side_by_side(self._form, ones, odds.device), strict=True))
        for part, points in self.rows.parts(self.size):
            for a, form in forms.items():
                chosen = wanted[part, a].nonzero()[:, 0]
                if form is not None and len(chosen):
                    some = points if len(chosen) == len(points) else points.index_select(0, chosen)
                    odds[part.start + chosen, a] = form(some)
        return odds

    def _total(self) -> Moments:
        ones = torch.ones(self.size, device=self.rows.device)
        blocks = ((points, ones[: len(points)]) for _, points in self.rows.parts(self.size))
        return Moments.of(blocks, self.rows, self.dimensions)

    def _sum(self, chosen: Tensor, added: Tensor) -> Moments:
        """Sums over the chosen faces (n,), each added or (where not `added`) taken away."""
        sign = 2 * added.float() - 1
        parts = chosen.nonzero()[:, 0].split(self.size)
        blocks = ((self.rows.take(part), sign[part]) for part in parts)
        return Moments.of(blocks, self.rows, self.dimensions)

    def _form(self, ones: Moments) -> Form | None:
        """The log-ratio with Q = (Sigma_0^-1 - Sigma_1^-1) / 2; None where a class is empty."""
        zeros = self.total - ones
        if ones.count == 0 or zeros.count == 0:
            return None
        (inverse1, half1), (inverse0, half0) = self._inverses(ones, zeros)
        mean1, mean0 = ones.mean, zeros.mean
        product1, product0 = inverse1 @ mean1, inverse0 @ mean0
        linear = (product1 - product0).float()
        constant = ((mean0 @ product0 - mean1 @ product1) / 2 + half0 - half1).float()
        if self.kind == "shared":
            return Form(None, linear, constant)
        if self.kind == "diagonal":
            return Form((inverse0 - inverse1).diagonal().float() / 2, linear, constant)
        return Form(_upper((inverse0 - inverse1).float()), linear, constant)

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
        """(1 - lambda) Sigma + lambda tr(Sigma)/D I; lambda of Ledoit and Wolf (2004), or fixed.

        In place.
        """
        level, share = covariance.diagonal().mean(), self.shrinkage
        if share == "ledoit-wolf":
            square = torch.linalg.vector_norm(covariance).square()
            noise = (fourth / count - square).clamp(min=0) / count
            spread = square - len(covariance) * level.square()  # |Sigma - level I|^2
            share = float((noise / spread.clamp(min=1e-300)).clamp(max=1))
        covariance.mul_(1 - share).diagonal().add_(share * level)
        return covariance

    def _invert(self, covariance: Tensor) -> tuple[Tensor, Tensor]:
        if self.kind == "diagonal":
            variance = covariance.diagonal() + self.ridge
            return variance.reciprocal().diag(), variance.log().sum() / 2
        covariance.diagonal().add_(self.ridge)
        factor = torch.linalg.cholesky(covariance)
        return torch.cholesky_inverse(factor), factor.diagonal().log().sum()


def bands(dimensions: int) -> list[tuple[int, int]]:
    """Columns in bands: beside the rows up to its end, each band is the upper block triangle."""
    width = -(-dimensions // BANDS)
    return [(begin, min(begin + width, dimensions)) for begin in range(0, dimensions, width)]


def _upper(matrix: Tensor) -> Tensor:
    """Half of a symmetric matrix, so that its upper block triangle alone gives x' M x / 2."""
    for begin, end in bands(len(matrix)):
        matrix[begin:end, begin:end] /= 2
    return matrix
