"""`make photos`: which networks it takes, what it writes, what it says where something lacks."""

import pandas as pd
import pytest
from PIL import Image
from safetensors.torch import save_file

from lib import params
from lib.data import photos
from lib.experiments import networks, showcase
from lib.vocabulary import ATTRIBUTES, TRAITS
from workflow import photos as command


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(command, "TARGET", tmp_path / "outputs" / "photos")
    return tmp_path / "outputs"


@pytest.fixture
def folder(tmp_path):
    """A picture of two people whose name is not that of an ordinary file, and one of one."""
    pictures = showcase.photographs(height=288)
    (tmp_path / "mine" / "trip").mkdir(parents=True)
    for name, shown in (("trip/us $5 & $6.png", "rendered 1.png"), ("me.png", "astronaut.png")):
        pixels = pictures[shown].permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(tmp_path / "mine" / name)
    return tmp_path / "mine"


def save_networks(folder, names, profile="smoke"):
    """Untrained weights of a profile's two networks, in half precision."""
    folder.mkdir(parents=True)
    dcn = networks.dcn(params.load(profile))
    both = (dcn, networks.siamese(params.load(profile), dcn))
    for network, name in zip(both, names, strict=True):
        weights = {key: value.half() for key, value in network.state_dict().items()}
        save_file(weights, folder / f"{name}.safetensors")


def test_committed_weights_come_before_others_and_better_profiles_before_smoke(outputs):
    assert command.trained() == []
    kinds = {
        ("smoke", "artifacts"): command.ARTIFACTS,
        ("default", "artifacts"): command.ARTIFACTS,
        ("thorough", "weights"): command.COMMITTED,
        ("thorough", "artifacts"): command.ARTIFACTS,
    }
    for (profile, kind), names in kinds.items():
        (outputs / profile / kind).mkdir(parents=True)
        for name in names:
            (outputs / profile / kind / f"{name}.safetensors").touch()
    order = [("thorough", "weights"), ("thorough", "artifacts"), ("default", "artifacts")]
    found = [(profile, where.name) for profile, where in command.trained()]
    assert found == [*order, ("smoke", "artifacts")]


def test_faces_attributes_and_the_traits_of_every_pair_are_written(outputs, folder, capsys):
    save_networks(outputs / "smoke" / "weights", command.COMMITTED)
    said = command.main(folder)
    attributes = pd.read_csv(outputs / "photos" / "attributes.csv", index_col="face")
    traits = pd.read_csv(outputs / "photos" / "relations.csv", index_col="pair")
    assert list(attributes.index) == ["me.png 1", "trip/us $5 & $6.png 1", "trip/us $5 & $6.png 2"]
    assert list(attributes) == list(ATTRIBUTES) and list(traits) == list(TRAITS)
    assert list(traits.index) == ["trip/us $5 & $6.png: 1 and 2"]
    assert traits.to_numpy().min() >= 0 and traits.to_numpy().max() <= 1
    pictures = {path.name for path in (outputs / "photos").glob("*.png")}
    both = "trip_us_5_6.png"
    assert pictures == {"me.png_attributes.png", f"{both}_attributes.png", f"{both}_1_and_2.png"}
    note = (outputs / "photos" / "READ_ME_FIRST.txt").read_text()
    assert (
        "Never decide anything about anybody" in note and "noise" in note and note.strip() in said
    )
    assert "2 photographs" in capsys.readouterr().out


def test_what_is_missing_is_said_in_words(outputs, tmp_path):
    with pytest.raises(SystemExit, match="make reproduce"):
        command.main(tmp_path)
    save_networks(outputs / "smoke" / "weights", command.COMMITTED)
    with pytest.raises(SystemExit, match=r"no photograph in .*nothing: put some there"):
        command.main(tmp_path / "nothing")
    Image.new("RGB", (200, 100)).save(tmp_path / "wall.png")
    with pytest.raises(SystemExit, match="no face found"):
        command.main(tmp_path)


def test_both_faces_are_found_in_the_scenes_that_stand_in_for_photographs():
    found = {n: len(photos.detect(p).boxes) for n, p in showcase.photographs().items()}
    assert found == {"astronaut.png": 1} | {f"rendered {k}.png": 2 for k in (1, 2, 3)}
