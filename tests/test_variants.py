"""Held-out labels choose the variant of Algorithm 2; how its runs ended."""

import pandas as pd
import pytest
import torch

from lib.evaluation import judging
from lib.experiments import variants
from lib.params import PropagationParams, load
from lib.propagation import Propagation
from lib.workspace import Workspace


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    return Workspace(load("smoke", {"seed": 5}), notebook="03_attribute_propagation")


def test_every_variant_has_the_neighbours_and_stopping_rule_of_the_profile():
    given = PropagationParams(neighbours=7, max_iterations=4, covariance="diagonal")
    tried = variants.tried(given)
    assert tried["as given"] == given
    assert tried["literal"].covariance == "full" and tried["literal"].sample
    assert {each.max_iterations for each in tried.values()} == {4}


def test_threshold_at_the_class_frequency_does_not_choose():
    summary = pd.DataFrame(
        {judging.PAPER: [79.0, 76.0], judging.FREQUENCY: [79.0, 84.0], judging.AUC: [85.0, 86.0]},
        index=["even", "rare classes missed at 0.5"],
    )
    assert variants.choose(summary) == "even"


def test_convergence_tells_what_moved_in_the_last_sweep():
    def run(moving: list[int]) -> Propagation:
        trace = [
            {"change": 0.5 / (i + 1), "flipped": 0.01, "moving": m} for i, m in enumerate(moving)
        ]
        return Propagation(torch.zeros(1, 3), torch.zeros(1, 3), trace)

    table = variants.convergence({"rests": run([3, 1, 0]), "moves": run([3] * 11 + [2])})
    assert table["sweeps"].tolist() == [3, 12]
    assert table["attributes still moving"].tolist() == [0, 2]
    assert table["change in sweep 10"].tolist() == pytest.approx([0.5 / 3, 0.05])
    assert table["labels flipped in the last sweep (%)"].tolist() == [1, 1]


def test_later_notebooks_use_the_choice(work):
    variant = PropagationParams(unary_weight=0.1, sample=False)
    variants.save(work, "mild", variant)
    assert variants.chosen(work).propagation == variant


def test_profile_may_keep_its_own_variant(work):
    given = work.params.propagation.model_copy(update={"choice": "given"})
    own = Workspace(work.params.model_copy(update={"propagation": given}), "04_alternating_stage2")
    assert variants.chosen(own) == own.params


def test_missing_choice_names_the_notebook_to_run(work):
    with pytest.raises(FileNotFoundError, match="run notebook 03"):
        variants.chosen(work)
