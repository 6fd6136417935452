"""Sets of faces and pairs: aligned, selected, joined, saved, hashed; the eleven spatial cues."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.data import faces as sets
from lib.data.faces import FaceSet, PairSet, concatenate, fingerprint, spatial_cues
from lib.workspace import provenance
from lib.workspace.provenance import content_hash


def face_set(count: int = 6, *, known: bool = True, name: str = "a") -> FaceSet:
    chance = torch.Generator().manual_seed(ord(name))
    images = torch.randint(0, 256, (count, 3, 5, 5), generator=chance).to(torch.uint8)
    truth = torch.randint(0, 2, (count, 24), generator=chance).to(torch.int8)
    labels = truth.masked_fill(torch.rand(count, 24, generator=chance) < 0.4, -1)
    table = pd.DataFrame({"key": [f"{name}{k}" for k in range(count)]})
    table["source"], table["identity"] = ["aflw", "expw"] * (count // 2), "one"
    table["split"] = ["train"] * (count - 2) + ["test"] * 2
    return FaceSet(images, labels, table, truth if known else None)


def pair_set(count: int = 4) -> PairSet:
    left = face_set(count)
    boxes = torch.rand(count, 2, 4, generator=torch.Generator().manual_seed(2)) * 50 + 5
    cues = spatial_cues(boxes, torch.tensor([[200.0, 100.0]]).expand(count, 2))
    table = left.table.drop(columns="source").assign(part=["web", "movie"] * (count // 2))
    return PairSet(left.images, left.images.flip(0), cues, left.labels[:, :8], table)


# Spatial cues (Section 5) -------------------------------------------------------------------------


def test_cues_by_hand():
    """Two pairs in pictures of 200 x 100 px."""
    boxes = [[[20, 10, 40, 50], [100, 30, 80, 60]], [[20, 30, 40, 50], [120, 40, 20, 25]]]
    found = spatial_cues(torch.tensor(boxes).float(), torch.tensor([[200.0, 100]] * 2))
    expected = [
        [0.1, 0.1, 0.2, 0.5, 0.5, 0.3, 0.4, 0.6, (20 - 100) / 40, (10 - 30) / 50, 40 / 80],
        [0.1, 0.3, 0.2, 0.5, 0.6, 0.4, 0.1, 0.25, -2.5, -0.2, 2.0],
    ]
    torch.testing.assert_close(found, torch.tensor(expected))
    assert len(sets.CUES) == 11


@given(st.lists(st.floats(1, 500), min_size=8, max_size=8), st.floats(0.1, 10))
def test_cues_do_not_depend_on_the_resolution(numbers, zoom):
    boxes = torch.tensor(numbers, dtype=torch.float64).reshape(1, 2, 4)
    size = torch.tensor([[640.0, 360.0]], dtype=torch.float64)
    once = spatial_cues(boxes, size)
    torch.testing.assert_close(spatial_cues(boxes * zoom, size * zoom), once)


def test_a_box_without_area_is_named():
    boxes = torch.ones(3, 2, 4)
    boxes[1, 0, 3] = 0
    with pytest.raises(ValueError, match=r"pair 1: box .* has no area"):
        spatial_cues(boxes, torch.ones(3, 2))


# Selecting and joining ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {"images": s.images[1:]}, r"differ in length: \(6, 5, 6\)"),
        (lambda s: {"labels": s.labels[:, :8]}, r"labels must be \(N, 24\), found \(6, 8\)"),
        (lambda s: {"table": s.table.assign(key="a0")}, "key 'a0' is twice in the table"),
        (lambda s: {"truth": s.truth[:-1]}, r"truth \(5, 24\) and labels \(6, 24\) differ"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, words):
    whole = face_set()
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(whole, **change(whole))


@given(st.lists(st.integers(0, 5), max_size=6, unique=True))
def test_selected_faces_keep_their_labels(index):
    whole = face_set()
    part = whole.select(index)
    assert len(part) == len(index)
    for name in ("images", "labels", "truth"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[index])
    assert part.table["key"].tolist() == [f"a{k}" for k in index]


def test_selected_pairs_stay_together():
    whole = pair_set()
    part = whole.select([3, 1])
    for name in ("left", "right", "cues", "labels"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[[3, 1]])


def test_faces_are_selected_by_mask_and_by_values():
    whole = face_set()
    test = whole.where(source="expw", split="test")
    assert list(test.table["key"]) == ["a5"]
    masked = whole.select((whole.table["split"] == "test").to_numpy())
    assert torch.equal(masked.images[1:], test.images)
    assert len(whole.where(source="celeba")) == 0
    assert list(pair_set().where(part="movie").table["key"]) == ["a1", "a3"]


def test_consecutive_rows_are_a_view_and_others_a_copy():
    faces = face_set()
    assert faces.where(split="test").images.data_ptr() == faces.images[4:].data_ptr()
    assert faces.select([0, 2]).images.data_ptr() != faces.images.data_ptr()
    mask = np.array([False, True, True, False, False, False])
    assert faces.select(mask).images.data_ptr() == faces.images[1:].data_ptr()


def test_joined_sets_know_the_truth_only_together():
    one, two = face_set(), face_set(4, name="b")
    both = concatenate([one, two])
    assert torch.equal(both.images, torch.cat([one.images, two.images]))
    assert torch.equal(both.truth, torch.cat([one.truth, two.truth]))
    assert list(both.table.index) == list(range(10))
    assert concatenate([one, face_set(4, name="b", known=False)]).truth is None
    with pytest.raises(ValueError, match="key 'a0' is twice in the table"):
        concatenate([one, one])


# Saving -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [face_set(), face_set(known=False), pair_set()])
def test_a_set_survives_saving(tmp_path, made):
    back = type(made).load(made.save(tmp_path / "set"))
    for field in dataclasses.fields(made):
        was, now = getattr(made, field.name), getattr(back, field.name)
        if isinstance(was, torch.Tensor):
            assert torch.equal(was, now) and was.dtype == now.dtype
        elif was is None:
            assert now is None
        else:
            pd.testing.assert_frame_equal(was, now)
    assert fingerprint(back) == fingerprint(made)


def test_what_was_read_and_what_is_saved_do_not_change_each_other(tmp_path):
    made = face_set()
    folder = made.save(tmp_path / "set")
    FaceSet.load(folder).images.zero_()
    first = FaceSet.load(folder)
    assert torch.equal(first.images, made.images)
    FaceSet(255 - made.images, first.labels, first.table).save(folder)
    assert torch.equal(first.images, made.images)
    assert torch.equal(FaceSet.load(folder).images, 255 - made.images)


def test_a_set_saved_over_another_keeps_nothing_of_it(tmp_path):
    face_set(6, known=True).save(tmp_path)
    face_set(4, known=False, name="b").save(tmp_path)
    again = FaceSet.load(tmp_path)
    assert len(again) == 4 and again.truth is None


def test_an_unfinished_set_names_the_notebook_that_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="run notebook 01 again"):
        FaceSet.load(tmp_path)


# Hashes -------------------------------------------------------------------------------------------


def test_fingerprint_changes_with_any_single_value():
    faces = face_set()
    labels, images = faces.labels.clone(), faces.images.clone()
    labels[0, 0], images[1, 2, 3, 3] = -1 - labels[0, 0], 255 - images[1, 2, 3, 3]
    others = [
        dataclasses.replace(faces, labels=labels),
        dataclasses.replace(faces, images=images),
        dataclasses.replace(faces, visible=labels),
        dataclasses.replace(faces, table=faces.table.assign(split="train")),
        faces.select([1, 0, 2, 3, 4, 5]),
        faces.select(range(5)),
        face_set(name="b"),
    ]
    assert len({fingerprint(part) for part in [faces, *others]}) == 8
    assert fingerprint(face_set()) == fingerprint(faces)


def test_fingerprint_ignores_where_files_are_stored():
    faces = face_set()
    moved = [faces.table.assign(file=f"/{disk}/list.csv", image=f"/{disk}/1.png") for disk in "ab"]
    sets = [FaceSet(faces.images, faces.labels, table) for table in moved]
    assert fingerprint(sets[0]) == fingerprint(sets[1])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16, torch.bool])
def test_content_hash_reads_every_row_in_blocks(dtype, monkeypatch):
    """150 rows, of which a hash of 64 evenly spaced rows would leave out row 1."""
    rows = torch.zeros(150, 3, 4, 4, dtype=dtype)
    changed = rows.clone()
    changed[1, 2, 3, 3] = 1
    whole = content_hash(rows), content_hash(changed)
    monkeypatch.setattr(provenance, "BLOCK", 100)
    assert whole == (content_hash(rows), content_hash(changed))
    assert whole[0] != whole[1]


def test_content_hash_depends_on_shape_and_type_but_not_on_layout():
    rows = torch.arange(6.0).reshape(2, 3)
    different = [rows, rows.T, rows.double(), rows[0], rows[0, 0], rows[:0], rows[:, :0]]
    assert len({content_hash(tensor) for tensor in different}) == len(different)
    assert content_hash(rows.T) == content_hash(rows.T.contiguous())
    assert content_hash(rows, rows[0]) != content_hash(rows[0], rows)
