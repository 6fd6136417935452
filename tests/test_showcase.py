"""Examples of the embedded world: the same person otherwise, and the rules as a table."""

import numpy as np
import pytest

from lib import vocabulary
from lib.experiments import rules, showcase
from lib.world import labels
from lib.world.scenes import pairs


@pytest.fixture(scope="module")
def sitters():
    return showcase.sitters(3)


def test_a_person_at_their_own_age_is_the_same_person(sitters):
    person = sitters.iloc[[1]].reset_index(drop=True)
    again = showcase.aged(person, [float(person.age.iloc[0])])
    painted = ("makeup", "lip_", "baldness", "hair_on")  # nobody among the examples is made up
    kept = [name for name in showcase.person_columns() if not name.startswith(painted)]
    np.testing.assert_allclose(again[kept], person[kept].astype(float), atol=1e-9)


def test_what_depends_on_age_follows_it(sitters):
    rows = showcase.aged(sitters.iloc[[0]], [8, 30, 55, 80])
    assert rows.age.tolist() == [8, 30, 55, 80]
    assert rows.wrinkles.is_monotonic_increasing and rows.grey.is_monotonic_increasing
    assert rows.melanin.nunique() == rows.male.nunique() == 1
    beard = ["full_beard", "chin_beard", "moustache", "side_beard", "stubble"]
    assert not rows.loc[0, beard].any()  # a child


@pytest.mark.parametrize("emotion", vocabulary.EXPRESSIONS[:6])
def test_an_emotion_of_full_strength_is_labelled_as_such(sitters, emotion):
    columns = vocabulary.columns(vocabulary.EXPRESSIONS)
    strong, faint = (labels.truth(showcase.felt(sitters, emotion, power)) for power in (1, 0.1))
    assert (strong[:, vocabulary.column(emotion)] == 1).all()
    assert (faint[:, columns].argmax(1) == vocabulary.EXPRESSIONS.index("neutral")).all()


def test_thresholds_are_where_the_evidence_changes_its_sign(sitters):
    assert rules.threshold("young", "age") == (pytest.approx(44, abs=0.3), False)
    edge, above = rules.threshold("smiling", "au_corner_up")
    calm = sitters.iloc[[0]]
    below, beyond = (
        labels.evidence(calm.assign(au_corner_up=edge + step)).smiling.iloc[0]
        for step in (-0.01, 0.01)
    )
    assert above and below < 0 < beyond


def test_every_attribute_has_a_rule():
    assert set(rules.RULES) == set(labels.SINGLE)
    assert len(rules.table()) == len(labels.SINGLE) + len(vocabulary.POSES) + 1


def test_the_first_picture_holds_two_faces_and_the_votes_of_its_pair():
    scene, traits = showcase.teaser(height=72)
    wide = scene.image.shape[2]
    assert scene.image.shape == (3, 72, 128) and scene.boxes.shape == (2, 4)
    assert (scene.boxes[:, :2] >= 0).all() and (scene.boxes[:, 0] + scene.boxes[:, 2] <= wide).all()
    assert scene.boxes[0, 0] < scene.boxes[1, 0]
    table = pairs("web", [showcase.TEASER])[2].iloc[0]
    votes = [table[f"votes_{name}"] / 5 for name in vocabulary.TRAITS]
    assert traits["value"].tolist() == pytest.approx(votes)
    assert sum(0 < vote < 1 for vote in votes) > 0  # annotators differ
