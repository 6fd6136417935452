"""Outputs are written whole or not at all, and store what they were made from."""

import errno
import fcntl
import functools
import json
import os
import stat
from pathlib import Path

import filelock
import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
import threadpoolctl
import torch
from PIL import Image

from lib import params, workspace
from lib.evaluation import results
from lib.experiments import networks
from lib.workspace import Workspace, files, open_notebook
from workflow.pipeline import STEPS


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


def saved(work) -> list[Path]:
    """One artifact of every kind."""
    work.save_tensors("02_dcn", {"x": torch.arange(6.0)})
    rows = work.save_rows("02_features", ["a", "b"], {"features": torch.zeros(2, 3)})
    work.save_json("02_choice", {"name": "literal"})
    work.save_predictions("02_predictions", ["a"], {"dcn": torch.zeros(1, 1)}, ["gender"])
    folder = rows.parent
    names = ("02_dcn.safetensors", "02_choice.json", "02_predictions.parquet")
    return [rows / "features.npy", rows / "keys.parquet", *(folder / name for name in names)]


def loaded(work) -> list:
    reads = (
        lambda: work.load_tensors("02_dcn"),
        lambda: work.load_rows("02_features"),
        lambda: work.load_json("02_choice"),
        lambda: work.load_predictions("02_predictions", ["a"]),
    )
    found = []
    for read in reads:
        try:
            found.append(read())
        except (ValueError, FileNotFoundError) as error:
            found.append(error)
    return found


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


DAMAGES = {
    "bit": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "emptied": lambda path: path.write_bytes(b""),
    "other": lambda path: path.write_bytes(b"not what was saved at all"),
    "gone": Path.unlink,
    "unnoted": lambda path: path.with_name(path.name + ".sum").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("number", range(5))
def test_a_damaged_artifact_is_named_with_what_to_run(work, damage, number):
    path = saved(work)[number]
    assert not any(isinstance(found, Exception) for found in loaded(work))
    DAMAGES[damage](path)
    (error,) = [found for found in loaded(work) if isinstance(found, Exception)]
    assert str(path) in str(error) and "run notebook 02 first, or `make reproduce" in str(error)


@pytest.mark.parametrize("number", range(5))
def test_artifacts_have_the_permissions_that_the_umask_gives(work, number):
    before = os.umask(0o027)
    try:
        path = saved(work)[number]
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_kill_between_checksum_and_file_leaves_a_file_that_is_whole(work, monkeypatch):
    work.save_json("02_choice", {"name": "old"})
    replace = os.replace

    def killed(one, two):
        if Path(two).name == "02_choice.json":
            raise KeyboardInterrupt
        replace(one, two)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        work.save_json("02_choice", {"name": "new"})
    assert work.load_json("02_choice") == {"name": "old"}


def test_what_a_killed_process_left_is_removed(work):
    path = work.path("artifacts", "02_choice.json")
    dead, alive = (path.with_name(f".{path.name}.{pid}.part") for pid in (2**22 + 1, os.getppid()))
    dead.touch()
    alive.touch()
    work.save_json("02_choice", {})
    assert (dead.exists(), alive.exists()) == (False, True)


@pytest.mark.parametrize("what", ["array", "tensors", "json"])
def test_a_full_disk_is_said_in_words_and_nothing_is_left(work, monkeypatch, what):
    def no_space(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_space)
    monkeypatch.setattr(os, "fsync", no_space)
    path = work.path("artifacts", "02_x.npy")
    with pytest.raises(OSError, match=r"no space left on the disk for .*02_x.*free some"):
        if what == "array":
            files.reserved(path, (10, 3, 4, 4))
        elif what == "tensors":
            work.save_tensors("02_x", {"x": torch.zeros(3)})
        else:
            work.save_json("02_x", {})
    assert [file.name for file in path.parent.iterdir() if "02_x" in file.name] == []


def test_reserved_arrays_are_zero_and_can_be_written(tmp_path):
    array = files.reserved(tmp_path / "x.npy", (4, 2, 3))
    assert not array.any()
    array[1] = 7
    array.flush()
    assert np.load(tmp_path / "x.npy")[1].tolist() == [[7] * 3] * 2


def test_a_lock_is_kept_where_the_file_system_has_none(tmp_path, monkeypatch):
    def missing(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", missing)
    once = functools.partial(files.locked, tmp_path / ".lock", timeout=0)
    with once(), pytest.raises(filelock.Timeout), once():
        pass
    with once():
        pass


# Overrides and provenance -------------------------------------------------------------------------


def test_a_run_with_overrides_has_a_folder_of_its_own(work):
    other = open_notebook("02_stage1_network", "smoke", overrides={"stage1.epochs": 1})
    assert other.root.parent == work.root / "overrides"
    assert other.root.name.startswith("stage1.epochs=1-")
    assert open_notebook("02", "smoke", 3, {"stage1.epochs": 1}).root == other.root / "seed3"
    for same in ({}, {"stage1.epochs": 2}, {"devices": 1}, {"device": "cpu"}, '{"seed": 0}'):
        assert open_notebook("02", "smoke", overrides=same).root == work.root


def test_a_run_with_overrides_reads_what_they_do_not_change(work):
    work.save_tensors("02_dcn", {"x": torch.zeros(1)})
    reads = open_notebook("04_alternating_stage2", "smoke", overrides={"stage2.iterations": 1})
    assert reads.load_tensors("02_dcn")["x"] == 0
    for overrides in ({"stage1.epochs": 1}, {"data.yaw_bins": [-50.0, -20.0, 20.0, 50.0]}):
        refused = open_notebook("04_alternating_stage2", "smoke", overrides=overrides)
        with pytest.raises(FileNotFoundError, match=r"run notebook 02 first with the same over"):
            refused.load_tensors("02_dcn")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("stage1: {epochs: 5}", r"02_dcn.* was made with another stage1 \(\w+\) than .* \(\w+\)"),
        ("data: {size: 300}", "made with another data"),
        ("seed: 4", "made with another seed"),
        ("relation: {shared: 64}", ""),
        ("", "made with another faces of notebook 01"),
    ],
)
def test_an_artifact_of_other_parameters_or_faces_is_refused(tmp_path, monkeypatch, change, words):
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    monkeypatch.setattr("lib.params.profile.FOLDER", tmp_path)
    for name, text in (("own", ""), ("own", change)):
        (tmp_path / f"{name}.yaml").write_text(text)
        seed = params.load("own").seed
        work = open_notebook("02_stage1_network", "own", seed)
        if not (work.root / "artifacts").exists():
            open_notebook("01_datasets", "own").record(facts={"fingerprint": "one"})
            work.save_tensors("02_dcn", {"x": torch.zeros(1)})
            work.save_rows("02_features", ["a"], {"features": torch.zeros(1, 2)})
    if not change:
        open_notebook("01_datasets", "own").record(facts={"fingerprint": "two"})
    if words:
        with pytest.raises(ValueError, match=words):
            work.load_tensors("02_dcn")
        with pytest.raises(ValueError, match=words.removeprefix("02_dcn.*")):
            work.load_rows("02_features")
    else:
        work.load_tensors("02_dcn")
        work.load_rows("02_features")


