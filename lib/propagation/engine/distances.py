"""Squared distances between many points: in float32, or bounded from below in bfloat16.

A CPU or GPU that multiplies bfloat16 in hardware does so in half the time or less, and moves half
the bytes. The bounds are close enough to leave few points to be told apart in float32.
"""

import torch
from torch import Tensor

from lib.propagation.engine.products import exact_products, has_bfloat16, products

PARTS = 3  # bfloat16 numbers that add up to one of float32
ROUNDING = 2**-8  # share of itself by which rounding to bfloat16 moves a number, at most


class Distances:
    """|x - y|^2 of all points (N, D), float32, as exact as its products are.

    squares: what to take for |x|^2, (N,), where the points are only a part of x.
    """

    dtype = torch.float32

    def __init__(self, points: Tensor, squares: Tensor | None = None) -> None:
        self.points = points
        self.squares = lengths(points) if squares is None else squares
        self.width = points.shape[1]

    def fill(self, gap: Tensor, asking: slice | Tensor, begin: int = 0) -> None:
        """Distances of some rows (R,) to all from number `begin` on, into `gap` (R, N - begin)."""
        left, right = -2 * self.points[asking], self.points[begin:]
        for block, some in products(left, right, self.squares[begin:]):
            torch.add(some, self.squares[asking, None], out=gap[:, block])


class Bounds:
    """Lower bounds of |x - y|^2 for all points (N, D), of one bfloat16 product each.

    With x = h + l, h in bfloat16, and |l| <= r |x| for all points, the inequality of Cauchy and
    Schwarz gives x'y <= h_x'h_y + r (2 + r) |x| |y|, and so

        |x - y|^2 >= |x|^2 + |y|^2 - 2 h_x'h_y - 2 r (2 + r) |x| |y|.

    All of it is a product of rows that are eight columns longer; |x|^2 goes there in three parts.
    Products are added up in float32; `floor` allows for the rounding of the sum.
    """

    dtype = torch.bfloat16

    def __init__(self, points: Tensor, squares: Tensor | None = None) -> None:
        self.squares = squares = lengths(points) if squares is None else squares
        high, length = points.to(self.dtype), squares.sqrt()
        pieces = zip(points.split(1024), high.split(1024), strict=True)
        lost = [torch.linalg.vector_norm(x - h, dim=1) for x, h in pieces]
        r = float((torch.cat(lost) / length.clamp(min=1e-30)).max()) if len(points) else 0.0
        self.wide = -2 * r * (2 + r) * (1 + 2 * ROUNDING)
        one, up = torch.ones_like(length), length * (1 + 2 * ROUNDING)
        columns = [one] * PARTS + _parts(squares) + [up, 0 * one]
        self.answering = torch.cat([high, torch.stack(columns, 1).to(self.dtype)], 1)  # (N, D + 8)
        self.width = self.answering.shape[1]

    def asking(self, rows: slice | Tensor) -> Tensor:
        """What to multiply those rows (R, D + 8) with that answer."""
        high, one, parts, up, zero = self.answering[rows].split(
            [self.width - 2 * PARTS - 2, PARTS, PARTS, 1, 1], 1
        )
        wide = (self.wide * up.float()).to(self.dtype)
        return torch.cat([-2 * high, parts, one, wide, zero], 1)

    def fill(self, gap: Tensor, asking: slice | Tensor, begin: int = 0) -> None:
        """Bounds for some rows (R,) and all from number `begin` on, into `gap` (R, N - begin)."""
        with exact_products():
            torch.mm(self.asking(asking), self.answering[begin:].T, out=gap)

    def pairs(self, asking: Tensor, index: Tensor) -> Tensor:
        """Bounds for some rows (R,) and numbers of others for each (R, C), (R, C)."""
        found = torch.empty(index.shape, dtype=self.dtype, device=index.device)
        values = 2**21 if index.device.type == "cpu" else 2**28  # fetched at a time
        step = max(1, values // (index.shape[1] * self.width))
        for begin in range(0, len(index), step):
            some = index[begin : begin + step]
            others = self.answering.index_select(0, some.flatten()).view(*some.shape, self.width)
            rows = self.asking(asking[begin : begin + step])[:, None]
            found[begin : begin + step] = torch.bmm(rows, others.transpose(1, 2))[:, 0]
        return found

    @staticmethod
    def floor(values: Tensor) -> Tensor:
        """What distances are at least whose entries are these, float32."""
        values = values.float()
        return values - ROUNDING * values.abs()


def quickest(device: torch.device) -> type[Distances] | type[Bounds]:
    """How a device tells near points from far ones in the least time."""
    return Bounds if has_bfloat16(device) else Distances


def lengths(points: Tensor) -> Tensor:
    """|x|^2 of every row, (N,)."""
    return torch.linalg.vector_norm(points, dim=1).square_()


def _parts(values: Tensor) -> list[Tensor]:
    """Numbers (N,) as sums of a few of bfloat16 each."""
    parts = []
    for _ in range(PARTS):
        parts.append(values.bfloat16())
        values = values - parts[-1]
    return parts
