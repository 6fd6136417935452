"""Variants of Algorithm 2: those that are tried, and the one that held-out labels choose.

Notebook 03 chooses; later notebooks propagate with its choice, unless `propagation.choice: given`
leaves it to the profile.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lib.evaluation import judging
from lib.params import Params, PropagationParams
from lib.propagation import Propagation
from lib.workspace import Workspace

FILE = "03_variant"

# Name -> what differs from the literal variant, within what the paper leaves open: the covariance
# of Eqn. 14, labels sampled or thresholded (mean field), a directed or symmetric graph, and the
# weights of the three terms.
CHANGES: dict[str, dict[str, Any]] = {
    "literal": {},
    "mean field": {"sample": False},
    "shared covariance": {"covariance": "shared"},
    "shared, mean field": {"covariance": "shared", "sample": False},
    "diagonal covariance": {"covariance": "diagonal"},
    "16 components": {"covariance": "pca-16"},
    "unary weight 0.1, mean field": {"unary_weight": 0.1, "sample": False},
    "shared, 0.3, mean field": {"covariance": "shared", "unary_weight": 0.3, "sample": False},
    "shared, 0.3, prior 0.3, mean field": {
        "covariance": "shared",
        "unary_weight": 0.3,
        "prior_weight": 0.3,
        "sample": False,
    },
    "the same, symmetric graph": {
        "covariance": "shared",
        "unary_weight": 0.3,
        "prior_weight": 0.3,
        "sample": False,
        "symmetric": True,
    },
    "16 components, 0.1, mean field": {
        "covariance": "pca-16",
        "unary_weight": 0.1,
        "sample": False,
    },
    "shared, prior 0.3, symmetric graph, 30 neighbours, mean field": {
        "neighbours": 30,
        "covariance": "shared",
        "prior_weight": 0.3,
        "sample": False,
        "symmetric": True,
    },
}


def tried(given: PropagationParams) -> dict[str, PropagationParams]:
    """Every variant, with the neighbours and stopping rule of the profile; last its own."""
    kept = {name: getattr(given, name) for name in ("neighbours", "tolerance", "max_iterations")}
    variants = {name: PropagationParams(**{**kept, **each}) for name, each in CHANGES.items()}
    return {**variants, "as given": given}


def choose(summary: pd.DataFrame) -> str:
    """The best variant: the largest sum of balanced accuracy at 0.5 and ROC AUC.

    Pseudo labels are decided at 0.5, so other thresholds do not matter to the network.

    summary: `judging.Judge.summary` of the variants on held-out labels.
    """
    return str((summary[judging.PAPER] + summary[judging.AUC]).idxmax())


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
    return pd.DataFrame(rows).T.rename_axis("variant")


def save(work: Workspace, name: str, variant: PropagationParams) -> None:
    """Keep the choice for later notebooks."""
    work.save_json(FILE, {"name": name, "propagation": variant.model_dump()})


def chosen(work: Workspace) -> Params:
    """The parameters of the profile, with the variant of propagation that notebook 03 chose."""
    if work.params.propagation.choice == "given":
        return work.params
    variant = PropagationParams.model_validate(work.load_json(FILE)["propagation"])
    return work.params.model_copy(update={"propagation": variant})
