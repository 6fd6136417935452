"""Sets of faces and pairs: spatial cues, selecting, keeping, and knowing them again."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.data import faces
from lib.data.faces import FaceSet, PairSet


def face_set(count=6, seed=0, known=True):
    chance = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, 5, 5), generator=chance).to(torch.uint8)
    truth = torch.randint(0, 2, (count, 24), generator=chance).to(torch.int8)
    labels = truth.masked_fill(torch.rand(count, 24, generator=chance) < 0.4, -1)
    table = pd.DataFrame({"key": [f"{seed}-{k}" for k in range(count)]})
    table = table.assign(source="aflw", identity="one", split=["train", "test"] * (count // 2))
    return FaceSet(images, labels, table, truth if known else None)


def pair_set(count=4):
    left = face_set(count)
    boxes = torch.rand(count, 2, 4, generator=torch.Generator().manual_seed(2)) * 50 + 5
    cues = faces.spatial_cues(boxes, torch.tensor([[200.0, 100.0]]).expand(count, 2))
    table = left.table.drop(columns="source").assign(part=["web", "movie"] * (count // 2))
    return PairSet(left.images, left.images.flip(0), cues, left.labels[:, :8], table)


# Section 5's cues --------------------------------------------------------------------------------


def test_cues_by_hand():
    """In a picture of 200 x 100 px."""
    boxes = torch.tensor([[[20.0, 10, 40, 50], [100, 30, 80, 60]]])
    found = faces.spatial_cues(boxes, torch.tensor([[200.0, 100.0]]))
    left, right = [0.1, 0.1, 0.2, 0.5], [0.5, 0.3, 0.4, 0.6]
    offset, scale = [(20 - 100) / 40, (10 - 30) / 50], [40 / 80]
    torch.testing.assert_close(found, torch.tensor([left + right + offset + scale]))
    assert found.dtype == torch.float32
    assert len(faces.CUES) == 11


@given(st.lists(st.floats(1, 500), min_size=8, max_size=8), st.floats(0.1, 10))
def test_cues_do_not_know_the_resolution(numbers, zoom):
    boxes = torch.tensor(numbers, dtype=torch.float64).reshape(1, 2, 4)
    size = torch.tensor([[640.0, 360.0]], dtype=torch.float64)
    once = faces.spatial_cues(boxes, size)
    torch.testing.assert_close(faces.spatial_cues(boxes * zoom, size * zoom), once)


def test_a_box_without_area_is_named():
    boxes = torch.ones(3, 2, 4)
    boxes[1, 0, 3] = 0
    with pytest.raises(ValueError, match=r"pair 1: box .* has no area"):
        faces.spatial_cues(boxes, torch.ones(3, 2))


# Selecting ---------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5), max_size=6, unique=True))
def test_selected_faces_stay_with_their_labels(index):
    whole = face_set()
    part = whole.select(index)
    assert len(part) == len(index)
    for place, k in enumerate(index):
        assert torch.equal(part.images[place], whole.images[k])
        assert torch.equal(part.labels[place], whole.labels[k])
        assert torch.equal(part.truth[place], whole.truth[k])
        assert part.table.loc[place, "key"] == f"0-{k}"


def test_a_mask_and_a_question_select_too():
    whole = face_set()
    test = whole.where(source="aflw", split="test")
    assert list(test.table["key"]) == ["0-1", "0-3", "0-5"]
    masked = whole.select((whole.table["split"] == "test").to_numpy())
    assert torch.equal(masked.images, test.images)
    assert len(whole.where(source="expw")) == 0
    assert list(pair_set().where(part="movie").table["key"]) == ["0-1", "0-3"]


def test_pairs_stay_together():
    whole = pair_set()
    part = whole.select([3, 1])
    for name in ("left", "right", "cues", "labels"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[[3, 1]])


def test_sets_join_and_forget_what_one_does_not_know():
    one, two = face_set(), face_set(4, seed=1)
    both = faces.concatenate([one, two])
    assert torch.equal(both.images, torch.cat([one.images, two.images]))
    assert torch.equal(both.truth, torch.cat([one.truth, two.truth]))
    assert list(both.table.index) == list(range(10))
    assert faces.concatenate([one, face_set(4, seed=1, known=False)]).truth is None
    with pytest.raises(ValueError, match="key '0-0' is twice in the table"):
        faces.concatenate([one, one])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {"images": s.images[1:]}, r"differ in length: \(6, 5, 6\)"),
        (lambda s: {"labels": s.labels[:, :8]}, r"labels must be \(N, 24\), found \(6, 8\)"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, words):
    whole = face_set()
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(whole, **change(whole))


# Keeping and knowing -----------------------------------------------------------------------------


@pytest.mark.parametrize("made", [face_set(), face_set(known=False), pair_set()])
def test_a_set_comes_back_as_it_was(tmp_path, made):
    made.save(tmp_path / "set")
    back = type(made).load(tmp_path / "set")
    for field in dataclasses.fields(made):
        was, now = getattr(made, field.name), getattr(back, field.name)
        if isinstance(was, torch.Tensor):
            assert torch.equal(was, now) and was.dtype == now.dtype
        elif was is None:
            assert now is None
        else:
            pd.testing.assert_frame_equal(was, now)
    assert faces.fingerprint(back) == faces.fingerprint(made)


def test_writing_into_a_loaded_set_leaves_the_file_alone(tmp_path):
    made = face_set()
    folder = made.save(tmp_path / "set")
    FaceSet.load(folder).images.zero_()
    assert torch.equal(FaceSet.load(folder).images, made.images)
    assert np.load(folder / "images.npy", allow_pickle=False).any()


def test_an_unfinished_set_names_who_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no finished set: run .*01_datasets"):
        FaceSet.load(tmp_path)


def test_a_fingerprint_knows_labels_splits_and_order():
    whole, prints = face_set(), set()
    other = whole.labels.clone()
    other[2, 7] = 1 - other[2, 7].clamp(min=0)
    split = whole.table.assign(split="train")
    for made in (
        whole,
        dataclasses.replace(whole, labels=other),
        dataclasses.replace(whole, table=split),
        whole.select([1, 0, 2, 3, 4, 5]),
        whole.select(range(5)),
    ):
        prints.add(faces.fingerprint(made))
    assert len(prints) == 5
    assert faces.fingerprint(face_set()) == faces.fingerprint(whole)
