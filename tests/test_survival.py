"""Whole runs that are killed, whose files are damaged or removed, and that go on by themselves.

The project is copied; three small notebooks take the places of 01, 02 and 03, so that a run lasts
a minute and not twenty. The Makefile, the rules and the library are the real ones.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from safetensors.torch import load_file

from lib.workspace import files
from lib.workspace.provenance import content_hash

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("01_datasets", "02_stage1_network", "03_attribute_propagation")
OPENED = (
    "from lib.workspace import open_notebook\nwork = open_notebook('{}', profile, seed, overrides)"
)
CELLS = {
    NAMES[0]: """
import torch
work.record(facts={"fingerprint": "faces"})
work.save_rows("01_pictures", ["a"] * 200, {"x": torch.arange(200 * 300) .reshape(200, 300) % 251})
""",
    NAMES[1]: """
import torch
from torch import nn
from lib import models, training
images = work.load_rows("01_pictures")["x"].to(torch.uint8).reshape(200, 3, 10, 10)
torch.manual_seed(0)
trunk = nn.Sequential(models.ConvBN(3, 8, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
model = models.DCN(features=8, trunk=trunk)
training.fit(
    model, images, (images[:, :1, 0, :].flatten(1)[:, :1] > 99).float().repeat(1, 24),
    train=work.params.stage1.model_copy(update={"epochs": 30 * work.params.stage1.epochs}), size=10,
    seed=0, every=0.0, checkpoint=work.path("artifacts", "02_runs/stage1"),
)
work.save_tensors("02_dcn", model.state_dict())
work.record()
""",
    NAMES[2]: """
work.save_tensors("03_twice", {k: v * 2 for k, v in work.load_tensors("02_dcn").items()})
work.save_json("03_variant", {"name": "literal"})
work.record()
""",
}


class Project:
    """A copy of the project with a short pipeline."""

    def __init__(self, root: Path) -> None:
        self.root, self.outputs = root, root / "outputs" / "smoke"
        for name in ("lib", "workflow", "params", "docs"):
            shutil.copytree(ROOT / name, root / name)
        shutil.copy(ROOT / "Makefile", root)
        self.environment()
        with (root / "workflow" / "pipeline.py").open("a") as file:
            file.write(f"\nSTEPS = {{name: STEPS[name] for name in {NAMES}}}\n")
        (root / "notebooks").mkdir()
        for name, source in CELLS.items():
            start = nbformat.v4.new_code_cell("profile = 'default'\nseed = 0\noverrides = {}")
            start.metadata["tags"] = ["parameters"]
            head = f"# {name}\n\n**Paper**: Table 1.\n\n**Question**: does it go on?"
            cells = [nbformat.v4.new_markdown_cell(head), start]
            cells += [nbformat.v4.new_code_cell(text) for text in (OPENED.format(name), source)]
            page = nbformat.v4.new_notebook(cells=cells)
            page.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": ""}
            nbformat.write(page, root / "notebooks" / f"{name}.ipynb")

    def environment(self) -> None:
        """The packages installed here, without the file that puts this project on their path: the
        copy's own library is to run, and to write into the copy's own outputs.
        """
        own, packages = self.root / ".venv", Path(sysconfig.get_path("purelib"))
        place = own / packages.relative_to(sys.prefix)
        place.mkdir(parents=True)
        for each in packages.iterdir():
            if each.name != "project.pth":
                (place / each.name).symlink_to(each)
        (place / "project.pth").write_text(f"import sys; sys.path.insert(0, {str(self.root)!r})\n")
        for name in ("bin", "share", "pyvenv.cfg"):
            (own / name).symlink_to(Path(sys.prefix, name))

    def start(self, *options: str, target: str = "reproduce") -> subprocess.Popen[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        command = ["make", "-o", ".venv/ready", target, "PROFILE=smoke", *options]
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=kept,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def make(self, *options: str) -> str:
        """The output of a whole run, which succeeds."""
        job = self.start(*options)
        printed = job.communicate()[0]
        assert job.returncode == 0, printed
        return printed

    def processes(self) -> list[psutil.Process]:
        """All that runs in the project's folder."""
        found = []
        for process in psutil.process_iter(["cwd", "status"]):
            inside = str(process.info["cwd"] or "").startswith(str(self.root))
            if inside and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def wait_for_the_end(self, seconds: float = 90) -> None:
        """Until nothing runs in the folder; some kills let the rest of a run go on."""
        deadline = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not left, [process.cmdline() for process in left]

    def artifacts(self) -> dict[str, str]:
        """Every artifact by its content; of training states without the speeds that they note."""
        paths = (self.outputs / "artifacts").rglob("*")
        kinds = (".safetensors", ".npy", ".parquet", ".done")
        found = {path.name: files.checksum(path) for path in paths if path.suffix in kinds}
        for path in (self.outputs / "artifacts" / "02_runs").glob("*.safetensors"):
            tensors = load_file(path)
            found[path.name] = "".join(content_hash(tensors[key]) for key in sorted(tensors))
        return found

    def overridden(self, name: str, overrides: dict) -> subprocess.CompletedProcess[str]:
        """Run a notebook alone with overrides, as a reader would."""
        python = str(self.root / ".venv" / "bin" / "python")
        command = [python, "-m", "papermill", f"notebooks/{name}.ipynb", "out.ipynb"]
        command += ["--cwd", "notebooks", "-p", "profile", "smoke", "-k", "python3"]
        command += ["-p", "overrides", json.dumps(overrides)]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    made = Project(tmp_path_factory.mktemp("a project"))
    assert "is up to date" in made.make()
    assert {"02_dcn.safetensors", "x.npy", "02_stage1_network.done"} <= set(made.artifacts())
    return made


@pytest.mark.slow
def test_ten_kills_of_a_whole_run_leave_no_process_and_change_no_bit(project, tmp_path):
    """The group of make, make alone, or one of the programs below it, at random moments."""
    other, chance = Project(tmp_path / "killed"), random.Random(0)
    for number in range(10):
        job, seconds = other.start(), chance.uniform(1, 30)
        with_end = time.monotonic() + seconds
        while time.monotonic() < with_end and job.poll() is None:
            time.sleep(0.1)
        if job.poll() is not None:  # it was faster: the next begins anew
            shutil.rmtree(other.outputs)
        elif number % 2 == 0:
            os.killpg(job.pid, signal.SIGKILL)
        elif below := [p for p in other.processes() if p.pid != job.pid]:
            (below[number % len(below)] if number % 3 else psutil.Process(job.pid)).kill()
        job.stdout.close()
        other.wait_for_the_end()
        job.wait()
    assert "is up to date" in other.make()
    assert other.artifacts() == project.artifacts()
    assert not list(other.outputs.rglob(".*.part"))
    assert "is up to date" in other.make()


@pytest.mark.slow
def test_a_run_ends_where_nobody_reads_what_it_prints_and_a_notebook_fails(tmp_path):
    other = Project(tmp_path / "unread")
    job = other.start()
    while not (running := [p for p in other.processes() if "papermill" in p.cmdline()]):
        time.sleep(0.1)
    job.stdout.close()
    running[-1].kill()
    other.wait_for_the_end()
    assert job.wait()
    assert "is up to date" in other.make()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("artifacts/02_dcn.safetensors", NAMES[1]),
        ("artifacts/01_pictures/x.npy", NAMES[0]),
        ("artifacts/01_pictures/keys.parquet", NAMES[0]),
        ("artifacts/03_variant.json", NAMES[2]),
        ("metrics/02_stage1_network.json", NAMES[1]),
        ("02_stage1_network.ipynb", NAMES[1]),
    ],
)
def test_a_missing_or_damaged_file_is_made_again_and_nothing_else(project, name, run):
    before, path = project.artifacts(), project.outputs / name
    for damage in ("missing", "bit"):
        if damage == "missing":
            path.unlink()
        elif path.suffix == ".ipynb" or "metrics" in name:
            path.write_text("<<<<<<< HEAD\n" + path.read_text())
        else:
            data = bytearray(path.read_bytes())
            data[-9] ^= 1
            path.write_bytes(data)
        printed = project.make()
        assert [each for each in NAMES if f"{each} starts" in printed] == [run]
        assert "is up to date" in printed
    assert project.artifacts() == before


