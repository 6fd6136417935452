"""The graph of notebooks, and the words about progress."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from lib.params import load
from lib.workspace import outputs as outputs_of
from workflow import execute, progress, reproduce
from workflow.pipeline import BY_NUMBER, STEPS, before, done, imports, runs, seed_of, values_read

ROOT = Path(__file__).resolve().parent.parent


def executed(folder: Path, profile: str, name: str, seconds: float) -> None:
    """An executed notebook as papermill leaves it, with nothing but its duration."""
    path = folder / "outputs" / profile / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"metadata": {"papermill": {"duration": seconds}}}))


def finish(folder: Path, profile: str, name: str) -> None:
    path = folder / "outputs" / profile / "artifacts" / f"{name}.done"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


# The graph ----------------------------------------------------------------------------------------


def test_every_need_is_a_notebook():
    assert {need for step in STEPS.values() for need in step.needs} <= set(BY_NUMBER)


def test_further_seeds_repeat_what_is_trained():
    params = load("smoke", {"seeds": 3})
    assert len(runs(params)) == len(STEPS) + 2 * sum(step.trained for step in STEPS.values())
    assert before("seed2/05_attribute_accuracy", params) == ["seed2/04_alternating_stage2"]
    assert before("05_attribute_accuracy", params) == ["04_alternating_stage2"]
    assert "seed1/11_relation_accuracy" in before("14_scoreboard", params)
    assert done("seed1/02_stage1_network") == "seed1/artifacts/02_stage1_network.done"
    assert seed_of("02_stage1_network", params) == 0
    assert seed_of("seed2/02_stage1_network", params) == 2


def test_what_a_further_seed_needs_is_run_for_it():
    params = load("smoke", {"seeds": 2})
    every = runs(params)
    assert {need for run in every for need in before(run, params)} <= set(every)


def test_seeds_can_be_run_on_several_machines(monkeypatch):
    params, every = load("smoke", {"seeds": 4}), runs(load("smoke", {"seeds": 4}))
    monkeypatch.setenv("SEEDS", "1, 3")
    assert set(runs(params)) == {run for run in every if run.startswith(("seed1/", "seed3/"))}
    monkeypatch.setenv("SEEDS", "0")
    assert runs(params) == list(STEPS)
    assert not any("/" in run for run in before("14_scoreboard", params))
    monkeypatch.setenv("SEEDS", "2 4")
    with pytest.raises(ValueError, match="SEEDS: no seed 4 in "):
        runs(params)


@pytest.mark.parametrize("name", STEPS)
def test_a_parameter_that_a_notebook_does_not_read_leaves_it_up_to_date(name):
    same = values_read(load("smoke"), name) == values_read(
        load("smoke", {"relation.shared": 64}), name
    )
    assert same == ("relation" not in STEPS[name].reads)


def test_a_new_photograph_makes_notebook_15_run_again(tmp_path):
    params = load("smoke", {"data.root": str(tmp_path)})
    name = "15_your_photos"
    (tmp_path / "photos").mkdir()
    earlier = values_read(params, name)
    assert values_read(params, name) == earlier
    (tmp_path / "photos" / "party.jpg").touch()
    assert values_read(params, name) != earlier


def test_imports_are_followed_into_packages_and_over_several_lines():
    assert "lib/world/render.py" in imports("notebooks/01_datasets.ipynb")
    assert "lib/world/captures.csv" in imports("notebooks/01_datasets.ipynb")
    assert "lib/training/loop.py" in imports("notebooks/17_beyond_the_paper.ipynb")
    assert "lib/params/sections.py" in imports("notebooks/02_stage1_network.ipynb")


def test_a_published_number_is_an_input_of_the_notebooks_that_show_it():
    table = "params/reported/table05.csv"
    assert table in imports("notebooks/05_attribute_accuracy.ipynb")
    assert table not in imports("notebooks/00_start_here.ipynb")
    later = "params/reported/since.csv"
    assert later in imports("notebooks/07_sfew.ipynb")
    assert later not in imports("notebooks/05_attribute_accuracy.ipynb")


def test_artifacts_depend_on_parameters_that_their_notebooks_read():
    """Otherwise one that is refused would not be made again."""
    for number, sections in outputs_of.DEPENDS.items():
        read, needed = set(STEPS[BY_NUMBER[number]].reads), [BY_NUMBER[number]]
        while needed:
            step = STEPS[needed.pop()]
            read |= set(step.reads)
            needed += [BY_NUMBER[each] for each in step.needs]
        assert set(sections) <= read


def test_a_wrong_profile_ends_before_anything_runs():
    command = [sys.executable, "-m", "workflow.reproduce", "smok", "1"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "use one of" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_setting_that_snakemake_would_not_read_is_refused():
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--config", "profile=smoke"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode
    assert "params=params/<profile>.yaml, not profile" in ended.stdout + ended.stderr


# Progress -----------------------------------------------------------------------------------------


def test_time_left_is_what_the_rest_took_last_time(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in STEPS:
        executed(tmp_path, "smoke", name, 90.0)
    for name in list(STEPS)[:-2]:
        finish(tmp_path, "smoke", name)
    progress.end("smoke", list(STEPS)[-3])
    assert f"[{len(STEPS) - 2}/{len(STEPS)}]" in (printed := capsys.readouterr().out)
    assert "done in 1:30 min, about 3:00 min of work left" in printed


def test_a_copy_shows_the_last_state_of_a_line_and_no_finished_bar():
    pieces = [
        ("stderr", "\r 10%|"),
        ("stderr", "\r100%|"),
        ("stderr", "\r      \r"),
        ("stdout", "loss\r        \rloss of 8 epochs\r\n"),
        ("stdout", "a\n"),
    ]
    outputs = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in pieces]
    outputs += [nbformat.v4.new_output("display_data", {"text/plain": "x"}) for _ in range(2)]
    cells = [nbformat.v4.new_code_cell("1", outputs=outputs), nbformat.v4.new_markdown_cell("2")]
    execute.remove_bars(cells)
    kept = [output.get("text") for output in cells[0].outputs]
    assert kept == ["loss of 8 epochs\r\na\n", None, None]


def test_a_run_older_than_one_it_needs_is_not_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in STEPS:
        finish(tmp_path, "smoke", name)
    os.utime(tmp_path / "outputs" / "smoke" / done("10_siamese_network"), (0, 0))
    assert progress.ended("smoke") == {name for name in STEPS if name[:2] < "10"} | {"16_scale"}


@pytest.mark.parametrize("text", ["", "<<<<<<< HEAD\n{}", "[]", '{"metadata": 1}'])
def test_a_damaged_copy_has_no_duration(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    executed(tmp_path, "smoke", "00_start_here", 5.0)
    (tmp_path / "outputs" / "smoke" / "00_start_here.ipynb").write_text(text)
    assert progress.last_seconds("smoke", "00_start_here") is None


def test_no_time_is_estimated_for_what_never_ran(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    executed(tmp_path, "smoke", "00_start_here", 5.0)
    finish(tmp_path, "smoke", "00_start_here")
    progress.end("smoke", "00_start_here")
    assert "left" not in capsys.readouterr().out


def test_a_failure_shows_the_end_of_the_log_and_fails(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "outputs" / "smoke" / "logs" / "02_stage1_network.log"
    log.parent.mkdir(parents=True)
    log.write_text("first\n" + "noise\n" * 60 + "ValueError: the reason\n")
    with pytest.raises(SystemExit) as stop:
        progress.failed("smoke", "02_stage1_network")
    assert stop.value.code == 1
    printed = capsys.readouterr().out
    assert "ValueError: the reason" in printed
    assert "first" not in printed


@pytest.mark.parametrize("from_nothing", [True, False])
def test_minutes_are_kept_of_a_run_from_nothing_alone(monkeypatch, tmp_path, from_nothing):
    monkeypatch.setenv("OUTPUTS", str(tmp_path / "outputs"))
    executed(tmp_path, "smoke", "02_stage1_network", 90)
    if not from_nothing:
        finish(tmp_path, "smoke", "01_datasets")
    monkeypatch.setattr(reproduce, "_snakemake", lambda *_: None)
    monkeypatch.setattr(reproduce, "_forget_damaged", lambda _: [])
    reproduce._run("smoke", "2", ())
    kept = tmp_path / "outputs" / "smoke" / "minutes.csv"
    assert kept.exists() == from_nothing
    if from_nothing:
        table = pd.read_csv(kept, index_col=0)["minutes"]
        assert table["02_stage1_network"] == 1.5 and table["whole run"] == 0
