"""Simple looks at labels and pixels: correlations, leaks, and which source a face is from."""

from itertools import product

import numpy as np
import pytest
import torch

from lib import vocabulary
from lib.evaluation import probes
from tests.small import faces_of, labels_of, noise


def test_strongest_correlations_include_pairs_of_one_group():
    happy = [1, 1, 1, 1, 0, 0, 0, 0]
    labels = labels_of(happy=happy, smiling=happy, goatee=[1, 1, 1, 0, 0, 0, 0, 0])
    found = probes.strongest(labels)
    assert found.iloc[0].tolist() == ["happy", "smiling", pytest.approx(1)]
    assert len(found) == 3


def test_strongest_correlations_leave_out_what_excludes_each_other():
    labels = labels_of(
        left=[1, 1, 1, 0, 0, 0], right=[0, 0, 0, 1, 1, 1],
        happy=[1, 1, 1, 0, 0, 0], sad=[0, 0, 0, 1, 1, 1],
    )  # fmt: skip
    found = probes.strongest(labels)
    pairs = set(map(tuple, found[["attribute", "and"]].to_numpy()))
    assert pairs == set(product(("left", "right"), ("happy", "sad")))


def test_correlation_needs_both_values_of_a_label():
    assert list(probes.correlations(labels_of(young=[1, 1, 0], bald=[0, 0, 0]))) == ["young"]


def test_leaks_count_people_and_pictures_on_both_sides():
    images = torch.arange(6, dtype=torch.uint8).reshape(6, 1, 1, 1).expand(6, 3, 4, 4).clone()
    images[5] = images[0]
    split = ["train"] * 3 + ["test"] * 3
    faces = faces_of(torch.full((6, 24), -1), images, identity=[*"abcadc"], split=split)
    assert probes.leaks(faces).tolist() == [2, 1]


def test_a_linear_classifier_recognises_sources_that_differ_in_brightness():
    images = noise(40, 3, 16, 16, high=100)
    images[::2] += 120
    table = {"source": ["aflw", "expw"] * 20, "split": ["train"] * 20 + ["test"] * 20}
    faces = faces_of(torch.full((40, 24), -1), images, **table)
    train, test = faces.where(split="train"), faces.where(split="test")
    assert (probes.recognise_sources(train, test) == test.table["source"]).all()
    one = faces.where(source="aflw")
    assert set(probes.recognise_sources(one, one)) == {"aflw"}


def test_labels_that_contradict_each_other_are_counted():
    labels = labels_of(
        goatee=[1, 1, 0, 1, -1], no_beard=[1, 0, 1, -1, 1],
        **{key: [1, 0, -1, 0, 0] for key in vocabulary.POSES},
    )  # fmt: skip
    found = probes.contradictions(labels)
    assert found["faces"].tolist() == [1, 1, 0]
    assert found["share"].tolist() == [pytest.approx(100 / 3), 25, 0]


def test_agreement_of_neighbours_by_hand():
    labels = torch.tensor([[1], [1], [0], [-1]], dtype=torch.int8)
    index = torch.tensor([[1, 2], [0, 3], [0, 1], [0, 1]])
    result = probes.agreement(labels, index, np.arange(4), resamples=20)
    assert result["agree"]["value"] == pytest.approx(100 * (0.5 + 1 + 0) / 3)
    assert result["chance"]["value"] == pytest.approx(100 * (2 / 3 + 2 / 3 + 1 / 3) / 3)
