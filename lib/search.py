"""Nearest neighbours among many points, exactly: in blocks, or each distance only once."""

import torch
from torch import Tensor
from tqdm import tqdm

from lib.cores import product, products
from lib.shards import Rows


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
        for part in steps(len(asking), 1024, progress):
            gap = product(-2 * rows.take(asking[part]), block, squares)  # less |x|^2
            _leave_out(gap, numbers, asking[part] + rows.begin)
            near = smallest(gap, min(k, len(numbers)))
            values = torch.cat([best[part], gap.gather(1, near)], 1)
            found = torch.cat([index[part], numbers[near]], 1)
            best[part], order = values.topk(k, dim=1, largest=False)
            index[part] = found.gather(1, order)
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


def symmetric(points: Tensor, k: int, progress: bool) -> Tensor:
    """Exact k nearest others (N, k) of points (N, D), unordered, each distance computed once.

    Blocks of the upper triangle: the rows as well as the columns of a block take from it what is
    closer than the k-th that they have so far; those of the first strip, which have none, take
    their nearest.
    """
    count, size = len(points), strip(points)
    squares = lengths(points)
    best = torch.full((count, k), torch.inf, device=points.device)
    index = torch.zeros((count, k), dtype=torch.long, device=points.device)
    for part in steps(count, size, progress):
        begin, end = part.start, part.stop
        take = _keep_nearest if begin == 0 else _keep_closer
        for block, gap in products(-2 * points[part], points[begin:], squares[begin:]):
            gap += squares[part, None]
            first = begin + block.start
            if first == begin:
                gap.diagonal().fill_(torch.inf)
            take(best[part], index[part], gap.T, first)
            others = slice(max(first, end), begin + block.stop)
            if others.start < others.stop:
                take(best[others], index[others], gap[:, others.start - first :], begin)
    return index


def _keep(best: Tensor, index: Tensor, values: Tensor, numbers: Tensor) -> None:
    """Put the closer of old (R, k) and new (R, c) in the place of the old."""
    values, order = torch.cat([best, values], 1).topk(best.shape[1], dim=1, largest=False)
    index.copy_(torch.cat([index, numbers], 1).gather(1, order))
    best.copy_(values)


def _keep_nearest(best: Tensor, index: Tensor, gap: Tensor, begin: int) -> None:
    """The same for distances (S, R) to faces numbered from `begin`."""
    gap = gap.T.contiguous()
    near = smallest(gap, min(best.shape[1], gap.shape[1]))
    _keep(best, index, gap.gather(1, near), near + begin)


def _keep_closer(best: Tensor, index: Tensor, gap: Tensor, begin: int, high: int = 16) -> None:
    """The same where few of the distances are closer.

    The minimum of every 16 rows says where to look.
    """
    bound, whole = best[:, -1], len(gap) // high * high
    bands = gap[:whole].view(-1, high, gap.shape[1])
    band, column = (bands.amin(1) < bound).nonzero().T
    inside = bands[band, :, column]  # (hits, 16)
    hit, offset = (inside < bound[column, None]).nonzero().T
    row, column, value = band[hit] * high + offset, column[hit], inside[hit, offset]
    rest, far = (gap[whole:] < bound).nonzero().T
    row, column = torch.cat([row, whole + rest]), torch.cat([column, far])
    value = torch.cat([value, gap[whole + rest, far]])
    if len(row):
        order = value.argsort()
        order = order[column[order].argsort(stable=True)]  # by column, closest first
        _keep_lists(best, index, column[order], row[order] + begin, value[order])


def _keep_lists(
    best: Tensor, index: Tensor, column: Tensor, numbers: Tensor, values: Tensor
) -> None:
    """Put lists of different lengths, one after the other, into rows of k, and keep the closer."""
    columns, lengths = column.unique_consecutive(return_counts=True)
    starts = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
    place = torch.arange(len(column), device=column.device) - starts
    line = torch.arange(len(columns), device=column.device).repeat_interleave(lengths)
    k, first = best.shape[1], place < best.shape[1]
    closer = torch.full((len(columns), k), torch.inf, device=best.device)
    named = torch.zeros((len(columns), k), dtype=torch.long, device=best.device)
    closer[line[first], place[first]] = values[first]
    named[line[first], place[first]] = numbers[first]
    kept, known = best[columns], index[columns]
    _keep(kept, known, closer, named)
    best[columns], index[columns] = kept, known


def lengths(points: Tensor) -> Tensor:
    """|x|^2 of every row, (N,)."""
    return torch.linalg.vector_norm(points, dim=1).square_()


def smallest(values: Tensor, k: int) -> Tensor:
    """Columns of the k smallest values of each row, (R, M) -> (R, k), exact, smallest first.

    On long rows the minimum of each group of columns is ranked first: the k smallest values lie
    in the k groups of smallest minimum.
    """
    rows, columns = values.shape
    width = 2 ** int((columns / max(1, k)) ** 0.5).bit_length() // 2
    if columns < 16 * width * k or width < 8:
        return values.topk(k, dim=1, largest=False).indices
    whole = columns // width * width
    minima = values[:, :whole].view(rows, -1, width).amin(2)
    groups = minima.topk(k, dim=1, largest=False, sorted=False).indices  # (R, k)
    inside = torch.arange(width, device=values.device)
    candidates = (groups[:, :, None] * width + inside).flatten(1)  # (R, width k)
    rest = torch.arange(whole, columns, device=values.device).expand(rows, -1)
    candidates = torch.cat([candidates, rest], 1)
    best = values.gather(1, candidates).topk(k, dim=1, largest=False).indices
    return candidates.gather(1, best)


def strip(points: Tensor) -> int:
    """Rows whose distances to all others are held at a time."""
    return 512 if points.device.type == "cpu" else 4096
