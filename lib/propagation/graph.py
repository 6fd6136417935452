"""Who resembles whom: neighbour graphs and the self-tuning affinity (Section 4.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from lib.propagation.engine.candidates import COMPONENTS, RECALL, SAMPLE, exact, through_components
from lib.propagation.engine.search import rank, search
from lib.propagation.engine.shards import Rows, add_up

if TYPE_CHECKING:
    import torch.distributed as dist

EXACT_BELOW = 30_000  # faces; `method="auto"` searches exactly below


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

    def nearest(self, k: int) -> Self:
        """The graph of fewer neighbours."""
        return type(self)(self.index[:, :k], self.distance[:, :k], self.recall)

    def to(self, device: torch.device) -> Self:
        return type(self)(self.index.to(device), self.distance.to(device), self.recall)


def neighbours(
    features: Tensor,
    k: int = 10,
    *,
    method: str = "auto",
    device: torch.device | str | None = None,
    group: "dist.ProcessGroup | None" = None,
    progress: bool = False,
    of: Tensor | None = None,
    among: Tensor | None = None,
) -> NeighbourGraph:
    """The k nearest neighbours of every face by l2 distance.

    features: (N, D) float. With N <= k there are only N - 1 neighbours: the graph is (N, N - 1).
    method: `exact`; `fast` (candidates from principal components, ranked by exact distance;
        the recall is measured on a sample, and where it falls short of 0.998 the exact search
        runs instead); `auto` chooses by N.
    device: where to search, features going there in blocks; None: where they are, all at once;
        `auto`: on a GPU if there is one.
    group: features are this process's share of the rows, and so is the graph; always exact.
    of, among: the rows (R,) whose neighbours are wanted, and the ascending rows (M,) which may be
        neighbours; None: all. The search is exact then.

    Memory beside the features where they are searched as they lie: one centred copy, one more of
    half its size where products of bfloat16 are quick, and some distances of every face's (2 kB
    each; 16 kB on a GPU); else three blocks of at most 32,768 rows.

    ValueError for an unknown method, or naming row and column where a feature is not finite.
    """
    if method not in ("auto", "exact", "fast"):
        raise ValueError(f"unknown method {method!r}: use auto, exact or fast")
    rows = Rows(features, device=device, group=group)
    if of is not None or among is not None:
        graph = NeighbourGraph(*search(rows, k, asking=of, among=among, progress=progress))
        return graph.to(features.device)
    return build(rows, k, method, progress).to(features.device)


def build(rows: Rows, k: int, method: str = "auto", progress: bool = False) -> NeighbourGraph:
    """`neighbours` of rows that are at hand already."""
    k = min(k, rows.count - 1)
    if rows.resident is None or rows.group is not None:
        return NeighbourGraph(*search(rows, k, progress=progress))
    fast = method == "fast" or (method == "auto" and rows.count >= EXACT_BELOW)
    if fast and rows.resident.shape[1] > max(COMPONENTS) and rows.count > 4 * SAMPLE:
        index, recall = through_components(rows, k, progress)
        if recall >= RECALL:
            index, distance = rank(rows, index)
            return NeighbourGraph(index[:, :k].contiguous(), distance[:, :k].contiguous(), recall)
    return NeighbourGraph(*exact(rows, k, progress))


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
