"""Squared distances between many points: in float32, or lower bounds of them in bfloat16.

Hardware for bfloat16 needs half the time of float32 or less; float32 decides where bounds cannot.
"""

import torch
from torch import Tensor

from lib.propagation.engine.products import packed, product

ROUNDING = 2**-8  # largest relative error of a number rounded to bfloat16


class Distances:
    """|x - y|^2 of all points (N, D), float32.

    squares: |x|^2 (N,) to use where the points are only some components of x.
    """

    dtype = torch.float32

    def __init__(self, points: Tensor, squares: Tensor | None = None) -> None:
        self.points = points
        self.squares = lengths(points) if squares is None else squares

    def fill(self, gap: Tensor, asking: slice | Tensor, begin: int = 0) -> None:
        """Distances of some rows (R,) to all from number `begin` on, into `gap` (R, N - begin)."""
        left, right = packed(-2 * self.points[asking]), self.points[begin:]
        width = 2048 if right.device.type == "cpu" else 65_536  # a block stays in a CPU's cache
        for at in range(0, len(right), width):
            block = slice(at, min(at + width, len(right)))
            some = product(left, right[block], self.squares[begin:][block])
            torch.add(some, self.squares[asking, None], out=gap[:, block])


class Bounds:
    """Lower bounds of |x - y|^2 for all points (N, D), each from one product in bfloat16.

    Write x = h + l, h in bfloat16, with |l| <= r |x| for all points. By Cauchy and Schwarz
    x'y <= h_x'h_y + r (2 + r) |x| |y|, and so

        |x - y|^2 >= |x|^2 + |y|^2 - 2 h_x'h_y - 2 r (2 + r) |x| |y|.

    The right side is one product of rows with eight more columns. `floor` allows for rounding.
    """

    dtype = torch.bfloat16

    def __init__(self, points: Tensor, squares: Tensor | None = None) -> None:
        self.squares = squares = lengths(points) if squares is None else squares
        high, length = points.bfloat16(), squares.sqrt()
        pieces = zip(points.split(1024), high.split(1024), strict=True)
        lost = [torch.linalg.vector_norm(x - h, dim=1) for x, h in pieces]
        r = float((torch.cat(lost) / length.clamp(min=1e-30)).max()) if len(points) else 0.0
        up = (length * (1 + 2 * ROUNDING)).bfloat16().float()
        wide = -2 * r * (2 + r) * (1 + 2 * ROUNDING) * up
        one, parts = torch.ones_like(length), []
        for _ in range(3):  # |x|^2 as the sum of three numbers of bfloat16
            parts.append(squares.bfloat16().float())
            squares = squares - parts[-1]
        columns = torch.stack([*parts, one, one, one, wide, 0 * one], 1).bfloat16()
        self.left = torch.cat([-2 * high, columns], 1)  # (N, D + 8)
        columns = torch.stack([one, one, one, *parts, up, 0 * one], 1).bfloat16()
        self.right = torch.cat([high, columns], 1)

    def fill(self, gap: Tensor, asking: slice | Tensor, begin: int = 0) -> None:
        """Bounds for some rows (R,) and all from number `begin` on, into `gap` (R, N - begin)."""
        settings = torch.backends.cuda.matmul
        before = settings.allow_bf16_reduced_precision_reduction
        settings.allow_bf16_reduced_precision_reduction = False  # sums in float32 to the end
        torch.mm(self.left[asking], self.right[begin:].T, out=gap)
        settings.allow_bf16_reduced_precision_reduction = before

    @staticmethod
    def floor(values: Tensor) -> Tensor:
        """Lower bound of the true distance, float32, allowing for rounding of the stored value."""
        values = values.float()
        return values - ROUNDING * values.abs()


def quickest(device: torch.device | str) -> type[Distances] | type[Bounds]:
    """Bounds where the device multiplies bfloat16 in hardware (else that is slow), or distances."""
    if torch.device(device).type == "cuda":
        return Bounds if torch.cuda.is_bf16_supported(including_emulation=False) else Distances
    able = torch.cpu.get_capabilities() if torch.backends.mkldnn.is_available() else {}
    return Bounds if able.get("avx512_bf16") or able.get("amx_bf16") else Distances


def lengths(points: Tensor) -> Tensor:
    """|x|^2 of every row, (N,)."""
    return torch.linalg.vector_norm(points, dim=1).square_()
