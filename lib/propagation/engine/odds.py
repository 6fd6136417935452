"""Log-odds of two Gaussians, x' Q x + b' x + c, for many attributes, from sums over each class."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lib.propagation.engine.inverses import inverse
from lib.propagation.engine.products import packed, product, side_by_side
from lib.propagation.engine.rows import Rows, slices

BANDS = 8  # of a symmetric matrix, to compute only its upper triangle
ROWS = {"cpu": 2048, "cuda": 32_768}  # faces multiplied at a time

Gaussian = tuple[Tensor, Tensor]  # mean (..., D), covariance (..., D, D) or its diagonal (..., D)


class Sums(NamedTuple):
    """Sums over the faces of one class, in float64; with a leading dimension, of several classes.

    count (); of x (D,); of x x' (D, D); of |x|^2 x (D,); of |x|^4 ().
    """

    count: Tensor  # type: ignore[assignment]  # a tuple's own `count` is not used
    first: Tensor
    second: Tensor
    third: Tensor
    fourth: Tensor

    def plus(self, other: "Sums", sign: int = 1) -> "Sums":
        """Both sets of faces; with sign -1, this one without the other."""
        return Sums(*(torch.add(a, b, alpha=sign) for a, b in zip(self, other, strict=True)))

    def spread(self) -> Tensor:
        """Sum of |x - mu|^4 over the faces, ()."""
        mean = self.first / self.count[..., None]
        square = mean.square().sum(-1)
        trace = self.second.diagonal(dim1=-2, dim2=-1).sum(-1)
        along = (mean * (self.second @ mean[..., None])[..., 0]).sum(-1)
        odd = 4 * (mean * self.third).sum(-1)
        return self.fourth - odd + 2 * square * trace + 4 * along - 3 * self.count * square**2


class LogOdds:
    """log N(x | class 1) - log N(x | class 0) for many attributes.

    gaussians: makes the Gaussians of class 1 and of class 0 from the sums over their faces.
    components: number of principal axes of all faces, 0: the given axes. In all principal axes the
        log-odds are the same, but covariances are nearly diagonal: float32 can invert them.
    """

    def __init__(
        self,
        rows: Rows,
        gaussians: Callable[[Sums, Sums], tuple[Gaussian, Gaussian]],
        components: int,
    ) -> None:
        self.rows, self.gaussians = rows, gaussians
        self.size = ROWS.get(rows.device.type, ROWS["cpu"])
        everyone = torch.ones(rows.count, dtype=torch.bool, device=rows.device)
        self.total = self._sum(everyone, everyone)
        if components:
            axes = torch.linalg.eigh(self.total.second).eigenvectors[:, -components:]
            self.rows = rows.turned(axes.contiguous())
            self.total = self._sum(everyone, everyone)
        self.before: Tensor | None = None  # labels (N, A) of the sums below
        self.positive: dict[int, Sums] = {}  # over class 1
        self.sizes: list[list[int]] = []  # (A, 2) faces of class 1 and of class 0

    def update(self, current: Tensor, attributes: list[int]) -> None:
        """Take the classes from labels (N, A); only faces whose label flipped are summed again."""
        now = current > 0
        before = now if self.before is None else self.before
        self.sizes = torch.stack([now, ~now]).sum(1).T.tolist()
        flips = (now != before).sum(0).tolist()

        def of_positives(a: int) -> Sums:
            ones, zeros = self.sizes[a]
            if a in self.positive and flips[a] < min(ones, zeros):
                return self.positive[a].plus(self._sum(now[:, a] != before[:, a], now[:, a]))
            if ones <= zeros:
                return self._sum(now[:, a], now[:, a])
            return self.total.plus(self._sum(~now[:, a], ~now[:, a]), -1)

        sums = side_by_side(of_positives, attributes, self.rows.device)
        self.positive |= zip(attributes, sums, strict=True)
        self.before = now

    def __call__(self, attributes: list[int], wanted: Tensor) -> Tensor:
        """Log-odds (N, A) float32 where wanted (N, A), else 0; 0 if a class is empty."""
        odds = torch.zeros(wanted.shape, device=self.rows.device)
        attributes = [a for a in attributes if all(self.sizes[a])]
        sums = [self.positive[a] for a in attributes]
        columns: list[Any] = attributes
        if self.rows.device.type != "cpu" and sums:  # all attributes in one product
            columns = [attributes]
            sums = [Sums(*(torch.stack(parts) for parts in zip(*sums, strict=True)))]
        forms = [*zip(columns, side_by_side(self._form, sums), strict=True)]

        def fill(part: slice) -> None:
            points = self.rows.take(part)
            matrix = any(form.matrix for _, form in forms)
            left = [packed(points[:, :end]) for _, end in bands(points.shape[1]) if matrix]
            for a, form in forms:
                if (asked := wanted[part][:, a]).any():
                    odds[part, a] = form(points, left).where(asked, 0)

        list(side_by_side(fill, slices(self.rows.count, self.size), self.rows.device))
        return odds

    def _form(self, ones: Sums) -> "Form":
        return Form(*self.gaussians(ones, self.total.plus(ones, -1)))

    def _sum(self, chosen: Tensor, added: Tensor) -> Sums:
        """Sums over the chosen faces (N,), each added or (where not `added`) taken away."""
        sign, device, width = 2 * added.float() - 1, self.rows.device, self.rows.width
        first, third = torch.zeros(2, width, dtype=torch.float64, device=device)
        second = torch.zeros(width, width, dtype=torch.float64, device=device)
        scalars = torch.zeros(2, dtype=torch.float64, device=device)
        blocks = bands(width, BANDS if device.type == "cpu" else 1)
        for part in chosen.nonzero()[:, 0].split(self.size):
            points, some = self.rows.take(part).T.contiguous(), sign[part]
            points = points.double() if len(some) <= 1024 else points  # few are near singular
            signed, length = points * some, points.square().sum(0)
            scalars += torch.stack([some.sum(), (some * length.square()).sum()])
            first += signed.sum(1)
            third += signed @ length
            for begin, end in blocks:
                second[:end, begin:end] += product(points[:end], signed[begin:end])
        for begin, end in blocks:
            second[begin:end, :begin] = second[:begin, begin:end].T
        return Sums(scalars[0].round(), first, second, third, scalars[1])


class Form:
    """The log-ratio of two Gaussians as x' Q x + b' x + c, in float32.

    Q = (Sigma_0^-1 - Sigma_1^-1) / 2 is None if both share a covariance, (D,) if they are diagonal.
    Gaussians with a leading dimension A make the forms of several attributes.
    """

    def __init__(self, one: Gaussian, zero: Gaussian) -> None:
        (mean1, covariance1), (mean0, covariance0) = one, zero
        inverse1, half1 = _inverse(covariance1, mean1)
        shared = covariance0 is covariance1
        inverse0, half0 = (inverse1, half1) if shared else _inverse(covariance0, mean0)
        product1, product0 = _times(inverse1.double(), mean1), _times(inverse0.double(), mean0)
        squares = (mean0 * product0).sum(-1) - (mean1 * product1).sum(-1)
        self.constant = (squares / 2 + half0 - half1).float()
        self.linear = (product1 - product0).float().movedim(-1, 0)
        self.matrix = covariance1.ndim > mean1.ndim and not shared
        quadratic = ((inverse0 - inverse1) / 2).float()
        if self.matrix:
            quadratic *= 2  # the blocks above the diagonal count for those below it
            for begin, end in bands(len(self.linear)):
                quadratic[..., begin:end, begin:end] /= 2
        self.quadratic = None if shared else quadratic

    def __call__(self, points: Tensor, left: list[Tensor]) -> Tensor:
        """Points (R, D) -> (R,), or (R, A). left: points up to the end of each band."""
        odds = points @ self.linear + self.constant
        if self.quadratic is None:
            return odds
        if not self.matrix:
            return odds + points.square() @ self.quadratic.movedim(-1, 0)
        for (begin, end), rows in zip(bands(points.shape[1]), left, strict=True):
            right = self.quadratic[..., begin:end, :end]
            some = product(rows, right.flatten(0, -2)).unflatten(1, right.shape[:-1])
            band = points[:, begin:end]
            odds += some.mul_(band if some.ndim == 2 else band[:, None]).sum(-1)
        return odds


def _inverse(covariance: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse of a covariance, or of its diagonal, and half its log-determinant."""
    if covariance.ndim > mean.ndim:
        return inverse(covariance)
    return covariance.reciprocal(), covariance.log().sum(-1) / 2


def _times(inverses: Tensor, vectors: Tensor) -> Tensor:
    """(..., D, D), or (..., D) if diagonal, and (..., D) -> (..., D)."""
    matrix = inverses.ndim > vectors.ndim
    return (inverses @ vectors[..., None])[..., 0] if matrix else inverses * vectors


def bands(dimensions: int, count: int = BANDS) -> list[tuple[int, int]]:
    """Columns in bands: with the rows up to its end, each band is part of the upper triangle."""
    width = -(-dimensions // count)
    return [(begin, min(begin + width, dimensions)) for begin in range(0, dimensions, width)]
