"""`make photos`: which networks it takes, what it writes, what it says where something lacks."""

import pandas as pd
import pytest
from PIL import Image

from lib import models, params
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


def save_networks(folder, profile="smoke"):
    """Untrained weights of a profile's two networks, as the project keeps them."""
    folder.mkdir(parents=True)
    settings = params.load(profile)
    dcn = networks.dcn(settings)
    both = {"dcn_ap": (dcn, False), "s_dcn": (networks.siamese(settings, dcn), True)}
    for name, (network, siamese) in both.items():
        sizes = networks.sizes(settings, siamese=siamese)
        models.save(network, folder / f"{name}.safetensors", sizes)


def test_better_profiles_come_first_and_smoke_last(outputs):
    assert command.trained() == []
    for profile, kind, names in (
        ("smoke", "artifacts", command.ARTIFACTS),
        ("default", "artifacts", command.ARTIFACTS),
        ("thorough", "weights", ("dcn_ap", "s_dcn")),
        ("paper", "weights", ("dcn_ap",)),
    ):
        (outputs / profile / kind).mkdir(parents=True)
        for name in names:
            (outputs / profile / kind / f"{name}.safetensors").touch()
    assert command.trained() == ["thorough", "default", "smoke"]


def test_faces_attributes_and_the_traits_of_every_pair_are_written(outputs, folder, capsys):
    save_networks(outputs / "smoke" / "weights")
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
    save_networks(outputs / "smoke" / "weights")
    with pytest.raises(SystemExit, match=r"no photograph in .*nothing: put some there"):
        command.main(tmp_path / "nothing")
    Image.new("RGB", (200, 100)).save(tmp_path / "wall.png")
    with pytest.raises(SystemExit, match="no face found"):
        command.main(tmp_path)


def test_both_faces_are_found_in_the_scenes_that_stand_in_for_photographs():
    found = {n: len(photos.detect(p).boxes) for n, p in showcase.photographs().items()}
    assert found == {"astronaut.png": 1} | {f"rendered {k}.png": 2 for k in (1, 2, 3)}
