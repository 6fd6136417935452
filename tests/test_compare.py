"""Two runs of a profile are compared number by number and verdict by verdict."""

import json

import pandas as pd
import pytest

from workflow import compare, readme

HEAD = "metric,method,subset,value,low,high,unit\n"


def run(folder, value, verdict, processor):
    for part in ("metrics", "tables"):
        (folder / part).mkdir(parents=True)
    rows = [
        "ROC AUC,HOG+SVM,average,70.0,69.0,71.0,%",
        f"ROC AUC,Baseline DCN,average,{value},79.0,81.0,%",
        f"time,Baseline DCN,,{value},,,seconds",
        "count,,,,,,",
    ]
    (folder / "metrics" / "05_attribute_accuracy.csv").write_text(HEAD + "\n".join(rows) + "\n")
    note = {"provenance": {"processor": processor}}
    (folder / "metrics" / "01_datasets.json").write_text(json.dumps(note))
    board = pd.DataFrame({"claim": ["better", "best"], "verdict": [verdict, "holds"]})
    board.to_csv(folder / "tables" / "scoreboard.csv")
    return folder


@pytest.mark.parametrize(("value", "inside"), [(80.9, 1), (81.1, 0)])
def test_a_number_is_the_same_or_inside_the_interval_or_outside(tmp_path, value, inside):
    one = run(tmp_path / "one", 80.0, "holds", "A")
    other = run(tmp_path / "other", value, "holds", "B")
    (row,) = compare.numbers(one, other).to_dict("records")
    assert row == {
        "notebook": "05_attribute_accuracy",
        "numbers": 3,  # a time is measured anew
        "same": 2,  # one of them is undefined in both
        "judged": 1,
        "inside": inside,
    }


def test_verdicts_that_differ_are_named_and_opposites_counted(tmp_path):
    one = run(tmp_path / "one", 80.0, "holds", "A")
    for verdict, opposite in (("cannot tell", False), ("does not hold", True)):
        other = run(tmp_path / verdict, 80.0, verdict, "B")
        moved = compare.changed(compare.verdicts(one, other))
        assert moved[["claim", "reversed"]].values.tolist() == [["better", opposite]]


def test_a_kept_comparison_is_shown_in_the_docs(tmp_path, monkeypatch, capsys):
    one = run(tmp_path / "smoke", 80.0, "holds", "x86_64 A")
    other = run(tmp_path / "other", 80.5, "cannot tell", "x86_64 B")
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    monkeypatch.setattr(compare, "KEPT", tmp_path / "processors.json")
    compare.main("smoke", str(other), "--keep")
    assert "2 of 3 numbers are the same" in capsys.readouterr().out
    text = readme.processors()
    assert "on `x86_64 A` and on `x86_64 B`" in text
    assert "| networks | 3 | 2 | 1 | 1 |" in text
    assert "1 of 2 verdicts" in text and "0 are reversed" in text
    assert one.exists()


def test_a_run_is_compared_with_what_git_has(tmp_path):
    assert (compare.committed("smoke", str(tmp_path)) / "tables" / "scoreboard.csv").exists()
