"""Nearest neighbours among many points, exactly: in blocks, or each distance only once."""

import torch
from torch import Tensor
from tqdm import tqdm

from lib.propagation.engine.distances import Bounds, Distances, lengths
from lib.propagation.engine.products import product
from lib.propagation.engine.shards import Rows

# Columns of a strip of distances that are compared at a time with what they have.
COLUMNS = {"cpu": 8192, "cuda": 131_072}


def search(
    rows: Rows,
    k: int,
    *,
    asking: Tensor | None = None,
    among: Tensor | None = None,
    progress: bool = False,
) -> tuple[Tensor, Tensor]:
    """Exact k nearest others, nearest first: numbers (R, k) among all N faces, distances (R, k).

    asking: this process's faces that ask, (R,); None for all. among: ascending numbers of the
    faces that may answer, (M,) of all N; None for all. With M < k the result is (R, M).
    """
    index = nearest(rows, k, asking=asking, among=among, progress=progress)
    return rank(rows, index, asking=asking, among=among)


def nearest(
    rows: Rows,
    k: int,
    *,
    asking: Tensor | None = None,
    among: Tensor | None = None,
    progress: bool = False,
) -> Tensor:
    """The faces that `search` finds, (R, k), in no exact order and without their distances."""
    asking = torch.arange(rows.own, device=rows.device) if asking is None else asking
    k = min(k, rows.count if among is None else len(among))
    best = torch.full((len(asking), k), torch.inf, device=rows.device)
    index = torch.zeros(best.shape, dtype=torch.long, device=rows.device)
    for numbers, block in rows.blocks(among):
        squares = lengths(block)
        for part in steps(len(asking), strip(block.dtype, block.device), progress):
            gap = product(-2 * rows.take(asking[part]), block, squares)  # less |x|^2
            _leave_out(gap, numbers, asking[part] + rows.begin)
            _keep_nearest(best[part], index[part], gap, numbers)
    return index


def steps(count: int, size: int, progress: bool) -> "tqdm[slice]":
    parts = [slice(begin, min(begin + size, count)) for begin in range(0, count, size)]
    return tqdm(parts, desc="neighbours", unit="block", disable=not progress, leave=False)


def _leave_out(gap: Tensor, numbers: Tensor, asking: Tensor) -> None:
    """No face is its own neighbour: infinite distance (R, M) where the numbers are the same."""
    place = torch.searchsorted(numbers, asking).clamp(max=len(numbers) - 1)
    row = (numbers[place] == asking).nonzero()[:, 0]
    gap[row, place[row]] = torch.inf


