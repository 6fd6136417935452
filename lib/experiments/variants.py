"""Readings of Algorithm 2: those that are tried, and the one that held-out labels choose.

Notebook 03 chooses; the notebooks after it propagate by that reading, unless
`propagation.choice: given` leaves it to the profile.
"""

import json

import pandas as pd

from lib import workspace
from lib.evaluation import judging
from lib.params import Params, PropagationParams
from lib.workspace import Workspace

FILE = "03_variant.json"

# Name -> what differs from the literal reading, within what the paper leaves open: the covariance
# of Eqn. 14, labels drawn or likelier, a directed or symmetric graph, the weights of the terms.
CHANGES = {
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
    """Every reading, with the profile's neighbours and stopping rule; last the profile's own."""
    kept = {name: getattr(given, name) for name in ("neighbours", "tolerance", "max_iterations")}
    readings = {name: PropagationParams(**{**kept, **each}) for name, each in CHANGES.items()}
    return {**readings, "as given": given}


def choose(summary: pd.DataFrame) -> str:
    """The best reading on the labels held out: largest sum of balanced accuracy at 0.5 and ROC AUC.

    A pseudo label is decided at 0.5, so no other threshold matters to the network that learns it.

    summary: one row per reading as `judging.Judge.summary` gives it, judged on held-out labels.
    """
    return str((summary[judging.PAPER] + summary[judging.AUC]).idxmax())


def save(work: Workspace, name: str, reading: PropagationParams) -> None:
    """Keep the choice for the notebooks after 03."""
    note = {"name": name, "propagation": reading.model_dump(), "provenance": work.provenance()}
    workspace.write_json(work.path("artifacts", FILE), note)


def chosen(work: Workspace) -> Params:
    """The profile's parameters with the propagation as notebook 03 chose it."""
    if work.params.propagation.choice == "given":
        return work.params
    note = json.loads(work.existing("artifacts", FILE).read_text())
    reading = PropagationParams.model_validate(note["propagation"])
    return work.params.model_copy(update={"propagation": reading})
