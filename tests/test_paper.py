"""The published numbers, the verdicts, and the page that shows them."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import params, vocabulary
from lib.evaluation import claims

NUMBER = {"value": 2.0, "low": 1.0, "high": 3.0}


def nested(value) -> dict:
    """Metrics in which every claim finds `value` under its key, by notebook."""
    found: dict = {}
    for key in (key for claim in claims.claims() for key in claim.keys):
        name, *path = key.split("/")
        place = found.setdefault(name, {})
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return found


def never_ran(name: str) -> dict:
    raise FileNotFoundError(name)


@pytest.mark.parametrize("number", range(1, 12))
def test_every_table_of_the_paper_is_there(number):
    assert not claims.reported(f"table{number:02d}").empty


@pytest.mark.parametrize("row", ["HOG+SVM", "Baseline DCN", "DCN+AP"])
def test_table_5_averages_are_those_of_its_columns(row):
    table = claims.reported("table05")
    assert len(table.columns) == len(vocabulary.ATTRIBUTES) + 1
    mean = table.loc[row].drop("average").mean()
    assert abs(mean - table.loc[row, "average"]) < 0.15  # printed with one decimal


def test_the_default_sizes_are_the_papers_318778_faces():
    data = params.DataParams()
    parts = [getattr(data, source) for source in vocabulary.FACE_SOURCES]
    assert sum(part.train + part.test for part in parts) == 318_778


def test_an_unknown_table_names_the_known_ones():
    with pytest.raises(ValueError, match=r"table99.*table05"):
        claims.reported("table99")


def test_there_are_at_least_twenty_claims_and_none_twice():
    quotes = [claim.quote for claim in claims.claims()]
    assert len(quotes) == len(set(quotes)) >= 20


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ([(1, 3)], "holds"),
        ([(-3, -1)], "does not hold"),
        ([(-1, 3)], "cannot tell"),
        ([(0, 3)], "cannot tell"),
        ([(1, 3), (-1, 3)], "cannot tell"),
        ([(1, 3), (-3, -1)], "does not hold"),
    ],
)
def test_verdicts(bounds, verdict):
    numbers = [{"value": (a + b) / 2, "low": a, "high": b} for a, b in bounds]
    assert claims.verdict(numbers, bar=0) == verdict


@given(st.tuples(st.floats(-9, 9), st.floats(0, 9)), st.floats(-9, 9))
def test_a_claim_and_its_opposite_never_both_hold(number, bar):
    low, width = number
    claim = {"value": low, "low": low, "high": low + width}
    opposite = {"value": -low, "low": -low - width, "high": -low}
    both = claims.verdict([claim], bar), claims.verdict([opposite], -bar)
    assert both.count("holds") <= 1
    assert (both[0] == "holds") == (both[1] == "does not hold")


def test_claims_hold_where_every_estimate_is_clear():
    board = claims.scoreboard(lambda name: nested(NUMBER)[name])
    assert set(board["verdict"]) == {"holds"}
    assert (board["value"] == 2).all()


def test_the_weakest_estimate_decides_and_is_shown():
    values = nested(NUMBER)
    weak = {"value": -1.0, "low": -2.0, "high": 0.5}
    values["11_relation_accuracy"]["difference"]["age_minus_hog"] = weak
    board = claims.scoreboard(lambda name: values[name]).set_index("claim")
    row = board.loc["All variants of the proposed S-DCN outperform the baseline HOG+SVM."]
    assert row["verdict"] == "cannot tell"
    assert (row["value"], row["low"]) == (-1.0, -2.0)


def test_the_estimate_that_refutes_a_claim_is_the_one_shown():
    """One interval reaches lower, but the other lies wholly below the bar."""
    values = nested(NUMBER)
    values["11_relation_accuracy"]["difference"] |= {
        "pose_minus_gender": {"value": -1.0, "low": -9.0, "high": 7.0},
        "pose_minus_age": {"value": -2.0, "low": -3.0, "high": -1.0},
    }
    board = claims.scoreboard(lambda name: values[name]).set_index("claim")
    row = board.loc["The pose attributes come next in terms of influence to relation prediction."]
    assert (row["verdict"], row["high"]) == ("does not hold", -1.0)


def test_what_never_ran_is_not_judged():
    board = claims.scoreboard(never_ran)
    assert set(board["verdict"]) == {"not run"}
    assert board["why"].str.contains("has not run").all()
    assert board["value"].isna().all()


def test_an_absent_dataset_is_named():
    board = claims.scoreboard(lambda name: {"not_run": "SFEW 2.0"})
    assert set(board["why"]) == {"needs SFEW 2.0"}


def test_an_undefined_estimate_is_not_judged():
    board = claims.scoreboard(lambda name: nested(dict.fromkeys(NUMBER))[name])
    assert set(board["verdict"]) == {"not run"}
    assert board["why"].str.contains("undefined").all()


def test_the_headline_stands_beside_published_numbers():
    rows = claims.headline(lambda name: {"average": {"dcn_ap": NUMBER}})
    ours = {row.what: (row.paper, row.ours) for row in rows}
    assert ours["attributes, balanced accuracy (Table 5): DCN+AP"] == ("80.9", "2.0 (1.0–3.0)")
    assert len(rows) == len(claims.reported("headline"))


def test_an_average_that_lacks_attributes_says_so():
    """Two attributes, of which the sets at hand label one."""
    attribute = {"gender": {"dcn_ap": 50.0, "baseline": 50.0}, "left": {"dcn_ap": None}}
    metrics = {"average": {"dcn_ap": NUMBER, "hog_svm": NUMBER}, "attribute": attribute}
    ours = {row.what: row.ours for row in claims.headline(lambda name: metrics)}
    name = "attributes, balanced accuracy (Table 5): {}"
    assert ours[name.format("DCN+AP")] == "2.0 (1.0–3.0), 1 of 2 attributes"
    del attribute["left"]
    ours = {row.what: row.ours for row in claims.headline(lambda name: metrics)}
    assert ours[name.format("DCN+AP")] == "2.0 (1.0–3.0)"


def test_the_page_shows_every_claim():
    board = claims.scoreboard(lambda name: nested(NUMBER)[name])
    board.loc[0, ["verdict", "value", "low", "high"]] = ["not run", None, None, None]
    html = claims.page(board).to_html()
    assert html.count("<tr>") == len(board) + 1
    assert isinstance(board, pd.DataFrame)
    assert "+2.00 [+1.00, +3.00] points" in html


def test_three_seeds_give_students_interval():
    """1, 2, 3: mean 2, standard error 1/sqrt(3), t(0.975, 2) = 4.303 (any table)."""
    found = [{"value": value, "low": 0, "high": 9} for value in (1.0, 2.0, 3.0)]
    number = claims.over_seeds(found)
    assert number["value"] == 2
    assert number["high"] == pytest.approx(2 + 4.303 / 3**0.5, abs=1e-3)
    assert number["low"] == pytest.approx(2 - 4.303 / 3**0.5, abs=1e-3)
    assert number["seeds"] == 3


def test_estimates_leave_out_what_has_not_run_and_intervals_that_are_none():
    kept = {"05": {"gain": NUMBER, "plain": 3.0}}

    def load(name: str) -> dict:
        if name not in kept:
            raise FileNotFoundError(name)
        return kept[name]

    keys = {("gain", "at 0.5"): "05/gain", "plain": "05/plain", "late": "09/kappa"}
    table = claims.estimates(keys, load)
    assert list(table.columns) == ["value", "low", "high"]
    assert table["value"].tolist() == [NUMBER["value"], 3.0]
    assert table["low"].iloc[0] == NUMBER["low"] and table["high"].iloc[0] == NUMBER["high"]
    assert table.iloc[1, 1:].isna().all()
    assert claims.estimates({"late": "09/kappa"}, load).empty


def test_a_seed_that_was_not_run_is_left_out():
    found = [NUMBER, "notebook 09 has not run", "notebook 09 has not run"]
    assert claims.over_seeds(found) == {**NUMBER, "seeds": 1}
    assert claims.over_seeds(found[1:]) == found[1]
