"""Held-out labels choose the reading of Algorithm 2 by what pseudo labels are made of."""

import pandas as pd
import pytest

from lib.evaluation import judging
from lib.experiments import variants
from lib.params import PropagationParams, load
from lib.workspace import Workspace


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    return Workspace(load("smoke", {"seed": 5}), notebook="03_attribute_propagation")


def test_every_reading_keeps_the_neighbours_and_stopping_rule_of_the_profile():
    given = PropagationParams(neighbours=7, max_iterations=4, covariance="diagonal")
    tried = variants.tried(given)
    assert tried["as given"] == given
    assert tried["literal"].covariance == "full" and tried["literal"].sample
    assert {each.max_iterations for each in tried.values()} == {4}


def test_a_threshold_that_no_pseudo_label_is_decided_at_does_not_choose():
    summary = pd.DataFrame(
        {judging.PAPER: [79.0, 76.0], judging.FREQUENCY: [79.0, 84.0], judging.AUC: [85.0, 86.0]},
        index=["even", "rare classes missed at 0.5"],
    )
    assert variants.choose(summary) == "even"


def test_later_notebooks_read_the_choice(work):
    reading = PropagationParams(unary_weight=0.1, sample=False)
    variants.save(work, "mild", reading)
    assert variants.chosen(work).propagation == reading


def test_a_profile_may_keep_its_own_reading(work):
    given = work.params.propagation.model_copy(update={"choice": "given"})
    own = Workspace(
        work.params.model_copy(update={"propagation": given}), notebook="04_alternating_stage2"
    )
    assert variants.chosen(own) == own.params


def test_without_a_choice_the_notebook_to_run_is_named(work):
    with pytest.raises(FileNotFoundError, match="run notebook 03"):
        variants.chosen(work)
