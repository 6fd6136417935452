"""Profiles are typed, and a mistake is reported with file, key, value and what to do."""

import pytest

from lib import params


@pytest.mark.parametrize("profile", params.profiles())
def test_every_profile_loads(profile):
    assert params.load(profile).profile == profile


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("stage1.epochz", 3, ["stage1.epochz", "unknown key", "did you mean 'epochs'"]),
        ("stage1.rate", "1e-3", ["stage1.rate", "'1e-3'", "write 1.0e-3"]),
        ("stage1.epochs", 2.5, ["stage1.epochs", "integer"]),
        ("stage1.batch", 1, ["stage1.batch", "greater than or equal to 2"]),
        ("stage1.momentum", 1.5, ["stage1.momentum", "less than or equal to 1"]),
        ("stage1.rate", -0.1, ["stage1.rate", "greater than 0"]),
        ("stage1.mirror", "yes", ["stage1.mirror", "boolean"]),
        ("propagation.covariance", "block", ["propagation.covariance", "pattern"]),
        ("data.size", 32, ["model.size", "exceeds data.size 32", "raise data.size"]),
        ("data.yaw_bins", [20, -20, 60, 70], ["data", "yaw_bins must ascend"]),
        ("data.calibration_faces", 10, ["data.calibration_faces", "greater than or equal to 60"]),
        ("data.aflw.origin", "flickr", ["data.aflw.origin", "'world'"]),
        ("nothing", 1, ["nothing", "unknown key"]),
    ],
)
def test_an_error_names_file_key_and_what_to_do(key, value, words):
    with pytest.raises(ValueError) as error:
        params.load("default", {key: value})
    for word in ["params/default.yaml", *words]:
        assert word in str(error.value)


def test_a_key_below_a_single_value_is_refused():
    words = r"default\.yaml: model\.size\.x: model\.size = \d+ has no keys.*override model\.size"
    with pytest.raises(ValueError, match=words):
        params.load("default", {"model.size.x": 1})


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"no profile 'defualt'.*default.*smoke"):
        params.load("defualt")


def test_broken_yaml_names_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(params, "FOLDER", tmp_path)
    (tmp_path / "odd.yaml").write_text("stage1: {epochs: [}")
    with pytest.raises(ValueError, match=r"odd\.yaml: not valid YAML"):
        params.load("odd")


def test_nested_and_dotted_overrides_agree():
    nested = params.load("default", {"stage1": {"epochs": 1}, "seed": 3})
    assert nested == params.load("default", {"stage1.epochs": 1, "seed": 3})
    assert nested.stage1.epochs == 1
    assert nested.stage1.batch == params.load("default").stage1.batch


def test_defaults_are_the_papers():
    paper = params.Params(profile="paper")
    assert (paper.stage1.epochs, paper.stage1.batch, paper.stage1.rate) == (30, 32, 0.001)
    assert (paper.stage1.momentum, paper.stage2.iterations) == (0.9, 10)
    assert (paper.model.size, paper.model.features, paper.model.width) == (224, 1024, 1.0)
    assert (paper.propagation.neighbours, paper.relation.shared) == (10, 256)
    sources = (paper.data.aflw, paper.data.celeba, paper.data.expw)
    assert [source.test for source in sources] == [1000, 3000, 1400]
