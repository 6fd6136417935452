"""Variants of Algorithm 2: those that are tried, and the one that held-out labels choose.

Notebook 03 chooses; later notebooks propagate with its choice, unless `propagation.choice: given`
leaves it to the profile.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from torch import Tensor

from lib import propagation, vocabulary
from lib.evaluation import results
from lib.evaluation.judging import LOG_LOSS, Judge
from lib.params import Params, PropagationParams
from lib.propagation import Propagation
from lib.workspace import Workspace

FILE = "03_variant"

LITERAL = "full covariance"

# Name -> what differs from the literal variant, within what the paper leaves open: the covariance
# of Eqn. 14, labels sampled or thresholded (mean field), a directed or symmetric graph, and the
# weights of the three terms.
MEAN_FIELD = {"sample": False}
SHARED = {"covariance": "shared", **MEAN_FIELD}
SYMMETRIC = {"symmetric": True, **SHARED}
WEAK = {"unary_weight": 0.3, "prior_weight": 0.3}
CHANGES: dict[str, dict[str, Any]] = {
    LITERAL: {},
    "full, mean field": MEAN_FIELD,
    "shared covariance": {"covariance": "shared"},
    "shared, mean field": SHARED,
    "diagonal covariance": {"covariance": "diagonal"},
    "16 components": {"covariance": "pca-16"},
    "full, weak unary": {"unary_weight": 0.1, **MEAN_FIELD},
    "shared, weak unary": {"unary_weight": 0.3, **SHARED},
    "shared, weak terms": {**WEAK, **SHARED},
    "shared, weak terms, symmetric": {**WEAK, **SYMMETRIC},
    "16 components, weak unary": {"covariance": "pca-16", "unary_weight": 0.1, **MEAN_FIELD},
    "shared, weak prior, 30 neighbours": {"neighbours": 30, "prior_weight": 0.3, **SYMMETRIC},
}


def tried(given: PropagationParams) -> dict[str, PropagationParams]:
    """Every variant, with the neighbours and stopping rule of the profile; last its own."""
    kept = {name: getattr(given, name) for name in ("neighbours", "tolerance", "max_iterations")}
    variants = {name: PropagationParams(**{**kept, **each}) for name, each in CHANGES.items()}
    return {**variants, "as given": given}


def group_losses(judge: Judge, scores: Mapping[str, Tensor]) -> pd.DataFrame:
    """Log loss of every variant on every attribute group, as rows of the long results table.

    judge: of labels held out. scores: variant -> posterior (N, 24).
    """
    return judge.rows(scores, (LOG_LOSS,), vocabulary.GROUPS)


def ranked(losses: pd.DataFrame) -> list[str]:
    """The variants by the mean of their `group_losses`, the smallest first.

    The log loss is a proper score: least in expectation where probabilities are right. Balanced
    accuracy at 0.5 would reward a variant that predicts too many positives.
    """
    return [str(name) for name in results.wide(losses).mean(axis=1).sort_values().index]


def watched(
    features: Tensor,
    labels: Tensor,
    weights: Tensor,
    sweeps: Sequence[int],
    *,
    params: PropagationParams,
    **options: Any,
) -> tuple[Propagation, dict[int, Tensor]]:
    """A run of Algorithm 2 and its posterior (N, A): at the start (0), after `sweeps`, at its end.

    options: those of `propagation.propagate`.
    """
    device = options.get("device")
    seen = {0: propagation.vote(features, labels, params.neighbours, device=device)}

    def watch(sweep: int, _: Tensor, posterior: Tensor) -> None:
        if sweep in sweeps:
            seen[sweep] = posterior

    run = propagation.propagate(features, labels, weights, params=params, watch=watch, **options)
    return run, {**seen, len(run.trace): run.posterior}


def convergence(runs: Mapping[str, Propagation]) -> pd.DataFrame:
    """How the runs ended, one row each.

    Sweeps made; attributes still moving after the last (0: converged); mean change of the posterior
    of attributes that move in the 10th and in the last sweep; labels that flipped in the last, in
    percent of all labels.
    """
    rows = {}
    for name, run in runs.items():
        tenth, last = run.trace[min(9, len(run.trace) - 1)], run.trace[-1]
        rows[name] = {
            "sweeps": len(run.trace),
            "attributes still moving": run.moving,
            "change in sweep 10": tenth["change"],
            "change in the last sweep": last["change"],
            "labels flipped in the last sweep (%)": 100 * last["flipped"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("variant")


def save(work: Workspace, name: str, variant: PropagationParams) -> None:
    """Keep the choice for later notebooks."""
    work.save_json(FILE, {"name": name, "propagation": variant.model_dump()})


def chosen(work: Workspace) -> Params:
    """The parameters of the profile, with the variant of propagation that notebook 03 chose."""
    if work.params.propagation.choice == "given":
        return work.params
    variant = PropagationParams.model_validate(work.load_json(FILE)["propagation"])
    return work.params.model_copy(update={"propagation": variant})
