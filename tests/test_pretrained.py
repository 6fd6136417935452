"""Networks that come with the project are built as their files say, and stand in for artifacts."""

import json

import pytest
import torch
from safetensors.torch import save_file

from lib import models, params
from lib.experiments import networks
from lib.models import pretrained
from lib.workspace import Workspace
from workflow import weights

SMOKE = params.load("smoke")
COMMITTED = sorted(pretrained.OUTPUTS.glob("*/weights/*.safetensors"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "OUTPUTS", tmp_path)
    monkeypatch.setenv("OUTPUTS", str(tmp_path))
    return tmp_path


def keep(folder, profile="default", name="dcn_ap"):
    path = folder / profile / "weights" / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    network = networks.dcn(SMOKE, seed=7)
    models.save(network, path, networks.sizes(SMOKE))
    return network.eval(), path


def test_a_network_comes_back_but_for_half_precision(folder):
    network, _ = keep(folder)
    faces = torch.randn(3, 3, SMOKE.model.size, SMOKE.model.size)
    with torch.no_grad():
        ours, again = network(faces), models.load("dcn_ap")(faces)
    for a, b in zip(ours, again, strict=True):
        torch.testing.assert_close(a, b, atol=0.01, rtol=0.02)


def test_a_siamese_network_comes_back(folder):
    path = folder / "s_dcn.safetensors"
    network = networks.siamese(SMOKE, networks.dcn(SMOKE))
    models.save(network, path, networks.sizes(SMOKE, siamese=True))
    again = models.load(path)
    assert isinstance(again, models.RelationNet) and not again.training
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }


def test_the_best_profile_comes_first_and_what_there_is_is_named(folder):
    with pytest.raises(ValueError, match=r"no trained network 'dcn_ap' .* there are \[\]"):
        models.load("dcn_ap")
    keep(folder, "default")
    keep(folder, "thorough")
    assert models.find("dcn_ap").parts[-3] == "thorough"
    with pytest.raises(ValueError, match="there are \\['dcn_ap'\\]"):
        models.load("dcnap")


def test_a_file_that_does_not_say_how_it_is_built_is_refused(folder):
    save_file({"a": torch.zeros(1)}, folder / "plain.safetensors")
    with pytest.raises(ValueError, match="does not say how its network is built"):
        models.load(folder / "plain.safetensors")


def test_what_the_project_keeps_stands_in_for_a_notebook_that_has_not_run(folder, capsys):
    work = Workspace(SMOKE, "15_your_photos")
    with pytest.raises(FileNotFoundError, match="run notebook 04"):
        networks.load(work, "04_dcn")
    network, path = keep(folder, "smoke")
    found = networks.load(work, "04_dcn").heads.weight
    torch.testing.assert_close(found, network.heads.weight, atol=1e-3, rtol=1e-3)
    assert "04_dcn has not been trained here" in capsys.readouterr().out
    work.save_tensors("04_dcn", networks.dcn(SMOKE, seed=8).state_dict())
    assert not torch.allclose(networks.load(work, "04_dcn").heads.weight, found)
    assert path.exists()


def test_weights_of_another_network_do_not_stand_in(folder):
    keep(folder, "default")
    with pytest.raises(ValueError, match="is of another network"):
        networks.load(Workspace(params.load("default"), "15_your_photos"), "04_dcn")


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: "/".join(path.parts[-3::2]))
def test_the_projects_networks_are_those_of_its_numbers(path):
    header, profile = models.built(path), path.parts[-3]
    (artifact,) = (of for of, name in networks.COMMITTED.items() if name == path.stem)
    root = Workspace(params.load(profile, seed=header.get("seed")), "weights").root
    (recorded,) = root.glob(f"metrics/{artifact[:3]}*.json")
    assert json.loads(recorded.read_text())["networks"][artifact] == header["source"]


def test_a_profiles_networks_are_kept_with_their_card(folder):
    work = Workspace(SMOKE, "weights")
    dcn = networks.dcn(SMOKE)
    for name in ("02_dcn", "04_dcn"):
        work.save_tensors(name, dcn.state_dict())
    work.save_tensors("10_relation", networks.siamese(SMOKE, dcn).state_dict())
    weights.main("smoke")
    kept = {path.name for path in (folder / "smoke" / "weights").iterdir()}
    assert kept == {"README.md", "dcn.safetensors", "dcn_ap.safetensors", "s_dcn.safetensors"}
    card = (folder / "smoke" / "weights" / "README.md").read_text()
    assert "expw: 200 faces, rendered" in card and "05_attribute_accuracy has not run" in card


def test_a_further_seeds_networks_are_kept_with_the_profile_and_say_whose_they_are(folder):
    work = Workspace(params.load("smoke", seed=3), "weights")
    dcn = networks.dcn(work.params)
    for name in ("02_dcn", "04_dcn"):
        work.save_tensors(name, dcn.state_dict())
    work.save_tensors("10_relation", networks.siamese(work.params, dcn).state_dict())
    weights.main("smoke", "3")
    kept = folder / "smoke" / "weights"
    assert "Seed 3," in (kept / "README.md").read_text()
    assert models.built(kept / "dcn_ap.safetensors")["seed"] == 3
    found = networks.load(Workspace(SMOKE, "15_your_photos"), "04_dcn").heads.weight
    torch.testing.assert_close(found, dcn.heads.weight, atol=1e-3, rtol=1e-3)
