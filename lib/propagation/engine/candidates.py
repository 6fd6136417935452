"""Nearest neighbours among few candidates: exactly, told by bounds; or nearly so, by components."""

import torch
from torch import Tensor

from lib.propagation.engine.distances import Bounds, Distances, quickest
from lib.propagation.engine.search import rank, search, smallest, steps, strip, symmetric
from lib.propagation.engine.shards import Rows

COMPONENTS = (64, 96, 128)  # principal components in which a fast search may look
CANDIDATES = (24, 32, 48, 64, 80, 96, 112, 128)  # and how many candidates it may take from there
# Multiply-adds in the time that it takes to look at an estimate, and to fetch one number of a
# candidate's.
LOOK, FETCH = {"cpu": 200, "cuda": 0}, {"cpu": 70, "cuda": 3000}
SPARE = 14  # candidates beyond the k nearest whose distances are computed, where bounds tell them
SAMPLE = 1_000  # faces whose exact neighbours measure the recall of a fast search
RECALL = 0.9985  # what it must reach there, so that all faces reach 0.998
UNSURE = 0.25  # share of a sample's faces whom bounds do not tell their neighbours: then they rest


def exact(rows: Rows, k: int, progress: bool = False) -> tuple[Tensor, Tensor]:
    """Neighbours and distances (N, k): where bounds are quick, those of a few more candidates."""
    most, everyone = k + SPARE, torch.arange(rows.count, device=rows.device)
    if quickest(rows.device) is Bounds and most < rows.count:
        bounds, sample = Bounds(rows.resident), _sample(rows, SAMPLE // 4)
        *_, unsure = _settled(rows, k, sample, *_near(bounds, sample, most))
        if unsure < UNSURE:
            return _settled(rows, k, everyone, *symmetric(bounds, most, progress))[:2]
    return rank(rows, symmetric(Distances(rows.resident), k, progress)[0])


def _settled(
    rows: Rows, k: int, asking: Tensor, index: Tensor, bounds: Tensor
) -> tuple[Tensor, Tensor, float]:
    """Exact neighbours and distances (R, k) by way of candidates and their bounds (R, C).

    No other face is nearer than the floor of the farthest bound. Whose k-th neighbour may not be
    either is unsure, and searches all faces; their share comes last.
    """
    floor = Bounds.floor(bounds.amax(1))
    index, distance = (ranked[:, :k].contiguous() for ranked in rank(rows, index, asking=asking))
    unsure = (distance[:, -1].square() > floor).nonzero()[:, 0]
    index[unsure], distance[unsure] = search(rows, k, asking=asking[unsure])
    return index, distance, len(unsure) / len(index)


def _sample(rows: Rows, most: int) -> Tensor:
    """Numbers of about that many faces, or of all."""
    return torch.arange(0, rows.count, max(1, rows.count // most), device=rows.device)


def through_components(rows: Rows, k: int, progress: bool = False) -> tuple[Tensor, float]:
    """Candidates (N, C) that lie near in a few principal components, and their recall.

    |x - y|^2 is estimated by |x|^2 + |y|^2 - 2 x'y, x'y within the components. Taken are the
    components and candidates that bring back the neighbours of a sample at the least cost; where
    none do, nothing is searched: (0, C). Where bfloat16 is quick, bounds in all dimensions say
    which few of many candidates are worth an exact distance. A GPU may even take all dimensions.
    """
    points, kind, few = rows.resident, rows.device.type, min(k + SPARE, rows.count - 1)
    some = points[:: max(1, len(points) // 8192)]  # enough to know the principal axes by
    axes = torch.linalg.eigh(some.T @ some).eigenvectors.flip(1)[:, : max(COMPONENTS)]
    estimates = quickest(rows.device)
    low, whole = points @ axes, estimates(points)
    spaces = [estimates(low[:, :most].contiguous(), whole.squares) for most in COMPONENTS]
    spaces += [whole] if kind == "cuda" else []
    sample = _sample(rows, SAMPLE)
    if estimates is Bounds:
        truth, *_ = _settled(rows, k, sample, *_near(whole, sample, few))
    else:
        truth, _ = search(rows, k, asking=sample)
    space, near = _cheapest(spaces, sample, truth, points)
    recall, most = recall_of(truth, _refined(whole, sample, near, few)), near.shape[1]
    if recall < RECALL:
        return near[:0], recall
    size, numbers = strip(space.dtype, low.device), torch.arange(len(low), device=low.device)
    memory = low.new_empty(size * len(low), dtype=space.dtype)
    found = [
        _refined(whole, numbers[part], _near(space, numbers[part], most, memory)[0], few)
        for part in steps(len(low), size, progress)
    ]
    return torch.cat(found), recall


def _cheapest(
    spaces: list[Distances | Bounds], sample: Tensor, truth: Tensor, points: Tensor
) -> tuple[Distances | Bounds, Tensor]:
    """The space, and a sample's candidates (R, C) there, that reach the recall at the least cost;
    the last that were looked at where none do.
    """
    kind, cost, best = points.device.type, torch.inf, None
    for space in spaces:
        near, _ = _near(space, sample, max(CANDIDATES), ordered=True)
        for most in CANDIDATES:
            share = recall_of(truth, near[:, :most])
            looks = len(points) * (space.width + LOOK[kind])
            work = looks + FETCH[kind] * most * points.shape[1]
            if share >= RECALL and work < cost:
                cost, best = work, (space, near[:, :most])
    return best or (space, near)


def recall_of(truth: Tensor, found: Tensor) -> float:
    """Share of the true neighbours (R, k) among those found (R, C)."""
    return float((truth[:, :, None] == found[:, None]).any(2).double().mean())


def _near(
    space: Distances | Bounds,
    asking: Tensor,
    most: int,
    memory: Tensor | None = None,
    ordered: bool = False,
) -> tuple[Tensor, Tensor]:
    """The nearest others of some faces by the estimated distance, and that distance (R, most)."""
    shape = len(asking), len(space.squares)
    memory = space.squares.new_empty(shape, dtype=space.dtype) if memory is None else memory
    gap = memory.view(-1)[: shape[0] * shape[1]].view(shape)
    space.fill(gap, asking)
    gap[torch.arange(len(asking), device=gap.device), asking] = torch.inf
    near = smallest(gap, most, ordered)
    return near, gap.gather(1, near)


def _refined(whole: Distances | Bounds, asking: Tensor, index: Tensor, few: int) -> Tensor:
    """Of candidates (R, C) the few that lie nearest by the bounds in all dimensions."""
    if isinstance(whole, Distances) or index.shape[1] <= few:
        return index
    order = whole.pairs(asking, index).topk(few, dim=1, largest=False).indices
    return index.gather(1, order)
