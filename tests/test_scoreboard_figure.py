"""The scoreboard's picture shows the claims that were judged, or says that none was."""

from lib.evaluation import claims
from lib.figures import relations as figures


def needs_all(name: str) -> dict:
    return {"not_run": "AFLW, CelebA or ExpW"}


def propagation_only(name: str) -> dict:
    number = {"value": 2.0, "low": 1.0, "high": 3.0}
    gain = {"dcn_ap_minus_baseline": number}
    return {"gain": gain} if name.startswith("05") else needs_all(name)


def test_without_any_verdict_the_picture_says_so():
    axes = figures.scores(claims.scoreboard(needs_all)).axes[0]
    assert [text.get_text()[:24] for text in axes.texts] == ["no claim could be judged"]
    assert not axes.lines and not axes.axison


def test_only_judged_claims_are_drawn():
    axes = figures.scores(claims.scoreboard(propagation_only)).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["6.1: in general, attribute propagation helps"]
    assert not axes.texts and axes.figure.legends
