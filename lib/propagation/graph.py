"""Neighbours of every face, and how strongly they are tied (Section 4.3, text below Eqn. 7).

v_ij = exp(-d(x_i, x_j)^2 / (sigma_i sigma_j)),   sigma_i = d(x_i, x_h)
V   <- D^-1/2 V D^-1/2,   D the row sums of V
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from lib.propagation import inputs
from lib.propagation.engine import Device, Rows, search


@dataclass(frozen=True)
class NeighbourGraph:
    """The k nearest faces of every face; can be kept and used again.

    index: (N, k) int64, nearest first, the face itself left out.
    distance: (N, k) float32, l2.
    recall: share of the true neighbours found; 1 for an exact search, else measured on a sample.
    """

    index: Tensor
    distance: Tensor
    recall: float = 1.0

    def __post_init__(self) -> None:
        if self.index.ndim != 2 or self.index.shape != self.distance.shape:
            shapes = f"{tuple(self.index.shape)} and {tuple(self.distance.shape)}"
            raise ValueError(f"a graph's index and distance must both be (N, k), found {shapes}")

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
    of: Tensor | None = None,
    among: Tensor | None = None,
    device: Device = None,
) -> NeighbourGraph:
    """The k nearest neighbours of every face by l2 distance.

    features: (N, D) float. With N <= k there are only N - 1 neighbours.
    method: `exact`; `fast` (candidates from principal components, ranked by exact distance; exact
        search where a sample's recall is below 0.9985); `auto`: fast from 30,000 faces on.
    of, among: rows (R,) whose neighbours are wanted, and rows (M,), ascending, that may be
        neighbours; None: all. With either, the search is exact.
    device: where to compute, features going there in blocks; None: where the features are;
        `auto`: on a GPU if there is one.

    Memory: a centred copy of the features, two of half the size where bfloat16 is fast, and 2 kB
    per face (16 kB on a GPU); in blocks, three of 32,768 rows. ValueError for an unknown method or
    device, rows that do not exist, or naming row and column of a feature that is not finite.
    """
    if method not in ("auto", "exact", "fast"):
        raise ValueError(f"unknown method {method!r}: use auto, exact or fast")
    features = inputs.matrix(features)
    of, among = (
        inputs.rows(name, part, len(features)) for name, part in (("of", of), ("among", among))
    )
    rows = Rows(features, inputs.device_of(device))
    graph = NeighbourGraph(*search(rows, inputs.count("k", k), method=method, of=of, among=among))
    return graph.to(features.device)


def affinity(graph: NeighbourGraph, *, symmetric: bool = False) -> Tensor:
    """Normalised affinity v_ij of every face and its neighbours, (N, k), like `graph.index`.

    Where sigma_i sigma_j = 0 (duplicates), v is 1 at distance 0 and 0 elsewhere. symmetric: D as if
    V were (V + V') / 2; the result is still the directed v_ij, which counts half either way.
    ValueError for a graph that names faces it does not have.
    """
    inputs.edges(graph.index, graph.distance, len(graph.index))
    if not graph.distance.shape[1]:  # a single face
        return graph.distance
    sigma = graph.distance[:, -1]
    scale = sigma[:, None] * sigma[graph.index]  # (N, k)
    square = graph.distance.square()
    v = torch.where(scale > 0, torch.exp(-square / scale.clamp(min=1e-30)), (square == 0).float())
    degree = v.sum(1)
    if symmetric:
        incoming = torch.zeros_like(degree).index_add_(0, graph.index.flatten(), v.flatten())
        degree = (degree + incoming) / 2
    root = degree.clamp(min=1e-12).rsqrt()
    return root[:, None] * v * root[graph.index]
