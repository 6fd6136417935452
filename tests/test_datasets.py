"""One entry point: real sets, the embedded world and nothing at all, in any mixture."""

import os
import re
import time

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from lib import params, vocabulary, world
from lib.data import datasets, listing, real
from lib.data.sources import ckplus, expw, manifest, published
from lib.vocabulary import FACE_SOURCES, SOURCE_NAMES
from tests import trees
from workflow import pipeline


@pytest.fixture
def make(profile, tmp_path):
    """Makes one of the sets of the tiny profile, with overrides."""

    def made(name="faces", **overrides):
        cache = tmp_path / "cache"
        return getattr(datasets, name)(profile(**overrides), cache=cache, progress=False)

    return made


@pytest.fixture
def look(profile):
    """The inventory of the tiny profile, with overrides."""
    return lambda **overrides: datasets.inventory(profile(**overrides), progress=False)


@pytest.fixture
def all_six(tree) -> None:
    for name in trees.BUILDERS:
        tree(name)


def test_all_six_sets(all_six, make, look, profile, tmp_path):
    found = make()
    counts = found.table.groupby(["source", "split"]).size()
    assert counts[:, "test"].to_dict() == {"aflw": 4, "celeba": 3, "expw": 14}
    assert found.images.shape == (len(found), 3, 48, 48)
    for source in FACE_SOURCES:
        seen = (found.where(source=source).labels >= 0).any(0).tolist()
        assert seen == vocabulary.label_mask(source)
    sfew, ck, pairs = make("sfew"), make("ckplus"), make("relation")
    assert sfew.table["split"].value_counts().to_dict() == {"train": 14, "test": 7}
    assert (ck.table.groupby("subject")["fold"].nunique() == 1).all()
    assert ck.table["fold"].nunique() == 2
    assert pairs.table["split"].value_counts().to_dict() == {"train": 8, "test": 4}
    assert pairs.cues.shape == (12, 11) and pairs.cues.isfinite().all()
    assert not datasets.absent(profile())
    # Rows in the sets and rows left out are all rows.
    out, rows = datasets.left_out(tmp_path / "cache"), look().summary["rows"]
    kept = pd.concat([part.table["source"] for part in (found, sfew, ck, pairs)]).value_counts()
    for source, title in SOURCE_NAMES.items():
        gone = out["file"].str.startswith(str(tmp_path / "data" / source)).sum()
        assert kept[source] + gone == rows[title]


@pytest.mark.parametrize("source", ["celeba", "expw"])
def test_crops_are_the_faces_of_their_rows(source, tree, make):
    """Rendered faces went into pictures, some side by side, and come back out of them."""
    tree(source)
    found = make(**{"data.size": 64, "model.size": 56})
    rendered = trees.portraits(source, 24 if source == "celeba" else 42).images.float()
    for image, key in zip(found.images, found.table["key"], strict=True):
        if key not in ("expw/angry_people_0.jpg#0", "expw/copied_people_1.jpg#0"):
            gaps = (rendered - image.float()).abs().mean((1, 2, 3))
            number = sum(map(int, re.findall(r"\d+", key)))
            assert int(gaps.argmin()) == number - (source == "celeba")
            assert gaps.min() < 6  # of 255: two resizings and JPEG


def test_training_faces_that_a_test_face_gives_away_are_left_out(tree, make, tmp_path):
    home = tree("expw")
    test = make().where(split="test").table.iloc[0]
    name, _ = test["key"].removeprefix("expw/").split("#")
    (home / "origin" / "twin.jpg").write_bytes((home / "origin" / name).read_bytes())
    line = (home / "label.lst").read_text().splitlines()[test["line"] - 1]
    with (home / "label.lst").open("a") as file:
        file.write(line.replace(name, "twin.jpg") + "\n")
    after = make().table
    assert {test["key"], "expw/twin.jpg#0"} & set(after["key"])
    leaks = datasets.left_out(tmp_path / "cache").query("set == 'faces leaks'")
    assert leaks["reason"].str.startswith("leak: an identical file as test face").any()
    assert (after.groupby("content")["split"].nunique() == 1).all()


def test_training_pairs_that_a_test_pair_gives_away_are_left_out(tree, make, tmp_path):
    """A test picture that is a training picture saved again, smaller in bytes, under its own name.

    The test pair stays; the training pair goes, with its line.
    """
    home = tree("relation")
    before = make("relation").table
    with Image.open(home / "img" / "00003.jpg") as picture:
        picture.save(home / "img" / "twin.jpg", quality=60)
    line = (home / "training.txt").read_text().splitlines()[3]
    with (home / "testing.txt").open("a") as file:
        file.write(line.replace("00003.jpg", "twin.jpg") + "\n")
    after = make("relation").table
    assert set(before["name"]) - set(after["name"]) == {"00003.jpg"}
    assert after.query("split == 'test'")["name"].tolist()[-1] == "twin.jpg"
    gone = datasets.left_out(tmp_path / "cache").query("set == 'relation leaks'")
    assert gone["line"].tolist() == [4] and "nearly the same picture" in gone["reason"].iloc[0]


