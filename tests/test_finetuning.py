"""Naming one of seven expressions: against scikit-learn, by hand, and without leaks over folds."""

import numpy as np
import pandas as pd
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

ANSWERS = np.random.default_rng(0).integers(0, 7, (3, 120))
OPTIONS = {"resamples": 200, "seed": 1}
named = st.lists(st.integers(0, 6), min_size=2, max_size=40)


def labels_of(*names: str) -> torch.Tensor:
    """(N, 24) labels of faces that show one expression each."""
    labels = torch.full((len(names), len(ATTRIBUTES)), -1, dtype=torch.int8)
    for row, name in enumerate(names):
        labels[row, finetuning.COLUMNS] = 0
        labels[row, column(name)] = 1
    return labels


def faces_of(truth: np.ndarray, people: np.ndarray, folds: np.ndarray) -> FaceSet:
    keys = [f"face {k}" for k in range(len(truth))]
    table = pd.DataFrame({"key": keys, "source": "ckplus", "split": "train"})
    table = table.assign(identity=people, fold=folds)
    images = torch.zeros(len(truth), 3, 16, 16, dtype=torch.uint8)
    return FaceSet(images, labels_of(*(EXPRESSIONS[k] for k in truth)), table)


def test_classes_are_the_one_positive_expression():
    assert finetuning.classes(labels_of("sad", "angry", "neutral")).tolist() == [4, 0, 6]


def test_a_face_with_two_expressions_is_refused():
    labels = labels_of("sad", "angry")
    labels[1, column("happy")] = 1
    with pytest.raises(ValueError, match="face 1 carries 2 expressions"):
        finetuning.classes(labels)


def test_the_largest_of_seven_logits_names_the_face():
    logits = torch.full((2, len(ATTRIBUTES)), -5.0)
    logits[0, column("fear")], logits[0, column("smiling")] = -1.0, 9.0  # no expression of seven
    logits[1, column("neutral")] = 0.5
    assert finetuning.predicted(logits).tolist() == [2, 6]


@given(named)
def test_accuracy_and_confusion_are_scikit_learns(truth):
    truth = np.array(truth)
    said = np.roll(truth, 1)
    ours = finetuning.accuracy(truth, said, **OPTIONS)
    assert ours["value"] == pytest.approx(100 * accuracy_score(truth, said))
    assert ours["low"] <= ours["value"] <= ours["high"]
    known = np.unique(truth)
    expected = 100 * confusion_matrix(truth, said, labels=range(7), normalize="true")
    assert finetuning.confusion(truth, said)[known] == pytest.approx(expected[known], abs=1e-4)


@pytest.mark.parametrize("people", [None, np.arange(120) // 4])
def test_six_is_the_mean_recall_without_neutral(people):
    truth, said, other = ANSWERS
    basic = [k for k in range(7) if EXPRESSIONS[k] != "neutral"]
    each = recall_score(truth, said, labels=basic, average=None)
    ours = finetuning.six(truth, said, people=people, **OPTIONS)
    assert ours["value"] == pytest.approx(100 * each.mean())
    assert ours["low"] < ours["value"] < ours["high"]
    gain = finetuning.six_gain(truth, said, other, people=people, **OPTIONS)
    rival = finetuning.six(truth, other, people=people, **OPTIONS)
    assert gain["value"] == pytest.approx(ours["value"] - rival["value"])


def test_six_does_not_look_at_neutral_faces():
    truth, said, _ = ANSWERS
    changed = np.where(truth == finetuning.NEUTRAL, 0, said)
    assert finetuning.six(truth, changed, **OPTIONS) == finetuning.six(truth, said, **OPTIONS)


def test_a_gain_is_a_difference_of_accuracies():
    truth, one, two = ANSWERS
    gain = finetuning.gain(truth, one, two, **OPTIONS)
    values = [finetuning.accuracy(truth, said, **OPTIONS)["value"] for said in (one, two)]
    assert gain["value"] == pytest.approx(values[0] - values[1])
    nothing = finetuning.gain(truth, one, one, **OPTIONS)
    assert nothing == {"value": 0, "low": 0, "high": 0}


def test_faces_of_one_person_are_drawn_together():
    """Everything repeated four times is no more evidence than once."""
    truth, said, _ = ANSWERS[:, :40]
    once = finetuning.accuracy(truth, said, resamples=4000)
    people = np.repeat(np.arange(40), 4)
    repeated = truth[people], said[people]
    together = finetuning.accuracy(*repeated, people=people, resamples=4000)
    apart = finetuning.accuracy(*repeated, resamples=4000)
    widths = [number["high"] - number["low"] for number in (once, together, apart)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)
    assert widths[2] == pytest.approx(widths[0] / 2, rel=0.2)


def test_nobody_is_named_by_a_machine_that_saw_them():
    """Features that give away the person, labels that only the person explains."""
    people = np.repeat(np.arange(40), 3)
    truth = np.random.default_rng(0).integers(0, 7, 40)[people]
    faces = faces_of(truth, people, people % 4)
    said = finetuning.cross_validate_svm(np.eye(40)[people], faces, seed=0)
    assert (said == truth).mean() < 0.4  # chance is a seventh; a leak would make it 1
    seen = finetuning.cross_validate_svm(np.eye(7)[truth], faces, seed=0)
    assert (seen == truth).all()


def small_network() -> DCN:
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
    return DCN(features=4, trunk=trunk)


def settings():
    sizes = {"model.size": 16, "data.size": 16, "evaluation.finetune.batch": 4}
    return params.load("smoke", {**sizes, "device": "cpu"})


def test_tuning_leaves_the_network_it_starts_from():
    model, faces = small_network(), faces_of(np.arange(7), np.arange(7), np.zeros(7))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tuned = finetuning.finetune(model, faces, settings(), seed=0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not torch.equal(tuned.heads.bias, model.heads.bias)


def test_every_face_gets_logits_from_a_network_that_never_saw_its_fold(monkeypatch):
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
