"""Exact nearest neighbours from distances in strips, of which few are kept in memory at a time."""

import torch
from torch import Tensor

from lib.propagation.engine.distances import Bounds, Distances, lengths
from lib.propagation.engine.products import product
from lib.propagation.engine.rows import Rows, slices

COLUMNS = {"cpu": 8192, "cuda": 131_072}  # of a strip, compared at a time with what they have
BAND = 16  # rows of a strip whose minimum is compared first


def nearest(rows: Rows, k: int, of: Tensor | None = None, among: Tensor | None = None) -> Tensor:
    """The k nearest others of faces `of` (R,) among `among` (M,); None: all. (R, k), unordered."""
    of = (torch.arange(rows.count) if of is None else of).to(rows.device)
    k = min(k, rows.count if among is None else len(among))
    best = torch.full((len(of), k), torch.inf, device=rows.device)
    index = torch.zeros(best.shape, dtype=torch.long, device=rows.device)
    for numbers, block in rows.blocks(among):
        squares = lengths(block)
        for part in slices(len(of), height(block.dtype, block.device)):
            gap = product(-2 * rows.take(of[part]), block, squares)  # |x - y|^2 - |x|^2
            place = torch.searchsorted(numbers, of[part]).clamp(max=len(numbers) - 1)
            itself = (numbers[place] == of[part]).nonzero()[:, 0]
            gap[itself, place[itself]] = torch.inf
            _keep_nearest(best[part], index[part], gap, numbers)
    return index


def symmetric(distances: Distances | Bounds, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest others of every point and their distances, (N, k), the farthest last.

    Each distance is computed once, in strips of the upper triangle: rows take their nearest from
    it, columns what is closer than their k-th so far.
    """
    squares = distances.squares
    count, size = len(squares), height(distances.dtype, squares.device)
    memory = squares.new_empty(size * count, dtype=distances.dtype)
    best = squares.new_full((count, k), torch.inf, dtype=distances.dtype)
    index = torch.zeros((count, k), dtype=torch.long, device=squares.device)
    for part in slices(count, size):
        begin, high = part.start, part.stop - part.start
        gap = memory[: high * (count - begin)].view(high, count - begin)
        distances.fill(gap, part, begin)
        gap.diagonal().fill_(torch.inf)
        numbers = torch.arange(begin, count, device=squares.device)
        _keep_nearest(best[part], index[part], gap, numbers)
        others, known, beside = best[part.stop :], index[part.stop :], gap[:, high:]
        for some in slices(len(others), COLUMNS[squares.device.type]):
            _keep_closer(others[some], known[some], beside[:, some], numbers[:high])
    return index, best


def _keep(best: Tensor, index: Tensor, values: Tensor, numbers: Tensor) -> None:
    """Keep the nearest of old (R, k) and new (R, c), in place."""
    values, order = torch.cat([best, values], 1).topk(best.shape[1], dim=1, largest=False)
    index.copy_(torch.cat([index, numbers], 1).gather(1, order))
    best.copy_(values)


def _keep_nearest(best: Tensor, index: Tensor, gap: Tensor, numbers: Tensor) -> None:
    """The same with all distances (R, M) to faces of these numbers (M,)."""
    near = smallest(gap, min(best.shape[1], len(numbers)))
    _keep(best, index, gap.gather(1, near), numbers[near])


def _keep_closer(best: Tensor, index: Tensor, gap: Tensor, numbers: Tensor) -> None:
    """The same for columns, (S, k) and gap (R, S), few of which find a closer face.

    The minimum of each band of rows says where. Where many do, as at first, columns are ranked.
    """
    bound, bands = best[:, -1], gap.view(-1, BAND, gap.shape[1])
    column, band = (bands.amin(1) < bound).T.nonzero().T
    if 3 * BAND * len(column) >= gap.numel():
        _keep_nearest(best, index, gap.T.contiguous(), numbers)
        return
    inside = bands[band, :, column]  # (hits, BAND)
    hit, offset = (inside < bound[column, None]).nonzero().T
    if not len(hit):
        return
    columns, lengths = column[hit].unique_consecutive(return_counts=True)
    line = torch.arange(len(columns), device=gap.device).repeat_interleave(lengths)
    place = torch.arange(len(hit), device=gap.device)
    place -= (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
    closer = best.new_full((len(columns), int(lengths.max())), torch.inf)
    named = torch.zeros(closer.shape, dtype=torch.long, device=gap.device)
    closer[line, place] = inside[hit, offset]
    named[line, place] = numbers[band[hit] * BAND + offset]
    kept, known = best[columns], index[columns]
    _keep(kept, known, closer, named)
    best[columns], index[columns] = kept, known


def smallest(values: Tensor, k: int, ordered: bool = False, width: int = 8) -> Tensor:
    """Columns of the k smallest values of each row, (R, M) -> (R, k); ordered: smallest first.

    They are in the k groups of equally spaced columns with the smallest minima.
    """
    rows, columns = values.shape
    groups = columns // width
    if groups <= 4 * k:
        return values.topk(k, dim=1, largest=False, sorted=ordered).indices
    whole = groups * width
    chosen = smallest(values[:, :whole].view(rows, width, groups).amin(1), k)  # (R, k)
    inside = torch.arange(width, device=values.device)[:, None] * groups
    rest = torch.arange(whole, columns, device=values.device).expand(rows, -1)
    candidates = torch.cat([(chosen[:, None] + inside).flatten(1), rest], 1)  # (R, width k + rest)
    best = values.gather(1, candidates).topk(k, dim=1, largest=False, sorted=ordered).indices
    return candidates.gather(1, best)


def height(dtype: torch.dtype, device: torch.device) -> int:
    """Rows of a strip, a multiple of BAND."""
    return (2048 if device.type == "cpu" else 16_384) // dtype.itemsize
