"""The co-occurrence prior: what the annotated attributes of a face say about the others.

    rho(a, a') = cov(w^a, w^a') / (sigma_a sigma_a')                              Eqn. 2
    log-odds   = sum over a' of rho(a, a') s_i^a',  s = +1, -1, 0 (missing)       Eqns. 4, 5

Eqn. 5 multiplies sigmoids, and logit(sigmoid(q)) = q: the log-odds of the product are a plain sum.
"""

import torch
from torch import Tensor

from lib.propagation import inputs


def cooccurrence(classifier_weights: Tensor) -> Tensor:
    """rho of Eqn. 2: Pearson correlation of classifier weights (A, D) -> (A, A) float32.

    Zero on the diagonal, and for a classifier whose weights are all equal. ValueError naming row
    and column of a weight that is not finite.
    """
    classifier_weights = inputs.matrix(classifier_weights, "weight", "classifier")
    centred = classifier_weights.double() - classifier_weights.double().mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    unit = torch.where(length > 0, centred / length.clamp(min=1e-300), torch.zeros_like(centred))
    return (unit @ unit.T).fill_diagonal_(0).float()


def prior_odds(labels: Tensor, classifier_weights: Tensor) -> Tensor:
    """Prior log-odds (N, A) from annotations (N, A) in {-1 missing, 0, 1} alone (Eqns. 2, 4, 5)."""
    sign = torch.where(labels < 0, 0, 2 * labels - 1).float()  # s: +1, -1, 0
    return sign @ cooccurrence(classifier_weights).to(sign.device).T


def class_odds(labels: Tensor) -> Tensor:
    """Log-odds (A,) of the share of positives among annotations (N, A), one of each added."""
    positive, known = (labels == 1).sum(0) + 1.0, (labels >= 0).sum(0) + 2.0
    return (positive / known).logit()
