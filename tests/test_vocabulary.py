"""The words against the paper's tables as published."""

from pathlib import Path

import pandas as pd
import pytest

from lib import vocabulary

REPORTED = Path(__file__).resolve().parent.parent / "params" / "reported"


def test_the_columns_are_those_of_table_4():
    table = pd.read_csv(REPORTED / "table04.csv", index_col=0)
    assert list(table.columns) == [vocabulary.title(name) for name in vocabulary.ATTRIBUTES]
    for source in vocabulary.FACE_SOURCES:
        row = table.loc[vocabulary.title(source)]
        assert [bool(mark) for mark in row] == vocabulary.label_mask(source)


def test_three_sources_label_everything_and_share_only_gender():
    masks = [vocabulary.label_mask(source) for source in vocabulary.FACE_SOURCES]
    known = pd.Series([sum(marks) for marks in zip(*masks, strict=True)], vocabulary.ATTRIBUTES)
    assert known["gender"] == 2
    assert (known.drop("gender") == 1).all()
    assert len(vocabulary.ATTRIBUTES) == len(set(vocabulary.ATTRIBUTES)) == 24


def test_eight_traits_in_the_order_of_table_2():
    names = "dominant competitive trusting warm friendly involved demonstrative assured"
    assert list(vocabulary.TRAITS) == names.split()


def test_mirroring_turns_poses_round_and_nothing_else():
    order = vocabulary.mirror_order()
    turned = [vocabulary.ATTRIBUTES[k] for k in order]
    poses = slice(1, 6)
    assert turned[poses] == list(reversed(vocabulary.POSES))
    assert turned[:1] + turned[6:] == [n for n in vocabulary.ATTRIBUTES if n not in turned[poses]]
    assert [order[k] for k in order] == list(range(24))  # twice is not at all


def test_celeba_s_own_names_cover_what_it_labels():
    assert set(vocabulary.CELEBA_NAMES) == set(vocabulary.LABELLED["celeba"])


def test_columns_are_places_in_the_label_tensor():
    assert vocabulary.columns(("bald", "gender")) == [22, 0]
    with pytest.raises(ValueError, match=r"unknown attribute 'grin'; use one of gender, "):
        vocabulary.column("grin")


@pytest.mark.parametrize(
    ("name", "printed"),
    [("five_oclock_shadow", "5 o'clock shadow"), ("no_beard", "no beard"), ("sfew", "SFEW 2.0")],
)
def test_titles_are_as_printed(name, printed):
    assert vocabulary.title(name) == printed