def test_rows_of_notebook_01_are_saved_before_or_after_it_records_its_faces(work):
    maker = open_notebook("01_datasets", "smoke")
    maker.save_rows("01_pictures", ["a"], {"x": torch.zeros(1, 2)})
    maker.record(facts={"fingerprint": "faces"})
    assert work.load_rows("01_pictures")["x"].shape == (1, 2)


def test_outputs_given_relative_are_in_the_project(monkeypatch, tmp_path):
    monkeypatch.setenv("OUTPUTS", "build/elsewhere")
    monkeypatch.chdir(tmp_path)
    root = open_notebook("02_stage1_network", "smoke").root
    assert root == Path(__file__).parents[1] / "build" / "elsewhere" / "smoke"


# Threads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STEPS)
def test_a_notebook_computes_with_its_own_number_of_threads(work, name):
    torch.set_num_threads(2)
    open_notebook(name, "smoke")
    wanted = 2 if name[:3] in ("01_", "16_") else 1
    pools = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    assert (torch.get_num_threads(), pools) == (wanted, {wanted})


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


def test_a_notebook_records_which_networks_it_has_saved(work):
    work.save_tensors("02_dcn", {"a": torch.zeros(1)})
    work.record()
    one = work.networks()
    recorded = work.existing("metrics", f"{work.notebook}.json")
    assert json.loads(recorded.read_text())["networks"] == one
    work.save_tensors("02_dcn", {"a": torch.ones(1)})
    assert list(one) == ["02_dcn"] and work.networks() != one


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


@pytest.mark.parametrize(
    "name", ["metrics/02_stage1_network.json", "metrics/02_stage1_network.csv"]
)
def test_a_damaged_record_is_named(work, name):
    work.record(results.row("AP", 50.0, method="DCN"))
    (work.root / name).write_text("<<<<<<< HEAD\n")
    with pytest.raises(ValueError, match=rf"{name}.* is damaged"):
        work.results()
        work.facts("02")
