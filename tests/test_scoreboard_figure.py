"""The scoreboard's picture shows the claims that were judged, or says that none was; a confusion
matrix shows every share."""

import numpy as np
import pandas as pd

from lib.evaluation import claims, results
from lib.figures import relations as figures
from lib.vocabulary import EXPRESSIONS


def board(table: pd.DataFrame) -> pd.DataFrame:
    lacking = {claim.notebook: "AFLW, CelebA or ExpW" for claim in claims.claims()}
    del lacking["05_attribute_accuracy"]
    table = table.assign(notebook="05_attribute_accuracy", seeds=1)
    return claims.scoreboard(claims.Evidence(table, lacking))


def test_without_any_verdict_the_picture_says_so():
    axes = figures.scores(board(results.row("another", 1.0))).axes[0]
    assert [text.get_text()[:24] for text in axes.texts] == ["no claim could be judged"]
    assert not axes.lines and not axes.axison


def test_only_judged_claims_are_drawn():
    gain = {"DCN+AP - Baseline DCN": {"value": 2.0, "low": 1.0, "high": 3.0}}
    axes = figures.scores(board(results.rows("balanced at 0.5", gain, subset="average"))).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["6.1: in general, attribute propagation helps"]
    assert not axes.texts and axes.figure.legends


def test_a_confusion_matrix_shows_every_share_and_leaves_an_absent_expression_blank():
    table = np.arange(49).reshape(7, 7) + 0.4
    table[3] = np.nan  # nobody is happy
    (axes,) = figures.confusion({"DCN": table}).axes
    expected = [f"{value:.0f}" for value in table[~np.isnan(table)]]
    assert [text.get_text() for text in axes.texts] == expected
    assert [label.get_text() for label in axes.get_yticklabels()] == list(EXPRESSIONS)
    assert axes.yaxis_inverted()  # the first expression is at the top
