"""The locked environment, what conda gets of it, and how the Makefile protects a run."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from workflow import readme

ROOT = Path(__file__).resolve().parent.parent
UV = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines()]
needs_uv = pytest.mark.skipif(
    not shutil.which(UV), reason="no uv here: the environment was made with INSTALL=pip"
)


@needs_uv
def test_lock_belongs_to_pyproject():
    subprocess.run([UV, "lock", "--check", "--offline"], cwd=ROOT, check=True, capture_output=True)


@needs_uv
def test_requirements_are_what_the_lock_exports():
    options = "--no-hashes --no-annotate --no-header --no-emit-project"
    command = [UV, "export", "--frozen", "--offline", *options.split()]
    exported = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    mac = r"\(platform_machine == 'arm64' and sys_platform == 'darwin'\)"
    supported = rf" (;|and) \(?{mac} or sys_platform == 'linux'\)?$"
    expected = re.sub(supported, "", exported.stdout, flags=re.MULTILINE)
    expected = re.sub("^(torch|torchvision)==", r"\1===", expected, flags=re.MULTILINE)
    assert (ROOT / "requirements.txt").read_text() == expected, "run `make lock`"


@pytest.mark.parametrize("name", ["torch", "torchvision"])
def test_pip_takes_torch_and_torchvision_of_the_same_build(name):
    """2.13.0+cpu, which a second index may offer, is no torch for the torchvision of the first."""
    (pin,) = [pin for pin in PINS if pin.name == name]
    version = str(next(iter(pin.specifier)).version)
    assert list(pin.specifier.filter([f"{version}+cpu", version])) == [version]


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
    text = (ROOT / "environment.yml").read_text()
    assert "# python -m workflow.reproduce default all" in text  # what `make reproduce` runs
    python, *_, packages = yaml.safe_load(text)["dependencies"]
    assert packages == {"pip": ["-r requirements.txt"]}
    allowed = Requirement(f"python{PROJECT['project']['requires-python']}").specifier
    assert Version(python.removeprefix("python=")) in allowed


def test_pre_commit_runs_the_checks_of_make_lint():
    recipe = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    checks = [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()[1:]]
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook["entry"].split(".venv/bin/")[1] for hook in local["hooks"]]
    assert hooks == checks


# For strangers: licence, citation, containers, continuous integration -----------------------------


def test_every_package_that_asks_more_than_a_notice_is_on_the_page_of_licences():
    page = (ROOT / "docs" / "licences.md").read_text()
    named = re.findall(r"`([\w*-]+)`", page.split("| package |")[1])
    for pin in PINS:
        try:
            words = importlib.metadata.metadata(pin.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system
        stated = [*(words.get_all("Classifier") or []), words.get("License-Expression", "")]
        licence = " ".join(word for word in stated if "::" not in word or word[:7] == "License")
        asks_more = re.search(r"\b(MPL|[AL]?GPL|GNU|Mozilla)|Proprietary", licence)
        listed = any(re.fullmatch(name.replace("*", ".*"), pin.name) for name in named)
        assert listed or not asks_more, f"{pin.name}: {licence}"


def test_citation_changelog_and_package_have_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert citation["version"] == newest == PROJECT["project"]["version"]
    assert citation["preferred-citation"]["doi"] == "10.1007/s11263-017-1055-1"
    assert citation["license"] == "MIT" and (ROOT / "LICENSE").read_text().startswith("MIT ")


def test_hosted_ci_runs_make_test_on_every_python_that_the_project_allows():
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows]
    subprocess.run(command, check=True, capture_output=True)
    job = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"]["test"]
    allowed = Requirement(f"python{PROJECT['project']['requires-python']}").specifier
    versions = [f"3.{minor}" for minor in range(30) if f"3.{minor}" in allowed]
    assert job["strategy"]["matrix"]["python"] == versions
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test"]


def test_the_published_site_has_the_notebooks_that_the_readme_links_to():
    steps = yaml.safe_load((ROOT / ".github/workflows/site.yml").read_text())["jobs"]["build"]
    (command,) = [step["run"] for step in steps["steps"] if "run" in step]
    (site,) = [step["with"]["path"] for step in steps["steps"] if "path" in step.get("with", {})]
    assert command == f"make report PROFILE={readme.PROFILE}"
    assert site == f"outputs/{readme.PROFILE}/report"


def test_containers_share_one_dockerfile_that_ends_as_a_plain_user():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["${NB_USER}"] and "RUN make .venv/ready" in lines
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["build"]["dockerfile"] == "../Dockerfile"
    assert f"ARG NB_USER={container['remoteUser']}" in lines
    copy = ROOT / "binder" / "Dockerfile"  # Docker's builder follows no link out of its folder
    assert not copy.is_symlink() and copy.read_text() == (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("number, flag", [(0, True), (1000, False)])
def test_jupyterlab_gets_its_flag_for_root_and_only_then(number, flag, tmp_path):
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {number}\n")
    (tmp_path / "id").chmod(0o755)
    path = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["make", "--dry-run", "lab", "LAB=--no-browser"]
    ran = subprocess.run(command, cwd=ROOT, env=path, capture_output=True, text=True, check=True)
    assert ("--allow-root" in ran.stdout) == flag and "--no-browser" in ran.stdout


def test_a_machine_on_which_uv_cannot_be_installed_says_what_to_do(tmp_path):
    """As where the package index does not answer: nothing half made stays behind."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "python3").write_text("#!/bin/sh\nmkdir -p .uv\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    path = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["make", ".uv/bin/uv"]
    ran = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True)
    assert ran.returncode != 0 and not (tmp_path / ".uv").exists()
    assert "index" in ran.stdout and "python3-venv" in ran.stdout


# What is around a run does not disturb it ---------------------------------------------------------


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
    assert Path(printed.strip()).resolve() == ROOT / "lib" / "vocabulary.py"


def test_a_user_s_matplotlibrc_changes_no_figure(tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 31\nfont.family: serif\n")
    script = (
        "import numpy, matplotlib; matplotlib.get_backend()\n"
        "from lib.figures import relations\n"
        "figure = relations.confusion({'DCN': numpy.full((7, 7), 50.0)})\n"
        "figure.savefig('figure.png', metadata={'Software': None})"
    )
    made = {}
    for name, rc in (("own", {"MATPLOTLIBRC": str(tmp_path)}), ("none", {})):
        (tmp_path / name).mkdir()
        around = {**os.environ, "PYTHONPATH": str(ROOT)} | rc
        subprocess.run([sys.executable, "-c", script], cwd=tmp_path / name, env=around, check=True)
        made[name] = (tmp_path / name / "figure.png").read_bytes()
    assert made["own"] == made["none"]
