"""Recognition of seven expressions: against scikit-learn, by hand, no leak between folds."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score
from torch import nn

from lib import params
from lib.data.faces import FaceSet
from lib.experiments import finetuning
from lib.models import DCN
from lib.vocabulary import ATTRIBUTES, EXPRESSIONS, column
from tests import small

ANSWERS = np.random.default_rng(0).integers(0, 7, (3, 120))
OPTIONS = {"resamples": 200, "seed": 1}
answers_of = st.lists(st.integers(0, 6), min_size=2, max_size=40)


def labels_of(*names: str) -> torch.Tensor:
    """(N, 24) labels of faces that show one expression each."""
    labels = torch.full((len(names), len(ATTRIBUTES)), -1, dtype=torch.int8)
    for row, name in enumerate(names):
        labels[row, finetuning.COLUMNS] = 0
        labels[row, column(name)] = 1
    return labels


def faces_of(truth: np.ndarray, people: np.ndarray, folds: np.ndarray) -> FaceSet:
    images = torch.zeros(len(truth), 3, 16, 16, dtype=torch.uint8)
    labels = labels_of(*(EXPRESSIONS[k] for k in truth))
    return small.faces_of(labels, images, source="ckplus", identity=people, fold=folds)


def test_class_is_the_one_positive_expression():
    labels = labels_of("sad", "angry", "neutral")
    assert finetuning.classes(labels).tolist() == [4, 0, 6]
    labels[1, column("happy")] = 1
    with pytest.raises(ValueError, match="face 1 carries 2 expressions"):
        finetuning.classes(labels)


def test_prediction_is_the_largest_of_seven_logits():
    logits = torch.full((2, len(ATTRIBUTES)), -5.0)
    logits[0, column("fear")], logits[0, column("smiling")] = -1.0, 9.0  # not one of the seven
    logits[1, column("neutral")] = 0.5
    assert finetuning.predicted(logits).tolist() == [2, 6]


def test_the_most_frequent_confusions_come_first_with_all_their_faces():
    truth = np.array([0, 1, 1, 2, 1, 6, 6])
    said = np.array([0, 3, 3, 0, 1, 2, 2])
    found = finetuning.confused(truth, said, most=2)
    assert {kind: faces.tolist() for kind, faces in found.items()} == {
        (1, 3): [1, 2],
        (6, 2): [5, 6],
    }
    assert list(finetuning.confused(truth, said)) == [(1, 3), (6, 2), (2, 0)]
    assert finetuning.confused(truth, truth) == {}


@given(answers_of)
def test_accuracy_and_confusion_are_scikit_learns(truth):
    truth = np.array(truth)
    answers = np.roll(truth, 1)
    ours = finetuning.accuracy(truth, answers, **OPTIONS)
    assert ours["value"] == pytest.approx(100 * accuracy_score(truth, answers))
    assert ours["low"] <= ours["value"] <= ours["high"]
    known = np.unique(truth)
    expected = 100 * confusion_matrix(truth, answers, labels=range(7), normalize="true")
    assert finetuning.confusion(truth, answers)[known] == pytest.approx(expected[known], abs=1e-4)


@pytest.mark.parametrize("people", [None, np.arange(120) // 4])
def test_six_is_the_mean_recall_without_neutral(people):
    truth, one, other = ANSWERS
    basic = [k for k in range(7) if EXPRESSIONS[k] != "neutral"]
    each = recall_score(truth, one, labels=basic, average=None)
    ours, theirs = (finetuning.six(truth, p, people=people, **OPTIONS) for p in (one, other))
    assert ours["value"] == pytest.approx(100 * each.mean())
    assert ours["low"] < ours["value"] < ours["high"]
    gain = finetuning.six_gain(truth, one, other, people=people, **OPTIONS)
    assert gain["value"] == pytest.approx(ours["value"] - theirs["value"])
    changed = np.where(truth == finetuning.NEUTRAL, 0, one)  # neutral faces do not count
    assert finetuning.six(truth, changed, people=people, **OPTIONS) == ours


def test_gain_is_a_difference_of_accuracies():
    truth, one, two = ANSWERS
    gain = finetuning.gain(truth, one, two, **OPTIONS)
    values = [finetuning.accuracy(truth, p, **OPTIONS)["value"] for p in (one, two)]
    assert gain["value"] == pytest.approx(values[0] - values[1])
    assert set(finetuning.gain(truth, one, one, **OPTIONS).values()) == {0}


def test_faces_of_one_person_are_resampled_together():
    """Everything repeated four times is no more evidence than once."""
    truth, answers, _ = ANSWERS[:, :40]
    once = finetuning.accuracy(truth, answers, resamples=4000)
    people = np.repeat(np.arange(40), 4)
    repeated = truth[people], answers[people]
    together = finetuning.accuracy(*repeated, people=people, resamples=4000)
    apart = finetuning.accuracy(*repeated, resamples=4000)
    widths = [number["high"] - number["low"] for number in (once, together, apart)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)
    assert widths[2] == pytest.approx(widths[0] / 2, rel=0.2)


def test_svm_predicts_no_person_that_it_was_trained_on():
    """Features that give away the person, labels that only the person explains."""
    people = np.repeat(np.arange(40), 3)
    truth = np.random.default_rng(0).integers(0, 7, 40)[people]
    faces = faces_of(truth, people, people % 4)
    answers = finetuning.cross_validate_svm(np.eye(40)[people], faces, seed=0)
    assert (answers == truth).mean() < 0.4  # chance is a seventh; a leak would make it 1
    seen = finetuning.cross_validate_svm(np.eye(7)[truth], faces, seed=0)
    assert (seen == truth).all()


def small_network() -> DCN:
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
    return DCN(features=4, trunk=trunk)


def settings():
    sizes = {"model.size": 16, "data.size": 16, "evaluation.finetune.batch": 4}
    return params.load("smoke", {**sizes, "device": "cpu"})


def test_finetuning_does_not_change_the_first_network():
    model, faces = small_network(), faces_of(np.arange(7), np.arange(7), np.zeros(7))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tuned = finetuning.finetune(model, faces, settings(), seed=0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not torch.equal(tuned.heads.bias, model.heads.bias)


def test_logits_come_from_a_network_tuned_on_the_other_folds(monkeypatch):
    truth = np.arange(14) % 7
    faces = faces_of(truth, np.arange(14) // 2, np.arange(14) // 2 % 3)
    seen = []

    def finetune(model, part, *_, **__):
        seen.append(set(part.table["key"]))
        return model

    monkeypatch.setattr(finetuning, "finetune", finetune)
    logits = finetuning.cross_validate(small_network(), faces, settings(), seed=0)
    assert logits.shape == (14, 24) and torch.isfinite(logits).all()
    for fold, keys in enumerate(seen):
        assert keys == set(faces.table["key"][faces.table["fold"] != fold])
