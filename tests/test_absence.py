"""A notebook that lacks a dataset says which, and so do those that need its artifacts."""

import pytest

from lib import params
from lib.evaluation import claims
from lib.workspace import NeedsData, Workspace

SFEW, RELATION = "SFEW 2.0", "Interpersonal Relation"


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Workspaces by notebook, after a notebook 01 that found neither SFEW nor the pairs."""
    monkeypatch.setenv("OUTPUTS", str(tmp_path))

    def opened(notebook: str) -> Workspace:
        return Workspace(params.load("smoke"), notebook=notebook)

    lacking = {"sfew": SFEW, "01_sfew": SFEW, "relation": RELATION, "01_relation": RELATION}
    opened("01_datasets").record(facts={"fingerprint": "abc", "absent": lacking})
    opened("01_datasets").path("artifacts", "01_faces").mkdir()
    return opened


def test_what_is_there_is_found(work):
    assert work("02_stage1_network").existing("artifacts", "01_faces").is_dir()
    work("06_celeba_accuracy").needs("celeba")


@pytest.mark.parametrize("name", ["relation", "01_relation", "10_relation"])
def test_missing_dataset_is_named_by_it_and_by_artifacts_made_from_it(work, name):
    work("10_siamese_network").record(facts={"not_run": RELATION})
    with pytest.raises(NeedsData, match=rf"needs {RELATION}.*'smoke'.*make data"):
        work("11_relation_accuracy").needs(name)


def test_artifact_of_an_earlier_run_is_not_used(work):
    work("01_datasets").path("artifacts", "01_sfew").mkdir()
    with pytest.raises(NeedsData, match=SFEW):
        work("07_sfew").existing("artifacts", "01_sfew")


def test_scoreboard_says_which_dataset_a_claim_needs(work):
    work("07_sfew").record(facts={"not_run": SFEW})
    board = claims.scoreboard(claims.evidence(params.load("smoke")))
    rows = board[board["why"] == "needs SFEW 2.0"]
    assert len(rows) >= 3 and set(rows["verdict"]) == {"not run"}
    assert (board["why"] == "notebook 09_relation_dataset has not run").any()
