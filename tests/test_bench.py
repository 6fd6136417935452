"""What a benchmark measures is kept whole, and says what it was made from."""

import json

import pytest
import torch

from bench import notes, world


def test_numbers_carry_provenance(tmp_path, monkeypatch):
    monkeypatch.setattr(notes, "FOLDER", tmp_path)
    monkeypatch.setattr(world, "RUNS", (("cpu", 16, 4, False),))
    world.main()
    kept = json.loads((tmp_path / "world.json").read_text())
    assert kept["rows"][0]["faces"] == 4
    assert kept["provenance"]["packages"]["torch"] == torch.__version__.split("+")[0]


def test_a_broken_note_leaves_the_old_one(tmp_path, monkeypatch):
    monkeypatch.setattr(notes, "FOLDER", tmp_path)
    notes.save("one", {"seconds": 1.0})
    with pytest.raises(ValueError, match="nan"):
        notes.save("one", {"seconds": float("nan")})
    assert json.loads((tmp_path / "one.json").read_text())["seconds"] == 1.0
