"""Ways to fill in missing labels, each against its definition."""

import dataclasses

import numpy as np
import pytest
import torch

from lib import propagation
from lib.experiments import pseudo_labels
from lib.params import PropagationParams
from lib.propagation import NeighbourGraph, fitted
from tests.small import faces_of, labels_of

FACES, WIDTH = 400, 6


@pytest.fixture(scope="module")
def task():
    """Faces whose truth follows from their features; half of the labels are missing."""
    chance = torch.Generator().manual_seed(0)
    features = torch.randn(FACES, WIDTH, generator=chance)
    weights = torch.randn(24, WIDTH, generator=chance)
    odds = 2 * features @ weights.T - 1.5
    truth = (torch.rand(odds.shape, generator=chance) < odds.sigmoid()).to(torch.int8)
    hidden = torch.rand(odds.shape, generator=chance) < 0.5
    fits = hidden & (torch.rand(odds.shape, generator=chance) < 0.2)
    return pseudo_labels.Task(
        features,
        0.3 * odds + 0.8,  # an unsure network that says yes too readily
        weights,
        torch.where(hidden, -1, truth).to(torch.int8),
        torch.where(fits, truth, -1).to(torch.int8),
        PropagationParams(neighbours=5, sample=False),
    )


@pytest.mark.parametrize("name", pseudo_labels.METHODS)
def test_annotations_stay_and_every_gap_has_a_probability(task, name):
    found, known = pseudo_labels.METHODS[name](task), task.labels >= 0
    assert torch.equal(found.labels[known], task.labels[known])
    assert torch.equal(found.posterior[known], task.labels[known].float())
    assert ((found.posterior >= 0) & (found.posterior <= 1)).all()
    decided = found.labels[~known]
    assert set(decided.unique().tolist()) <= ({-1, 0, 1} if "CAP" in name else {0, 1})


def test_lees_pseudo_labels_by_hand():
    logits = torch.tensor([[2.0, -1.0], [-3.0, 0.5]])
    labels = torch.tensor([[-1, 1], [-1, -1]], dtype=torch.int8)
    task = pseudo_labels.Task(logits, logits, logits, labels, labels, PropagationParams())
    assert pseudo_labels.own(task).labels.tolist() == [[1, 1], [0, 1]]


def test_mirrored_output_is_that_of_both_views(task):
    views = dataclasses.replace(task, mirrored=task.logits + 2)
    missing = task.labels < 0
    found = pseudo_labels.mirrored(views).posterior[missing]
    torch.testing.assert_close(found, (task.logits + 1).sigmoid()[missing])


def test_aligned_output_has_the_mean_of_the_annotations(task):
    found, missing = pseudo_labels.aligned(task).posterior, task.labels < 0
    mean = (found * missing).sum(0) / missing.sum(0)
    torch.testing.assert_close(mean, pseudo_labels.frequency(task.labels), atol=1e-4, rtol=0)
    a = task.logits[:, 3][missing[:, 3]].argsort()
    assert torch.equal(a, found[:, 3][missing[:, 3]].argsort())  # a shift changes no order


def test_confident_labels_keep_half_of_each_class(task):
    found = pseudo_labels.confident(task).labels
    share = pseudo_labels.frequency(task.labels)
    for a in range(24):
        missing = task.labels[:, a] < 0
        labels, logits = found[missing, a], task.logits[missing, a]
        assert (labels == 1).sum() == round(float(share[a]) * 0.5 * int(missing.sum()))
        assert (labels == 0).sum() == round(float(1 - share[a]) * 0.5 * int(missing.sum()))
        assert logits[labels == 1].min() >= logits[labels == -1].max()
        assert logits[labels == 0].max() <= logits[labels == -1].min()