@pytest.mark.slow
def test_up_to_date_is_said_only_where_it_is_true(project):
    assert "is up to date" in project.make("SNAKEMAKE=-n")
    source = project.root / "notebooks" / f"{NAMES[2]}.ipynb"
    page = nbformat.read(source, as_version=4)
    page.cells.append(nbformat.v4.new_code_cell("1 + 1"))
    nbformat.write(page, source)
    for option in ("-n", "--unlock"):
        assert "is not up to date" in project.make(f"SNAKEMAKE={option}")
    assert "is up to date" in project.make()


@pytest.mark.slow
def test_a_second_run_at_the_same_time_is_refused_in_words(project):
    (project.outputs / "artifacts" / f"{NAMES[0]}.done").unlink()
    first = project.start()
    while not (project.outputs / ".lock").exists() or len(project.processes()) < 3:
        time.sleep(0.1)
    second = project.start()
    printed = second.communicate()[0]
    assert second.returncode
    assert "runs already" in printed
    first.communicate()
    assert first.returncode == 0


@pytest.mark.slow
def test_overrides_do_not_touch_what_the_profile_vouches_for(project):
    before = project.artifacts()
    ran = project.overridden(NAMES[1], {"stage1.epochs": 1})
    assert ran.returncode == 0, ran.stderr
    assert list(
        (project.outputs / "overrides").glob("stage1.epochs=1-*/artifacts/02_dcn.safetensors")
    )
    ran = project.overridden(NAMES[2], {"data.yaw_bins": [-50.0, -20.0, 20.0, 50.0]})
    assert "run notebook 02 first with the same overrides" in ran.stderr
    (project.outputs / "overrides").rename(project.root / "kept")
    assert project.artifacts() == before