def test_real_world_and_nothing_in_one_set(tree, make, profile, tmp_path):
    tree("expw")
    alone = make().table.set_index("key")
    assert len(alone) == 43
    mixture = {"data.aflw.origin": "world", "data.aflw.train": 6, "data.aflw.test": 2}
    assert datasets.kinds(profile(**mixture)) == {"01_faces": "embedded world and real set"}
    found = make(**mixture)
    assert found.table["source"].value_counts().to_dict() == {"expw": 43, "aflw": 8}
    split = found.table["split"].tolist()
    assert split == sorted(split, reverse=True)  # training first: one run of the file
    assert found.truth is None
    together = found.table.set_index("key")
    assert together.loc[alone.index, "phash"].tolist() == alone["phash"].tolist()  # to the last bit
    assert set(together.query("source == 'aflw'")["phash"]) == {"0" * 16}
    reloaded = type(found).load(found.save(tmp_path / "saved"))
    assert torch.equal(reloaded.images, found.images)
    assert reloaded.table["key"].tolist() == found.table["key"].tolist()


def test_auto_falls_back_to_the_world_and_found_to_nothing(make, profile):
    overrides = {f"data.{name}.{key}": value for name in ("aflw", "sfew")
                 for key, value in (("origin", "auto"), ("train", 4), ("test", 2))}  # fmt: skip
    assert set(make(**overrides).table["source"]) == {"aflw"}
    assert len(make("sfew", **overrides)) == 6
    assert make("ckplus", **overrides) is None and make("relation", **overrides) is None
    assert datasets.absent(profile(**overrides))["01_relation"] == "Interpersonal Relation"


def test_nothing_at_all(make, look, profile):
    assert make() is None
    lacking = datasets.absent(profile())
    assert lacking["01_faces"] == "AFLW, CelebA or ExpW"
    assert set(SOURCE_NAMES) <= set(lacking)
    held = look()
    assert set(held.missing) == set(SOURCE_NAMES.values())
    assert "mmlab.ie.cuhk.edu.hk" in str(held) and "terms" in str(held)
    assert not re.search(r"nan|<NA>", str(held), re.IGNORECASE)  # unknown numbers are blank


def test_a_folder_that_holds_something_else_is_told(make, look, tmp_path):
    (tmp_path / "data" / "expw").mkdir(parents=True)
    assert make() is None  # empty: missing
    (tmp_path / "data" / "expw" / "readme.txt").touch()
    with pytest.raises(ValueError, match=r"holds no label.lst, so it is not ExpW as published"):
        make()
    held = look()
    assert "holds no label.lst" in held.problems["ExpW"] and "ExpW is WRONG" in str(held)


def test_what_is_looked_at_adds_up(all_six, look):
    held = look()
    assert not held.missing and not held.problems
    assert f"CK+: {published.DATASETS['ckplus'].terms}" in str(held)
    table = held.summary
    assert (table["kept"] + table["dropped"] == table["rows"]).all()
    assert (table["train"] + table["test"] == table["kept"]).all()
    assert table.loc["AFLW", "expected"] == 24_386
    assert held.reasons["rows"].sum() == len(held.dropped) == table["dropped"].sum()
    assert set(held.dropped) == {"set", *listing.DROPPED}


def rows_missing(remarks):
    return remarks[remarks["remark"].str.contains("missing of")]


def test_a_copy_that_may_be_cut_short_is_told(tree, look, monkeypatch):
    tree("expw")  # 43 faces
    held, text = look(), "rows missing of the whole set's 91,793"
    short = rows_missing(held.remarks)
    assert short[["dataset", "rows"]].to_numpy().tolist() == [["ExpW", 91_793 - 43]]
    assert short["remark"].str.startswith(text).all() and text in str(held)
    monkeypatch.setattr(expw, "COUNT", 43)
    assert rows_missing(look().remarks).empty


def test_a_copy_of_ckplus_is_measured_by_the_pictures_of_the_protocol(tree, look, monkeypatch):
    """Six labelled sequences, one of contempt, among 12 of six frames: 24 pictures, not 72."""
    tree("ckplus")
    for expected, lacking in ((25, [1]), (24, [])):
        monkeypatch.setattr(ckplus, "COUNT", expected)
        for cap in (0, 2):  # subjects: those beyond are there
            remarks = look(**{"data.ckplus.train": cap}).remarks
            assert rows_missing(remarks)["rows"].tolist() == lacking