def test_correct_and_smooth_on_a_path_of_four_faces():
    """Faces 0-1-2-3 in a row, the first annotated positive; written out with dense matrices."""
    graph = NeighbourGraph(torch.tensor([[1], [0], [1], [2]]), torch.ones(4, 1))
    logits = torch.tensor([[-1.0], [0.0], [0.5], [-2.0]])
    labels = torch.tensor([[1], [-1], [-1], [-1]], dtype=torch.int8)
    given = pseudo_labels.Task(logits, logits, logits, labels, labels, PropagationParams())
    vars(given)["graph"] = graph
    found = pseudo_labels.correct_and_smooth(given, strength=0.5, sweeps=100).posterior[:, 0]

    edges = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]], float)
    degree, base = edges.sum(1), 1 / (1 + np.exp(-logits[:, 0].numpy().astype(float)))
    walk, half = edges / degree[:, None], edges / np.sqrt(np.outer(degree, degree))
    first = 1 - base[0]
    rest = np.linalg.solve(np.eye(3) - 0.5 * walk[1:, 1:], 0.5 * walk[1:, 0] * first)
    start = np.clip(np.r_[1, base[1:] + rest], 0, 1)
    smooth = np.linalg.solve(np.eye(4) - 0.5 * half, 0.5 * start)
    np.testing.assert_allclose(found[1:], np.clip(smooth, 0, 1)[1:], atol=1e-5)
    assert found[0] == 1


def test_platt_scaling_repairs_a_loss_and_leaves_the_order(task):
    plain, scaled = task.propagate().posterior, pseudo_labels.platt(task).posterior
    odds = plain.clamp(1e-6, 1 - 1e-6).logit()
    weights = fitted.fit(odds[None], task.calibration)
    assert loss(scaled, task.calibration) < loss(plain, task.calibration)
    missing = task.labels < 0
    expected = (odds * weights[0] + weights[1])[missing]
    torch.testing.assert_close(scaled[missing].logit(), expected, rtol=1e-4, atol=1e-4)


def loss(probability: torch.Tensor, truth: torch.Tensor) -> float:
    known = truth >= 0
    stated = torch.where(truth == 1, probability, 1 - probability)[known].clamp(min=1e-7)
    return float(-stated.log().mean())


def test_fitted_potentials_beat_the_network_on_the_labels_they_are_fitted_to(task):
    found = task.propagate(potentials="fitted")
    assert loss(found.posterior, task.calibration) < loss(task.logits.sigmoid(), task.calibration)
    assert found.weights.shape == (5,)


def test_without_calibration_labels_fitted_potentials_are_the_network(task):
    nothing = torch.full_like(task.labels, -1)
    alone = dataclasses.replace(task, calibration=nothing)
    found, missing = alone.propagate(potentials="fitted").posterior, task.labels < 0
    torch.testing.assert_close(found[missing], task.logits.sigmoid()[missing])


def test_a_fit_recovers_the_weights_that_made_the_labels():
    chance = torch.Generator().manual_seed(1)
    scale = torch.tensor([1, 30, 0.1, 2])[:, None, None]
    terms = scale * torch.randn(4, 3000, 24, generator=chance)
    true = torch.tensor([0.8, 0.02, 5.0, -0.4])
    odds = torch.einsum("tna,t->na", terms, true) - 0.7
    truth = (torch.rand(odds.shape, generator=chance) < odds.sigmoid()).to(torch.int8)
    weights = fitted.fit(terms, truth)
    np.testing.assert_allclose(weights, [*true, -0.7], rtol=0.05)


def test_fitted_potentials_without_logits_say_what_is_missing(task):
    params = PropagationParams(potentials="fitted")
    with pytest.raises(ValueError, match="logits and calibration labels"):
        propagation.propagate(task.features, task.labels, task.weights, params=params)


def test_new_positives_are_faces_that_no_annotator_judged():
    labels = labels_of(bald=[1, -1, -1, -1, -1])
    found, truth = labels_of(bald=[1, 1, 0, 1, 0]), labels_of(bald=[0, 0, 0, 1, 0])
    faces = faces_of(labels, truth=truth)
    shown, counts = pseudo_labels.new_positives(found, faces, ("bald", "goatee"))
    assert sorted(shown["bald"].tolist()) == [1, 3] and not len(shown["goatee"])
    assert counts.loc["bald"].tolist() == [2, 50, 0, 100]
    assert counts.loc["goatee", "given"] == 0 and np.isnan(counts.loc["goatee", "right (%)"])
