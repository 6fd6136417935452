"""Fixtures that several test files share."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import torch

from lib import params
from lib.data import real
from lib.data.listing import Listing
from lib.vocabulary import TRAITS
from lib.workspace import machine
from tests import trees

# How long an example takes is the machine's affair: a busy one must not fail a test.
hypothesis.settings.register_profile("calm", deadline=None)
hypothesis.settings.load_profile("calm")
if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # each processor has a worker


def pytest_xdist_auto_num_workers() -> int:
    """A worker for every processor that a container may use; each takes about a GiB."""
    return min(machine.processors(), 8)


TINY = {  # the profile `paper` on tiny trees
    **{"data.size": 48, "model.size": 40, "evaluation.folds": 2, "seed": 0},
    **{"data.aflw.test": 4, "data.celeba.test": 3, "data.expw.test": 14},
    "data.relation_columns": tuple(TRAITS),
}


@pytest.fixture(scope="session")
def pristine(tmp_path_factory) -> Callable[[str], Path]:
    """Builds the tiny copy of a dataset once; nobody writes into it."""
    root, built = tmp_path_factory.mktemp("pristine"), {}

    def tree(name: str) -> Path:
        if name not in built:
            trees.BUILDERS[name](root / name)
            built[name] = root / name
        return built[name]

    return tree


@pytest.fixture
def tree(pristine, tmp_path) -> Callable[[str], Path]:
    """The copy of a tiny dataset under `tmp_path / "data"`, to be broken at will."""

    def copied(name: str) -> Path:
        place = tmp_path / "data" / name
        if not place.exists():
            shutil.copytree(pristine(name), place)
        return place

    return copied


@pytest.fixture
def profile(tmp_path) -> Callable[..., params.Params]:
    """The profile `paper`, tiny, with the data folder `tmp_path / "data"`; and overrides."""

    def loaded(**overrides) -> params.Params:
        return params.load("paper", {"data.root": str(tmp_path / "data"), **TINY, **overrides})

    return loaded


@pytest.fixture
def read(tree, profile) -> Callable[..., Listing]:
    """Reads what the files of a tiny dataset list, with overrides of the profile."""

    def listed(name: str, **overrides) -> Listing:
        tree(name)
        return real.read(name, profile(**overrides), progress=False)

    return listed
