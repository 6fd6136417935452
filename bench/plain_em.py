"""Algorithm 2 as one writes it first in PyTorch, in float32."""

import torch
from torch import Tensor

from lib.params import PropagationParams
from lib.propagation import NeighbourGraph, affinity
from lib.propagation.field import uniform
from lib.propagation.prior import prior_odds


def plain_em(
    features: Tensor,
    labels: Tensor,
    classifier_weights: Tensor,
    graph: NeighbourGraph,
    params: PropagationParams,
    start: Tensor,
    seed: int,
) -> Tensor:
    """Labels (N, A). start: the votes (N, A) of line 2.

    One attribute after the other: both covariances, two Cholesky factors, two triangular solves
    for all faces, the neighbours' vote. An attribute that has converged stops.
    """
    known, near = labels >= 0, affinity(graph)
    ridge = 1e-6 * float(features.var(0, correction=0).mean()) + 1e-12
    prior = prior_odds(labels, classifier_weights)
    posterior = start.clone()
    current = torch.where(known, labels, (posterior > 0.5).to(labels.dtype))
    moving = set(range(labels.shape[1]))
    for iteration in range(params.max_iterations):
        draw = uniform(labels.shape, seed, iteration).to(features.device)
        fresh = current.clone()
        for a in range(labels.shape[1]):
            if a in moving:
                before = posterior[:, a].clone()
                zero, one = (
                    log_density(features, current[:, a] == level, ridge) for level in (0, 1)
                )
                sign = 2.0 * current[:, a] - 1
                odds = params.unary_weight * (one - zero) + prior[:, a]
                odds += 2 * (near * sign[graph.index]).sum(1)
                missing = ~known[:, a]
                posterior[missing, a] = odds.sigmoid()[missing]
                if (posterior[:, a] - before)[missing].abs().mean() < params.tolerance:
                    moving.discard(a)
            fresh[:, a] = torch.where(
                known[:, a], labels[:, a], (posterior[:, a] > draw[:, a]).to(labels.dtype)
            )
        current = fresh
        if not moving:
            break
    return current


def log_density(features: Tensor, members: Tensor, ridge: float) -> Tensor:
    """log N(x | mu, Sigma) of all faces (N,), Sigma shrunk as Ledoit and Wolf do."""
    points = features[members]
    mean = points.mean(0)
    points = points - mean
    covariance = points.T @ points / len(points)
    level = covariance.diagonal().mean()
    square = covariance.square().sum()
    noise = (points.square().sum(1).square().mean() - square) / len(points)
    share = (noise / (square - len(mean) * level**2)).clamp(0, 1)
    covariance = (1 - share) * covariance
    covariance += (share * level + ridge) * torch.eye(len(mean), device=features.device)
    factor = torch.linalg.cholesky(covariance)
    form = torch.linalg.solve_triangular(factor, (features - mean).T, upper=False)
    return -form.square().sum(0) / 2 - factor.diagonal().log().sum()
