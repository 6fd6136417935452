"""Photographs: faces are found where they are, cut as the training faces are, and paired."""

import base64
import csv
import os

import numpy as np
import pytest
import torch
from PIL import Image

from lib import params, world
from lib.data import datasets, photos
from lib.data.faces import CUES
from lib.data.scenes import Scene
from lib.data.sources import manifest
from lib.figures import scenes as figures
from lib.vocabulary import ATTRIBUTES, column
from lib.world.scenes import pairs as latents


@pytest.fixture(scope="module")
def astronaut():
    return photos.detect(photos.astronaut())


def scene_of(*boxes, high=100, wide=200):
    noise = torch.randint(0, 256, (3, high, wide), generator=torch.Generator().manual_seed(0))
    return Scene(noise.byte(), np.array(boxes, float).reshape(-1, 4))


def test_the_one_face_of_a_photograph_is_found(astronaut):
    (x, y, w, h) = astronaut.boxes[0]
    assert len(astronaut.boxes) == 1
    assert x < 205 < x + w and y < 105 < y + h  # her eyes
    assert x < 245 < x + w and y < 105 < y + h
    assert y < 145 < y + h  # and her mouth


def test_a_mirrored_photograph_gives_the_mirrored_face(astronaut):
    mirrored = photos.detect(photos.astronaut().flip(2))
    x, y, w, h = astronaut.boxes[0]
    assert w == h and mirrored.boxes[0] == pytest.approx([512 - x - w, y, w, w], abs=8)


def test_an_empty_picture_has_no_face():
    empty = photos.detect(torch.full((3, 80, 120), 128, dtype=torch.uint8))
    assert empty.boxes.shape == (0, 4)
    assert photos.crops(empty, 32).shape == (0, 3, 32, 32)
    assert len(photos.pairs(empty, 32)) == 0


def test_crops_are_as_large_as_those_of_the_training_pairs():
    """The detector's box with its margin, against the box that the embedded world cuts out."""
    index = range(10_000_000, 10_000_010)
    *_, pair = latents("web", index, seed=0)
    found, ratios = 0, []
    for k, picture in enumerate(world.scenes("web", index, seed=0, height=288)):
        for x, _, w, _ in photos.detect(picture).boxes:
            for side in ("left", "right"):
                true_x, true_w = 2 * pair[f"{side}_x"][k], 2 * pair[f"{side}_w"][k]
                if abs(x + w / 2 - true_x - true_w / 2) < true_w / 4:
                    found += 1
                    ratios.append((1 + 2 * photos.MARGIN) * w / true_w)
    assert found >= 17  # of 20, from every side
    assert np.median(ratios) == pytest.approx(1, abs=0.15)


def test_every_two_faces_are_a_pair():
    scene = scene_of((10, 20, 20, 20), (80, 30, 40, 40), (150, 10, 30, 30))
    pairs, faces = photos.pairs(scene, 24), photos.crops(scene, 24)
    assert pairs.table["key"].tolist() == ["1 and 2", "1 and 3", "2 and 3"]
    assert torch.equal(pairs.left, faces[[0, 0, 1]])
    assert torch.equal(pairs.right, faces[[1, 2, 2]])
    assert (pairs.labels == -1).all()
    assert len(photos.pairs(scene_of((10, 20, 20, 20)), 24)) == 0
    two = photos.couples({"party.jpg": scene}, {"party.jpg": pairs})
    assert list(two) == ["party.jpg: 1 and 2", "party.jpg: 1 and 3", "party.jpg: 2 and 3"]
    assert two["party.jpg: 1 and 3"].boxes.tolist() == scene.boxes[[0, 2]].tolist()


