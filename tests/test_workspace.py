"""Outputs are written whole or not at all, and say what they were made from."""

import json

import matplotlib.figure
import pandas as pd
import pytest
import torch
from PIL import Image

from lib import params, workspace
from lib.workspace import Workspace


@pytest.fixture
def work(tmp_path, monkeypatch) -> Workspace:
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    return Workspace(params.load("smoke"), notebook="02")


def test_tensors_survive_a_round_trip(work):
    tensors = {"features": torch.randn(3, 4), "labels": torch.tensor([[-1, 0, 1]]).to(torch.int8)}
    work.save_tensors("02_features", tensors)
    for name, value in work.load_tensors("02_features").items():
        assert torch.equal(value, tensors[name])


def test_a_failed_write_leaves_the_old_file(work):
    work.save_metrics("02_stage1", {"loss": 1.0})
    with pytest.raises(ValueError, match="nan"):
        work.save_metrics("02_stage1", {"loss": float("nan")})
    assert work.load_metrics("02_stage1") == {"loss": 1.0}
    assert [path.name for path in (work.root / "metrics").iterdir()] == ["02_stage1.json"]


def test_a_missing_file_names_the_notebook_that_makes_it(work):
    with pytest.raises(FileNotFoundError, match=r"run notebooks/02_stage1_network\.ipynb first"):
        work.load_tensors("02_features")


def test_a_damaged_file_is_named(work):
    work.path("artifacts", "02_features.safetensors").write_bytes(b"not tensors at all")
    with pytest.raises(ValueError, match=r"02_features\.safetensors is damaged.*delete it"):
        work.load_tensors("02_features")


def test_tables_and_figures_carry_provenance(work):
    work.save_table("table05", pd.DataFrame({"gender": [97.0]}, index=["ours"]), "percent")
    figure = matplotlib.figure.Figure()
    work.save_figure("fig08", figure)
    beside = json.loads((work.root / "tables" / "table05.json").read_text())
    inside = json.loads(Image.open(work.root / "figures" / "fig08.png").text["Description"])
    for provenance in (beside["provenance"], inside):
        assert provenance["profile"] == "smoke"
        assert provenance["packages"]["torch"] == torch.__version__.split("+")[0]
    assert work.load_table("table05").loc["ours", "gender"] == 97.0


def test_provenance_leaves_the_gpu_to_processes_yet_to_be_forked(monkeypatch):
    def touched():
        raise AssertionError("the GPU was touched")

    for name in ("RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", touched)
    two = Workspace(params.load("smoke", {"devices": 2}), notebook="02")
    assert two.provenance()["device"] == "cuda"


def test_write_json_is_atomic(tmp_path):
    path = tmp_path / "a.json"
    workspace.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        workspace.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_another_seed_has_a_folder_of_its_own(work):
    other = Workspace(params.load("smoke", {"seed": 3}), notebook="02")
    assert other.root == work.root / "seed3"
