"""Log-ratios of two Gaussians as quadratic forms x' Q x + b' x + c, and how they are evaluated.

On a CPU one form after the other, each for the faces that ask. On a GPU the forms of all
attributes in one product of bf16 numbers, whose units are 15 times as fast as those for float32.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lib.propagation.engine.products import packed, product

BANDS = 8  # of a symmetric matrix, of which only the upper triangle is computed


@dataclass(frozen=True)
class Form:
    """x' Q x + b' x + c.

    quadratic: Q (D, D) symmetric, (D,) diagonal, or None; linear: b (D,); constant: c ().
    All three may have a leading dimension A: the forms of several attributes.
    """

    quadratic: Tensor | None
    linear: Tensor
    constant: Tensor


class OneForm:
    """A single form in float32; (R, D) -> (R,)."""

    def __init__(self, form: Form) -> None:
        self.linear, self.constant = form.linear.float(), form.constant.float()
        self.quadratic = None if form.quadratic is None else upper(form.quadratic.float())

    def __call__(self, points: Tensor, left: list[Tensor] | None = None) -> Tensor:
        """left: `beginnings` of the points, if they are at hand."""
        odds = points @ self.linear + self.constant
        if self.quadratic is None:
            return odds
        if self.quadratic.ndim == 1:
            return odds + points.square() @ self.quadratic
        left = beginnings(points) if left is None else left
        for (begin, end), rows in zip(bands(len(self.linear)), left, strict=True):
            some = product(rows, self.quadratic[begin:end, :end])
            odds += some.mul_(points[:, begin:end]).sum(1)
        return odds

    def where(self, asked: Tensor, points: Tensor, left: list[Tensor] | None) -> Tensor:
        """The form of those points that are asked for (R,), 0 of the others."""
        if asked.float().mean() > 0.4:  # to pick and pack them would take longer
            return self(points, left).where(asked, 0)
        odds = torch.zeros(len(points), device=points.device)
        if asked.any():
            odds[asked] = self(points[asked])
        return odds


class ManyForms:
    """Forms of A attributes at once; (R, D) -> (R, A).

    A float32 number is nearly the sum of two bf16 numbers, so Q x is three products of bf16
    matrices, added up in float32. What they leave out is 2^-16 of the terms; those are small in
    principal axes, where the sum is as near to float64's as plain float32 is in others.
    """

    def __init__(self, form: Form) -> None:
        self.linear, self.constant = form.linear.float(), form.constant.float()
        self.quadratic = form.quadratic
        if form.quadratic is not None and form.quadratic.ndim == 3:
            high, low = halves(upper(form.quadratic.float()).transpose(0, 1))  # (D, A, D)
            self.right = interleaved(high, high, low)

    def __call__(self, points: Tensor) -> Tensor:
        odds = points @ self.linear.T + self.constant
        if self.quadratic is None:
            return odds
        if self.quadratic.ndim == 2:
            return odds + points.square() @ self.quadratic.float().T
        high, low = (half.T for half in halves(points))
        left = interleaved(high, low, high).T  # (R, 3 D)
        for begin, end in bands(points.shape[1]):
            right = self.right[: 3 * end, :, begin:end]  # (3 end, A, band)
            some = float32_product(left[:, : 3 * end], right.flatten(1))
            some = some.unflatten(1, right.shape[1:])
            odds += (some @ points[:, begin:end, None])[..., 0]
        return odds


def beginnings(points: Tensor) -> list[Tensor]:
    """What the bands of a form are multiplied with, the same for every form: [(R, end), ...]."""
    return [packed(points[:, :end]) for _, end in bands(points.shape[1])]


def halves(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Two bf16 tensors whose sum is the float32 one to 2^-17."""
    high = numbers.bfloat16()
    return high, (numbers - high.float()).bfloat16()


def interleaved(*parts: Tensor) -> Tensor:
    """The rows of several (D, ...) tensors in turn, band by band: (3 D, ...) of three."""
    pieces = [part[begin:end] for begin, end in bands(len(parts[0])) for part in parts]
    return torch.cat(pieces)


def float32_product(left: Tensor, right: Tensor) -> Tensor:
    """The product of two bf16 matrices in float32."""
    if left.device.type == "cpu":
        return left.float() @ right.float()
    return torch.mm(left, right, out_dtype=torch.float32)


def bands(dimensions: int, count: int = BANDS) -> list[tuple[int, int]]:
    """Columns in bands: beside the rows up to its end, each band is the upper block triangle."""
    width = -(-dimensions // count)
    return [(begin, min(begin + width, dimensions)) for begin in range(0, dimensions, width)]


def upper(matrix: Tensor) -> Tensor:
    """Q of which the upper block triangle alone gives x' Q x: its diagonal blocks, and twice the
    others; (..., D, D), in place. Vectors (D,) remain as they are.
    """
    if matrix.ndim < 2:
        return matrix
    matrix *= 2
    for begin, end in bands(matrix.shape[-1]):
        matrix[..., begin:end, begin:end] /= 2
    return matrix
