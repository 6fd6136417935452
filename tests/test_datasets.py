"""The one door: real sets, the embedded world and nothing at all, in any mixture."""

import dataclasses
import os
import re
import time

import numpy as np
import pytest
import torch
from PIL import Image

from lib import params, vocabulary, world
from lib.data import datasets, listing, real
from lib.data.sources import manifest, published
from tests import trees
from workflow import pipeline


def faces(settings, cache):
    return datasets.faces(settings, cache=cache, progress=False)


def test_all_six_sets(tree, profile, tmp_path):
    for name in trees.BUILDERS:
        tree(name)
    settings, cache = profile(), tmp_path / "cache"
    found = faces(settings, cache)
    counts = found.table.groupby(["source", "split"]).size()
    assert counts[:, "test"].to_dict() == {"aflw": 4, "celeba": 3, "expw": 14}
    assert found.images.shape == (len(found), 3, 48, 48)
    for source in vocabulary.FACE_SOURCES:
        seen = (found.where(source=source).labels >= 0).any(0).tolist()
        assert seen == vocabulary.label_mask(source)
    sfew = datasets.sfew(settings, cache=cache, progress=False)
    assert len(sfew.where(split="train")) == 14 and len(sfew.where(split="test")) == 7
    ckplus = datasets.ckplus(settings, cache=cache, progress=False)
    assert (ckplus.table.groupby("subject")["fold"].nunique() == 1).all()
    assert ckplus.table["fold"].nunique() == 2
    pairs = datasets.relation(settings, cache=cache, progress=False)
    assert len(pairs.where(split="train")) == 8 and len(pairs.where(split="test")) == 4
    assert pairs.cues.shape == (12, 11) and pairs.cues.isfinite().all()
    assert not datasets.absent(settings)


@pytest.mark.parametrize("source", ["celeba", "expw"])
def test_crops_are_the_faces_of_their_rows(source, tree, profile, tmp_path):
    """Rendered faces went into pictures, some side by side, and come back out of them."""
    tree(source)
    found = faces(profile(**{"data.size": 64, "model.size": 56}), tmp_path)
    rendered = trees.portraits(source, 24 if source == "celeba" else 42).images.float()
    numbers = [sum(map(int, re.findall(r"\d+", key))) for key in found.table["key"]]
    for image, key, number in zip(found.images, found.table["key"], numbers, strict=True):
        if key not in ("expw/angry_people_0.jpg#0", "expw/copied_people_1.jpg#0"):
            gaps = (rendered - image.float()).abs().mean((1, 2, 3))
            assert int(gaps.argmin()) == number - (source == "celeba")
            assert gaps.min() < 6  # of 255: two resizings and JPEG


def test_rows_in_the_sets_and_rows_left_out_are_all_rows(tree, profile, tmp_path):
    for name in trees.BUILDERS:
        tree(name)
    settings = profile()
    sets = [faces(settings, tmp_path)]
    sets += [getattr(datasets, name)(settings, cache=tmp_path, progress=False)
             for name in ("sfew", "ckplus", "relation")]  # fmt: skip
    out = datasets.left_out(tmp_path)
    held = datasets.inventory(settings, progress=False).summary
    kept = {}
    for part in sets:
        kept |= part.table["source"].value_counts().to_dict()
    for source, title in vocabulary.SOURCE_NAMES.items():
        gone = out["file"].str.startswith(str(tmp_path / "data" / source)).sum()
        assert kept[source] + gone == held.loc[title, "rows"]


def test_training_faces_that_a_test_face_gives_away_are_left_out(tree, profile, tmp_path):
    home = tree("expw")
    settings = profile()
    before = faces(settings, tmp_path).table
    test = before[before["split"] == "test"].iloc[0]
    name, _ = test["key"].removeprefix("expw/").split("#")
    (home / "origin" / "twin.jpg").write_bytes((home / "origin" / name).read_bytes())
    line = (home / "label.lst").read_text().splitlines()[test["line"] - 1]
    with (home / "label.lst").open("a") as file:
        file.write(line.replace(name, "twin.jpg") + "\n")
    after = faces(settings, tmp_path).table
    assert test["key"] in set(after["key"]) or "expw/twin.jpg#0" in set(after["key"])
    leaks = datasets.left_out(tmp_path).query("set == 'faces leaks'")
    assert leaks["reason"].str.startswith("leak: an identical file as test face").any()
    sides = after.groupby("content")["split"].nunique()
    assert (sides == 1).all()


