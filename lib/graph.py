"""Who resembles whom: neighbour graphs and the self-tuning affinity (Section 4.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor

GROUP = 64  # columns whose minimum stands for them in the group-minimum search
EXACT_BELOW = 30_000  # faces; `method="auto"` searches exactly below
SAMPLE = 1_000  # faces whose exact neighbours measure the recall of a fast search
RECALL = 0.998  # what a fast search must reach, or the exact one takes its place


@dataclass(frozen=True)
class NeighbourGraph:
    """The k nearest faces of every face.

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
) -> NeighbourGraph:
    """The k nearest neighbours of every face by l2 distance.

    features: (N, D) float. With N <= k there are only N - 1 neighbours: the graph is (N, N - 1).
    method: `exact`; `fast` (search in the first 128 principal components, exact distances among
        the best candidates; its recall is measured on a sample, and where it falls short of
        0.998 the exact search runs instead); `auto` chooses by N.
    device: where to search; the result lies where the features are.

    ValueError for an unknown method, or naming row and column where a feature is not finite.
    """
    if method not in ("auto", "exact", "fast"):
        raise ValueError(f"unknown method {method!r}: use auto, exact or fast")
    check_finite(features)
    points = features.to(device=device or features.device, dtype=torch.float32)
    points = points - points.mean(0)  # smaller numbers, the same distances
    count = min(k, len(points) - 1)
    fast = method == "fast" or (method == "auto" and len(points) >= EXACT_BELOW)
    if fast and points.shape[1] > 128 and len(points) > 4 * SAMPLE:
        index, distance, recall = _fast(points, count)
        if recall >= RECALL:
            return NeighbourGraph(index.to(features.device), distance.to(features.device), recall)
    index, distance = search(points, points, count, skip_self=True)
    return NeighbourGraph(index.to(features.device), distance.to(features.device))


def search(
    queries: Tensor, points: Tensor, k: int, *, skip_self: bool = False, rows: int = 1024
) -> tuple[Tensor, Tensor]:
    """Exact k nearest `points` (M, D) of each query (N, D): index (N, k), distance (N, k).

    skip_self: queries are the points themselves, and none is its own neighbour.
    Memory beside the inputs: two blocks of `rows` x M float32.
    """
    squares = points.square().sum(1)  # (M,)
    found = []
    for begin in range(0, len(queries), rows):
        part = queries[begin : begin + rows]
        gap = torch.addmm(squares, part, points.T, beta=1, alpha=-2)  # (rows, M), less |part|^2
        if skip_self:
            place = torch.arange(len(part), device=gap.device)
            gap[place, begin + place] = torch.inf
        found.append(smallest(gap, k))
    index = torch.cat(found) if found else torch.empty(0, k, dtype=torch.long)
    return rank(queries, points, index)


def smallest(values: Tensor, k: int) -> Tensor:
    """Columns of the k smallest values of each row, (R, M) -> (R, k), exact.

    On long rows the minimum of each group of 64 columns is ranked first: the k smallest values
    lie in the k groups of smallest minimum.
    """
    rows, columns = values.shape
    if columns < 16 * GROUP * k:
        return values.topk(k, dim=1, largest=False).indices
    whole = columns // GROUP * GROUP
    grouped = values[:, :whole].view(rows, -1, GROUP)
    groups = grouped.amin(2).topk(k, dim=1, largest=False).indices  # (R, k)
    inside = torch.arange(GROUP, device=values.device)
    candidates = (groups[:, :, None] * GROUP + inside).flatten(1)  # (R, 64 k)
    rest = torch.arange(whole, columns, device=values.device).expand(rows, -1)
    candidates = torch.cat([candidates, rest], 1)
    best = values.gather(1, candidates).topk(k, dim=1, largest=False).indices
    return candidates.gather(1, best)


def rank(queries: Tensor, points: Tensor, index: Tensor, rows: int = 4096) -> tuple[Tensor, Tensor]:
    """Candidates (N, C) put in order of their exact distance, computed from the differences."""
    ordered, distances = torch.empty_like(index), torch.empty(index.shape, device=index.device)
    for begin in range(0, len(queries), rows):
        part = slice(begin, begin + rows)
        gap = points[index[part]] - queries[part, None]  # (rows, C, D)
        distance, order = gap.square().sum(2).sqrt().sort(dim=1, stable=True)
        ordered[part], distances[part] = index[part].gather(1, order), distance
    return ordered, distances


def _fast(points: Tensor, k: int) -> tuple[Tensor, Tensor, float]:
    """Neighbours through 128 principal components and 64 candidates, with their recall."""
    axes = torch.linalg.eigh(points.T @ points).eigenvectors[:, -128:]  # (D, 128)
    low = points @ axes
    squares = low.square().sum(1)
    found = []
    for begin in range(0, len(low), 1024):
        part = low[begin : begin + 1024]
        gap = torch.addmm(squares, part, low.T, alpha=-2)
        place = torch.arange(len(part), device=gap.device)
        gap[place, begin + place] = torch.inf
        found.append(smallest(gap, 64))
    index, distance = rank(points, points, torch.cat(found), rows=256)
    index, distance = index[:, :k].contiguous(), distance[:, :k].contiguous()
    return index, distance, recall(points, index)


def recall(points: Tensor, index: Tensor) -> float:
    """Share of the true neighbours among those found, on a fixed sample of faces."""
    step = max(1, len(points) // SAMPLE)
    sample = torch.arange(0, len(points), step, device=points.device)
    k = index.shape[1]
    nearest, _ = search(points[sample], points, k + 1)
    others = nearest != sample[:, None]
    hits = (nearest[:, :, None] == index[sample][:, None]).any(2) & others
    return float(hits.sum() / others.sum().clamp(max=k * len(sample)))


def affinity(graph: NeighbourGraph, *, symmetric: bool = False) -> Tensor:
    """Normalised affinity v_ij of every face and its neighbours, aligned with `graph.index`.

    v_ij = exp(-d(x_i, x_j)^2 / (sigma_i sigma_j)), sigma_i the distance to the h-th neighbour,
    then V <- D^-1/2 V D^-1/2 with D the row sums (text below Eqn. 7, after Zelnik-Manor and
    Perona). Where sigma_i sigma_j = 0 (duplicates), v is 1 at distance 0 and 0 elsewhere.

    symmetric: count an edge in the row sums in both directions, as if V were symmetrised; the
        returned entries are those of the directed list either way. Returns (N, k) float32.
    """
    sigma = graph.distance[:, -1]
    scale = sigma[:, None] * sigma[graph.index]  # (N, k)
    square = graph.distance.square()
    affinity = torch.where(
        scale > 0, torch.exp(-square / scale.clamp(min=1e-30)), (square == 0).float()
    )
    degree = affinity.sum(1)
    if symmetric:
        back = torch.zeros_like(degree).index_add_(0, graph.index.flatten(), affinity.flatten())
        degree = (degree + back) / 2
    root = degree.clamp(min=1e-12).rsqrt()
    return (root[:, None] * affinity * root[graph.index]).float()


def check_finite(features: Tensor) -> None:
    """ValueError naming the first feature that is NaN or infinite."""
    broken = ~torch.isfinite(features)
    if broken.any():
        row, column = broken.nonzero()[0].tolist()
        raise ValueError(
            f"feature {column} of face {row} is {float(features[row, column])}; "
            "features must be finite: was the network's training stopped by a NaN?"
        )
