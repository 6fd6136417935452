"""Fitted potentials (ours, not the paper's): the log-odds of Eqn. 11 with weights that are learned.

    log-odds = w1 network + w2 Gaussian + w3 co-occurrence + w4 neighbours + b

    network        its logits (Eqn. 1), where known averaged over a face and its mirror image
    Gaussian       the unary term, with a covariance that both classes share (Eqns. 4, 13, 14)
    co-occurrence  sum over a' of r(a, a') s_i^a', r correlates the network's probabilities p
    neighbours     2 sum over j of v_ij (q_j^a - p_j^a), q = posterior, or the annotation: what is
                   known of the neighbours beyond what the network says of them

The weights maximise the likelihood of labels that neither the network nor the field has seen, the
neighbours given (Besag's pseudo-likelihood), with a slight pull towards the network alone, w = (1,
0, 0, 0), b = 0. All attributes share them: of the poses, say, every label comes from a source that
labels hardly anything else, which cannot tell what co-occurrence is worth in another source.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

FITS = 2  # sweeps after which the weights stay
RIDGE = 1.0  # of the squared distance from the first term alone, beside a sum over labels


def infer(
    field: Any,
    logits: Tensor | None,
    calibration: Tensor | None,
    watch: Callable[[int, Tensor, Tensor], None] | None = None,
) -> tuple[Tensor, list[dict[str, float]], Tensor]:
    """The posterior (N, A) of the field, annotations in their place; its trace; the weights (5,).

    logits (N, A) of the network; calibration (N, A) int8, -1 where unknown: labels that neither
    network nor field has. ValueError without them.
    """
    if logits is None or calibration is None:
        raise ValueError("potentials: fitted needs the network's logits and calibration labels")
    logits, calibration = logits.to(field.labels.device), calibration.to(field.labels.device)
    known, every, stated = field.labels.float(), field.incomplete, logits.sigmoid()
    occurring = torch.where(field.missing, 0, 2 * known - 1) @ correlation(stated)
    posterior, trace = torch.where(field.missing, stated, known), []
    labels, expected = field.decide(posterior, 0.5), field.pairwise(stated)
    for sweep in range(field.params.max_iterations):
        field.densities.log_odds.update(labels, field.modelled(every))
        beyond = field.pairwise(posterior) - expected
        terms = torch.stack([logits, field.unary(every), occurring, beyond])
        if sweep < FITS:
            weights = fit(terms, calibration)
        odds = torch.einsum("tna,t->na", terms, weights[:-1]) + weights[-1]
        new = torch.where(field.missing, odds.sigmoid(), known)
        fresh = field.decide(new, 0.5)
        trace.append(field.progress(sweep, field.change(posterior, new), every, fresh != labels))
        posterior, labels = new, fresh
        if watch:
            watch(sweep + 1, labels, posterior)
        if not trace[-1]["moving"]:
            break
    return posterior, trace, weights


def correlation(probabilities: Tensor) -> Tensor:
    """Correlation of attributes over faces: (N, A) probabilities -> (A, A), zero diagonal."""
    return torch.corrcoef(probabilities.T).nan_to_num(0).fill_diagonal_(0)


def fit(terms: Tensor, truth: Tensor) -> Tensor:
    """Weights (T + 1,) of T terms (T, N, A) and a constant, by logistic regression on the labels
    (N, A) in {-1 unknown, 0, 1}. Without labels of both classes (1, 0, ...): the first term alone.
    """
    known = truth >= 0
    x, y = terms[:, known].T, truth[known].float()  # (L, T), (L,)
    alone = torch.eye(len(terms) + 1, device=terms.device)[0]
    if not 0 < y.sum() < len(y):
        return alone
    scale = torch.cat([x.std(0).clamp(min=1e-6), alone.new_ones(1)])
    start = alone * scale
    x = torch.cat([x, torch.ones_like(x[:, :1])], 1) / scale
    w = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([w], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        total = binary_cross_entropy_with_logits(x @ w, y, reduction="sum")
        total = total + RIDGE / 2 * (w - start).square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    return w.detach() / scale