def test_training_pairs_that_a_test_pair_gives_away_are_left_out(tree, profile, tmp_path):
    """A test picture that is a training picture saved again, smaller in bytes, under its own name.

    The test pair stays; the training pair goes, with the line that it stood in.
    """
    home = tree("relation")
    settings = profile()
    before = datasets.relation(settings, cache=tmp_path / "cache", progress=False).table
    with Image.open(home / "img" / "00003.jpg") as picture:
        picture.save(home / "img" / "twin.jpg", quality=60)
    line = (home / "training.txt").read_text().splitlines()[3]
    with (home / "testing.txt").open("a") as file:
        file.write(line.replace("00003.jpg", "twin.jpg") + "\n")
    after = datasets.relation(settings, cache=tmp_path / "cache", progress=False).table
    assert set(before["name"]) - set(after["name"]) == {"00003.jpg"}
    assert after.query("split == 'test'")["name"].tolist()[-1] == "twin.jpg"
    gone = datasets.left_out(tmp_path / "cache").query("set == 'relation leaks'")
    assert gone["line"].tolist() == [4] and "nearly the same picture" in gone["reason"].iloc[0]


def test_real_world_and_nothing_in_one_set(tree, profile, tmp_path):
    tree("expw")
    origin = {"data.aflw.origin": "world", "data.aflw.train": 6, "data.celeba.origin": "found"}
    settings = profile(**origin, **{"data.aflw.test": 2})
    assert datasets.kinds(settings) == {"01_faces": "embedded world and real set"}
    found = faces(settings, tmp_path / "cache")
    assert found.table["source"].value_counts().to_dict() == {"expw": 43, "aflw": 8}
    split = found.table["split"].tolist()
    assert split == sorted(split, reverse=True)  # training first: one run of the file
    assert found.truth is None
    alone = faces(profile(), tmp_path / "alone").table.set_index("key")
    assert len(alone) == 43
    together = found.table.set_index("key")
    assert together.loc[alone.index, "phash"].tolist() == alone["phash"].tolist()  # to the last bit
    assert set(together.query("source == 'aflw'")["phash"]) == {"0" * 16}
    reloaded = type(found).load(found.save(tmp_path / "saved"))
    assert torch.equal(reloaded.images, found.images)
    assert reloaded.table["key"].tolist() == found.table["key"].tolist()


def test_auto_falls_back_to_the_world_and_found_to_nothing(profile, tmp_path):
    overrides = {f"data.{name}.origin": "auto" for name in ("aflw", "sfew")}
    settings = profile(
        **overrides, **{"data.aflw.train": 4, "data.sfew.train": 4, "data.sfew.test": 2}
    )
    assert set(faces(settings, tmp_path).table["source"]) == {"aflw"}
    assert len(datasets.sfew(settings, cache=tmp_path, progress=False)) == 6
    assert datasets.ckplus(settings, cache=tmp_path, progress=False) is None
    assert datasets.relation(settings, cache=tmp_path, progress=False) is None
    assert datasets.absent(settings)["01_relation"] == "Interpersonal Relation"


def test_nothing_at_all(profile, tmp_path):
    settings = profile()
    assert faces(settings, tmp_path) is None
    lacking = datasets.absent(settings)
    assert lacking["01_faces"] == "AFLW, CelebA or ExpW"
    assert set(vocabulary.SOURCE_NAMES) <= set(lacking)
    held = datasets.inventory(settings)
    assert set(held.missing) == set(vocabulary.SOURCE_NAMES.values())
    assert "mmlab.ie.cuhk.edu.hk" in str(held) and "terms" in str(held)
    assert not re.search(r"nan|<NA>", str(held), re.IGNORECASE)  # unknown numbers are blank


