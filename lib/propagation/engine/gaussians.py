"""The two class densities of every attribute in the unary term (Eqns. 4, 13, 14)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from lib.propagation.engine.forms import BANDS, Form, ManyForms, OneForm, bands, beginnings
from lib.propagation.engine.inverses import diagonal, inverse
from lib.propagation.engine.products import product, side_by_side
from lib.propagation.engine.shards import Rows, add_up

ROWS = {"cpu": 2048, "cuda": 32_768}  # faces multiplied at a time
FEW = 1024  # faces; as few are multiplied in float64: their covariance may be all but singular


@dataclass(frozen=True)
class Moments:
    """Sums over a set of faces from which mean, covariance and shrinkage follow exactly.

    count (); sum of x (D,); of x x' (D, D); of |x|^2 x (D,); of |x|^4 (). In float64, so that
    adding and taking away faces loses nothing. With a leading dimension, of several sets.
    """

    count: Tensor
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
            points, signed = points.T.contiguous(), signed.T.contiguous()
            for begin, end in bands(dimensions, BANDS if rows.device.type == "cpu" else 1):
                second[:end, begin:end] += product(points[:end], signed[begin:end])
        for part in (first, second, third, scalars):
            add_up(part, rows.group)
        second = second.triu_() + second.triu(1).T
        return cls(scalars[0].round(), first, second, third, scalars[1])

    @classmethod
    def stacked(cls, sets: "list[Moments]") -> Self:
        return cls(*(torch.stack(parts) for parts in zip(*(m._parts() for m in sets), strict=True)))

    def __add__(self, other: Self) -> Self:
        return type(self)(*(a + b for a, b in zip(self._parts(), other._parts(), strict=True)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(*(a - b for a, b in zip(self._parts(), other._parts(), strict=True)))

    def _parts(self) -> tuple:
        return self.count, self.first, self.second, self.third, self.fourth

    @property
    def mean(self) -> Tensor:
        """mu of Eqn. 13, (D,)."""
        return self.first / self.count[..., None]

    @property
    def covariance(self) -> Tensor:
        """Sigma of Eqn. 14, (D, D)."""
        mean = self.mean
        raw = self.second / self.count[..., None, None]
        return raw.addcmul_(mean[..., :, None], mean[..., None, :], value=-1)

    @property
    def central_fourth(self) -> Tensor:
        """Sum of |x - mu|^4."""
        mean = self.mean
        square = mean.square().sum(-1)
        return (
            self.fourth
            - 4 * (mean * self.third).sum(-1)
            + 2 * square * diagonal(self.second).sum(-1)
            + 4 * (mean * times(self.second, mean)).sum(-1)
            - 3 * self.count * square**2
        )


class Gaussians:
    """Class densities kept as sums, which labels that flip update.

    covariance: `full`, `shared` by both classes, `diagonal`, or `pca-<d>`: full in the first d
        principal components.
    shrinkage: `ledoit-wolf` or a fixed share: how far a covariance is pulled towards a multiple
        of the identity, without which a class of fewer members than dimensions is singular.

    together: multiply the forms of all attributes at once; None: on a GPU (see `lib.forms`).

    But for `diagonal`, faces are turned into the principal axes of all of them, which changes no
    log-odds: a class's covariance is nearly diagonal there, so that float32 can invert it.

    A class without members gives log-odds 0; one of a single member borrows all faces' covariance.
    """

    def __init__(
        self,
        rows: Rows,
        covariance: str,
        shrinkage: str | float,
        *,
        together: bool | None = None,
    ) -> None:
        self.rows, self.kind, self.shrinkage = rows, covariance, shrinkage
        self.together = rows.device.type != "cpu" if together is None else together
        self.dimensions = len(rows.mean)
        self.size = ROWS.get(rows.device.type, ROWS["cpu"])
        self.total = self._total()
        if covariance != "diagonal":
            self.axes = self._axes(int(covariance[4:]) if "-" in covariance else self.dimensions)
            self.rows, self.dimensions = rows.turned(self.axes), self.axes.shape[1]
            self.total = self._total()
        self.ridge = 1e-6 * float(diagonal(self.total.covariance).mean()) + 1e-12
        self.before: Tensor | None = None  # labels (n, A) that the sums below are of
        self.positive: dict[int, Moments] = {}  # sums over class 1
        self.sizes: dict[int, tuple[int, int]] = {}  # faces of class 1 and of class 0

    def update(self, attributes: list[int], current: Tensor) -> None:
        """Take note of the labels (n, A) of some attributes; only what flipped is summed again."""
        now = current > 0
        before = now if self.before is None else self.before
        sets = torch.stack([now, ~now, now != before]).sum(1)  # (3, A)
        counts = add_up(sets, self.rows.group).T.tolist()
        for a in attributes:
            ones, zeros, flips = counts[a]
            self.sizes[a] = ones, zeros
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
        attributes = [a for a in attributes if all(self.sizes[a])]
        if attributes:
            (self._all_at_once if self.together else self._one_by_one)(odds, attributes, wanted)
        return odds

    def _one_by_one(self, odds: Tensor, attributes: list[int], wanted: Tensor) -> None:
        ones = (self.positive[a] for a in attributes)
        forms = list(side_by_side(lambda moments: OneForm(self._form(moments)), ones))

        def fill(part: slice) -> None:
            points = self.rows.take(part)
            left = None if self.kind in ("shared", "diagonal") else beginnings(points)
            for a, form in zip(attributes, forms, strict=True):
                odds[part, a] = form.where(wanted[part, a], points, left)

        parts = (slice(at, at + self.size) for at in range(0, self.rows.own, self.size))
        for _ in side_by_side(fill, parts, self.rows.device):
            pass

    def _all_at_once(self, odds: Tensor, attributes: list[int], wanted: Tensor) -> None:
        form = self._form(Moments.stacked([self.positive[a] for a in attributes]))
        forms = ManyForms(form)
        columns = torch.tensor(attributes, device=odds.device)
        for part, points in self.rows.parts(self.size):
            asked = wanted[part].index_select(1, columns)
            odds[part].index_copy_(1, columns, forms(points).where(asked, 0))

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

    def _axes(self, most: int) -> Tensor:
        """The last principal axes of all faces (D, most), float64, the same on every process."""
        axes = torch.linalg.eigh(self.total.second).eigenvectors[:, -most:].contiguous()
        return add_up(axes if self.rows.rank == 0 else torch.zeros_like(axes), self.rows.group)

    def _form(self, ones: Moments) -> Form:
        """The log-ratio with Q = (Sigma_0^-1 - Sigma_1^-1) / 2; no class may be empty."""
        zeros = self.total - ones
        (inverse1, half1), (inverse0, half0) = self._inverses(ones, zeros)
        mean1, mean0 = ones.mean, zeros.mean
        product1, product0 = times(inverse1.double(), mean1), times(inverse0.double(), mean0)
        linear = product1 - product0
        constant = ((mean0 * product0).sum(-1) - (mean1 * product1).sum(-1)) / 2 + half0 - half1
        if self.kind == "shared":
            return Form(None, linear, constant)
        quadratic = (inverse0 - inverse1) / 2
        return Form(diagonal(quadratic) if self.kind == "diagonal" else quadratic, linear, constant)

    def _inverses(self, ones: Moments, zeros: Moments) -> list[tuple[Tensor, Tensor]]:
        """Inverse covariance and half its log-determinant, of class 1 and of class 0."""
        if self.kind == "shared":
            count = ones.count + zeros.count
            shares = [(part.count / count)[..., None, None] for part in (ones, zeros)]
            pooled = shares[0] * ones.covariance + shares[1] * zeros.covariance
            fourth = ones.central_fourth + zeros.central_fourth
            return [self._invert(self._shrink(pooled, count, fourth))] * 2
        return [self._invert(self._own(part)) for part in (ones, zeros)]

    def _own(self, part: Moments) -> Tensor:
        """A class's covariance, shrunk; all faces' for a class of one member."""
        own = self._shrink(part.covariance, part.count, part.central_fourth)
        alone = part.count <= 1
        return own.where(~alone[..., None, None], self.total.covariance) if alone.any() else own

    def _shrink(self, covariance: Tensor, count: Tensor, fourth: Tensor) -> Tensor:
        """(1 - lambda) Sigma + lambda tr(Sigma)/D I; lambda of Ledoit and Wolf (2004), or fixed.

        In place.
        """
        level, share = diagonal(covariance).mean(-1), self.shrinkage
        if share == "ledoit-wolf":
            square = torch.linalg.matrix_norm(covariance).square()
            noise = (fourth / count - square).clamp(min=0) / count
            spread = square - covariance.shape[-1] * level.square()  # |Sigma - level I|^2
            share = (noise / spread.clamp(min=1e-300)).clamp(max=1)
        share = torch.as_tensor(share, device=covariance.device)
        covariance.mul_((1 - share)[..., None, None])
        diagonal(covariance).add_((share * level)[..., None])
        return covariance

    def _invert(self, covariance: Tensor) -> tuple[Tensor, Tensor]:
        if self.kind == "diagonal":
            variance = diagonal(covariance) + self.ridge
            return variance.reciprocal().diag_embed(), variance.log().sum(-1) / 2
        diagonal(covariance).add_(self.ridge)
        return inverse(covariance)


def times(matrices: Tensor, vectors: Tensor) -> Tensor:
    """(..., D, D) and (..., D) -> (..., D)."""
    return (matrices @ vectors[..., None])[..., 0]
