"""Which pairs are shown, and what the wrongly predicted ones have in common."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.experiments import cases
from lib.world.scenes import pairs as latents
from tests.small import noise, pairs_of


def test_the_most_confident_case_of_each_kind_by_hand():
    probability, labels = torch.full((5, 8), 0.5), torch.full((5, 8), -1)
    probability[:, 0] = torch.tensor([0.8, 0.9, 0.1, 0.99, 0.4])
    labels[:, 0] = torch.tensor([1, 1, 0, 0, 1])
    found = cases.most_confident(probability, pairs_of(labels))
    assert found[["trait", "kind", "row"]].to_numpy().tolist() == [
        ["dominant", "rightly yes", 1],
        ["dominant", "rightly no", 2],
        ["dominant", "wrongly yes", 3],
        ["dominant", "wrongly no", 4],
    ]
    assert found["probability"].tolist() == pytest.approx([0.9, 0.1, 0.99, 0.4])


def test_no_couple_is_shown_twice():
    probability, labels = torch.full((3, 8), 0.5), torch.full((3, 8), -1)
    probability[:, :2] = torch.tensor([[0.9, 0.9], [0.6, 0.8], [0.7, 0.7]])
    labels[:, :2] = 1
    found = cases.most_confident(probability, pairs_of(labels, identity=["a", "a", "b"]))
    assert found["row"].tolist() == [0, 2]  # the first trait takes couple a


@given(st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_cases_are_of_their_kind_and_no_other_is_more_confident(seed):
    generator = torch.Generator().manual_seed(seed)
    probability = torch.rand(12, 8, generator=generator)
    labels = torch.randint(-1, 2, (12, 8), generator=generator)
    found = cases.most_confident(probability, pairs_of(labels))
    tally = cases.tally(probability, labels)
    taken = set()
    for _, case in found.iterrows():
        column = cases.TRAITS.index(case["trait"])
        label, answer = cases.KINDS[case["kind"]]
        alike = (labels[:, column] == label) & ((probability[:, column] > 0.5) == answer)
        assert alike[case["row"]]
        assert tally.loc[case["trait"], case["kind"]] == int(alike.sum())
        free = [k for k in range(12) if alike[k] and k not in taken]
        surest = max(free, key=lambda k: abs(float(probability[k, column]) - 0.5))
        assert case["row"] == surest
        taken.add(case["row"])
    assert tally.sum(axis=1).tolist() == (labels >= 0).sum(0).tolist()


def test_votes_are_given_where_they_are_known():
    probability, labels = torch.full((2, 8), 0.9), torch.ones(2, 8)
    votes = {f"votes_{name}": [3, 5] for name in cases.TRAITS}
    found = cases.most_confident(probability, pairs_of(labels, **votes))
    assert found["votes"].tolist() == [3, 5]
    votes["votes_warm"], votes["votes_friendly"] = [2, 5], [4, 2]
    six = {f"votes_{name}": [5, 0] for name in cases.TRAITS[:3] + cases.TRAITS[5:]}
    assert cases.disputed(pairs_of(labels, **votes | six)).tolist() == [False, False]
    six["votes_assured"] = [3, 3]
    assert cases.disputed(pairs_of(labels, **votes | six)).tolist() == [True, True]
    assert cases.disputed(pairs_of(labels)) is None


def test_the_pair_with_most_votes_for_the_whole_title_is_shown():
    labels = torch.zeros(5, 8)
    labels[:, 0] = torch.tensor([1, 1, 1, 0, 1])  # dominant
    labels[:, 3] = torch.tensor([0, 0, 1, 0, 0])  # warm
    yes = {f"votes_{name}": [0] * 5 for name in cases.TRAITS}
    yes |= {"votes_dominant": [4, 5, 5, 5, 5], "votes_warm": [0, 1, 5, 0, 1]}
    wanted = {"dominant, not warm": {"dominant": 1, "warm": -1}, "warm": {"warm": 1}}
    seen = noise(2, 5, 3, 4, 4)
    pairs = pairs_of(labels, seen, image="a.jpg", **yes)
    assert cases.clearest(pairs, wanted, seed=0) == {"dominant, not warm": 0, "warm": 2}
    proof = {f"evidence_{name}": [0.0] * 5 for name in cases.TRAITS}
    more = {**proof, "evidence_dominant": [0.0, 0.5, 9, 9, 0.2]}  # decides where votes are equal
    equal = {**yes, **more, "votes_dominant": [4, 5, 5, 5, 5], "votes_warm": [1, 1, 5, 0, 1]}
    pairs = pairs_of(labels, seen, image="a.jpg", **equal)
    assert cases.clearest(pairs, wanted, seed=0)["dominant, not warm"] == 1
    pairs.left[1] = 7  # a black face
    assert cases.clearest(pairs, wanted, seed=0)["dominant, not warm"] == 4


def test_titles_share_no_couple_and_one_that_fits_no_pair_is_left_out():
    labels = torch.ones(3, 8)
    wanted = {name: {"warm": sign} for name, sign in (("one", 1), ("two", 1), ("cold", -1))}
    pairs = pairs_of(labels, noise(2, 3, 3, 4, 4), identity=["a", "a", "b"], image="a.jpg")
    assert cases.clearest(pairs, wanted, seed=0) == {"one": 0, "two": 2}


def test_examples_are_one_clear_pair_for_and_one_against_each_trait(monkeypatch):
    labels = torch.zeros(20, 8)
    labels[:9] = 1
    labels[:, 3] = 1  # all are warm
    pairs = pairs_of(labels)
    words = pd.DataFrame({"Positive": "a/b/c", "Negative": "d/e"}, index=list(cases.TRAITS))
    monkeypatch.setattr(cases.annotation, "visible", lambda *_: True)
    monkeypatch.setattr(cases.scenes, "scenes_of", lambda table, **_: list(table["key"]))
    found = cases.examples(pairs, words, seed=0)
    wanted = {(trait, holds) for trait in cases.TRAITS for holds in (True, False)}
    assert set(found) == wanted - {("warm", False)}
    for (trait, holds), (key, said) in found.items():
        row = pairs.table["key"].tolist().index(key)
        assert labels[row, cases.TRAITS.index(trait)] == holds
        assert said == ("a, b" if holds else "d, e")
    assert len({key for key, _ in found.values()}) == len(found)  # no couple is shown twice


def test_a_plain_pair_is_turned_least_and_then_has_the_most_contrast():
    count = 30
    turned = np.arange(count, 0, -1.0)  # the last three are the tenth that turns away least
    yaw = {"left_yaw": turned, "right_yaw": np.full(count, -1.0)}
    faces, labels = torch.zeros(2, count, 3, 4, 4, dtype=torch.uint8), torch.zeros(count, 8)
    for row, light in ((0, 255), (27, 100), (28, 200), (29, 50)):
        faces[:, row, :, :2] = light
    assert cases.plain(pairs_of(labels, faces, **yaw)) == 28
    assert cases.plain(pairs_of(labels, faces)) == 0  # yaw is not known


def test_what_hides_a_face_is_known_of_the_world_only():
    index = np.arange(10_000_000, 10_000_040)
    left, right, table = latents("web", index, seed=0)
    names = {name: list(table[name]) for name in ("identity", "key")}
    pairs = pairs_of(torch.zeros(40, 8), **names)
    hidden = cases.occluded(pairs, seed=0)
    names = ["shades", "overlay"]
    by_hand = [
        any(person[name][k] > 0 for person in (left, right) for name in names) for k in range(40)
    ]
    assert hidden.tolist() == by_hand and 0 < hidden.sum() < 40
    assert cases.occluded(pairs_of(torch.zeros(2, 8), image="a.jpg"), seed=0) is None


def test_circumstances_by_hand():
    emotions = {f"e_{name}": [0.0] for name in ("angry", "disgust", "fear", "sad", "surprise")}
    table = {**emotions, "e_happy": [0.7], "blur": [0.4], "exposure": [0.9], "yaw": [-30.0]}
    found = cases.circumstances(pd.DataFrame(table | {"e_sad": [0.5]}))
    assert found.iloc[0].to_dict() == pytest.approx(
        {"strength": 0.7, "lead": 0.2, "blur": 0.4, "exposure": 0.9, "turned": 30}
    )
    assert list(cases.circumstances(pd.DataFrame({"key": ["a real face"]}))) == []


def test_a_contrast_is_a_difference_of_means():
    values = np.array([1.0, 2, 3, 10, 20])
    chosen = np.array([False, False, False, True, True])
    found = cases.contrast(values, chosen, resamples=500)
    assert found["value"] == pytest.approx(15 - 2)
    assert found["low"] <= found["value"] <= found["high"]
    nobody = {"value": None, "low": None, "high": None}
    assert cases.contrast(values, np.zeros(5, bool), resamples=9) == nobody
