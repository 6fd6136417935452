"""What a run leaves behind: a notebook without its dataset, files missing or damaged."""

import json
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
import torch

from lib.training import checkpoints
from lib.workspace import Workspace, open_notebook, write_json
from workflow import execute, missing_data, progress, report, reproduce
from workflow.pipeline import done

ROOT = Path(__file__).resolve().parent.parent


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


def test_nothing_of_another_seed_is_made(monkeypatch, tmp_path):
    """Snakemake makes what it is told to prioritise, also where nobody asked for it."""
    ran: list[tuple[str, ...]] = []
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    monkeypatch.setenv("SEEDS", "1 3")
    monkeypatch.setattr(reproduce, "_snakemake", lambda _, cores, *options: ran.append(options))
    monkeypatch.setattr(reproduce.progress, "summary", lambda _: None)
    reproduce._run("thorough", "2", ())
    option, *targets = ran[0]
    assert option == "--prioritize"
    places = [Path(target).relative_to(tmp_path / "thorough").parts[0] for target in targets]
    assert places == ["seed1", "seed1", "seed3", "seed3"]
