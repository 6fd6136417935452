"""A notebook that lacks a dataset ends in good order, and so do those that need it."""

import pytest

from lib import params
from lib.evaluation import claims
from lib.workspace import Workspace


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Workspaces by notebook, after a notebook 01 that found neither SFEW nor the pairs."""
    monkeypatch.setenv("OUTPUTS", str(tmp_path))

    def opened(notebook: str) -> Workspace:
        return Workspace(params.load("smoke"), notebook=notebook)

    lacking = {
        **{"sfew": "SFEW 2.0", "01_sfew": "SFEW 2.0"},
        **{"relation": "Interpersonal Relation", "01_relation": "Interpersonal Relation"},
    }
    opened("01").save_metrics("01_datasets", {"fingerprint": "abc", "absent": lacking})
    opened("01").path("artifacts", "01_faces").mkdir()
    return opened


def test_what_is_there_is_found(work):
    assert work("02").existing("artifacts", "01_faces").is_dir()
    work("06").needs("celeba")


def test_a_notebook_ends_without_failing_and_says_what_it_needs(work):
    with pytest.raises(SystemExit) as end:
        work("07").existing("artifacts", "01_sfew")
    assert end.value.code == 0
    assert work("14").load_metrics("07_sfew") == {"not_run": "SFEW 2.0"}
    table = (work("07").root / "tables" / "table08_sfew.csv").read_text()
    assert "not run: needs SFEW 2.0" in table


def test_the_scoreboard_says_so(work):
    with pytest.raises(SystemExit):
        work("07").existing("artifacts", "01_sfew")
    board = claims.scoreboard(work("14").load_metrics)
    rows = board[board["why"] == "needs SFEW 2.0"]
    assert len(rows) >= 3 and set(rows["verdict"]) == {"not run"}


def test_what_was_made_in_an_earlier_run_is_not_used(work):
    work("01").path("artifacts", "01_sfew").mkdir()
    with pytest.raises(SystemExit):
        work("07").existing("artifacts", "01_sfew")


def test_notebooks_further_on_end_for_the_same_want(work):
    with pytest.raises(SystemExit):
        work("10").existing("artifacts", "01_relation")
    with pytest.raises(SystemExit):
        work("11").load_tensors("10_relation")
    assert work("14").load_metrics("11_relation_accuracy") == {"not_run": "Interpersonal Relation"}


def test_a_missing_dataset_is_known_by_its_name(work):
    with pytest.raises(SystemExit):
        work("09").needs("relation")


def test_without_faces_notebook_01_keeps_what_it_found(work):
    lacking = {"01_faces": "AFLW, CelebA or ExpW", "01_sfew": "SFEW 2.0"}
    work("01").save_metrics("01_datasets", {"fingerprint": "abc", "absent": lacking})
    with pytest.raises(SystemExit):
        work("01").needs("01_faces")
    values = work("14").load_metrics("01_datasets")
    assert values == {"fingerprint": "abc", "absent": lacking, "not_run": "AFLW, CelebA or ExpW"}
    with pytest.raises(SystemExit):
        work("02").existing("artifacts", "01_faces")
    work("01").path("artifacts", "01_relation").mkdir()
    assert work("09").existing("artifacts", "01_relation").is_dir()
