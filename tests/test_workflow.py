"""The graph of notebooks, the words about progress, and the README's tables."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import psutil
import pytest
import torch

from lib import outputs as outputs_of
from lib.params import load
from lib.training import checkpoints
from lib.workspace import Workspace, open_notebook, write_json
from workflow import execute, missing_data, progress, readme, report, reproduce, validate
from workflow.pipeline import (
    BY_NUMBER,
    STEPS,
    before,
    done,
    imports,
    runs,
    seed_of,
    values_read,
)

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
    assert "lib/params.py" in imports("notebooks/02_stage1_network.ipynb")  # through workspace


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


# A notebook that needs a dataset ------------------------------------------------------------------


def run_notebook(folder: Path, name: str, source: str) -> None:
    """Run cells as the rule does, up to its handler: papermill, and a log beside the copy."""
    logs = folder / "outputs" / "smoke" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    cells = [
        nbformat.v4.new_code_cell(
            "from lib.workspace import open_notebook\n"
            f"work = open_notebook('{name}', 'smoke')\n{source}"
        ),
        nbformat.v4.new_code_cell("print('went on')"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    with pytest.raises(papermill.PapermillExecutionError) as error:
        papermill.execute_notebook(
            folder / f"{name}.ipynb",
            logs / f"{name}.ipynb",
            kernel_name="python3",
            progress_bar=False,
        )
    (logs / f"{name}.log").write_text(str(error.value))


@pytest.fixture
def outputs(tmp_path, monkeypatch) -> Path:
    """The outputs of a profile whose notebook 01 found no SFEW, with tables of an earlier run."""
    monkeypatch.setenv("OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.chdir(tmp_path)
    lacking = {"sfew": "SFEW 2.0", "01_sfew": "SFEW 2.0"}
    open_notebook("01_datasets", "smoke").record(facts={"absent": lacking})
    for name in ("07_sfew", "08_ckplus"):
        work = open_notebook(name, "smoke")
        table = work.results()
        note = work.save_table(name, table, "").with_suffix(".json")
        saved = json.loads(note.read_text())
        saved["provenance"]["time"] = "2020-01-01T00:00:00Z"
        note.write_text(json.dumps(saved))
    return tmp_path / "outputs" / "smoke"


def test_a_notebook_that_needs_a_dataset_is_recorded_and_the_run_goes_on(tmp_path, outputs, capsys):
    run_notebook(
        tmp_path,
        "07_sfew",
        "work.save_table('early', work.results(), '')\nwork.existing('artifacts', '01_sfew')",
    )
    progress.failed("smoke", "07_sfew")
    assert "it needs SFEW 2.0" in capsys.readouterr().out
    work = open_notebook("14_scoreboard", "smoke")
    assert work.facts("07_sfew") == {"not_run": "SFEW 2.0"}
    assert "07_sfew" not in set(work.results()["notebook"])
    tables = {path.stem for path in (outputs / "tables").glob("*.csv")}
    assert tables == {"early", "08_ckplus"}  # not the one of the earlier run
    copy = (outputs / "logs" / "07_sfew.ipynb").read_text()
    assert "Not run: needs SFEW 2.0" in copy
    assert '"error"' not in copy and "Traceback" not in copy
    (tmp_path / "site").mkdir()
    report.write_page(outputs / "logs" / "07_sfew.ipynb", tmp_path / "site", ())
    assert len(nbformat.read(tmp_path / "site" / "07_sfew.ipynb", as_version=4).cells) == 1


def test_another_error_still_fails(tmp_path, outputs):
    run_notebook(tmp_path, "07_sfew", "raise ValueError('needs SFEW 2.0, which the profile')")
    with pytest.raises(SystemExit):
        progress.failed("smoke", "07_sfew")
    assert (outputs / "tables" / "07_sfew.csv").exists()


def test_a_notebook_that_never_began_is_no_missing_dataset(tmp_path):
    assert missing_data.dataset_needed(tmp_path / "none.ipynb") == ""


# What a run made ----------------------------------------------------------------------------------


@pytest.fixture
def over(tmp_path, monkeypatch) -> Workspace:
    """Notebook 02, which is over and left one artifact of every kind."""
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    work = open_notebook("02_stage1_network", "smoke")
    work.save_tensors("02_dcn", {"x": torch.zeros(3)})
    work.save_rows("02_features", ["a"], {"features": torch.zeros(1, 2)})
    checkpoints.write(work.path("artifacts", "02_runs/stage1-0.safetensors"), {}, {})
    work.record()
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("work.record()")])
    nbformat.write(page, work.root / f"{work.notebook}.ipynb")
    note = execute.made("smoke", work.notebook)
    write_json(work.path("artifacts", f"{work.notebook}.done"), note)
    return work


def test_what_a_run_made_is_listed_without_states_of_training(over):
    made = ["02_dcn.safetensors", "02_features/features.npy", "02_features/keys.parquet"]
    numbers = [f"metrics/{over.notebook}.{kind}" for kind in ("csv", "json")]
    names = [*(f"artifacts/{name}" for name in made), *numbers]
    assert list(execute.made("smoke", over.notebook)) == names
    assert execute.damaged("smoke", over.notebook) == ""


@pytest.mark.parametrize(
    "name",
    [
        "artifacts/02_dcn.safetensors",
        "artifacts/02_features/keys.parquet",
        "metrics/02_stage1_network.csv",
        "metrics/02_stage1_network.json",
    ],
)
def test_a_file_that_is_missing_damaged_or_of_another_run_is_found(over, name):
    path = over.root / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "is damaged or was replaced" in execute.damaged("smoke", over.notebook)
    path.unlink()
    assert "is missing" in execute.damaged("smoke", over.notebook)
    over.save_tensors("02_dcn", {"x": torch.ones(3)})
    assert execute.damaged("smoke", over.notebook)
    assert reproduce._forget_damaged("smoke") == [str(over.root / done(over.notebook))]
    assert not (over.root / done(over.notebook)).exists()


def test_a_page_that_records_no_numbers_needs_none(over):
    for path in (over.root / "metrics").iterdir():
        path.unlink()
    write_json(over.root / done(over.notebook), execute.made("smoke", over.notebook))
    assert execute.damaged("smoke", over.notebook) == ""


def test_a_copy_with_a_merge_conflict_is_found(over):
    (over.root / "02_stage1_network.ipynb").write_text("<<<<<<< HEAD")
    assert "02_stage1_network.ipynb" in execute.damaged("smoke", over.notebook)


def test_a_program_ends_with_the_one_that_started_it(tmp_path):
    child = [
        sys.executable,
        "-m",
        "workflow.watch",
        "http.server",
        "0",
        "--directory",
        str(tmp_path),
    ]
    script = (
        f"import subprocess, time; print(subprocess.Popen({child}).pid, flush=True); time.sleep(99)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    below = psutil.Process(int(parent.stdout.readline()))
    while not below.net_connections():  # it serves, so it watches
        time.sleep(0.1)
    parent.kill()
    parent.communicate()
    below.wait(20)


def test_what_is_damaged_is_made_again_before_all_else_and_alone(monkeypatch, tmp_path):
    runs: list[tuple[str, ...]] = []
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    monkeypatch.setattr(reproduce, "_snakemake", lambda _, cores, *options: runs.append(options))
    monkeypatch.setattr(reproduce, "_forget_damaged", lambda _: ["02.done"])
    monkeypatch.setattr(reproduce.progress, "summary", lambda _: None)
    reproduce._run("smoke", "2", ())
    assert runs[0] == ("02.done",) and runs[1][0] == "--prioritize" and len(runs) == 2


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


# README and report --------------------------------------------------------------------------------


def test_a_field_of_a_first_page_fits_into_one_cell_of_a_table():
    page = "**Question**: can labels be\ninferred from [others](01_datasets.ipynb), or | not?\n\n"
    page += "**Reads**: `artifacts/01_faces`.\n"
    assert readme.field(page, "Question") == "can labels be inferred from others, or \\| not?"
    assert readme.field(page, "Reads") == "`artifacts/01_faces`."


def test_the_places_in_the_paper_are_found():
    paper = 'Section 6.1, Table 8, Figures 9 and 10; Equations 2 to 14; "12 pictures".'
    assert readme.items(paper) == "Table 8, Figs. 9 and 10, Eqns. 2 to 14"


@pytest.mark.parametrize("page", readme.PAGES)
def test_a_readme_shows_the_outputs_as_they_are(page):
    assert readme.written(page) == (ROOT / page).read_text(), "run `python -m workflow.readme`"


def test_the_readme_is_short():
    assert (ROOT / "README.md").stat().st_size <= 9 * 1024


DOCS = ("CONTRIBUTING.md", "docs/readings.md", "docs/scaling.md", "lib/README.md")


@pytest.mark.parametrize("page", (*DOCS, *readme.PAGES))
def test_a_page_links_to_files_that_exist(page):
    path = ROOT / page
    targets = [link.split(")")[0].split("#")[0] for link in path.read_text().split("](")[1:]]
    local = [target for target in targets if target and not target.startswith("http")]
    assert [target for target in local if not (path.parent / target).exists()] == []


def test_the_cover_quotes_the_header_of_the_profile():
    assert "its numbers mean little" in report.remarks("smoke")


def test_a_numbered_equation_of_several_lines_can_be_set(tmp_path):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell(r"a \\ b $$x \\ y \tag{1}$$")]
    nbformat.write(notebook, tmp_path / "executed.ipynb")
    (tmp_path / "site").mkdir()
    report.write_page(tmp_path / "executed.ipynb", tmp_path / "site", ())
    page = nbformat.read(tmp_path / "site" / "executed.ipynb", as_version=4)
    assert page.cells[0].source == r"a \\ b $$x \cr y \tag{1}$$"


def test_a_page_shows_the_parameters_it_ran_with(tmp_path):
    written, put_in = (nbformat.v4.new_code_cell(f'profile = "{name}"') for name in ("one", "two"))
    written.metadata["tags"], put_in.metadata["tags"] = ["parameters"], ["injected-parameters"]
    for cells, shown in (([written, put_in], put_in), ([written], written)):
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "executed.ipynb")
        (tmp_path / "site").mkdir(exist_ok=True)
        report.write_page(tmp_path / "executed.ipynb", tmp_path / "site", ())
        page = nbformat.read(tmp_path / "site" / "executed.ipynb", as_version=4)
        assert [cell.source for cell in page.cells] == [shown.source]


# make notebooks -----------------------------------------------------------------------------------


def test_every_copy_is_checked_after_those_that_it_needs(monkeypatch):
    checked: list[str] = []

    def check(name: str) -> bool:
        assert set(before(name, load("smoke"))) <= set(checked)
        checked.append(name)
        return True

    monkeypatch.setattr(validate, "check", check)
    validate.main()
    assert sorted(checked) == sorted(STEPS)


def test_a_copy_that_differs_ends_the_check(monkeypatch):
    monkeypatch.setattr(validate, "check", lambda name: name != "02_stage1_network")
    with pytest.raises(SystemExit, match="02_stage1_network does not give"):
        validate.main()


def test_a_notebook_that_prints_something_else_than_its_copy_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(validate, "ROOT", tmp_path)
    cell = nbformat.v4.new_code_cell(
        "print(1 + 1)", execution_count=1, metadata={"tags": ["nbval-check-output"]}
    )
    cell.outputs = [nbformat.v4.new_output("stream", text="3\n")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    page = nbformat.v4.new_notebook(cells=[cell], metadata=kernel)
    (tmp_path / "outputs" / "smoke").mkdir(parents=True)
    for text, same in (("3\n", False), ("2\n", True)):
        cell.outputs[0].text = text
        nbformat.write(page, tmp_path / "outputs" / "smoke" / "02_stage1_network.ipynb")
        assert validate.check("02_stage1_network") == same
