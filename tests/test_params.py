"""Profiles are typed, and a mistake is reported with file, key, value and what to do."""

import pytest

from lib import params
from lib.params import reading


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
        ("evaluation.learning_curve", [0], ["evaluation.learning_curve.0", "greater than"]),
        ("evaluation.learning_curve", 2500, ["evaluation.learning_curve", "2500"]),
        ("nothing", 1, ["nothing", "unknown key"]),
        ("stage1.rate", float("inf"), ["stage1.rate", "finite"]),
        ("data.yaw_bins", [-60.0, 0.0, 60.0, float("nan")], ["data.yaw_bins.3", "finite"]),
        ("model.trunk", "resnet19", ["model.trunk", "no such network", "'resnet18'"]),
        ("model.trunk", "none", ["model.trunk", "no such network"]),
        ("model.features", 10**9, ["model.features", "less than or equal to 65536"]),
        ("data.aflw.train", 10**10, ["data.aflw.train", "less than"]),
        ("stage1.batch", 10**9, ["stage1.batch", "less than"]),
        ("data", {"size": 4096, "aflw": {"train": 10**8}}, ["10^12 bytes of crops"]),
        ("stage1", {"batch": 10**6}, ["stage1.batch 1000000", "for one step"]),
    ],
)
def test_an_error_names_the_override_and_what_to_do(key, value, words):
    with pytest.raises(ValueError) as error:
        params.load("default", {key: value})
    assert "override of the profile 'default'" in str(error.value)
    assert "yaml" not in str(error.value)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            {"model.size.x": 1},
            r"model\.size\.x: model\.size = \d+ has no keys.*override model\.size",
        ),
        ({"stage1": {"epochs": 1}, "stage1.epochs": 2}, r"stage1\.epochs: it is given twice"),
        ({"profile": "other"}, "override profile: open the notebook with that profile"),
        ({1: 2}, "override 1: a key is text"),
        ([1], r"overrides \[1\]: write keys and values"),
        ("stage1.epochs", "overrides 'stage1.epochs': must hold keys and values"),
        ("seed: 1\nseed: 2", "line 2: the key 'seed' is there twice"),
    ],
)
def test_overrides_that_are_no_keys_and_values_are_refused(overrides, words):
    with pytest.raises(ValueError, match=words):
        params.load("default", overrides)


@pytest.mark.parametrize(
    "text", ["{'stage1.epochs': 1, 'seed': 3}", "stage1: {epochs: 1}\nseed: 3"]
)
def test_overrides_given_as_text_are_those_they_spell(text):
    assert params.load("smoke", text, 7) == params.load("smoke", {"stage1.epochs": 1, "seed": 3})


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"no profile 'defualt'.*default.*smoke"):
        params.load("defualt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"stage1: {epochs: [}", r"odd\.yaml: not valid YAML"),
        (b"- 1", r"odd\.yaml: must hold keys and values"),
        ("# é".encode("latin-1"), r"odd\.yaml: not UTF-8"),
        (b"stage1: {epochs: 1}\nseed: 2\nstage1: {rate: 0.1}", "line 3: the key 'stage1' is there"),
        (b"stage1: {epochs: 1, epochs: 2}", "line 1: the key 'epochs' is there twice"),
        (b"profile: smoke", r"odd\.yaml: profile: the file's name is the profile's"),
        (b"stage1: {rate: .inf}", r"odd\.yaml: 1 wrong value.*\n  stage1\.rate = inf"),
        (b"stage1: &a {epochs: *a}", r"odd\.yaml: a part of it contains itself"),
    ],
)
def test_a_broken_file_is_named(tmp_path, monkeypatch, content, words):
    monkeypatch.setattr("lib.params.profile.FOLDER", tmp_path)
    (tmp_path / "odd.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        params.load("odd")


@pytest.mark.parametrize("name", ["2024", "007", "1e3", "no", "my-own.v2"])
def test_a_profile_may_have_a_name_that_looks_like_a_number(tmp_path, monkeypatch, name):
    monkeypatch.setattr("lib.params.profile.FOLDER", tmp_path)
    (tmp_path / f"{name}.yaml").write_bytes("\ufeffseed: 1".encode())
    assert (params.load(name).profile, params.load(name).seed) == (name, 1)


def test_what_an_override_changes_is_listed():
    ours = params.load("smoke", {"stage1.epochs": 1, "data.yaw_bins": [-50.0, -20.0, 20.0, 50.0]})
    found = reading.changed(params.load("smoke"), ours)
    assert found == {"stage1.epochs": 1, "data.yaw_bins": [-50.0, -20.0, 20.0, 50.0]}


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
