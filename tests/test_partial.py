"""No mixture of whole, partial and absent sets and manifests crashes: what lacks a part says so."""

import json
import os
import subprocess
import sys

import pytest

from lib.data import datasets
from lib.data.faces import FaceSet
from lib.vocabulary import FACE_SOURCES, SOURCE_NAMES
from tests import trees
from tests.damage import sql

WHOLE, UNTESTED, ABSENT = range(3)
# Every two of AFLW, CelebA, ExpW and a manifest in every two states (an orthogonal array).
MIXTURES = (
    *((0, 0, 0, 0), (0, 1, 1, 1), (0, 2, 2, 2), (1, 0, 1, 2), (1, 1, 2, 0)),
    *((1, 2, 0, 1), (2, 0, 2, 1), (2, 1, 0, 2), (2, 2, 1, 0)),
)
NOTEBOOKS = """
import json, sys
from pathlib import Path
from lib import params
from lib.workspace import NeedsData, Workspace

overrides, names = json.loads(sys.argv[1]), sys.argv[2:]
overrides = {key: tuple(x) if isinstance(x, list) else x for key, x in overrides.items()}
given = f"profile, seed, overrides = 'smoke', 0, {overrides!r}"
for name in names:
    space = {"display": lambda *shown: None}
    cells = json.loads(Path(f"notebooks/{name}.ipynb").read_text())["cells"]
    try:
        for cell in cells:
            tagged = "parameters" in cell["metadata"].get("tags", [])
            if cell["cell_type"] == "code":
                exec(given if tagged else "".join(cell["source"]), space)
    except NeedsData as needs:
        work = Workspace(params.load("smoke", overrides), name)
        lacking = str(needs).removeprefix("needs ").split(", which")[0]
        work.record(facts=work.facts(name) | {"not_run": lacking})
        print("NEEDS", name, lacking)
"""


def spoil(home, name):
    """The set as a copy in which none tests."""
    if name == "celeba":
        path = home / "list_eval_partition.txt"
        path.write_text("".join(f"{line[:10]} 0\n" for line in path.read_text().splitlines()))
    elif name == "expw":
        path = home / "label.lst"
        kept = [line for line in path.read_text().splitlines() if not line.endswith(" 3")]
        path.write_text("\n".join(kept) + "\n")
    else:
        sql("DELETE FROM Faces WHERE face_id > 1000")(home)


def mixture(states, tree, tmp_path) -> dict:
    """The files of a mixture, and the overrides that name its manifest."""
    for name, state in zip(FACE_SOURCES, states, strict=False):
        if state != ABSENT:
            home = tree(name)
            spoil(home, name) if state == UNTESTED else None
    if states[3] == ABSENT:
        return {}
    path = trees.manifest(tmp_path / "album")
    if states[3] == WHOLE:
        path.write_text(path.read_text().replace("person 1,train", "person 1,test"))
    return {"data.manifests": (str(path),)}


@pytest.mark.parametrize("states", MIXTURES)
def test_every_mixture_of_sets_is_a_set_or_says_what_it_needs(states, tree, profile, tmp_path):
    settings = profile(**mixture(states, tree, tmp_path))
    faces = datasets.faces(settings, cache=tmp_path / "cache", progress=False)
    needed = datasets.absent(settings, {"01_faces": faces})
    sides = set() if faces is None else set(faces.table["split"])
    assert ("01_faces" in needed) == (sides != {"train", "test"})
    held = str(datasets.inventory(settings, progress=False))
    for name, state in zip(FACE_SOURCES, states, strict=False):
        title = SOURCE_NAMES[name]
        expected = {WHOLE: None, UNTESTED: f"a test part of {title}", ABSENT: title}[state]
        assert needed.get(name) == expected
        assert (f"no test part: a copy of {title}" in held) == (state == UNTESTED)
    assert ("no face tests; notebooks from 02 on need" in held) == (sides == {"train"})


def test_other_sets_that_lack_a_part_say_so(tree, profile, tmp_path):
    for name in ("sfew", "ckplus", "relation"):
        tree(name)
    settings = profile(**{"evaluation.folds": 4})
    sets = {
        f"01_{name}": getattr(datasets, name)(settings, cache=tmp_path / "c", progress=False)
        for name in ("sfew", "ckplus", "relation")
    }
    sets["01_relation"] = sets["01_relation"].where(split="train")
    needed = datasets.absent(settings, sets)
    assert needed["01_ckplus"] == "at least 4 people of CK+"
    assert needed["01_relation"] == "a test part of Interpersonal Relation"
    assert "01_sfew" not in needed


def test_faces_without_a_part_name_it():
    faces = trees.portraits("celeba", 24)
    whole = FaceSet(faces.images, faces.labels, faces.table.assign(split="train"))
    assert datasets.lacking_parts({"01_faces": whole}, 2) == {
        "01_faces": "a test part of AFLW, CelebA or ExpW",
        "celeba": "a test part of CelebA",
    }


@pytest.mark.slow
@pytest.mark.parametrize("states", [(1, 1, 1, 1), (2, 0, 2, 2), (0, 1, 2, 0), (1, 2, 0, 2)])
def test_no_mixture_of_sets_crashes_a_notebook(states, tree, profile, tmp_path):
    """Every notebook that reads a dataset ends, or ends with what it needs; minutes each."""
    own = mixture(states, tree, tmp_path)
    tiny = {f"data.{name}.origin": "found" for name in SOURCE_NAMES}
    tiny |= {f"data.{name}.train": 0 for name in SOURCE_NAMES}
    tiny |= {"data.aflw.test": 4, "data.celeba.test": 3, "data.expw.test": 14}
    overrides = {"data.root": str(tmp_path / "data"), **tiny, **own, "evaluation.bootstrap": 20}
    names = sorted(path.stem for path in (trees.ROOT / "notebooks").glob("*.ipynb"))
    names = [name for name in names if name[:3] not in ("00_", "01b", "16_")]
    command = [sys.executable, "-c", NOTEBOOKS, json.dumps(overrides), *names]
    environment = os.environ | {"OUTPUTS": str(tmp_path / "outputs"), "MPLBACKEND": "agg"}
    ended = subprocess.run(command, cwd=trees.ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-500:] + ended.stderr[-3000:]
    assert "NEEDS 07_sfew SFEW 2.0" in ended.stdout
