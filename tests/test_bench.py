"""What a benchmark measures is written whole, with the code it was measured with."""

import json

import pytest
import torch

from bench import notes, world
from workflow import imports, readme


def test_numbers_carry_provenance(tmp_path, monkeypatch):
    monkeypatch.setattr(notes, "FOLDER", tmp_path)
    monkeypatch.setattr(world, "RUNS", (("cpu", 16, 4),))
    world.main()
    kept = json.loads((tmp_path / "world.json").read_text())
    assert kept["rows"][0]["faces"] == 4
    assert kept["provenance"]["packages"]["torch"] == torch.__version__.split("+")[0]


def test_a_broken_note_leaves_the_old_one(tmp_path, monkeypatch):
    monkeypatch.setattr(notes, "FOLDER", tmp_path)
    notes.save("world", {"seconds": 1.0})
    with pytest.raises(ValueError, match="nan"):
        notes.save("world", {"seconds": float("nan")})
    assert json.loads((tmp_path / "world.json").read_text())["seconds"] == 1.0


def test_numbers_of_other_code_are_not_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(notes, "FOLDER", tmp_path)
    note = json.loads(notes.save("world", {"seconds": 1.0}).read_text())
    assert readme.is_present("world", note)
    assert not readme.is_present("propagation", note)
    assert not readme.is_present("gone", note)


def test_comments_docstrings_and_imports_are_no_other_code(tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    (tmp_path / "bench.py").write_text("from lib.a import b\n")
    (tmp_path / "lib" / "a").mkdir(parents=True)
    digests = []
    for text in ("x = 1", '"""Words."""\n\nimport os\n\nx = 1  # why', "x = 2"):
        (tmp_path / "lib" / "a" / "b.py").write_text(text)
        digests.append(imports.code("bench.py"))
    assert digests[0] == digests[1] != digests[2]
