"""A person or picture on both sides of a split is found, in whatever form, and leaves training."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lib.data import splits
from lib.data.pictures import perceptual_hash
from tests import trees


def table(images, split, **columns) -> pd.DataFrame:
    count = len(images)
    plain = {
        "key": [f"face{k}" for k in range(count)],
        "identity": [f"person{k}" for k in range(count)],
        "content": [f"{k:032x}" for k in range(count)],
        "phash": np.array([perceptual_hash(image.numpy()) for image in images], np.uint64),
        "split": split,
    }
    return pd.DataFrame(plain | columns)


def saved_again(image: torch.Tensor, quality: int = 60, side: int | None = None) -> torch.Tensor:
    """A face compressed, and shrunk on the way if asked."""
    picture, file = Image.fromarray(image.permute(1, 2, 0).numpy()), io.BytesIO()
    if side:
        picture = picture.resize((side, side))
    picture.save(file, "JPEG", quality=quality)
    back = Image.open(file).resize((image.shape[2], image.shape[1]))
    return torch.from_numpy(np.array(back)).permute(2, 0, 1)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.cat([trees.portraits(name, 24).images for name in ("celeba", "expw")])


def sides(count: int, test: int) -> list[str]:
    return ["train"] * (count - test) + ["test"] * test


def test_different_people_are_no_leak(images):
    assert not len(splits.find_leaks(table(images, sides(len(images), 24)), images))


@pytest.mark.parametrize("quality", [90, 60, 30])
@pytest.mark.parametrize("side", [None, 48])
def test_pictures_that_were_saved_again_are_found(images, quality, side):
    again = torch.stack([saved_again(image, quality, side) for image in images[:10]])
    both = torch.cat([images, again])
    found = splits.find_leaks(table(both, sides(len(both), 10)), both)
    assert found["train"].tolist() == list(range(10))
    assert found["test_key"].tolist() == [f"face{len(images) + k}" for k in range(10)]
    assert set(found["what"]) == {"nearly the same picture"}


def test_people_and_files_on_both_sides_are_found(images):
    few = images[:6]
    rows = table(few, sides(6, 2), identity=["a", "b", "c", "d", "b", "e"])
    rows["content"] = ["1", "2", "3", "4", "5", "3"]
    found = splits.find_leaks(rows, few).set_index("train_key")
    assert found["what"].to_dict() == {
        "face1": "the same person or picture",
        "face2": "an identical file",
    }
    assert found["test_key"].to_dict() == {"face1": "face4", "face2": "face5"}


def test_what_is_not_known_is_not_compared(images):
    rows = table(images[:4], sides(4, 2), content="", phash=np.zeros(4, np.uint64))
    assert not len(splits.find_leaks(rows, images[:4]))


def test_nothing_to_compare(images):
    assert not len(splits.find_leaks(table(images[:3], ["train"] * 3), images[:3]))


@given(st.lists(st.integers(1, 2**64 - 1), min_size=1, max_size=12), st.data())
def test_near_hashes_are_found_and_far_ones_are_not(hashes, data):
    """Against the definition: all pairs, bit by bit."""
    look = np.array(hashes, np.uint64)
    flips = [data.draw(st.sets(st.integers(0, 63), max_size=6)) for _ in hashes]
    turned = [h ^ sum(1 << b for b in f) or 1 for h, f in zip(hashes, flips, strict=True)]
    both = np.concatenate([look, np.array(turned, np.uint64)])
    train, test = np.arange(len(look)), np.arange(len(look), len(both))
    found = {tuple(pair) for pair in splits.near_hashes(both, train, test).tolist()}
    bits = [[int(both[a]) ^ int(both[b]) for b in test] for a in train]
    expected = {
        (a, b)
        for a in train.tolist()
        for b in test.tolist()
        if bin(bits[a][b - len(look)]).count("1") <= splits.NEAR
    }
    assert found == expected


# Splits -------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abcdefgh"), max_size=30), st.integers(0, 30), st.integers(0, 3))
def test_groups_are_whole_and_not_too_many(names, count, seed):
    names = pd.Series(names, dtype=str)
    chosen = splits.sample_groups(names, count, seed)
    assert chosen.sum() <= count
    assert not set(names[chosen]) & set(names[~chosen])


@given(st.lists(st.tuples(st.sampled_from("abcdefghijkl"), st.integers(0, 2)), min_size=1),
       st.integers(1, 4))  # fmt: skip
def test_a_balanced_part_is_balanced_and_whole(faces, each):
    names, classes = pd.Series([a for a, _ in faces]), np.array([b for _, b in faces])
    chosen = splits.sample_balanced(names, classes, 3, each, seed=0)
    counts = np.bincount(classes[chosen], minlength=3)
    assert len(set(counts.tolist())) == 1 and counts[0] <= each
    assert not set(names[chosen]) & set(names[~chosen])


def test_a_balanced_part_is_reached_although_faces_share_pictures():
    """ExpW's frequencies with two faces on every picture: the common classes must not crowd in."""
    shares = np.array([3671, 3995, 1088, 30537, 10559, 7060, 34883])
    classes = np.random.default_rng(0).choice(7, 4000, p=shares / shares.sum())
    names = pd.Series([f"picture{k // 2}" for k in range(4000)])
    chosen = splits.sample_balanced(names, classes, 7, 20, seed=0)
    assert np.bincount(classes[chosen]).tolist() == [20] * 7
