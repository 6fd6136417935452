"""Who resembles whom: neighbour graphs and the self-tuning affinity (Section 4.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from tqdm import tqdm

from lib.shards import Rows, add_up

if TYPE_CHECKING:
    import torch.distributed as dist

EXACT_BELOW = 30_000  # faces; `method="auto"` searches exactly below
COMPONENTS = 128  # principal components in which a fast search looks for candidates
CANDIDATES = (32, 48, 64, 80, 96, 128)  # how many it takes: the first that reach the recall
SAMPLE = 1_000  # faces whose exact neighbours measure the recall of a fast search
RECALL = 0.998  # what it must reach, or the exact one takes its place


@dataclass(frozen=True)
class NeighbourGraph:
    """The k nearest faces of every face; can be kept and used again.

    index: (N, k) int64, nearest first, the face itself left out.
    distance: (N, k) float32, l2.
    recall: share of the true neighbours found; 1 for an exact search, measured on a sample
        otherwise.
    """

    index: Tensor
    distance: Tensor
    recall: float = 1.0


def neighbours(
    features: Tensor,
    k: int = 10,
    *,
    method: str = "auto",
    device: torch.device | str | None = None,
    group: "dist.ProcessGroup | None" = None,
    progress: bool = False,
) -> NeighbourGraph:
    """The k nearest neighbours of every face by l2 distance.

    features: (N, D) float. With N <= k there are only N - 1 neighbours: the graph is (N, N - 1).
    method: `exact`; `fast` (candidates from 128 principal components, ranked by exact distance;
        the recall is measured on a sample, and where it falls short of 0.998 the exact search
        runs instead); `auto` chooses by N.
    device: where to search, features going there in blocks; None: where they are, all at once.
    group: features are this process's share of the rows, and so is the graph; always exact.

    Memory beside the features where they are searched as they lie: one centred copy and 512 x N
    distances (4,096 x N on a GPU); else three blocks of at most 32,768 rows.

    ValueError for an unknown method, or naming row and column where a feature is not finite.
    """
    if method not in ("auto", "exact", "fast"):
        raise ValueError(f"unknown method {method!r}: use auto, exact or fast")
    graph = build(Rows(features, device=device, group=group), k, method, progress)
    index, distance = graph.index.to(features.device), graph.distance.to(features.device)
    return NeighbourGraph(index, distance, graph.recall)


def build(rows: Rows, k: int, method: str = "auto", progress: bool = False) -> NeighbourGraph:
    """`neighbours` of rows that are at hand already."""
    k = min(k, rows.count - 1)
    if rows.resident is None or rows.group is not None:
        return NeighbourGraph(*search(rows, k, progress=progress))
    fast = method == "fast" or (method == "auto" and rows.count >= EXACT_BELOW)
    if fast and rows.resident.shape[1] > COMPONENTS and rows.count > 4 * SAMPLE:
        index, recall = _through_components(rows, k, progress)
        if recall >= RECALL:
            index, distance = rank(rows, index)
            return NeighbourGraph(index[:, :k].contiguous(), distance[:, :k].contiguous(), recall)
    return NeighbourGraph(*rank(rows, _symmetric(rows.resident, k, progress)))


# Exact search -------------------------------------------------------------------------------------


def search(
    rows: Rows,
    k: int,
    *,
    asking: Tensor | None = None,
    among: Tensor | None = None,
    progress: bool = False,
) -> tuple[Tensor, Tensor]:
    """Exact k nearest others: numbers (R, k) among all N faces, and distances (R, k).

    asking: this process's faces that ask, (R,); None for all. among: ascending numbers of the
    faces that may answer, (M,) of all N; None for all. With M < k the result is (R, M).
    """
    asking = torch.arange(rows.own, device=rows.device) if asking is None else asking
    k = min(k, rows.count if among is None else len(among))
    best = torch.full((len(asking), k), torch.inf, device=rows.device)
    index = torch.zeros(best.shape, dtype=torch.long, device=rows.device)
    for numbers, block in rows.blocks(among):
        squares = block.square().sum(1)
        for part in _steps(len(asking), 1024, progress):
            gap = torch.addmm(squares, rows.take(asking[part]), block.T, alpha=-2)  # less |x|^2
            _leave_out(gap, numbers, asking[part] + rows.begin)
            near = smallest(gap, min(k, len(numbers)))
            values = torch.cat([best[part], gap.gather(1, near)], 1)
            found = torch.cat([index[part], numbers[near]], 1)
            best[part], order = values.topk(k, dim=1, largest=False)
            index[part] = found.gather(1, order)
    return rank(rows, index, asking=asking, among=among)


def _steps(count: int, size: int, progress: bool) -> "tqdm[slice]":
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
    for numbers, block in rows.blocks(among):
        for begin in range(0, len(index), step):
            part = slice(begin, begin + step)
            points = rows.take(part if asking is None else asking[part])
            place = torch.searchsorted(numbers, index[part]).clamp(max=len(numbers) - 1)
            row, column = (numbers[place] == index[part]).nonzero().T
            gap = block.index_select(0, place[row, column]).sub_(points.index_select(0, row))
            distance[begin + row, column] = torch.linalg.vector_norm(gap, dim=1)
    distance, order = distance.sort(dim=1, stable=True)
    return index.gather(1, order), distance


def _symmetric(points: Tensor, k: int, progress: bool) -> Tensor:
    """Exact k nearest others (N, k) of points (N, D), unordered, each distance computed once.

    Strips of the upper triangle: a strip's rows take their nearest from it, and its columns what
    comes closer than the k-th they have so far.
    """
    count, size = len(points), _strip(points)
    squares, ones = points.square().sum(1, keepdim=True), torch.ones_like(points[:, :1])
    right = torch.cat([points, ones, squares], 1)  # (N, D + 2)
    memory = torch.empty(size * count, device=points.device)
    best = torch.full((count, k), torch.inf, device=points.device)
    index = torch.zeros((count, k), dtype=torch.long, device=points.device)
    for part in _steps(count, size, progress):
        begin, high = part.start, part.stop - part.start
        left = torch.cat([-2 * points[part], squares[part], ones[part]], 1)
        gap = memory[: high * (count - begin)].view(high, count - begin)
        torch.mm(left, right[begin:].T, out=gap)  # |x - y|^2
        gap.diagonal().fill_(torch.inf)
        near = smallest(gap, min(k, count - begin))
        _keep(best[part], index[part], gap.gather(1, near), near + begin)
        if begin == 0:
            near = smallest(gap[:, high:].T.contiguous(), min(k, high))
            values = gap[:, high:].T.gather(1, near)
            _keep(best[high:], index[high:], values, near)
        elif part.stop < count:
            _keep_closer(best[part.stop :], index[part.stop :], gap[:, high:], begin)
    return index


def _keep(best: Tensor, index: Tensor, values: Tensor, numbers: Tensor) -> None:
    """Put the closer of old (R, k) and new (R, c) in the place of the old."""
    values, order = torch.cat([best, values], 1).topk(best.shape[1], dim=1, largest=False)
    index.copy_(torch.cat([index, numbers], 1).gather(1, order))
    best.copy_(values)


def _keep_closer(best: Tensor, index: Tensor, gap: Tensor, begin: int, high: int = 16) -> None:
    """The same for distances (S, R) to faces numbered from `begin`, few of which are closer.

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
    groups = minima.topk(k, dim=1, largest=False).indices  # (R, k)
    inside = torch.arange(width, device=values.device)
    candidates = (groups[:, :, None] * width + inside).flatten(1)  # (R, width k)
    rest = torch.arange(whole, columns, device=values.device).expand(rows, -1)
    candidates = torch.cat([candidates, rest], 1)
    best = values.gather(1, candidates).topk(k, dim=1, largest=False).indices
    return candidates.gather(1, best)