def rank(
    rows: Rows, index: Tensor, *, asking: Tensor | None = None, among: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Candidates (R, C) in order of their exact distance (R, C), computed from the differences."""
    distance = torch.zeros(index.shape, device=rows.device)
    values = 2**20 if rows.device.type == "cpu" else 2**28  # worked on at a time
    step = max(1, values // max(1, len(rows.mean) * index.shape[1]))
    together = rows.count if rows.resident is not None and rows.group is None else None
    for numbers, block in rows.blocks(among, together):
        for begin in range(0, len(index), step):
            part = slice(begin, begin + step)
            points = rows.take(part if asking is None else asking[part])
            place = torch.searchsorted(numbers, index[part]).clamp(max=len(numbers) - 1)
            here = numbers[place] == index[part]
            if here.all():
                gap = block.index_select(0, place.flatten()).view(*place.shape, block.shape[1])
                distance[part] = torch.linalg.vector_norm(gap.sub_(points[:, None]), dim=2)
            else:
                row, column = here.nonzero().T
                gap = block.index_select(0, place[row, column]).sub_(points.index_select(0, row))
                distance[begin + row, column] = torch.linalg.vector_norm(gap, dim=1)
    distance, order = distance.sort(dim=1, stable=True)
    return index.gather(1, order), distance


def symmetric(
    distances: Distances | Bounds, k: int, progress: bool = False
) -> tuple[Tensor, Tensor]:
    """The k least distant others of every point and their distances, (N, k), unordered but for
    the last, the farthest. Each pair is computed once.

    Strips of the upper triangle: a strip's rows take their nearest from it, and its columns what
    comes closer than the k-th they have so far.
    """
    squares = distances.squares
    count, size = len(squares), strip(distances.dtype, squares.device)
    memory = squares.new_empty(size * count, dtype=distances.dtype)
    best = squares.new_full((count, k), torch.inf, dtype=distances.dtype)
    index = torch.zeros((count, k), dtype=torch.long, device=squares.device)
    for part in steps(count, size, progress):
        begin, high = part.start, part.stop - part.start
        gap = memory[: high * (count - begin)].view(high, count - begin)
        distances.fill(gap, part, begin)
        gap.diagonal().fill_(torch.inf)
        numbers = torch.arange(begin, count, device=squares.device)
        _keep_nearest(best[part], index[part], gap, numbers)
        others, known, beside = best[part.stop :], index[part.stop :], gap[:, high:]
        for some in steps(len(others), COLUMNS[squares.device.type], False):
            _keep_closer(others[some], known[some], beside[:, some], numbers[:high])
    return index, best


def _keep(best: Tensor, index: Tensor, values: Tensor, numbers: Tensor) -> None:
    """Put the closer of old (R, k) and new (R, c) in the place of the old."""
    values, order = torch.cat([best, values], 1).topk(best.shape[1], dim=1, largest=False)
    index.copy_(torch.cat([index, numbers], 1).gather(1, order))
    best.copy_(values)


def _keep_nearest(best: Tensor, index: Tensor, gap: Tensor, numbers: Tensor) -> None:
    """The same for all distances (R, M) to faces with these numbers (M,)."""
    near = smallest(gap, min(best.shape[1], len(numbers)))
    _keep(best, index, gap.gather(1, near), numbers[near])


def _keep_closer(best: Tensor, index: Tensor, gap: Tensor, numbers: Tensor, high: int = 16) -> None:
    """The same for distances (S, R) to faces with these numbers (S,), few of which are closer.

    The minimum of every 16 rows says where to look. Where there is much to look at, as at first,
    whole columns are ranked.
    """
    bound, whole = best[:, -1], len(gap) // high * high
    bands = gap[:whole].view(-1, high, gap.shape[1])
    column, band = (bands.amin(1) < bound).T.nonzero().T
    if 3 * high * len(column) >= gap.numel() or not whole:
        _keep_nearest(best, index, gap.T.contiguous(), numbers)
        return
    inside = bands[band, :, column]  # (hits, 16)
    hit, offset = (inside < bound[column, None]).nonzero().T
    rows = band[hit] * high + offset
    _keep_lists(best, index, column[hit], numbers[rows], inside[hit, offset])
    column, row = (gap[whole:] < bound).T.nonzero().T
    _keep_lists(best, index, column, numbers[row + whole], gap[row + whole, column])


def _keep_lists(
    best: Tensor, index: Tensor, column: Tensor, numbers: Tensor, values: Tensor, many: int = 64
) -> None:
    """Put lists of different lengths, one column's after the other's, among the k of each."""
    if not len(column):
        return
    columns, lengths = column.unique_consecutive(return_counts=True)
    long = lengths > many
    if long.any() and not long.all():  # a long list does not make all lines as long
        for some in (long.repeat_interleave(lengths), ~long.repeat_interleave(lengths)):
            _keep_lists(best, index, column[some], numbers[some], values[some])
        return
    starts = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
    place = torch.arange(len(column), device=column.device) - starts
    line = torch.arange(len(columns), device=column.device).repeat_interleave(lengths)
    closer = best.new_full((len(columns), int(lengths.max())), torch.inf)
    named = torch.zeros(closer.shape, dtype=torch.long, device=best.device)
    closer[line, place], named[line, place] = values, numbers
    kept, known = best[columns], index[columns]
    _keep(kept, known, closer, named)
    best[columns], index[columns] = kept, known


def smallest(values: Tensor, k: int, ordered: bool = False, width: int = 8) -> Tensor:
    """Columns of the k smallest values of each row, (R, M) -> (R, k), exact.

    ordered: smallest first.

    On long rows the minima of groups of columns are ranked first: the k smallest values lie in
    the k groups of smallest minimum. A group: columns equally far apart, whose minimum is quicker
    to take than that of neighbouring ones.
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


def strip(dtype: torch.dtype, device: torch.device) -> int:
    """Rows whose distances to all others are held at a time."""
    return (2048 if device.type == "cpu" else 16_384) // dtype.itemsize
