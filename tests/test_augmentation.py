"""Windows, mirroring and their labels, against a loop over single pixels."""

import numpy as np
import pytest
import torch

from lib import vocabulary
from lib.data import faces
from lib.training import augmentation
from tests.small import noise


def pictures(count=6, stored=12, seed=0):
    return noise(count, 3, stored, stored, seed=seed)


def literal(picture, size, down, right, mirrored):
    """The window of one picture (3, S, S), by slicing its edge-padded copy."""
    wide, offset = 20, (picture.shape[-1] - size) // 2
    padded = np.pad(picture.numpy(), ((0, 0), (wide, wide), (wide, wide)), mode="edge")
    top, left = wide + offset + down, wide + offset + right
    window = padded[:, top : top + size, left : left + size].astype(np.float32)
    return (window[..., ::-1] if mirrored else window) / 127.5 - 1


def test_windows_are_slices():
    images, size = pictures(), 8
    shift = torch.tensor([[0, 0], [2, -1], [-2, 2], [5, 5], [-7, 3], [1, -9]])
    mirrored = torch.tensor([0, 1, 0, 1, 0, 1], dtype=torch.bool)
    made = augmentation.windows(images, size, shift, mirrored)
    for k in range(6):
        expected = literal(images[k], size, *shift[k].tolist(), bool(mirrored[k]))
        np.testing.assert_allclose(made[k].numpy(), expected, atol=1e-6)


def test_prepare_is_the_centre():
    images = pictures(stored=11)
    made = augmentation.prepare(images, 8)
    expected = np.stack([literal(picture, 8, 0, 0, False) for picture in images])
    np.testing.assert_allclose(made.numpy(), expected, atol=1e-6)
    assert made.is_contiguous(memory_format=torch.channels_last)


def test_too_small_crop_is_refused():
    with pytest.raises(ValueError, match=r"12 px.*16 px.*data\.size"):
        augmentation.prepare(pictures(), 16)


def test_shifts_cover_their_range_and_no_more():
    options = {"size": 50, "translate": 0.1, "generator": torch.Generator().manual_seed(1)}
    chance = augmentation.sample(4000, mirror=True, faces=2, **options)
    assert chance.shift.shape == (4000, 2, 2)
    assert sorted(set(chance.shift.flatten().tolist())) == list(range(-5, 6))
    assert abs(chance.mirrored.float().mean() - 0.5) < 0.04  # five standard errors
    assert not augmentation.sample(100, mirror=False, **options).mirrored.any()


def test_mirrored_faces_swap_left_and_right():
    labels = torch.arange(24).repeat(40, 1)
    options = {"size": 12, "translate": 0.0, "mirror": True}
    images = pictures(40)
    made, swapped = augmentation.augment(
        images, labels, **options, generator=torch.Generator().manual_seed(0)
    )
    turned = (made == augmentation.prepare(images, 12).flip(3)).flatten(1).all(1)
    assert 0 < turned.sum() < 40
    pose = vocabulary.columns(vocabulary.POSES)
    others = [k for k in range(24) if k not in pose]
    assert torch.equal(swapped[turned][:, pose], labels[turned][:, pose[::-1]])
    assert torch.equal(swapped[:, others], labels[:, others])
    assert torch.equal(swapped[~turned], labels[~turned])


def test_one_side_without_the_other_cannot_be_mirrored():
    with pytest.raises(ValueError, match=r"needs a column 'right' too"):
        augmentation.mirror_columns(("gender", "left"))
    assert augmentation.mirror_columns(vocabulary.EXPRESSIONS).tolist() == list(range(7))


def test_mirrored_cues_are_the_cues_of_the_mirrored_picture():
    chance = torch.Generator().manual_seed(0)
    size = torch.tensor([[640.0, 360.0]]).repeat(20, 1)
    boxes = torch.rand(20, 2, 4, generator=chance) * 100 + 10
    turned = boxes.flip(1)  # the right face becomes the left one
    turned[..., 0] = 640 - turned[..., 0] - turned[..., 2]
    expected = faces.spatial_cues(turned, size)
    made = augmentation.mirror_cues(faces.spatial_cues(boxes, size))
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        augmentation.mirror_cues(made), faces.spatial_cues(boxes, size), rtol=1e-4, atol=1e-4
    )


def test_mirrored_pairs_swap_faces_and_cues():
    left, right = pictures(4, seed=1), pictures(4, seed=2)
    cues = torch.rand(4, 11) + 0.1
    shift = torch.tensor([[[1, 0], [0, -1]]]).repeat(4, 1, 1)
    chance = augmentation.Augmentation(torch.tensor([False, True, False, True]), shift)
    a, b, made = augmentation.augment_pairs(left, right, cues, chance, 8)
    for k, turned in enumerate(chance.mirrored.tolist()):
        first, second = (right, left) if turned else (left, right)
        np.testing.assert_allclose(a[k], literal(first[k], 8, 1, 0, turned), atol=1e-6)
        np.testing.assert_allclose(b[k], literal(second[k], 8, 0, -1, turned), atol=1e-6)
    expected = torch.where(chance.mirrored[:, None], augmentation.mirror_cues(cues), cues)
    assert torch.equal(made, expected)
