"""Attribute propagation in a Markov random field (Section 4.3, Algorithm 2).

Missing labels y_i^a are inferred from three log-odds, log p(y=1) - log p(y=0):

    unary     log N(x_i | mu_1, Sigma_1) - log N(x_i | mu_0, Sigma_0)             Eqn. 4
    prior     sum over a' of rho(a, a') s_i^a',  s = +1, -1, 0 (missing)          Eqns. 2, 4, 5
    pairwise  2 sum over neighbours j of v_ij z_j^a,  z = +1, -1                  Eqns. 6, 10

The prior is a plain sum since logit(sigmoid(q)) = q. Only annotations enter s.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lib.propagation.engine.gaussians import Gaussians
from lib.propagation.engine.search import nearest
from lib.propagation.engine.shards import Rows, add_up
from lib.propagation.graph import NeighbourGraph, affinity, build

if TYPE_CHECKING:
    import torch.distributed as dist

    from lib.params import PropagationParams


@dataclass(frozen=True)
class Propagation:
    """What propagation leaves.

    labels: (N, A) int8 in {0, 1}: the annotation where there is one, else the inferred label.
    posterior: (N, A) float32, p(y = 1); the annotation itself where there is one.
    trace: one row per iteration: mean absolute change of the posterior over the faces that are
        inferred, share of labels that flipped, share of positive labels, attributes still moving.
    """

    labels: Tensor
    posterior: Tensor
    trace: list[dict[str, float]]

    @property
    def moving(self) -> int:
        """Attributes that still moved in the last iteration: posterior by `tolerance` or more."""
        return int(self.trace[-1]["moving"]) if self.trace else 0

    @property
    def converged(self) -> bool:
        """Whether Algorithm 2 ended because all attributes came to rest, not at its cap."""
        return self.moving == 0


def cooccurrence(classifier_weights: Tensor) -> Tensor:
    """rho(a, a') of Eqn. 2: Pearson correlation of classifier weights (A, D) -> (A, A) float32.

    Zero on the diagonal, and for a classifier whose weights are all equal.
    """
    centred = classifier_weights.double() - classifier_weights.double().mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    unit = torch.where(length > 0, centred / length.clamp(min=1e-300), torch.zeros_like(centred))
    return (unit @ unit.T).fill_diagonal_(0).float()


def vote(
    features: Tensor | Rows, labels: Tensor, k: int, *, device: torch.device | str | None = None
) -> Tensor:
    """Share of positives among the k nearest labelled faces, (N, A) float32 (Algorithm 2, line 2).

    A labelled face keeps its own label as 0 or 1. An attribute that nobody labelled gets 0.5.
    Of shared rows (n, A): this process's own, from the labels (N, A) of all.
    """
    rows = features if isinstance(features, Rows) else Rows(features, device=device)
    home, labels = labels.device, labels.to(rows.device)
    own = labels[rows.begin : rows.begin + rows.own]
    share = torch.where(own < 0, 0.5, own.float())
    for missing, columns in same_gaps(labels):
        known = (~missing).nonzero()[:, 0]
        if len(known) and missing.any():
            asking = missing[rows.begin : rows.begin + rows.own].nonzero()[:, 0]
            index = nearest(rows, k, asking=asking, among=known)
            truth = labels[:, columns].float()
            share[asking[:, None], torch.tensor(columns)] = truth[index].mean(1)
    return share.to(home)


def same_gaps(labels: Tensor) -> list[tuple[Tensor, list[int]]]:
    """Attributes grouped by where they are missing: [(missing rows (N,) bool, columns)]."""
    groups: dict[bytes, tuple[Tensor, list[int]]] = {}
    for column in range(labels.shape[1]):
        missing = labels[:, column] < 0
        groups.setdefault(missing.cpu().numpy().tobytes(), (missing, []))[1].append(column)
    return list(groups.values())


def prior_odds(labels: Tensor, classifier_weights: Tensor) -> Tensor:
    """Log-odds (N, A) that the annotated attributes of a face lend the others (Eqns. 2, 4, 5)."""
    sign = torch.where(labels < 0, 0, 2 * labels - 1).float()  # s: +1, -1, 0
    return sign @ cooccurrence(classifier_weights).to(sign.device).T


def pairwise_odds(
    current: Tensor,
    graph: NeighbourGraph,
    weights: Tensor,
    *,
    symmetric: bool = False,
    rows: Rows | None = None,
) -> Tensor:
    """Log-odds (N, A) that the neighbours' current labels (N, A) in {0, 1} lend (Eqns. 6, 10).

    symmetric: a face hears also those whose list it is on, each direction counting half.
    rows: who keeps the other rows, where the graph is one process's share (n, k); then (n, A).
    """
    sign = 2 * current.float() - 1  # z
    odds = torch.zeros(len(graph.index), sign.shape[1], device=sign.device)
    for place in range(graph.index.shape[1]):
        odds += weights[:, place, None] * sign[graph.index[:, place]]
    if symmetric:
        odds = (odds + _heard_back(sign, graph, weights, rows)) / 2
    return 2 * odds


def _heard_back(sign: Tensor, graph: NeighbourGraph, weights: Tensor, rows: Rows | None) -> Tensor:
    """Sum over the faces i that list face j of v_ij z_i, for every own face j."""
    heard = torch.zeros_like(sign)
    own = slice(rows.begin, rows.begin + rows.own) if rows else slice(None)
    for place in range(graph.index.shape[1]):
        heard.index_add_(0, graph.index[:, place], weights[:, place, None] * sign[own])
    return add_up(heard, rows.group if rows else None)[own]


def propagate(
    features: Tensor,
    labels: Tensor,
    classifier_weights: Tensor,
    *,
    params: "PropagationParams",
    graph: NeighbourGraph | None = None,
    seed: int = 0,
    progress: bool = False,
    watch: Callable[[int, Tensor], None] | None = None,
    device: torch.device | str | None = None,
    group: "dist.ProcessGroup | None" = None,
) -> Propagation:
    """Infer the missing labels of every attribute (Algorithm 2).

    features (N, D) float, labels (N, A) int8 in {-1 missing, 0, 1}, classifier_weights (A, D),
    graph: of these features if it is at hand already; its first h neighbours count. Annotations
        are never changed.
    watch: called with the number and the labels (N, A) of every iteration, where `labels` are.
    device: where to compute, features going there in blocks; None: where they are; `auto`: on a
        GPU if there is one.
    group: features and graph are this process's rows (n, D) and (n, k), contiguous in the order
        of the ranks; labels are all (N, A) on every process, and so is the result.

    Memory beside the features where they are computed with as they lie: two copies, centred and in
    principal axes, and what `neighbours` takes; per attribute a matrix (D, D) of float64.

    An attribute that is labelled nowhere has no class to start from: its faces start at the
    prior's and the neighbours' odds alone and stay finite; where those are 0, at 0.5 and label 0.

    ValueError where shapes do not fit, labels are none of -1, 0, 1, or a feature is not finite.
    """
    rows = Rows(features, device=device, group=group)
    check(rows, labels, classifier_weights)
    home, labels = labels.device, labels.to(rows.device)
    field = Field(rows, labels, classifier_weights, graph, params, progress)
    posterior = vote(rows, field.labels, params.neighbours)
    current = field.settle(posterior, 0.5)
    active, trace = field.missing, []
    draws = draws_of(labels.shape, seed, params, rows.device)
    for iteration, draw in enumerate(draws):
        field.update(current, active)
        new = field.posterior(current, active, posterior)
        fresh = field.settle(new, draw)
        moved = field.change(new, posterior)  # (A,)
        trace.append(
            {
                "iteration": iteration + 1,
                "change": float(moved[active].mean()) if active else 0.0,
                "flipped": float((fresh != current).float().mean()),
                "positive": float(fresh.float().mean()),
                "moving": float((moved >= params.tolerance).sum()),
            }
        )
        posterior, current = new, fresh
        active = [a for a in active if moved[a] >= params.tolerance]
        if progress:
            print("propagation", trace[-1], flush=True)
        if watch is not None:
            watch(iteration + 1, current.to(home))
        if not active:
            break
    return Propagation(current.to(home), rows.gather(posterior).to(home), trace)


class Field:
    """The random field of one call: what is fixed, and the densities that change.

    labels and current labels are those of all faces, everything else of this process's own.
    """

    def __init__(
        self,
        rows: Rows,
        labels: Tensor,
        classifier_weights: Tensor,
        graph: NeighbourGraph | None,
        params: "PropagationParams",
        progress: bool = False,
    ) -> None:
        self.rows, self.labels, self.params = rows, labels, params
        self.own = slice(rows.begin, rows.begin + rows.own)
        graph = graph or build(rows, params.neighbours, progress=progress)
        self.graph = graph.nearest(params.neighbours).to(rows.device)
        self.weights = affinity(self.graph, symmetric=params.symmetric, rows=rows)
        self.prior = prior_odds(labels[self.own], classifier_weights)
        self.unknown = labels[self.own] < 0
        gaps = (labels < 0).sum(0)
        self.gaps = gaps.clamp(min=1)
        self.missing = gaps.nonzero()[:, 0].tolist()
        self.labelled = (gaps < len(labels)).nonzero()[:, 0].tolist()
        self.densities = Gaussians(rows, params.covariance, params.shrinkage)

    def update(self, current: Tensor, attributes: list[int]) -> None:
        """mu and Sigma from the current labels (Eqns. 13, 14)."""
        self.densities.update(self._modelled(attributes), current[self.own])

    def unary(self, attributes: list[int]) -> Tensor:
        """Gaussian log-odds (n, A), 0 for faces that carry the label."""
        return self.densities.odds(self._modelled(attributes), self.unknown)

    def pairwise(self, current: Tensor) -> Tensor:
        """The neighbours' log-odds (n, A)."""
        symmetric = self.params.symmetric
        return pairwise_odds(current, self.graph, self.weights, symmetric=symmetric, rows=self.rows)

    def posterior(self, current: Tensor, attributes: list[int], before: Tensor) -> Tensor:
        """p(y = 1 | neighbours, x, Q) of Eqn. 11, (n, A); attributes at rest keep theirs."""
        odds = (
            self.params.unary_weight * self.unary(attributes)
            + self.params.prior_weight * self.prior
            + self.params.pairwise_weight * self.pairwise(current)
        )
        moving = torch.zeros_like(self.unknown)
        moving[:, attributes] = self.unknown[:, attributes]
        return torch.where(moving, odds.sigmoid(), before)

    def settle(self, posterior: Tensor, bar: Tensor | float) -> Tensor:
        """Labels of all faces: 1 where the posterior exceeds the bar; annotations stay."""
        bar = bar[self.own].to(posterior.device) if isinstance(bar, Tensor) else bar
        own = self.labels[self.own]
        return self.rows.gather(torch.where(own < 0, (posterior > bar).to(own.dtype), own))

    def change(self, new: Tensor, before: Tensor) -> Tensor:
        """Mean absolute change of the posterior of each attribute over its missing faces, (A,)."""
        return add_up(((new - before).abs() * self.unknown).sum(0), self.rows.group) / self.gaps

    def _modelled(self, attributes: list[int]) -> list[int]:
        """Those of some attributes that have class densities: labelled somewhere, and in use."""
        return [a for a in attributes if a in self.labelled and self.params.unary_weight]


def terms(
    features: Tensor,
    labels: Tensor,
    classifier_weights: Tensor,
    current: Tensor,
    graph: NeighbourGraph,
    params: "PropagationParams",
) -> tuple[Tensor, Tensor, Tensor]:
    """The three log-odds (N, A) at given current labels (N, A), unweighted: unary, prior, pairwise.

    The unary term is 0 where a face carries the label itself.
    """
    field = Field(Rows(features), labels, classifier_weights, graph, params)
    field.update(current, field.missing)
    return field.unary(field.missing), field.prior, field.pairwise(current)


def draws_of(
    shape: torch.Size, seed: int, params: "PropagationParams", device: torch.device
) -> Iterator[Tensor | float]:
    """What each iteration's posterior must exceed: simulated labels, or 0.5.

    Beside a GPU the processor draws ahead: a draw of the paper's size takes 70 ms.
    """
    if not params.sample:
        return repeat(0.5, params.max_iterations)
    return map(partial(uniform, shape, seed), range(params.max_iterations))


def uniform(shape: torch.Size, seed: int, iteration: int) -> Tensor:
    """The numbers that simulate labels (Eqn. 12), the same however the work is divided."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + iteration)
    return torch.rand(shape, generator=generator)


def check(rows: Rows, labels: Tensor, classifier_weights: Tensor) -> None:
    """ValueError where the inputs of `propagate` do not fit together."""
    features = (rows.count, len(rows.mean))
    shapes = features, tuple(labels.shape), tuple(classifier_weights.shape)
    if rows.count != len(labels) or shapes[2] != (shapes[1][1], features[1]):
        raise ValueError(
            f"features {shapes[0]}, labels {shapes[1]} and classifier weights {shapes[2]} do not "
            "fit: expected (N, D), (N, A) and (A, D)"
        )
    odd = (labels < -1) | (labels > 1)
    if odd.any():
        row, column = odd.nonzero()[0].tolist()
        raise ValueError(
            f"label {column} of face {row} is {int(labels[row, column])}; "
            "use 1, 0, or -1 where it is missing"
        )
