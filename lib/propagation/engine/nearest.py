"""Neighbour search: exactly, or through candidates from bounds or principal components."""

import torch
from torch import Tensor

from lib.propagation.engine.distances import Bounds, Distances, lengths, quickest
from lib.propagation.engine.rows import Rows, slices
from lib.propagation.engine.strips import height, nearest, smallest, symmetric

EXACT_BELOW = 30_000  # faces; `auto` is exact below
COMPONENTS = 128  # principal components in which a fast search looks
CANDIDATES = (24, 32, 48, 64, 80, 96, 112, 128)  # and how many candidates it may take from there
SPARE = 14  # candidates beyond the k nearest by their bounds
SAMPLE = 1_000  # faces whose exact neighbours measure the recall of a fast search
RECALL = 0.9985  # recall needed on the sample, so that it is 0.998 on all faces


def search(
    rows: Rows,
    k: int,
    *,
    method: str = "auto",
    of: Tensor | None = None,
    among: Tensor | None = None,
    ranked: bool = True,
) -> tuple[Tensor, Tensor, float]:
    """The k nearest others of every face: numbers (N, k), distances (N, k), and recall.

    method, of, among: as in `graph.neighbours`. ranked: nearest first, with distances; otherwise in
    any order, and the distances mean nothing.
    """
    k = k if among is not None else min(k, rows.count - 1)
    if of is not None or among is not None or rows.resident is None:
        index = nearest(rows, k, of, among)
        return (*rank(rows, index, of), 1.0) if ranked else (index, index, 1.0)
    fast = method == "fast" or (method == "auto" and rows.count >= EXACT_BELOW)
    found = through_components(rows, k) if fast else None
    return found or (*exact(rows, k), 1.0)


def exact(rows: Rows, k: int) -> tuple[Tensor, Tensor]:
    """Neighbours and distances (N, k).

    Where bfloat16 is fast, from the k + SPARE nearest by their bounds: no other face is nearer than
    the floor of the largest bound. Where the k-th neighbour may not be either, all are searched.
    """
    if quickest(rows.device) is Distances or k + SPARE >= rows.count:
        return rank(rows, symmetric(Distances(rows.resident), k)[0])
    index, bounds = symmetric(Bounds(rows.resident), k + SPARE)
    floor = Bounds.floor(bounds.amax(1))
    index, distance = (ranked[:, :k].contiguous() for ranked in rank(rows, index))
    undecided = (distance[:, -1].square() > floor).nonzero()[:, 0]
    index[undecided], distance[undecided], _ = search(rows, k, of=undecided)
    return index, distance


def rank(rows: Rows, index: Tensor, of: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Candidates (R, C) of faces (R,) by exact distance (R, C), taken from the differences."""
    distance = torch.zeros(index.shape, device=rows.device)
    values = 2**20 if rows.device.type == "cpu" else 2**28  # worked on at a time
    for part in slices(len(index), max(1, values // max(1, rows.width * index.shape[1]))):
        points = rows.take(part if of is None else of[part])
        gap = rows.take(index[part].flatten()).view(*index[part].shape, points.shape[1])
        distance[part] = torch.linalg.vector_norm(gap.sub_(points[:, None]), dim=2)
    distance, order = distance.sort(dim=1, stable=True)
    return index.gather(1, order), distance


def through_components(rows: Rows, k: int) -> tuple[Tensor, Tensor, float] | None:
    """Neighbours among candidates that are near in a few principal components; None: recall low.

    |x - y|^2 is estimated by |x|^2 + |y|^2 - 2 x'y, x'y within the components; as many candidates
    are taken as a sample needs to find its neighbours.
    """
    points = rows.resident
    if rows.width <= COMPONENTS or rows.count <= 4 * SAMPLE:
        return None
    some = points[:: max(1, len(points) // 8192)]  # enough to know the principal axes by
    axes = torch.linalg.eigh(some.T @ some).eigenvectors[:, -COMPONENTS:]
    space = quickest(rows.device)(points @ axes, lengths(points))
    numbers = torch.arange(rows.count, device=rows.device)
    sample = numbers[:: rows.count // SAMPLE].contiguous()
    truth, near = nearest(rows, k, sample), _near(space, sample, CANDIDATES[-1], ordered=True)
    recalls = ((recall_of(truth, near[:, :most]), most) for most in CANDIDATES)
    recall, most = next((each for each in recalls if each[0] >= RECALL), (0.0, 0))
    if not most:
        return None
    parts = numbers.split(height(space.dtype, rows.device))
    index, distance = rank(rows, torch.cat([_near(space, part, most) for part in parts]))
    return index[:, :k].contiguous(), distance[:, :k].contiguous(), recall


def _near(space: Distances | Bounds, asking: Tensor, most: int, ordered: bool = False) -> Tensor:
    """The nearest others of some faces (R,) by the estimated distance, (R, most)."""
    gap = space.squares.new_empty(len(asking), len(space.squares), dtype=space.dtype)
    space.fill(gap, asking)
    gap[torch.arange(len(asking), device=gap.device), asking] = torch.inf
    return smallest(gap, most, ordered)


def recall_of(truth: Tensor, found: Tensor) -> float:
    """Share of the true neighbours (R, k) among those found (R, C)."""
    return float((truth[:, :, None] == found[:, None]).any(2).double().mean())
