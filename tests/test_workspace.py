"""Outputs are written whole or not at all, and store what they were made from."""

import json

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from lib import params, workspace
from lib.evaluation import results
from lib.experiments import networks
from lib.workspace import Workspace, open_notebook


@pytest.fixture
def work(tmp_path, monkeypatch) -> Workspace:
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    return open_notebook("02_stage1_network", "smoke")


# Seeds --------------------------------------------------------------------------------------------


def test_a_seed_in_the_overrides_chooses_folder_and_networks(work):
    other = open_notebook("02_stage1_network", "smoke", seed=0, overrides={"seed": 3})
    assert other.root == work.root / "seed3"
    assert other.params.seed == 3
    weights = [networks.dcn(each.params).heads.weight for each in (work, other)]
    same = open_notebook("02_stage1_network", "smoke", seed=3)
    assert torch.equal(networks.dcn(same.params).heads.weight, weights[1])
    assert not torch.equal(*weights)


def test_another_seed_has_a_folder_of_its_own(work):
    assert open_notebook("02_stage1_network", "smoke", 3).root == work.root / "seed3"


# Artifacts ----------------------------------------------------------------------------------------


def test_tensors_are_the_same_after_saving(work):
    tensors = {"features": torch.randn(3, 4), "labels": torch.tensor([[-1, 0, 1]]).to(torch.int8)}
    work.save_tensors("02_features", tensors)
    for name, value in work.load_tensors("02_features").items():
        assert torch.equal(value, tensors[name])


def test_rows_are_joined_by_key(work):
    work.save_rows("02_features", ["a", "b", "c"], {"features": torch.tensor([1.0, 2.0, 3.0])})
    loaded = work.load_rows("02_features", ["c", "a"])["features"]
    assert loaded.tolist() == [3.0, 1.0]
    with pytest.raises(ValueError, match=r"has no row for 'd': run the notebook"):
        work.load_rows("02_features", ["a", "d"])
    with pytest.raises(ValueError, match="differ in length"):
        work.save_rows("02_features", ["a"], {"features": torch.zeros(2)})


def test_predictions_are_joined_by_key_for_each_method_and_round(work):
    logits = {"baseline": torch.tensor([[1.0], [2.0]]), ("dcn_ap", 1): torch.tensor([[3.0], [4.0]])}
    work.save_predictions("04_predictions", ["a", "b"], logits, ["gender"])
    loaded = work.load_predictions("04_predictions", ["b", "a"])
    assert list(loaded) == [("baseline", 0), ("dcn_ap", 1)]
    assert loaded["dcn_ap", 1].tolist() == [[4.0], [3.0]]


def test_a_missing_file_names_the_notebook_that_writes_it(work):
    with pytest.raises(FileNotFoundError, match="run notebook 02 first"):
        work.load_tensors("02_features")


def test_a_damaged_file_is_named(work):
    work.path("artifacts", "02_features.safetensors").write_bytes(b"not tensors at all")
    with pytest.raises(ValueError, match=r"02_features\.safetensors is damaged.*delete it"):
        work.load_tensors("02_features")


# Results ------------------------------------------------------------------------------------------


def test_results_of_all_notebooks_are_one_table(work):
    ours = {"value": 70.0, "low": 68.0, "high": 72.0}
    work.record(results.row("ROC AUC", ours, method="DCN"), facts={"variant": "mild"})
    other = open_notebook("05_attribute_accuracy", "smoke")
    other.record(results.rows("AP", {"gender": 50.0, "bald": None}, by="subset", method="DCN"))
    table = work.results()
    assert list(table.columns) == ["notebook", *workspace.RESULTS]
    assert table["subset"].tolist() == ["", "gender", "bald"]
    assert np.isnan(table["value"]).tolist() == [False, False, True]
    assert work.facts("02") == {"variant": "mild"}
    assert work.facts("05") == {} == work.facts("06")


def test_a_result_recorded_twice_is_refused(work):
    row = results.row("AP", 50.0, method="DCN")
    with pytest.raises(ValueError, match=r"02_stage1_network records 'AP' of 'DCN' on '' twice"):
        work.record(row, row)


def test_tables_and_figures_carry_provenance(work):
    work.save_table("table05", pd.DataFrame({"gender": [97.0]}, index=["ours"]), "percent")
    work.save_figure("fig08", matplotlib.figure.Figure())
    beside = json.loads((work.root / "tables" / "table05.json").read_text())
    inside = json.loads(Image.open(work.root / "figures" / "fig08.png").text["Description"])
    for provenance in (beside["provenance"], inside):
        assert provenance["profile"] == "smoke"
        assert provenance["notebook"] == "02_stage1_network"
        assert provenance["packages"]["torch"] == torch.__version__.split("+")[0]
    assert work.load_table("table05").loc["ours", "gender"] == 97.0


def test_the_device_in_provenance_is_the_one_computed_on(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    names = [
        Workspace(params.load("smoke", {"device": device}), "02").provenance()["device"]
        for device in ("auto", "cpu")
    ]
    assert names == ["a GPU", "cpu"]


def test_a_failed_write_leaves_the_old_file(work):
    path = work.path("metrics", "a.json")
    workspace.write_json(path, {"a": 1})
    for value in (object(), float("nan")):
        with pytest.raises((TypeError, ValueError)):
            workspace.write_json(path, {"a": value})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(path.parent.iterdir()) == [path]