def test_cues_of_a_pair_by_hand():
    scene = scene_of((20, 30, 40, 40), (120, 40, 20, 20))
    cues = dict(zip(CUES, photos.pairs(scene, 24, margin=0).cues[0].tolist(), strict=True))
    expected = {"left_x": 0.1, "left_y": 0.3, "left_w": 0.2, "left_h": 0.4}
    expected |= {"right_x": 0.6, "right_y": 0.4, "right_w": 0.1, "right_h": 0.2}
    assert cues == pytest.approx(expected | {"offset_x": -2.5, "offset_y": -0.25, "scale": 2})
    grown = dict(zip(CUES, photos.pairs(scene, 24, margin=0.25).cues[0].tolist(), strict=True))
    assert grown["left_x"] == pytest.approx((20 - 10) / 200)
    assert grown["left_w"] == pytest.approx(60 / 200)
    assert grown["scale"] == pytest.approx(2)


# Files as they come -------------------------------------------------------------------------------

HALVES = Image.new("RGB", (64, 32), (0, 0, 255))  # red on the left, blue on the right
HALVES.paste((255, 0, 0), (0, 0, 32, 32))
HEIC = base64.b64decode(  # the same as a telephone saves it
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAA"
    "AAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoAABAAAAAAAAANUAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABo"
    "dmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEA"
    "GEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAAD"
    "AIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAIAAAAAEA"
    "AAAQAAAAAf///+AAAAAC////0AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAA3W1k"
    "YXQAAADRKAGvCchn/No5I1d//96Df//bZWh/Wqrit/+tQb7+pDb//IGT+U6/0MmqLsInxOGbo12rp72MDeTDEGNmG104"
    "/Sg0NrrWwEOn1AQ8G9X9reQOE8Zyf1/V1r0/C0YFKW2bZ3b6suKoBLVmfOyDzPr9rpteMVXhZUOq6QQf3AKYt2EYsLa5"
    "rBLXCYmu+kHMPj7IuDknoWtcPAVrGKo8nyAWVCrQeZ9fta0WS8cYaKZguvl+z20rZtdAB7h1tA6a7vRZ+uwkVUgYPeO4"
    "xjH+zhkI4ig="
)


KINDS = ["a.JPG", "a.jfif", "a.png", "a.webp", "a.avif", "a.tif", "a.bmp", "IMG_0001.HEIC"]


@pytest.mark.parametrize("name", KINDS)
def test_photographs_of_every_kind_are_read(name, tmp_path):
    HALVES.save(tmp_path / name) if "HEIC" not in name else (tmp_path / name).write_bytes(HEIC)
    pictures, skipped = photos.photographs(tmp_path)
    assert list(pictures) == [name] and skipped == {}
    colours = pictures[name].float()
    middle = colours.shape[2] // 2
    assert colours[0, :, : middle - 4].min() > 200 and colours[0, :, middle + 4 :].max() < 50
    assert colours[2, :, : middle - 4].max() < 50 and colours[2, :, middle + 4 :].min() > 200


def test_photographs_are_turned_upright_and_made_smaller(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter: left becomes top
    HALVES.resize((3200, 1000), Image.Resampling.NEAREST).save(tmp_path / "a.jpg", exif=exif)
    found = photos.photographs(tmp_path)[0]["a.jpg"]
    assert found.shape == (3, 1600, 500)
    assert found[0, :700].min() > 200 and found[0, 900:].max() < 50


def test_a_photograph_of_108_megapixels_is_read(tmp_path):
    Image.new("L", (12_000, 9_000), 77).save(tmp_path / "telephone.jpg")
    (found,) = photos.photographs(tmp_path)[0].values()
    assert found.shape == (3, 1200, 1600) and (found == 77).all()


def test_a_scan_of_16_bits_keeps_its_greys(tmp_path):
    greys = np.repeat(np.array([[0, 0x4000, 0x8000, 0xFFFF]], np.uint16), 8, axis=0)
    for name in ("scan.png", "scan.tif"):
        Image.fromarray(greys).save(tmp_path / name)
    for found in photos.photographs(tmp_path)[0].values():
        assert found[0, 0].tolist() == [0, 64, 128, 255]


def test_whatever_is_skipped_is_named_with_its_reason(tmp_path):
    HALVES.save(tmp_path / "good.png")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "._good.png").write_bytes(b"\0\5\x16\7 of macOS")
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "heights.tif")
    pictures, skipped = photos.photographs(tmp_path)
    assert list(pictures) == ["good.png"]
    assert set(skipped) == {"torn.png", "notes.txt", "._good.png", "heights.tif"}
    said = photos.report(pictures, skipped)
    assert "1 photographs" in said and all(name in said for name in skipped)
    assert "save it as JPEG" in skipped["torn.png"] and "hidden" in skipped["._good.png"]