# Notebook 01 runs again ---------------------------------------------------------------------------


def read_by_01(settings) -> dict:
    return pipeline.values_read(settings, "01_datasets")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("expw", "label.lst"),
        ("celeba", "list_eval_partition.txt"),
        ("celeba", "identity_CelebA.txt"),
        ("relation", "testing.txt"),
        ("ckplus", "Emotion/S005/001/S005_001_00000006_emotion.txt"),
        ("sfew", "Val_Aligned_Faces_new/Sad"),
    ],
)
def test_any_list_or_folder_that_comes_or_changes_makes_notebook_01_run_again(
    name, file, tree, profile
):
    absent, home = read_by_01(profile()), tree(name)
    before, later = read_by_01(profile()), time.time() + 60
    assert absent != before == read_by_01(profile())
    os.utime(home / file, (later, later))
    assert read_by_01(profile()) != before
    assert pipeline.values_read(profile(), "02_stage1_network").get("found") is None


def test_the_list_of_films_makes_notebook_01_run_again(profile, tmp_path):
    settings = profile(**{"data.movie_list": str(tmp_path / "movies.txt")})
    before = read_by_01(settings)
    (tmp_path / "movies.txt").write_text("00001.jpg\n")
    assert read_by_01(settings) != before


# The user's own faces -----------------------------------------------------------------------------


def test_the_users_own_faces_join_in(make, look, profile, tmp_path):
    path = trees.manifest(tmp_path / "album")
    own = {"data.manifests": (str(path),)}
    found = make(**own)
    assert found.table["source"].tolist() == ["album"] * 4
    assert found.labels[:, 0].tolist() == [0, 1, 0, 1]
    assert (found.labels[:, 1:] == -1).all()
    assert found.table["identity"].tolist() == ["person 0", "person 0", "person 1", "person 1"]
    assert "01_faces" not in datasets.absent(profile(**own))
    assert look(**own).summary.loc[str(path), "train"] == 4


def test_rows_of_the_users_own_faces_have_the_lines_of_their_file(tmp_path):
    path = trees.manifest(tmp_path / "album")
    path.write_text("\n" + path.read_text().replace("\n", "\r\n\r\n"))
    found = manifest.rows(path)
    assert found["line"].tolist() == [4, 6, 8, 10]
    assert found["key"].tolist()[0] == "album/0.jpg#4"


def test_what_is_wrong_with_the_users_own_faces_is_told_with_the_rest(tree, look, tmp_path):
    tree("sfew")
    whole, broken = (trees.manifest(tmp_path / name) for name in ("album", "torn"))
    broken.write_text("image,happy\n0.jpg,2\n")
    held = look(**{"data.manifests": (str(whole), str(broken))})
    assert held.summary.loc[[str(whole), "SFEW 2.0"], "kept"].tolist() == [4, 21]
    assert held.summary.loc[str(broken), "from"] == "file with errors"
    problem = "line 2, column 'happy': '2'; use 1, 0, or blank where it is not known"
    assert held.problems == {str(broken): f"{broken}, {problem}"}
    assert not held.reasons["dataset"].str.contains("album").any()


# Storage ------------------------------------------------------------------------------------------


def test_a_set_larger_than_memory_is_read_from_its_file(tree, make, tmp_path):
    """The training part is a view of the file of crops, and saving makes no second copy of it."""
    tree("expw")
    found = make()
    assert found.where(split="train").images.data_ptr() == found.images.data_ptr()
    folder = found.save(tmp_path / "saved")
    assert (folder / "images.npy").samefile(tmp_path / "cache" / "faces.npy")


def test_images_of_several_sets_are_gathered_in_any_order(tmp_path):
    one, two = (torch.randint(0, 256, (n, 3, 4, 4), dtype=torch.uint8) for n in (300, 500))
    order = np.random.default_rng(0).permutation(800)[:700]
    found = real.in_one_file([one, two], order, tmp_path / "all.npy", False)
    assert torch.equal(found, torch.cat([one, two])[torch.from_numpy(order)])


def test_the_world_stays_as_it_was(tmp_path):
    """Smoke's faces are rendered as ever: sources one after the other, training before test."""
    few = {f"data.{name}.{side}": 7 for name in FACE_SOURCES for side in ("train", "test")}
    found = datasets.faces(params.load("smoke", few), cache=tmp_path, progress=False)
    assert found.truth is not None
    rendered = world.faces("celeba", range(7), seed=0, size=48, progress=False)
    assert torch.equal(found.where(source="celeba", split="train").images, rendered.images)
    assert found.table["source"].unique().tolist() == list(FACE_SOURCES)