def test_a_folder_that_holds_something_else_is_told(profile, tmp_path):
    (tmp_path / "data" / "expw").mkdir(parents=True)
    assert faces(profile(), tmp_path / "cache") is None  # empty: missing
    (tmp_path / "data" / "expw" / "readme.txt").touch()
    with pytest.raises(ValueError, match=r"holds no label.lst, so it is not ExpW as published"):
        faces(profile(), tmp_path / "cache")
    held = datasets.inventory(profile())
    assert "holds no label.lst" in held.problems["ExpW"] and "ExpW is WRONG" in str(held)


def test_what_is_looked_at_adds_up(tree, profile):
    for name in trees.BUILDERS:
        tree(name)
    held = datasets.inventory(profile(), progress=False)
    assert not held.missing and not held.problems
    assert f"CK+: {published.DATASETS['ckplus'].terms}" in str(held)
    table = held.summary
    assert (table["kept"] + table["dropped"] == table["rows"]).all()
    assert (table["train"] + table["test"] == table["kept"]).all()
    assert table.loc["AFLW", "expected"] == 24_386
    assert held.reasons["rows"].sum() == len(held.dropped) == table["dropped"].sum()
    assert set(held.dropped) == {"set", *listing.DROPPED}


def test_a_copy_that_may_be_cut_short_is_told(tree, profile, monkeypatch):
    tree("expw")  # 43 faces
    text = "rows missing of the whole set's 91,793"
    remarks = datasets.inventory(profile(), progress=False).remarks
    short = remarks[remarks["remark"].str.startswith(text)]
    assert short[["dataset", "rows"]].to_numpy().tolist() == [["ExpW", 91_793 - 43]]
    assert text in str(datasets.inventory(profile(), progress=False))
    whole = dataclasses.replace(published.DATASETS["expw"], expected=43)
    monkeypatch.setitem(published.DATASETS, "expw", whole)
    remarks = datasets.inventory(profile(), progress=False).remarks
    assert not remarks["remark"].str.contains("missing of").any()


def test_a_copy_of_ckplus_is_measured_by_the_pictures_of_the_protocol(tree, profile, monkeypatch):
    """Six labelled sequences, one of contempt, among 12 of six frames: 24 pictures, not 72."""
    tree("ckplus")
    for expected, lacking in ((25, [1]), (24, [])):
        whole = dataclasses.replace(published.DATASETS["ckplus"], expected=expected)
        monkeypatch.setitem(published.DATASETS, "ckplus", whole)
        for cap in (0, 2):  # subjects: those beyond are there
            settings = profile(**{"data.ckplus.train": cap})
            remarks = datasets.inventory(settings, progress=False).remarks
            short = remarks[remarks["remark"].str.contains("missing of")]
            assert short["rows"].tolist() == lacking


def test_a_set_that_comes_or_changes_makes_notebook_01_run_again(tree, profile):
    before = pipeline.values_read(profile(), "01_datasets")
    home = tree("expw")
    found = pipeline.values_read(profile(), "01_datasets")
    os.utime(home / "label.lst", (1, 1))
    changed = pipeline.values_read(profile(), "01_datasets")
    assert before != found != changed
    assert pipeline.values_read(profile(), "02_stage1_network").get("found") is None


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("celeba", "list_eval_partition.txt"),
        ("celeba", "identity_CelebA.txt"),
        ("relation", "testing.txt"),
        ("ckplus", "Emotion/S005/001/S005_001_00000006_emotion.txt"),
        ("sfew", "Val_Aligned_Faces_new/Sad"),
    ],
)
def test_any_list_or_folder_that_changes_makes_notebook_01_run_again(name, file, tree, profile):
    home = tree(name)
    before = pipeline.values_read(profile(), "01_datasets")
    assert pipeline.values_read(profile(), "01_datasets") == before
    later = time.time() + 60
    os.utime(home / file, (later, later))
    assert pipeline.values_read(profile(), "01_datasets") != before


