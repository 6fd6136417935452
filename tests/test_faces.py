"""Sets of faces: aligned, selected, joined, saved; the eleven spatial cues."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib import provenance, vocabulary
from lib.data.faces import FaceSet, PairSet, concatenate, fingerprint, spatial_cues
from lib.provenance import content_hash


def some(count: int = 6, known: bool = True, name: str = "a") -> FaceSet:
    table = pd.DataFrame(
        {
            "key": [f"{name}{k}" for k in range(count)],
            "source": ["aflw", "expw"] * (count // 2),
            "identity": [f"{name}p{k // 2}" for k in range(count)],
            "split": ["train"] * (count - 2) + ["test"] * 2,
        }
    )
    images = torch.arange(count * 3 * 4 * 4).reshape(count, 3, 4, 4).to(torch.uint8)
    labels = torch.full((count, len(vocabulary.ATTRIBUTES)), -1, dtype=torch.int8)
    truth = torch.zeros_like(labels) if known else None
    return FaceSet(images, labels, table, truth)


def test_parts_must_fit_together():
    faces = some()
    with pytest.raises(ValueError, match=r"differ in length: \(6, 5, 6\)"):
        FaceSet(faces.images[:5], faces.labels, faces.table)
    with pytest.raises(ValueError, match=r"labels must be \(N, 24\), found \(6, 23\)"):
        FaceSet(faces.images, faces.labels[:, 1:], faces.table)
    with pytest.raises(ValueError, match="key 'a0' is twice in the table"):
        FaceSet(faces.images, faces.labels, faces.table.assign(key="a0"))
    with pytest.raises(ValueError, match=r"truth \(5, 24\) and labels \(6, 24\) differ"):
        FaceSet(faces.images, faces.labels, faces.table, faces.truth[:-1])


@given(st.lists(st.integers(0, 5), unique=True))
def test_selecting_keeps_rows_together(index):
    faces = some()
    chosen = faces.select(index)
    assert chosen.table["key"].tolist() == [f"a{k}" for k in index]
    assert torch.equal(chosen.images, faces.images[index])
    assert len(chosen.truth) == len(chosen) == len(index)


def test_a_run_of_rows_is_a_view_and_others_a_copy():
    faces = some()
    assert faces.where(split="test").images.data_ptr() == faces.images[4:].data_ptr()
    assert faces.select([0, 2]).images.data_ptr() != faces.images.data_ptr()
    mask = np.array([False, True, True, False, False, False])
    assert faces.select(mask).images.data_ptr() == faces.images[1:].data_ptr()


def test_where_needs_all_that_is_asked_for():
    assert some().where(source="expw", split="train").table["key"].tolist() == ["a1", "a3"]


def test_joined_sets_know_the_truth_only_together():
    both = concatenate([some(), some(name="b")])
    assert len(both) == len(both.truth) == 12
    assert concatenate([some(), some(name="b", known=False)]).truth is None
    with pytest.raises(ValueError, match="'a0' is twice in the table"):
        concatenate([some(), some()])


@pytest.mark.parametrize("known", [True, False])
def test_a_set_survives_saving(known, tmp_path):
    faces = some(known=known)
    again = FaceSet.load(faces.save(tmp_path / "set"))
    assert torch.equal(again.images, faces.images)
    assert torch.equal(again.labels, faces.labels)
    assert (again.truth is None) == (not known)
    pd.testing.assert_frame_equal(again.table, faces.table)
    assert fingerprint(again) == fingerprint(faces)


def test_saving_over_an_opened_set_leaves_what_was_read(tmp_path):
    first = FaceSet.load(some().save(tmp_path / "set"))
    before = first.images.clone()
    FaceSet(255 - before, first.labels, first.table).save(tmp_path / "set")
    assert torch.equal(first.images, before)
    assert torch.equal(FaceSet.load(tmp_path / "set").images, 255 - before)


def test_a_set_saved_over_another_inherits_nothing(tmp_path):
    some(6, known=True).save(tmp_path)
    some(4, known=False, name="b").save(tmp_path)
    again = FaceSet.load(tmp_path)
    assert len(again) == 4 and again.truth is None


def test_an_unfinished_set_says_who_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run notebooks/01_datasets\.ipynb"):
        FaceSet.load(tmp_path)


def test_fingerprint_changes_with_any_single_value():
    faces = some()
    labels, images = faces.labels.clone(), faces.images.clone()
    labels[0, 0], images[1, 2, 3, 3] = 1, 0
    others = [
        FaceSet(faces.images, labels, faces.table),
        FaceSet(images, faces.labels, faces.table),
        FaceSet(faces.images, faces.labels, faces.table, visible=labels),
        FaceSet(faces.images, faces.labels, faces.table.assign(split="train")),
        some(name="b"),
    ]
    assert len({fingerprint(part) for part in [faces, *others]}) == 6


def test_fingerprint_ignores_where_files_are_stored():
    faces = some()
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


# Pairs --------------------------------------------------------------------------------------------


def test_the_cues_of_a_pair_by_hand():
    """Picture 200 x 100; left 40 x 50 at (20, 30), right 20 x 25 at (120, 40)."""
    boxes = torch.tensor([[[20.0, 30, 40, 50], [120, 40, 20, 25]]])
    cues = spatial_cues(boxes, torch.tensor([[200.0, 100]]))
    expected = [0.1, 0.3, 0.2, 0.5, 0.6, 0.4, 0.1, 0.25, -2.5, -0.2, 2.0]
    assert cues[0].tolist() == pytest.approx(expected)
    assert cues.dtype == torch.float32


def test_a_box_without_area_is_named():
    boxes = torch.ones(3, 2, 4)
    boxes[1, 1, 3] = 0
    with pytest.raises(ValueError, match=r"pair 1: box .* has no area"):
        spatial_cues(boxes, torch.ones(3, 2))


def test_pairs_survive_selecting_and_saving(tmp_path):
    faces = some()
    traits = torch.zeros(6, 8, dtype=torch.int8)
    pairs = PairSet(faces.images, faces.images.flip(0), torch.rand(6, 11), traits, faces.table)
    test = PairSet.load(pairs.save(tmp_path / "pairs")).where(split="test")
    assert torch.equal(test.left, pairs.left[4:]) and torch.equal(test.right, pairs.right[4:])
    assert torch.equal(test.cues, pairs.cues[4:])
    assert fingerprint(test) != fingerprint(pairs)
