"""Attribute propagation in a Markov random field (Section 4.3, Algorithm 2).

Missing labels y_i^a are inferred from three log-odds, log p(y=1) - log p(y=0):

    unary     log N(x_i | mu_1, Sigma_1) - log N(x_i | mu_0, Sigma_0)             Eqn. 4
    prior     sum over a' of rho(a, a') s_i^a',  s = +1, -1, 0 (missing)          Eqns. 2, 4, 5
    pairwise  2 sum over neighbours j of v_ij z_j^a,  z = +1, -1                  Eqns. 6, 10

The prior is a plain sum since logit(sigmoid(q)) = q. Only annotations enter s.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lib.gaussians import Gaussians
from lib.graph import NeighbourGraph, affinity, neighbours, search

if TYPE_CHECKING:
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


def cooccurrence(classifier_weights: Tensor) -> Tensor:
    """rho(a, a') of Eqn. 2: Pearson correlation of classifier weights (A, D) -> (A, A) float32.

    Zero on the diagonal, and for a classifier whose weights are all equal.
    """
    centred = classifier_weights.double() - classifier_weights.double().mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    unit = torch.where(length > 0, centred / length.clamp(min=1e-300), torch.zeros_like(centred))
    return (unit @ unit.T).fill_diagonal_(0).float()


def vote(features: Tensor, labels: Tensor, k: int) -> Tensor:
    """Share of positives among the k nearest labelled faces, (N, A) float32 (Algorithm 2, line 2).

    A labelled face keeps its own label as 0 or 1. An attribute that nobody labelled gets 0.5.
    """
    share = torch.full(labels.shape, 0.5, device=features.device)
    for rows, columns in same_gaps(labels):
        known = (~rows).nonzero()[:, 0]
        share[:, columns] = torch.where(rows[:, None], 0.5, labels[:, columns].float())
        if len(known) and rows.any():
            index, _ = search(features[rows], features[known], min(k, len(known)))
            truth = labels[known][:, columns].float()  # (M, a)
            share[rows.nonzero(), torch.tensor(columns)] = truth[index].mean(1)
    return share


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


def pairwise_odds(current: Tensor, graph: NeighbourGraph, weights: Tensor) -> Tensor:
    """Log-odds (N, A) that the neighbours' current labels (N, A) in {0, 1} lend (Eqns. 6, 10)."""
    sign = 2 * current.float() - 1  # z
    odds = torch.zeros_like(sign)
    for place in range(graph.index.shape[1]):
        odds += weights[:, place, None] * sign[graph.index[:, place]]
    return 2 * odds


def propagate(
    features: Tensor,
    labels: Tensor,
    classifier_weights: Tensor,
    *,
    params: "PropagationParams",
    graph: NeighbourGraph | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Propagation:
    """Infer the missing labels of every attribute (Algorithm 2).

    features (N, D) float, labels (N, A) int8 in {-1 missing, 0, 1}, classifier_weights (A, D),
    graph: of these features if it is at hand already. Annotations are never changed.

    An attribute that is labelled nowhere has no class to start from: its faces start at the
    prior's and the neighbours' odds alone and stay finite; where those are 0, at 0.5 and label 0.

    ValueError where shapes do not fit, labels are none of -1, 0, 1, or a feature is not finite.
    """
    check(features, labels, classifier_weights)
    graph = graph or neighbours(features, params.neighbours)
    weights = affinity(graph, symmetric=params.symmetric)
    field = Field(features, labels, classifier_weights, graph, weights, params)
    posterior = vote(features, labels, params.neighbours)
    current = torch.where(labels < 0, (posterior > 0.5).to(torch.int8), labels)
    active, trace = field.missing, []
    for iteration in range(params.max_iterations):
        field.update(current, active)
        new = torch.where(field.unknown, field.posterior(current, active, posterior), posterior)
        draw = uniform(new.shape, seed, iteration).to(new.device) if params.sample else 0.5
        fresh = torch.where(field.unknown, (new > draw).to(torch.int8), labels)
        moved = change(new, posterior, field.unknown)  # (A,)
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
        if not active:
            break
    return Propagation(current, posterior, trace)


class Field:
    """The random field of one call: what is fixed, and the densities that change."""

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        classifier_weights: Tensor,
        graph: NeighbourGraph,
        weights: Tensor,
        params: "PropagationParams",
    ) -> None:
        self.graph, self.weights, self.params = graph, weights, params
        self.unknown = labels < 0
        self.prior = prior_odds(labels, classifier_weights)
        self.densities = Gaussians(features, params.covariance, params.shrinkage)
        self.rows = [column.nonzero()[:, 0] for column in self.unknown.T]
        self.missing = [a for a, rows in enumerate(self.rows) if len(rows)]
        self.labelled = [not bool(column.all()) for column in self.unknown.T]

    def update(self, current: Tensor, attributes: list[int]) -> None:
        """mu and Sigma from the current labels (Eqns. 13, 14)."""
        for attribute in attributes:
            if self.labelled[attribute] and self.params.unary_weight:
                self.densities.update(attribute, current[:, attribute])

    def unary(self, attributes: list[int]) -> Tensor:
        """Gaussian log-odds (N, A), 0 for faces that carry the label."""
        odds = torch.zeros_like(self.prior)
        for attribute in attributes:
            if self.labelled[attribute] and self.params.unary_weight:
                rows = self.rows[attribute]
                odds[rows, attribute] = self.densities.odds(attribute, rows)
        return odds

    def posterior(self, current: Tensor, attributes: list[int], before: Tensor) -> Tensor:
        """p(y = 1 | neighbours, x, Q) of Eqn. 11, (N, A); attributes at rest keep theirs."""
        odds = (
            self.params.unary_weight * self.unary(attributes)
            + self.params.prior_weight * self.prior
            + self.params.pairwise_weight * pairwise_odds(current, self.graph, self.weights)
        )
        posterior = before.clone()
        posterior[:, attributes] = odds[:, attributes].sigmoid()
        return posterior


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
    weights = affinity(graph, symmetric=params.symmetric)
    field = Field(features, labels, classifier_weights, graph, weights, params)
    field.update(current, field.missing)
    return field.unary(field.missing), field.prior, pairwise_odds(current, graph, weights)


def change(new: Tensor, before: Tensor, unknown: Tensor) -> Tensor:
    """Mean absolute change of the posterior of each attribute over its missing faces, (A,)."""
    return ((new - before).abs() * unknown).sum(0) / unknown.sum(0).clamp(min=1)


def uniform(shape: torch.Size, seed: int, iteration: int) -> Tensor:
    """The numbers that simulate labels (Eqn. 12), the same however the work is divided."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + iteration)
    return torch.rand(shape, generator=generator)


def check(features: Tensor, labels: Tensor, classifier_weights: Tensor) -> None:
    """ValueError where the inputs of `propagate` do not fit together."""
    shapes = tuple(features.shape), tuple(labels.shape), tuple(classifier_weights.shape)
    if len(features) != len(labels) or shapes[2] != (shapes[1][1], shapes[0][1]):
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