# Fast search --------------------------------------------------------------------------------------


def _through_components(rows: Rows, k: int, progress: bool) -> tuple[Tensor, float]:
    """Candidates (N, C) that lie near in 128 principal components, and their recall.

    |x - y|^2 is estimated by |y|^2 - 2 x'y within the components. As many candidates are taken
    as bring back the neighbours of a sample; where none suffice, nothing is searched: (0, C).
    """
    points = rows.resident
    axes = torch.linalg.eigh(points.T @ points).eigenvectors[:, -COMPONENTS:]  # (D, 128)
    low, squares = points @ axes, points.square().sum(1)
    sample = torch.arange(0, len(low), max(1, len(low) // SAMPLE), device=low.device)
    truth, _ = search(rows, k, asking=sample)
    near = _near(low, squares, sample, max(CANDIDATES))
    found = truth[:, :, None] == near[:, None]  # (S, k, C)
    for most in CANDIDATES:
        recall = float(found[:, :, :most].any(2).float().mean())
        if recall >= RECALL:
            break
    else:
        return near[:0], recall
    numbers, size = torch.arange(len(low), device=low.device), _strip(low)
    memory = low.new_empty(size * len(low))
    steps = _steps(len(low), size, progress)
    return torch.cat([_near(low, squares, numbers[part], most, memory) for part in steps]), recall


def _near(
    low: Tensor, squares: Tensor, asking: Tensor, most: int, memory: Tensor | None = None
) -> Tensor:
    """The nearest others of some faces by the estimated distance, (R, most), nearest first."""
    memory = low.new_empty(len(asking) * len(low)) if memory is None else memory
    gap = memory[: len(asking) * len(low)].view(len(asking), len(low))
    torch.addmm(squares, low[asking], low.T, alpha=-2, out=gap)
    gap.scatter_(1, asking[:, None], torch.inf)
    return smallest(gap, most)


def _strip(points: Tensor) -> int:
    """Rows whose distances to all others are held at a time."""
    return 512 if points.device.type == "cpu" else 4096


# Affinity -----------------------------------------------------------------------------------------


def affinity(graph: NeighbourGraph, *, symmetric: bool = False, rows: Rows | None = None) -> Tensor:
    """Normalised affinity v_ij of every face and its neighbours, aligned with `graph.index`.

    v_ij = exp(-d(x_i, x_j)^2 / (sigma_i sigma_j)), sigma_i the distance to the h-th neighbour,
    then V <- D^-1/2 V D^-1/2 with D the row sums (text below Eqn. 7, after Zelnik-Manor and
    Perona). Where sigma_i sigma_j = 0 (duplicates), v is 1 at distance 0 and 0 elsewhere.

    symmetric: D as if V were (V + V') / 2; returned are the directed entries v_ij all the same,
        each of which counts half in either direction (`propagation.pairwise_odds`).
    rows: who keeps the other rows, where the graph is one process's share. Returns (N, k) float32.
    """
    if not graph.distance.shape[1]:  # a single face
        return graph.distance
    whole = rows.gather if rows else torch.Tensor.clone
    sigma = whole(graph.distance[:, -1])
    own = slice(rows.begin, rows.begin + rows.own) if rows else slice(None)
    scale = sigma[own, None] * sigma[graph.index]  # (N, k)
    square = graph.distance.square()
    affinity = torch.where(
        scale > 0, torch.exp(-square / scale.clamp(min=1e-30)), (square == 0).float()
    )
    degree = whole(affinity.sum(1))
    if symmetric:
        back = torch.zeros_like(degree).index_add_(0, graph.index.flatten(), affinity.flatten())
        degree = (degree + add_up(back, rows.group if rows else None)) / 2
    root = degree.clamp(min=1e-12).rsqrt()
    return root[own, None] * affinity * root[graph.index]
