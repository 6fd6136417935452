"""The published numbers, the verdicts on the paper's claims, and the page that shows them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import params, vocabulary
from lib.evaluation import claims, results
from lib.figures import pages
from lib.figures.palette import VERDICT_COLOURS

NUMBER = {"value": 2.0, "low": 1.0, "high": 3.0}
VARIANTS = (
    "All variants of the proposed S-DCN outperform the baseline HOG+SVM. "
    "[here: on the movie pairs of Table 11; the paper says it of Fig. 8]"
)
POSE = "The pose attributes come next in terms of influence to relation prediction."
FULL = "Table 5): DCN+AP"


def table(estimates: dict[tuple, dict]) -> pd.DataFrame:
    """A results table from (notebook, metric, method, subset) -> estimate."""
    rows = [
        results.row(metric, each, method=method, subset=subset).assign(notebook=notebook)
        for (notebook, metric, method, subset), each in estimates.items()
    ]
    return pd.concat(rows, ignore_index=True).assign(seeds=1)


def everywhere(estimate: dict) -> dict[tuple, dict]:
    """The same estimate for every row that a claim needs."""
    return {
        (claim.notebook, claim.metric, method, subset): estimate
        for claim in claims.claims()
        for method in claim.methods
        for subset in claim.subsets
    }


def board(estimates: dict[tuple, dict], not_run: dict[str, str] | None = None) -> pd.DataFrame:
    return claims.scoreboard(claims.Evidence(table(estimates), not_run or {}))


@pytest.mark.parametrize("number", range(1, 12))
def test_every_table_of_the_paper_is_there(number):
    assert not claims.reported(f"table{number:02d}").empty


@pytest.mark.parametrize("row", ["HOG+SVM", "Baseline DCN", "DCN+AP"])
def test_averages_of_table_5_are_those_of_its_columns(row):
    published = claims.reported("table05")
    assert len(published.columns) == len(vocabulary.ATTRIBUTES) + 1
    mean = published.loc[row].drop("average").mean()
    assert abs(mean - published.loc[row, "average"]) < 0.15  # printed with one decimal


def test_default_sizes_are_the_papers_318778_faces():
    data = params.DataParams()
    parts = [getattr(data, source) for source in vocabulary.FACE_SOURCES]
    assert sum(part.train + part.test for part in parts) == 318_778


def test_unknown_table_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match=r"table99.*table05"):
        claims.reported("table99")


def test_there_are_at_least_twenty_claims_and_none_twice():
    quotes = [claim.quote for claim in claims.claims()]
    assert len(quotes) == len(set(quotes)) >= 20


# Verdicts -----------------------------------------------------------------------------------------


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
def test_verdict_follows_from_all_intervals(bounds, verdict):
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


def test_claims_hold_where_every_estimate_is_above_the_bar():
    high = {name: 100 + end for name, end in NUMBER.items()}  # above the bar of every claim
    found = board(everywhere(high))
    assert set(found["verdict"]) == {"holds"}
    assert (found["value"] == 102).all()


@pytest.mark.parametrize(
    ("claim", "changed", "verdict", "shown"),
    [
        (VARIANTS, {"age) - HOG+SVM": (-1.0, -2.0, 0.5)}, "cannot tell", (-1.0, -2.0, 0.5)),
        (  # one interval reaches lower, but the other is below the bar as a whole
            POSE,
            {"with gender)": (-1.0, -9.0, 7.0), "with age)": (-2.0, -3.0, -1.0)},
            "does not hold",
            (-2.0, -3.0, -1.0),
        ),
    ],
)
def test_the_weakest_estimate_decides_and_is_shown(claim, changed, verdict, shown):
    estimates = everywhere(NUMBER)
    one = next(each for each in claims.claims() if each.quote == claim)
    for method in one.methods:
        for ending, numbers in changed.items():
            if method.endswith(ending):
                key = (one.notebook, one.metric, method, one.subsets[0])
                estimates[key] = dict(zip(NUMBER, numbers, strict=True))
    row = board(estimates).set_index("claim").loc[claim]
    assert row["verdict"] == verdict
    assert tuple(row[["value", "low", "high"]]) == shown


@pytest.mark.parametrize(
    ("estimates", "not_run", "why"),
    [
        ({("00", "", "", ""): NUMBER}, {}, "has not run"),
        (everywhere(NUMBER), {c.notebook: "SFEW 2.0" for c in claims.claims()}, "needs SFEW 2.0"),
        (everywhere(dict.fromkeys(NUMBER)), {}, "has no number for"),
    ],
)
def test_a_claim_without_a_number_is_not_judged_and_says_why(estimates, not_run, why):
    found = board(estimates, not_run)
    assert set(found["verdict"]) == {"not run"}
    assert found["why"].str.contains(why).all()
    assert found["value"].isna().all()


# Headline, estimates, page ------------------------------------------------------------------------


def headline(estimates: dict[tuple, dict]) -> pd.Series:
    rows = claims.headline(claims.Evidence(table(estimates), {}))
    return rows.set_index(rows["what"].str.removeprefix("attributes, balanced accuracy ("))["ours"]


def test_headline_has_our_numbers_with_their_intervals_and_says_what_lacks_labels():
    key = ("05_attribute_accuracy", "balanced at 0.5", "DCN+AP")
    estimates = {(*key, "average"): NUMBER, (*key, "gender"): NUMBER}
    assert headline(estimates)[FULL] == "2.0 (1.0–3.0)"
    assert len(headline(estimates)) == len(claims.reported("headline"))
    estimates[*key, "left"] = dict.fromkeys(NUMBER)
    assert headline(estimates)[FULL] == "2.0 (1.0–3.0), 1 of 2 attributes"
    published = claims.headline(claims.Evidence(table(estimates), {}))
    assert published["paper"][published["what"].str.endswith(FULL)].item() == "80.9"


def test_estimates_leave_out_what_has_not_run_and_intervals_that_are_none():
    known = {("05", "gain", "", ""): NUMBER, ("05", "plain", "", ""): {"value": 3.0}}
    evidence = claims.Evidence(table(known), {})
    late = {"late": ("09", "kappa", "", "")}
    keys = dict(zip([("gain", "at 0.5"), "plain"], known, strict=True)) | late
    found = claims.estimates(evidence, keys)
    assert list(found.columns) == ["value", "low", "high"]
    expected = [[2.0, 1.0, 3.0], [3.0, np.nan, np.nan]]
    np.testing.assert_array_equal(found.to_numpy(), expected)
    assert claims.estimates(evidence, late).empty


def test_page_shows_every_claim():
    found = board(everywhere(NUMBER))
    found.loc[0, ["verdict", "value", "low", "high"]] = ["not run", None, None, None]
    html = pages.scoreboard(found.assign(ours=claims.in_words(found))).to_html()
    assert html.count("<tr>") == len(found) + 1
    assert "+2.0 points [+1.0, +3.0]" in html
    assert tuple(VERDICT_COLOURS) == claims.VERDICTS


# Several seeds ------------------------------------------------------------------------------------


def test_three_seeds_give_students_interval():
    """1, 2, 3: mean 2, standard error 1/sqrt(3), t(0.975, 2) = 4.303 (any table)."""
    seeds = [{("05", "gain", "", ""): {"value": v, "low": 0, "high": 9}} for v in (1.0, 2.0, 3.0)]
    row = claims.over_seeds([table(seed) for seed in seeds]).iloc[0]
    reach = 4.303 / 3**0.5
    assert tuple(row[["value", "low", "high"]]) == pytest.approx(
        (2, 2 - reach, 2 + reach), abs=1e-3
    )
    assert row["seeds"] == 3


def test_a_result_that_one_seed_alone_has_keeps_its_own_interval():
    first = table({("05", "gain", "", ""): NUMBER, ("05", "auc", "", ""): dict.fromkeys(NUMBER)})
    second = table({("05", "auc", "", ""): NUMBER, ("05", "new", "", ""): NUMBER})
    found = claims.over_seeds([first, second])
    assert found.loc[0, ["value", "low", "high", "seeds"]].tolist() == [2.0, 1.0, 3.0, 1]
    assert np.isnan(found.loc[1, "value"]) and len(found) == 2


def test_scoreboard_says_which_numbers_are_of_one_seed_where_others_are_of_several():
    found = board(everywhere(NUMBER))
    assert not claims.in_words(found).str.contains("seed").any()
    found.loc[0, "seeds"] = 5
    words = claims.in_words(found)
    assert words[0] == "+2.0 points [+1.0, +3.0]"
    assert words[1:].str.endswith(" (one seed)").all()
