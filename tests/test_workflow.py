"""The graph of notebooks, the words about its progress, the README's tables."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from lib.params import load
from workflow import progress, readme, report
from workflow.road import NAMES, ROAD, before, done, imports, runs, seed_of, settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = """# 03 · Attribute propagation

**Question**: can labels be
inferred from [neighbours](01_datasets.ipynb), or | not?

**Reads**: `artifacts/01_faces`.
"""


def executed(folder: Path, profile: str, name: str, seconds: float) -> None:
    """An executed notebook as papermill leaves it, with nothing but its duration."""
    path = folder / "outputs" / profile / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"metadata": {"papermill": {"duration": seconds}}}))


def finish(folder: Path, profile: str, name: str) -> None:
    path = folder / "outputs" / profile / "artifacts" / f"{name}.done"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_a_field_of_a_first_page_fits_into_one_cell_of_a_table():
    assert readme.field(PAGE, "Question") == "can labels be inferred from neighbours, or \\| not?"
    assert readme.field(PAGE, "Reads") == "`artifacts/01_faces`."


def test_the_readme_shows_the_outputs_as_they_are():
    """Those that came with it; where the road has run anew, the README may lag behind."""
    status = ["git", "status", "--porcelain", "--untracked-files=no", "outputs"]
    if subprocess.run(status, cwd=ROOT, capture_output=True).stdout:
        pytest.skip("these outputs are new: `python -m workflow.readme` shows them in the README")
    text = (ROOT / "README.md").read_text()
    assert readme.written(text) == text, "run `python -m workflow.readme`"


def test_the_readme_links_to_files_that_exist():
    text = (ROOT / "README.md").read_text()
    targets = [link.split(")")[0].split("#")[0] for link in text.split("](")[1:]]
    local = [target for target in targets if target and not target.startswith("http")]
    assert local
    assert [target for target in local if not (ROOT / target).exists()] == []


def test_time_left_is_what_the_rest_took_last_time(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ROAD:
        executed(tmp_path, "smoke", name, 90.0)
    for name in list(ROAD)[:-2]:
        finish(tmp_path, "smoke", name)
    progress.end("smoke", list(ROAD)[-3])
    assert f"[{len(ROAD) - 2}/{len(ROAD)}]" in (said := capsys.readouterr().out)
    assert "done in 1:30 min, about 3:00 min of work left" in said


def test_what_ended_before_a_run_that_it_needs_is_not_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ROAD:
        finish(tmp_path, "smoke", name)
    os.utime(tmp_path / "outputs" / "smoke" / done("10_siamese_network"), (0, 0))
    assert progress.ended("smoke") == {name for name in ROAD if name[:2] < "10"} | {"16_scale"}


def test_no_time_is_promised_for_what_never_ran(tmp_path, monkeypatch, capsys):
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
        progress.fail("smoke", "02_stage1_network")
    assert stop.value.code == 1
    said = capsys.readouterr().out
    assert "ValueError: the reason" in said
    assert "first" not in said


@pytest.mark.parametrize("name", ROAD)
def test_a_change_of_what_a_notebook_does_not_read_leaves_it_alone(name):
    before = load("smoke")
    after = load("smoke", {"relation.shared": 64})
    same = settings(before, name) == settings(after, name)
    assert same == ("relation" not in ROAD[name].reads)


def test_a_new_photograph_makes_its_page_run_again(tmp_path):
    params = load("smoke", {"data.root": str(tmp_path)})
    name = "15_your_photos"
    (tmp_path / "photos").mkdir()
    before = settings(params, name)
    assert settings(params, name) == before
    (tmp_path / "photos" / "party.jpg").touch()
    assert settings(params, name) != before


def test_every_need_is_a_notebook():
    assert {need for step in ROAD.values() for need in step.needs} <= set(NAMES)


def test_further_seeds_repeat_what_is_trained():
    params = load("smoke", {"seeds": 3})
    assert len(runs(params)) == len(ROAD) + 2 * sum(not step.once for step in ROAD.values())
    assert before("seed2/05_attribute_accuracy", params) == ["seed2/04_alternating_stage2"]
    assert before("05_attribute_accuracy", params) == ["04_alternating_stage2"]
    assert "seed1/11_relation_accuracy" in before("14_scoreboard", params)
    assert done("seed1/02_stage1_network") == "seed1/artifacts/02_stage1_network.done"
    assert [seed_of(run, params) for run in ("02_stage1_network", "seed2/02_stage1_network")] == [
        0,
        2,
    ]


def test_what_a_further_seed_needs_is_run_for_it():
    params = load("smoke", {"seeds": 2})
    every = runs(params)
    assert {need for run in every for need in before(run, params)} <= set(every)


def test_imports_reach_the_rooms_behind_a_package():
    assert "lib/world/render.py" in imports(ROOT / "notebooks" / "01_datasets.ipynb")


def test_an_import_over_several_lines_counts():
    assert "lib/training/loop.py" in imports(ROOT / "notebooks" / "17_beyond_the_paper.ipynb")


def test_a_published_number_is_an_input_of_the_notebooks_that_show_it():
    table = "params/reported/table05.csv"
    assert table in imports(ROOT / "notebooks" / "05_attribute_accuracy.ipynb")
    assert table not in imports(ROOT / "notebooks" / "16_scale.ipynb")


def test_the_cover_quotes_the_header_of_the_profile():
    assert "its numbers mean little" in report.cover("smoke")


def test_a_numbered_equation_of_several_lines_can_be_set(tmp_path):
    notebook = nbformat.v4.new_notebook()
    source = r"a \\ b $$x \\ y \tag{1}$$"
    notebook.cells = [nbformat.v4.new_markdown_cell(source)]
    nbformat.write(notebook, tmp_path / "executed.ipynb")
    (tmp_path / "site").mkdir()
    report.write_page(tmp_path / "executed.ipynb", tmp_path / "site")
    page = nbformat.read(tmp_path / "site" / "executed.ipynb", as_version=4)
    assert page.cells[0].source == r"a \\ b $$x \cr y \tag{1}$$"


def test_a_page_shows_the_parameters_it_ran_with(tmp_path):
    written, put_in = (nbformat.v4.new_code_cell(f'profile = "{name}"') for name in ("one", "two"))
    written.metadata["tags"], put_in.metadata["tags"] = ["parameters"], ["injected-parameters"]
    for cells, shown in (([written, put_in], put_in), ([written], written)):
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "executed.ipynb")
        (tmp_path / "site").mkdir(exist_ok=True)
        report.write_page(tmp_path / "executed.ipynb", tmp_path / "site")
        page = nbformat.read(tmp_path / "site" / "executed.ipynb", as_version=4)
        assert [cell.source for cell in page.cells] == [shown.source]


def test_a_wrong_profile_ends_before_anything_runs():
    command = [sys.executable, "-m", "lib.params", "smok"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "use one of" in ended.stderr
    assert "Traceback" not in ended.stderr
