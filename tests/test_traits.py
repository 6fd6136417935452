"""Relation traits as annotated: agreement, shares, how faces stand, what is shown."""

import io

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lib.data.faces import spatial_cues
from lib.evaluation import annotation, claims, metrics
from lib.figures import traits as figures
from lib.figures.pages import HEAVY, shown
from lib.world.scenes import pairs as world_pairs
from tests.small import noise, pairs_of


def some_pairs(count=12):
    """Web and movie pairs in couples of two; the trait column k holds in every (k + 2)nd row."""
    rows = np.arange(count)
    labels = torch.tensor(rows[:, None] % (np.arange(8) + 2) == 0)
    columns = {
        "identity": [f"couple {k // 2:02d}" for k in rows],
        "part": np.where(rows % 4 < 2, "web", "movie"),
        "split": np.where(rows < count // 2, "train", "test"),
    }
    return pairs_of(labels, noise(2, count, 3, 8, 8), torch.rand(count, 11) + 0.5, **columns)


# Counting -----------------------------------------------------------------------------------------


def test_counts_have_the_columns_of_table_10():
    pairs = some_pairs()
    pairs.labels[0, 3] = -1
    table = annotation.counts(pairs)
    assert list(table.columns) == list(claims.reported("table10").columns)
    assert table.loc["dominant"].tolist() == [3, 3, 3, 3]  # rows 0, 2, 4 and 6, 8, 10
    assert table.loc["warm"].tolist() == [1, 4, 1, 5]  # rows (0,) 5 and 10


def test_published_shares_follow_from_published_counts():
    shares = annotation.published_shares(claims.reported("table10"))
    assert shares["the paper, training"].loc["dominant", "value"] == pytest.approx(100 * 418 / 7226)
    assert shares["the paper, testing"].loc["warm", "value"] == pytest.approx(100 * 615 / 790)


def test_shares_are_within_their_intervals():
    shares = annotation.shares(some_pairs(), resamples=200)
    assert list(shares) == ["ours, web", "ours, movie"]
    for part in shares.values():
        assert part.loc["dominant", "value"] == 50  # every second of a couple: no doubt
        assert part.loc["dominant", "low"] == part.loc["dominant", "high"] == 50
        assert (part["low"] <= part["value"]).all() and (part["value"] <= part["high"]).all()


def test_couples_people_and_crops_in_both_splits_are_counted():
    pairs = some_pairs()
    assert annotation.shared(pairs).sum() == 0
    pairs.table["left_identity"] = pairs.table["right_identity"] = pairs.table["key"]
    pairs.table.loc[11, "left_identity"] = pairs.table.loc[0, "right_identity"]
    pairs.table.loc[6, "identity"] = pairs.table.loc[1, "identity"]
    pairs.left[7] = pairs.left[2]
    assert annotation.shared(pairs).tolist() == [1, 1, 1]


# Agreement ----------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=12))
def test_weighted_kappa_equals_kappa_of_repeated_rows(rows):
    yes, times = np.array(rows).T
    repeated = np.repeat(yes, times)
    if len(repeated):
        found = annotation.kappas(yes[:, None], times[None])[0, 0]
        assert found == pytest.approx(metrics.fleiss_kappa(repeated))


def test_ac1_is_high_where_nearly_all_agree_on_yes():
    """Nine pairs with five of five votes, one with three: by hand."""
    table = pd.DataFrame({name: [5] * 9 + [3] for name in annotation.VOTES})
    agreed, share = (9 + 0.4) / 10, 48 / 50
    chance = 2 * share * (1 - share)
    found = annotation.gwet_ac1(table)
    assert found.tolist() == pytest.approx([(agreed - chance) / (1 - chance)] * 9)
    assert found["warm"] > 0.9 and metrics.fleiss_kappa(table["votes_warm"].to_numpy()) < 0.3
    with pytest.raises(ValueError, match="no columns votes_<trait>"):
        annotation.gwet_ac1(some_pairs().table)


def test_agreement_is_kappa_by_part_with_intervals():
    table = pd.concat(world_pairs(part, range(120))[2] for part in ("web", "movie"))
    found = annotation.agreement(table, resamples=60)
    parts = {"all": table, **dict(tuple(table.groupby("part")))}
    for part, rows in parts.items():
        each = [metrics.fleiss_kappa(rows[name].to_numpy()) for name in annotation.VOTES]
        assert found.loc[part]["value"].tolist() == pytest.approx([np.mean(each), *each])
    gap = found.loc[("movie", "warm"), "value"] - found.loc[("web", "warm"), "value"]
    assert found.loc[("movie - web", "warm"), "value"] == pytest.approx(gap)
    average = found.xs("average", level="trait")
    assert (average["low"] < average["value"]).all() and (average["value"] < average["high"]).all()
    with pytest.raises(ValueError, match="no columns votes_<trait>"):
        annotation.agreement(some_pairs().table, resamples=10)


def test_the_interval_of_five_votes_ends_where_the_share_is_196_standard_errors_away():
    yes = np.array([0, 1, 2, 3, 4, 5, 5, 0])
    found = annotation.of_five(yes)
    for count, (value, low, high) in zip(yes, found.to_numpy(), strict=True):
        assert value == count / 5 and -1e-9 < low < high < 1 + 1e-9
        for end in (low, high):
            error = np.sqrt(end * (1 - end) / 5)
            assert abs(value - end) == pytest.approx(1.96 * error, abs=1e-7)


def test_four_or_five_equal_votes_settle_a_trait():
    table = pd.DataFrame({name: [0, 1, 2, 3, 4, 5] for name in annotation.VOTES})
    table["part"] = ["web"] * 3 + ["movie"] * 3
    settled = annotation.settled(table)
    assert settled["web"].tolist() == pytest.approx([200 / 3] * 8)
    assert settled["movie"].tolist() == pytest.approx([200 / 3] * 8)


# How the faces are placed -------------------------------------------------------------------------


def test_measures_by_hand():
    boxes = torch.tensor([[[20.0, 30, 40, 50], [120, 40, 20, 25]]])
    found = annotation.measures(spatial_cues(boxes, torch.tensor([[200.0, 100]]))).iloc[0]
    # middles (40, 55) and (130, 52.5); a mean face is 30 wide and 37.5 high
    across, down = 90 / 30, 2.5 / 37.5
    assert found.tolist() == pytest.approx([np.hypot(across, down), down, 30 / 200, 1])


def test_effects_are_standardised_differences_of_means():
    pairs = some_pairs(40)
    found = annotation.effects(pairs, resamples=100)
    web = (pairs.table["part"] == "web").to_numpy()
    size = annotation.measures(pairs.cues)["face size (of the picture)"][web]
    holds = pairs.labels.numpy()[web, 1] == 1
    expected = (size[holds].mean() - size[~holds].mean()) / size.std()
    row = found.loc[("web", "face size (of the picture)", "competitive")]
    assert row["value"] == pytest.approx(expected)
    assert row["low"] < row["value"] < row["high"]


# Showing ------------------------------------------------------------------------------------------


def test_clear_cases_are_the_most_unanimous_of_couples_not_yet_seen():
    pairs = some_pairs()
    pairs.labels[:] = 1
    votes = [4, 4, 5, 4, 5, 5, 3, 4, 4, 4, 4, 5]
    pairs.table[annotation.VOTES] = np.tile(np.array(votes)[:, None], 8)
    assert annotation.clear(pairs, "warm", True, 3) == [4, 2, 11]  # web before movie, couples once
    assert annotation.clear(pairs, "warm", True, 2, seen=["couple 02"]) == [2, 11]
    assert annotation.clear(pairs, "warm", False, 2) == []
    pairs.right[2] = 130  # a wall of fog
    assert annotation.clear(pairs, "warm", True, 3) == [4, 11, 0]


def test_a_notebook_shows_large_pictures_as_jpeg(tmp_path):
    figure = Figure()
    figure.subplots().plot([1, 2])
    figure.savefig(tmp_path / "light.png")
    light = shown(tmp_path / "light.png")
    assert light.data == (tmp_path / "light.png").read_bytes()
    PIL.Image.fromarray(noise(300, 300, 3).numpy()).save(tmp_path / "heavy.png")
    heavy = shown(tmp_path / "heavy.png")
    assert HEAVY < (tmp_path / "heavy.png").stat().st_size > 1.5 * len(heavy.data)
    assert heavy.format == "jpeg"
    assert PIL.Image.open(io.BytesIO(heavy.data)).size == (300, 300)


def test_bars_begin_at_chance_and_areas_are_beside_them_in_the_order_of_the_legend():
    methods, traits = ["poor", "Full S-DCN"], list(figures.TRAITS)
    value = np.arange(16) * 2.0 + 44
    rows = pd.MultiIndex.from_product([methods, traits])
    table = pd.DataFrame({"value": value, "low": value - 3, "high": value + 5}, index=rows)
    averages = pd.Series([51.0, 67.0], methods)
    area = pd.DataFrame({"value": [80.0, 55], "low": [79.0, 50], "high": [82.0, 60]}, methods[::-1])
    figure = figures.trait_bars(table, averages, area)
    bars, areas = figure.axes
    heights = [bar.get_height() for group in bars.containers for bar in group]
    assert heights == pytest.approx(value - 50)
    assert {bar.get_y() for group in bars.containers for bar in group} == {50}
    assert bars.get_ylim()[0] < 41 and bars.get_ylim()[1] > 79  # no interval is cut off
    dots = [line for line in areas.lines if line.get_marker() == "o"]
    assert [(dot.get_xdata()[0], dot.get_ydata()[0]) for dot in dots] == [(55, 0), (80, 1)]
    assert [text.get_text() for text in areas.texts] == ["55.0", "80.0"]
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["poor (51.0 %)", "Full S-DCN (67.0 %)"]
    assert all(axes.get_title() for axes in figure.axes)
    assert len(figures.trait_bars(table, averages).axes) == 1


def test_the_map_of_shares_has_a_row_per_kind_of_pair_and_a_column_per_trait():
    table = pd.DataFrame([[0.4, 99.6], [50, 12]], ["friends", "rivals"], ["warm", "dominant"])
    (axes,) = figures.shares(table, "").axes
    assert [text.get_text() for text in axes.texts] == ["0", "100", "50", "12"]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(table.index)
    assert [label.get_text() for label in axes.get_xticklabels()] == list(table.columns)
