"""What a notebook found is said by its numbers, and by nothing else."""

import pandas as pd
import pytest

from lib.evaluation import claims, findings, results
from lib.evaluation.claims import Evidence
from lib.params import FOLDER, load
from workflow.pipeline import STEPS

LISTED = pd.read_csv(FOLDER / "reported" / "findings.csv", dtype=str, keep_default_na=False)
KEY = ("05_attribute_accuracy", "ROC AUC", "DCN+AP - control", "average")


def evidence(value: float, low: float, high: float) -> Evidence:
    row = dict(zip(claims.KEY, KEY, strict=True))
    ends = {"value": value, "low": low, "high": high, "unit": "points", "seeds": 1}
    return Evidence(pd.DataFrame([row | ends]), {})


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.5, 2, "better than"), (-2, -0.5, "worse than"), (-1, 1, "not surely different from")],
)
def test_the_interval_chooses_the_word(low, high, words):
    (sentence,) = findings.sentences(evidence((low + high) / 2, low, high), KEY[0])
    assert f"DCN+AP is {words} the control" in sentence
    assert f"[{low:+.1f}, {high:+.1f}]" in sentence


def test_the_smaller_error_is_the_better_one():
    estimate = {"value": -0.2, "low": -0.3, "high": -0.1}
    assert findings.compared(estimate, less=True) == "better than"
    assert findings.compared(estimate) == "worse than"


def test_equal_predictions_are_no_different_and_have_no_interval():
    same = dict.fromkeys(("value", "low", "high"), 0.0)
    assert findings.compared(same) == "no different from"
    assert results.written(same, "points", signed=True) == "+0.0 points"


def test_a_sentence_whose_end_has_no_number_is_whole_all_the_same():
    row = dict(zip(claims.KEY, ("14_scoreboard", "claims", "", "all"), strict=True))
    ends = {"value": 32.0, "low": float("nan"), "high": float("nan"), "unit": "", "seeds": 1}
    found = findings.sentences(Evidence(pd.DataFrame([row | ends]), {}), "14_scoreboard")
    assert found == ["Of 32 tests of the paper's claims."]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1.0, 3.0, "rises by 2.0 points [1.0, 3.0]"),
        (-3.0, -1.0, "falls by 2.0 points [1.0, 3.0]"),
        (-1.0, 2.0, "does not surely change: +0.5 points [-1.0, +2.0]"),
    ],
)
def test_what_went_up_or_down_is_said_in_words(low, high, words):
    estimate = {"value": (low + high) / 2, "low": low, "high": high}
    assert findings.moved(estimate, "points") == words


def test_a_small_difference_has_two_digits():
    estimate = {"value": -0.182, "low": -0.326, "high": -0.0525}
    assert results.written(estimate, "points", signed=True) == "-0.18 points [-0.33, -0.05]"
    assert results.written({**estimate, "low": -1.2}, "points", signed=True).startswith("-0.2 ")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (20000, "count", "20,000"),
        (1.24, "minutes", "1.2 minutes"),
        (13.4, "minutes", "13 minutes"),
        (0.6231, "kappa", "0.62 kappa"),
        (float("nan"), "%", ""),
    ],
)
def test_a_number_without_an_interval_in_words(value, unit, words):
    estimate = {"value": value, "low": float("nan"), "high": float("nan")}
    assert results.written(estimate, unit) == words


def test_a_difference_that_rounds_to_zero_has_no_minus():
    estimate = {"value": -0.001, "low": -0.02, "high": 0.01}
    assert results.written(estimate, "points", signed=True) == "+0.00 points [-0.02, +0.01]"


def test_a_notebook_that_lacked_its_data_found_nothing():
    assert findings.sentences(Evidence(pd.DataFrame(columns=claims.KEY), {}), "07_sfew") == []


def test_the_papers_number_is_that_of_its_table():
    (row,) = LISTED[LISTED["method"] == "DCN+AP - Baseline DCN"].head(1).to_dict("records")
    paper = claims.published(row["table"], row["row"], row["column"])
    paper -= claims.published(row["table"], row["minus"], row["column"])
    assert paper == pytest.approx(4.8)


@pytest.mark.parametrize("name", list(STEPS)[3:])
def test_every_sentence_has_its_number_in_smoke(name):
    """A renamed result would otherwise drop its sentence without a word."""
    known = claims.evidence(load("smoke"))
    rows = LISTED[LISTED["page"] == name].to_dict("records")
    assert rows
    missing = [r for r in rows if isinstance(known.estimate(*(r[k] for k in claims.KEY)), str)]
    assert not missing
