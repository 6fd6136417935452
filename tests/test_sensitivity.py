"""Fewer labels, noisy labels, and groups of people."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib import vocabulary
from lib.experiments import alternation, networks, sensitivity
from lib.figures import sensitivity as sensitivity_figures
from lib.params import AlternationParams, BeyondParams
from tests.small import REFINE, faces_of, labels_of, noise, settings

PEOPLE = pd.Series([f"person {k // 2}" for k in range(400)])  # two faces each
LABELS = torch.randint(-1, 2, (400, 24), generator=torch.Generator().manual_seed(0)).to(torch.int8)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_keeps_what_a_smaller_one_keeps(one, two):
    less, more = (sensitivity.keep(LABELS, PEOPLE, share) for share in sorted((one, two)))
    assert ((less < 0) | (less == more)).all()


def test_people_keep_all_their_labels_or_none():
    kept = sensitivity.keep(LABELS, PEOPLE, 0.5)
    all_kept = (kept == LABELS).all(1).numpy()
    none_kept = (kept == -1).all(1).numpy()
    assert (all_kept | none_kept).all()
    assert pd.Series(all_kept).groupby(PEOPLE).nunique().max() == 1
    assert all_kept.mean() == pytest.approx(0.5, abs=0.12)  # 200 people: 3.4 standard errors


@given(st.floats(0, 1), st.integers(0, 9))
def test_noise_turns_round_known_labels_only(share, seed):
    noisy = sensitivity.flip(LABELS, share, seed=seed)
    assert torch.equal(noisy < 0, LABELS < 0)
    changed = (noisy != LABELS)[LABELS >= 0].float().mean()
    assert float(changed) == pytest.approx(share, abs=0.03)  # 6,400 labels: 4.8 standard errors


def test_every_rendered_face_is_in_one_group_of_each_question():
    table = pd.DataFrame({"male": [0, 1, 1], "age": [20.0, 40.0, 70.0], "melanin": [0.1, 0.5, 1.0]})
    groups = sensitivity.people(table, torch.zeros(3, 24))
    for masks in groups.values():
        assert (np.sum(list(masks.values()), 0) == 1).all()


def test_of_real_faces_only_labelled_ones_are_in_a_group():
    groups = sensitivity.people(pd.DataFrame({"key": list("abc")}), labels_of(gender=[0, 1, -1]))
    assert groups["sex"]["women"].tolist() == [True, False, False]
    assert groups["sex"]["men"].tolist() == [False, True, False]
    assert not any(mask.any() for mask in groups["age"].values())


def test_groups_are_compared_on_the_attributes_that_all_have():
    """Happy is right for all; sad occurs among men alone and so counts for neither group."""
    truth = labels_of(happy=[0, 1] * 20, sad=[-1] * 20 + [0, 1] * 10)
    scores = truth.clamp(min=0).float()
    scores[:, vocabulary.column("sad")] = 0
    masks = {"sex": {"women": np.arange(40) < 20, "men": np.arange(40) >= 20}}
    everyone = faces_of(truth), {"DCN": scores}, masks, np.full(24, 0.5)
    table = sensitivity.by_people(*everyone, settings())
    assert table["attributes"].tolist() == [1, 1]
    assert table["value"].tolist() == [100, 100]


def test_groups_whose_intervals_are_apart_are_named():
    names = ["question", "group", "method"]
    places = [("sex", "men"), ("sex", "women"), ("age", "young"), ("age", "old")]
    index = pd.MultiIndex.from_tuples([(*place, "DCN") for place in places], names=names)
    ends = {"low": [80.0, 70, 80, np.nan], "high": [90.0, 79, 90, np.nan]}
    assert sensitivity.unequal(pd.DataFrame(ends, index), "DCN") == ["men above women"]


def test_groups_that_share_no_attribute_are_shown_without_a_number():
    truth = torch.full((40, 24), -1)
    masks = {"age": {"young": np.arange(40) < 20, "not young": np.arange(40) >= 20}}
    scores = {"DCN": torch.rand(40, 24)}
    table = sensitivity.by_people(faces_of(truth), scores, masks, np.full(24, 0.5), settings())
    assert table[["value", "low", "high"]].isna().all(axis=None)
    assert (table["attributes"] == 0).all()
    figure = sensitivity_figures.people(table)
    words = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert words == ["young (20)", "not young (20)"]


def test_an_ablation_is_stage_2_without_that_part():
    """From the same weights as the whole, and for as many rounds as asked for."""
    images, labels, chosen = noise(48, 3, 34, 34), LABELS[:48], torch.arange(48) < 40
    stage2 = AlternationParams(iterations=3, refine=REFINE)
    params = settings(stage2=stage2, beyond=BeyondParams(rounds=1))
    weights = {k: v.clone() for k, v in networks.dcn(params, 5).state_dict().items()}
    faces = SimpleNamespace(images=images, visible=labels)
    found = sensitivity.ablate(weights, faces, chosen, params)
    assert list(found) == list(sensitivity.ABLATIONS)

    field = params.propagation.model_copy(update={"prior_weight": 0.0})
    once = stage2.model_copy(update={"iterations": 1})
    changed = params.model_copy(update={"stage2": once, "propagation": field})
    alone = alternation.alternate(networks.dcn(params, 5), images, labels, chosen, params=changed)
    torch.testing.assert_close(found["without the prior"], alone[0].logits)
    assert len({float(logits.double().sum()) for logits in found.values()}) == len(found)