def test_the_list_of_films_makes_notebook_01_run_again(profile, tmp_path):
    settings = profile(**{"data.movie_list": str(tmp_path / "movies.txt")})
    before = pipeline.values_read(settings, "01_datasets")
    (tmp_path / "movies.txt").write_text("00001.jpg\n")
    assert pipeline.values_read(settings, "01_datasets") != before


def test_the_users_own_faces_join_in(profile, tmp_path):
    path = trees.manifest(tmp_path / "album")
    settings = profile(**{"data.manifests": (str(path),)})
    found = faces(settings, tmp_path / "cache")
    assert found.table["source"].tolist() == ["album"] * 4
    assert found.labels[:, 0].tolist() == [0, 1, 0, 1]
    assert (found.labels[:, 1:] == -1).all()
    assert found.table["identity"].tolist() == ["person 0", "person 0", "person 1", "person 1"]
    assert "01_faces" not in datasets.absent(settings)
    assert datasets.inventory(settings).summary.loc[str(path), "train"] == 4


def test_rows_of_the_users_own_faces_have_the_lines_of_their_file(tmp_path):
    path = trees.manifest(tmp_path / "album")
    path.write_text("\n" + path.read_text().replace("\n", "\r\n\r\n"))
    found = manifest.rows(path)
    assert found["line"].tolist() == [4, 6, 8, 10]
    assert found["key"].tolist()[0] == "album/0.jpg#4"


def test_what_is_wrong_with_the_users_own_faces_is_told_with_the_rest(tree, profile, tmp_path):
    tree("sfew")
    whole, broken = (trees.manifest(tmp_path / name) for name in ("album", "torn"))
    broken.write_text("image,happy\n0.jpg,2\n")
    held = datasets.inventory(
        profile(**{"data.manifests": (str(whole), str(broken))}), progress=False
    )
    table = held.summary
    assert table.loc[[str(whole), "SFEW 2.0"], "kept"].tolist() == [4, 21]
    assert table.loc[str(broken), "from"] == "file with errors"
    assert held.problems == {
        str(
            broken
        ): f"{broken}, line 2, column 'happy': '2'; use 1, 0, or blank where it is not known"
    }
    assert not held.reasons["dataset"].str.contains("album").any()


def test_a_set_larger_than_memory_is_read_from_its_file(tree, profile, tmp_path):
    """The training part is a view of the file of crops, and saving makes no second copy of it."""
    tree("expw")
    found = faces(profile(), tmp_path / "cache")
    train = found.where(split="train")
    assert train.images.data_ptr() == found.images.data_ptr()
    folder = found.save(tmp_path / "saved")
    assert (folder / "images.npy").samefile(tmp_path / "cache" / "faces.npy")


def test_images_of_several_sets_are_gathered_in_any_order(tmp_path):
    one, two = (torch.randint(0, 256, (n, 3, 4, 4), dtype=torch.uint8) for n in (300, 500))
    order = np.random.default_rng(0).permutation(800)[:700]
    found = real.ImageList([one, two]).copied(order, tmp_path / "all.npy", False)
    assert torch.equal(found, torch.cat([one, two])[torch.from_numpy(order)])


def test_the_world_stays_as_it_was(tmp_path):
    """Smoke's faces are drawn as ever: sources one after the other, training before test."""
    few = {
        f"data.{name}.{side}": 7 for name in vocabulary.FACE_SOURCES for side in ("train", "test")
    }
    settings = params.load("smoke", few)
    found = faces(settings, tmp_path)
    assert found.truth is not None
    drawn = world.faces("celeba", range(7), seed=0, size=48, progress=False)
    assert torch.equal(found.where(source="celeba", split="train").images, drawn.images)
    assert found.table["source"].unique().tolist() == list(vocabulary.FACE_SOURCES)
