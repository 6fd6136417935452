"""The random field of Section 4.3 and its inference, Algorithm 2.

A missing label y_i^a has the log-odds  log p(y=1) - log p(y=0)  of Eqn. 11, a sum of three terms:

    unary     log N(x_i | mu_1, Sigma_1) - log N(x_i | mu_0, Sigma_0)             Eqn. 4
    prior     sum over a' of rho(a, a') s_i^a',  s = +1, -1, 0 (missing)          Eqns. 2, 4, 5
    pairwise  2 sum over neighbours j of v_ij z_j^a,  z = +1, -1                  Eqns. 6, 10

None of them says how rare an attribute is; `class_prior: frequency` adds the log-odds of its share
among the annotations.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lib.propagation import fitted, inputs
from lib.propagation.engine import Rows, search
from lib.propagation.gaussians import Densities
from lib.propagation.graph import NeighbourGraph, affinity
from lib.propagation.inputs import Device, FieldParams
from lib.propagation.prior import class_odds, prior_odds


@dataclass(frozen=True)
class Propagation:
    """The result of propagation.

    labels: (N, A) int8 in {0, 1}: the annotation where there is one, else the inferred label.
    posterior: (N, A) float32, p(y = 1); the annotation itself where there is one.
    trace: one row per iteration: mean absolute change of the posterior; share of labels that
        flipped; attributes still moving, i.e. change at least `tolerance`.
    weights: (5,) of the potentials, where they were fitted.
    """

    labels: Tensor
    posterior: Tensor
    trace: list[dict[str, float]]
    weights: Tensor | None = None

    @property
    def moving(self) -> int:
        """Attributes that still moved in the last iteration; 0: Algorithm 2 converged."""
        return int(self.trace[-1]["moving"]) if self.trace else 0

    @property
    def converged(self) -> bool:
        return self.moving == 0


def propagate(
    features: Tensor,
    labels: Tensor,
    classifier_weights: Tensor,
    *,
    params: FieldParams,
    graph: NeighbourGraph | None = None,
    seed: int = 0,
    watch: Callable[[int, Tensor, Tensor], None] | None = None,
    device: Device = None,
    logits: Tensor | None = None,
    calibration: Tensor | None = None,
) -> Propagation:
    """Infer the missing labels of every attribute (Algorithm 2).

    features: (N, D) float. labels: (N, A) int8 in {-1 missing, 0, 1}; annotations never change.
    classifier_weights: (A, D). seed: of the numbers that sample labels (Eqn. 12).
    graph: of these features, if it is at hand; its first `params.neighbours` are used.
    watch: called after every iteration with its number, the labels and the posterior (N, A).
    device: as in `neighbours`. Memory: what `neighbours` takes, another copy of the features, and a
        matrix (D, D) of float64 per attribute.
    logits, calibration: (N, A), for `potentials: fitted` alone, see `lib.propagation.fitted`.

    Returns labels, posterior and trace. An attribute without annotations has no class densities:
    prior and neighbours decide; where their log-odds are 0, posterior 0.5 and label 0. ValueError
    for no faces or attributes, shapes or labels that do not fit, features that are not finite.
    """
    features, labels, classifier_weights = inputs.task(features, labels, classifier_weights, graph)
    rows, home = Rows(features, inputs.device_of(device)), labels.device
    field = Field(rows, labels.to(rows.device), classifier_weights, graph, params)
    if params.potentials == "fitted":
        posterior, trace, weights = fitted.infer(field, logits, calibration, watch)
        current = field.decide(posterior, 0.5).to(home)
        return Propagation(current, posterior.to(home), trace, weights)
    posterior = vote(rows, field.labels, params.neighbours)  # line 2
    current, moving, trace = field.decide(posterior, 0.5), field.incomplete, []
    for iteration in range(params.max_iterations):
        field.densities.log_odds.update(current, field.modelled(moving))  # Eqns. 13, 14
        new = field.posterior(current, moving, posterior)  # Eqn. 11
        bar = uniform(labels.shape, seed, iteration).to(rows.device) if params.sample else 0.5
        fresh = field.decide(new, bar)  # Eqn. 12
        change = field.change(posterior, new)
        trace.append(field.progress(iteration, change, moving, fresh != current))
        posterior, current = new, fresh
        moving = [a for a in moving if change[a] >= params.tolerance]
        if watch:
            watch(iteration + 1, current.to(home), posterior.to(home))
        if not moving:
            break
    return Propagation(current.to(home), posterior.to(home), trace)


class Field:
    """What does not change with the labels, and the class densities."""

    def __init__(
        self,
        rows: Rows,
        labels: Tensor,
        classifier_weights: Tensor,
        graph: NeighbourGraph | None,
        params: FieldParams,
    ) -> None:
        self.labels, self.params = labels, params
        graph = graph or NeighbourGraph(*search(rows, params.neighbours))
        self.graph = graph.nearest(params.neighbours).to(rows.device)
        self.weights = affinity(self.graph, symmetric=params.symmetric)
        self.prior = prior_odds(labels, classifier_weights)
        self.rarity = class_odds(labels) if params.class_prior == "frequency" else 0.0
        covariance = "shared" if params.potentials == "fitted" else params.covariance
        self.densities = Densities(rows, covariance, params.shrinkage)
        self.missing, self.gaps = labels < 0, (labels < 0).sum(0)
        self.incomplete = self.gaps.nonzero()[:, 0].tolist()

    def posterior(self, current: Tensor, moving: list[int], before: Tensor) -> Tensor:
        """p(y = 1 | neighbours, x, Q) of Eqn. 11, (N, A); as before for attributes at rest."""
        params, inferred = self.params, torch.zeros_like(self.missing)
        inferred[:, moving] = self.missing[:, moving]
        log_odds = params.unary_weight * self.unary(moving) + params.prior_weight * self.prior
        log_odds += params.pairwise_weight * self.pairwise(current) + self.rarity
        return torch.where(inferred, log_odds.sigmoid(), before)

    def unary(self, attributes: list[int]) -> Tensor:
        """The Gaussian term (N, A); 0 where a face is annotated."""
        return self.densities.log_odds(self.modelled(attributes), self.missing)

    def pairwise(self, current: Tensor) -> Tensor:
        """2 sum over j of v_ij z_j (N, A), Eqns. 6, 10; incoming edges too if symmetric."""
        z = 2 * current.float() - 1
        outgoing, incoming = torch.zeros_like(z), torch.zeros_like(z)
        for index, v in zip(self.graph.index.T, self.weights.T[..., None], strict=True):
            outgoing += v * z[index]
            if self.params.symmetric:
                incoming.index_add_(0, index, v * z)
        return outgoing + (incoming if self.params.symmetric else outgoing)

    def modelled(self, attributes: list[int]) -> list[int]:
        """Those with class densities: annotated somewhere, and the unary term counts."""
        faces = len(self.labels) if self.params.unary_weight else 0
        return [a for a in attributes if self.gaps[a] < faces]

    def change(self, before: Tensor, after: Tensor) -> Tensor:
        """Mean absolute change of the posterior where labels are missing, (A,)."""
        return ((after - before).abs() * self.missing).sum(0) / self.gaps.clamp(min=1)

    def progress(self, iteration: int, change: Tensor, moving: list[int], flips: Tensor) -> dict:
        """A row of the trace, from the change (A,) and where labels flipped (N, A)."""
        return {
            "iteration": iteration + 1,
            "change": float(change[moving].mean()) if moving else 0.0,
            "flipped": float(flips.float().mean()),
            "moving": float((change >= self.params.tolerance).sum()),
        }

    def decide(self, posterior: Tensor, bar: Tensor | float) -> Tensor:
        """Labels (N, A): 1 where the posterior exceeds the bar; annotations stay."""
        return torch.where(self.missing, (posterior > bar).to(self.labels.dtype), self.labels)


def vote(features: Tensor | Rows, labels: Tensor, k: int, *, device: Device = None) -> Tensor:
    """Share of positives among the k nearest annotated faces, (N, A) float32 (Algorithm 2, line 2).

    Annotated faces keep their label, 0 or 1. An attribute without annotations gets 0.5.
    """
    if isinstance(features, Rows):
        rows = features
    else:
        rows, labels = Rows(inputs.matrix(features), device), inputs.labels_of(labels)
    k = inputs.count("k", k)
    home, labels = labels.device, labels.to(rows.device)
    missing, share = labels < 0, torch.where(labels < 0, 0.5, labels.float())
    patterns, pattern = missing.unique(dim=1, return_inverse=True)
    for number, gaps in enumerate(patterns.T):  # one search for attributes with the same gaps
        if gaps.any() and not gaps.all():
            of, among = gaps.nonzero()[:, 0], (~gaps).nonzero()[:, 0]
            index, *_ = search(rows, k, of=of, among=among, ranked=False)
            columns = (pattern == number).nonzero()[:, 0]
            share[of[:, None], columns] = labels[:, columns].float()[index].mean(1)
    return share.to(home)


def terms(
    features: Tensor,
    labels: Tensor,
    classifier_weights: Tensor,
    current: Tensor,
    graph: NeighbourGraph,
    params: FieldParams,
) -> tuple[Tensor, Tensor, Tensor]:
    """Unary (0 where annotated), prior and pairwise log-odds (N, A), without their weights."""
    features, labels, classifier_weights = inputs.task(features, labels, classifier_weights, graph)
    field = Field(Rows(features), labels, classifier_weights, graph, params)
    field.densities.log_odds.update(current, field.modelled(field.incomplete))
    return field.unary(field.incomplete), field.prior, field.pairwise(current)


def uniform(shape: torch.Size, seed: int, iteration: int) -> Tensor:
    """The numbers in [0, 1) that a posterior must exceed in a sampled label (Eqn. 12)."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + iteration)
    return torch.rand(shape, generator=generator)
