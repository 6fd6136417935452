"""pyproject.toml, uv.lock and environment.yml name the same packages."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from workflow import conda

ROOT = Path(__file__).resolve().parent.parent
UV = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())


def pins() -> list[Requirement]:
    packages = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    return [Requirement(pin) for pin in packages if not pin.startswith("-e")]


def test_lock_belongs_to_pyproject():
    subprocess.run([UV, "lock", "--check", "--offline"], cwd=ROOT, check=True, capture_output=True)


def test_environment_is_what_the_lock_exports():
    assert (ROOT / "environment.yml").read_text() == conda.environment(UV)


def test_every_pin_of_the_environment_stands_in_the_lock():
    locked = {(package["name"], package["version"]) for package in LOCK["package"]}
    for pin in pins():
        (version,) = [str(part.version) for part in pin.specifier]
        assert (pin.name, version) in locked


def test_the_environment_grants_every_wish_of_pyproject():
    groups = PROJECT["dependency-groups"]
    wishes = PROJECT["project"]["dependencies"] + groups["dev"] + groups["report"]
    for wish in map(Requirement, wishes):
        granted = [pin for pin in pins() if pin.name == wish.name]
        assert granted, f"{wish.name} is missing from environment.yml"
        for pin in granted:
            (version,) = [Version(str(part.version)) for part in pin.specifier]
            assert version in wish.specifier


def test_git_does_not_ignore_the_library():
    ignored = subprocess.run(["git", "check-ignore", "lib"], cwd=ROOT, capture_output=True)
    assert ignored.stdout == b""
