"""Held-out labels choose the variant of Algorithm 2; how its runs ended."""

import numpy as np
import pytest
import torch

from lib import propagation
from lib.evaluation import judging, results
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
    literal = tried[variants.LITERAL]
    assert literal.covariance == "full" and literal.sample and literal.class_prior == "none"
    assert {each.max_iterations for each in tried.values()} == {4}


def test_the_log_loss_chooses_and_not_balanced_accuracy():
    """One variant knows how rare the attribute is; the other ranks alike and calls it too often."""
    truth = torch.tensor([1] * 10 + [0] * 90, dtype=torch.int8)[:, None].expand(-1, 24)
    honest = torch.where(truth == 1, 0.4, 0.05)
    eager = torch.where(truth == 1, 0.9, 0.45)
    eager[10:30] = 0.9
    judge = judging.Judge(truth, np.full(24, 0.1), resamples=10)
    assert judge.summary({"e": eager, "h": honest})[judging.PAPER].idxmax() == "e"
    losses = variants.group_losses(judge, {"eager": eager, "honest": honest})
    assert variants.ranked(losses) == ["honest", "eager"]
    expected = -(0.1 * np.log(0.4) + 0.9 * np.log(0.95))
    assert results.wide(losses).loc["honest", "pose"] == pytest.approx(expected)


def test_a_watched_run_is_the_same_run():
    chance = torch.Generator().manual_seed(0)
    features, weights = torch.randn(40, 3, generator=chance), torch.randn(2, 3, generator=chance)
    labels = torch.randint(-1, 2, (40, 2), generator=chance).to(torch.int8)
    params = PropagationParams(neighbours=4, max_iterations=5)
    run, seen = variants.watched(features, labels, weights, (2,), params=params)
    alone = propagation.propagate(features, labels, weights, params=params)
    assert torch.equal(run.posterior, alone.posterior)
    assert list(seen) == [0, 2, len(run.trace)]
    two = params.model_copy(update={"max_iterations": 2})
    assert torch.equal(
        seen[2], propagation.propagate(features, labels, weights, params=two).posterior
    )


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
