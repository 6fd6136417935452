"""The locked environment, what conda gets of it, and how the Makefile protects a run."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
UV = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines()]


def test_lock_belongs_to_pyproject():
    subprocess.run([UV, "lock", "--check", "--offline"], cwd=ROOT, check=True, capture_output=True)


def test_requirements_are_what_the_lock_exports():
    options = "--no-hashes --no-annotate --no-header --no-emit-project"
    command = [UV, "export", "--frozen", "--offline", *options.split()]
    exported = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (ROOT / "requirements.txt").read_text() == exported.stdout, "run `make lock`"


def test_requirements_satisfy_pyproject():
    groups = PROJECT["dependency-groups"]
    wanted = PROJECT["project"]["dependencies"] + groups["dev"] + groups["report"]
    for requirement in map(Requirement, wanted):
        pinned = [pin for pin in PINS if pin.name.lower() == requirement.name.lower()]
        assert pinned, f"{requirement.name} is missing from requirements.txt"
        for pin in pinned:
            (version,) = [Version(str(part.version)) for part in pin.specifier]
            assert version in requirement.specifier


def test_conda_installs_the_requirements_for_a_python_that_the_project_allows():
    python, *_, packages = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert packages == {"pip": ["-r requirements.txt"]}
    allowed = Requirement(f"python{PROJECT['project']['requires-python']}").specifier
    assert Version(python.removeprefix("python=")) in allowed


def test_pre_commit_runs_the_checks_of_make_lint():
    recipe = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    checks = [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()[1:]]
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook["entry"].split(".venv/bin/")[1] for hook in local["hooks"]]
    assert hooks == checks


def test_git_does_not_ignore_the_library():
    ignored = subprocess.run(["git", "check-ignore", "lib"], cwd=ROOT, capture_output=True)
    assert ignored.stdout == b""


@pytest.fixture
def hostile(tmp_path) -> dict[str, str]:
    """An environment with a foreign package `lib` and a broken kernel named python3."""
    foreign = tmp_path / "foreign"
    (foreign / "lib").mkdir(parents=True)
    (foreign / "lib" / "__init__.py").write_text("raise ImportError('the wrong lib')\n")
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    words = {"argv": ["false"], "display_name": "broken", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(words))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    jupyter = str(tmp_path / "jupyter")
    return kept | {"PYTHONPATH": str(foreign), "JUPYTER_PATH": jupyter, "PYTHONHOME": "/nowhere"}


def test_a_foreign_lib_a_foreign_kernel_and_a_path_with_spaces_do_not_break_a_run(
    tmp_path, hostile
):
    project = tmp_path / "a project"
    project.mkdir()
    for name in ("Makefile", "lib", ".venv"):
        (project / name).symlink_to(ROOT / name)
    cell = nbformat.v4.new_code_cell("from lib import vocabulary\nprint(vocabulary.__file__)")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), project / "in.ipynb")
    papermill = "$(BIN)/python -m papermill in.ipynb out.ipynb -k python3 --no-progress-bar"
    command = ["make", f"--eval=probe: ; @{papermill}", "probe"]
    ran = subprocess.run(command, cwd=project, env=hostile, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    printed = nbformat.read(project / "out.ipynb", as_version=4).cells[0].outputs[0].text
    assert printed.strip() == str(project / "lib" / "vocabulary.py")
