"""Photographs: faces are found where they are, cut as the training faces are, and paired."""

import csv

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lib import params, world
from lib.data import datasets, photos
from lib.data.faces import CUES
from lib.data.scenes import Scene
from lib.data.sources import manifest
from lib.vocabulary import ATTRIBUTES, column
from lib.world.scenes import pairs as latents

numbers = st.floats(0, 50)
boxes = st.tuples(numbers, numbers, st.floats(1, 30), st.floats(1, 30))


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
    x, y, w, _ = astronaut.boxes[0]
    assert mirrored.boxes[0] == pytest.approx([512 - x - w, y, w, w], abs=8)


def test_an_empty_picture_has_no_face():
    empty = photos.detect(torch.full((3, 80, 120), 128, dtype=torch.uint8))
    assert empty.boxes.shape == (0, 4)
    assert photos.crops(empty, 32).shape == (0, 3, 32, 32)
    assert len(photos.pairs(empty, 32)) == 0


def test_crops_are_as_large_as_those_of_the_training_pairs():
    """The detector's box with its margin, against the box that the embedded world cuts out."""
    index = range(10_000_000, 10_000_010)
    left, right, pair = latents("web", index, seed=0)
    found, ratios = 0, []
    for k, picture in enumerate(world.scenes("web", index, seed=0, height=288)):
        for x, _, w, _ in photos.detect(picture).boxes:
            for side, person in (("left", left), ("right", right)):
                true_x, true_w = 2 * pair[f"{side}_x"][k], 2 * pair[f"{side}_w"][k]
                if abs(x + w / 2 - true_x - true_w / 2) < true_w / 4 and abs(person.yaw[k]) < 40:
                    found += 1
                    ratios.append((1 + 2 * photos.MARGIN) * w / true_w)
    assert found >= 10  # of 20; profiles and hidden faces are hard
    assert np.median(ratios) == pytest.approx(1, abs=0.15)


@given(boxes, boxes)
def test_overlap_is_a_share_of_the_smaller_box(one, two):
    share = photos.overlap(one, two)
    assert 0 <= share <= 1 + 1e-9
    assert share == pytest.approx(photos.overlap(two, one))
    assert photos.overlap(one, one) == pytest.approx(1)


def test_overlap_by_hand():
    assert photos.overlap((0, 0, 10, 10), (5, 5, 4, 20)) == pytest.approx(4 * 5 / 80)
    assert photos.overlap((0, 0, 10, 10), (2, 2, 3, 3)) == 1  # wholly inside
    assert photos.overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0  # side by side


def test_every_two_faces_are_a_pair():
    scene = scene_of((10, 20, 20, 20), (80, 30, 40, 40), (150, 10, 30, 30))
    pairs = photos.pairs(scene, 24)
    assert pairs.table["key"].tolist() == ["1 and 2", "1 and 3", "2 and 3"]
    faces = photos.crops(scene, 24)
    assert torch.equal(pairs.left, faces[[0, 0, 1]])
    assert torch.equal(pairs.right, faces[[1, 2, 2]])
    assert (pairs.labels == -1).all()
    assert len(photos.pairs(scene_of((10, 20, 20, 20)), 24)) == 0


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


def test_couples_box_the_two_faces_that_are_meant():
    scene = scene_of((10, 20, 20, 20), (80, 30, 40, 40), (150, 10, 30, 30))
    two = photos.couples({"party.jpg": scene}, {"party.jpg": photos.pairs(scene, 24)})
    assert list(two) == ["party.jpg: 1 and 2", "party.jpg: 1 and 3", "party.jpg: 2 and 3"]
    assert two["party.jpg: 1 and 3"].boxes.tolist() == scene.boxes[[0, 2]].tolist()


def test_photographs_are_turned_upright_and_made_smaller(tmp_path):
    picture = Image.new("RGB", (3200, 1000))
    picture.paste((255, 0, 0), (0, 0, 1600, 1000))  # red on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter: left becomes top
    picture.save(tmp_path / "a.JPG", exif=exif)
    (tmp_path / "notes.txt").write_text("no picture")
    found = photos.photographs(tmp_path)
    assert list(found) == ["a.JPG"]
    assert found["a.JPG"].shape == (3, 1600, 500)
    assert found["a.JPG"][0, :700].min() > 200 and found["a.JPG"][0, 900:].max() < 50


def test_no_folder_no_photographs(tmp_path):
    assert photos.photographs(tmp_path / "photos") == {}


def test_a_damaged_photograph_is_named(tmp_path):
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    with pytest.raises(ValueError, match=r"torn\.png cannot be read.*replace or remove"):
        photos.photographs(tmp_path)


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