def test_folders_in_the_folder_and_odd_names_are_taken_in(tmp_path):
    names = ["trip/a.png", "cost $5 or $6.png", "two\nlines.png", " first.png", "first.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        HALVES.save(tmp_path / name)
    HALVES.save(tmp_path / os.fsdecode(b"caf\xe9.png"))  # an old encoding
    pictures, skipped = photos.photographs(tmp_path)
    shown = {"trip/a.png", "cost $5 or $6.png", "two lines.png", "first.png", "first.png (2)"}
    assert set(pictures) == shown | {"caf?.png"} and skipped == {}
    scenes = {name: scene_of((10, 20, 20, 20)) for name in pictures}
    figure = figures.photographs(scenes)
    figure.canvas.draw()
    assert {axes.get_title() for axes in figure.axes} >= {f"{name}: 1 face" for name in shown}
    rows = manifest.rows(photos.write_manifest(tmp_path / "mine", scenes))
    assert len(rows) == len(pictures) and rows["key"].is_unique


def test_no_folder_no_photographs(tmp_path):
    assert photos.photographs(tmp_path / "photos") == ({}, {})
    assert photos.report({}, {}) == "no photographs"


# Into training ------------------------------------------------------------------------------------


def test_a_manifest_of_a_photograph_becomes_faces(astronaut, tmp_path):
    scenes = {"astronaut.jpg": astronaut}
    known = {("astronaut.jpg", 0): {"identity": "Eileen Collins", "gender": 0, "smiling": 1}}
    path = photos.write_manifest(tmp_path / "mine", scenes, known)
    rows = manifest.rows(path)
    assert rows[list("xywh")].to_numpy().tolist() == astronaut.boxes.tolist()
    settings = params.load("smoke")
    faces = datasets.manifest(path, "manifest0", settings, tmp_path / "cache", progress=False)
    assert torch.equal(faces.images, photos.crops(astronaut, settings.data.size))
    assert faces.labels[0, column("gender")] == 0 and faces.labels[0, column("smiling")] == 1
    assert (faces.labels[0] == -1).sum() == len(ATTRIBUTES) - 2
    assert faces.table["identity"].tolist() == ["Eileen Collins"]


def test_photographs_that_differ_in_their_ending_stay_two(tmp_path):
    names = ["anna.jpg", "anna.jpg.png", "anna.png", "anna.webp"]
    scenes = {name: scene_of((k, 20, 20, 20), wide=200 + k) for k, name in enumerate(names)}
    rows = manifest.rows(photos.write_manifest(tmp_path / "mine", scenes))
    assert rows["width"].tolist() == [200, 201, 202, 203]
    assert rows["x"].tolist() == [0, 1, 2, 3]


def test_unknown_labels_are_blank_in_a_manifest(tmp_path):
    scene = scene_of((10, 20, 20, 20), (80, 30, 40, 40))
    path = photos.write_manifest(tmp_path / "mine", {"a.png": scene, "b.png": scene})
    with path.open() as file:
        lines = list(csv.DictReader(file))
    assert [line["image"] for line in lines] == ["a.png", "a.png", "b.png", "b.png"]
    assert all(line[name] == "" for line in lines for name in ATTRIBUTES)
