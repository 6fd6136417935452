"""Hand-made features against their definitions; SVMs and other ways to fill in labels by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.color import rgb2gray
from skimage.feature import canny
from sklearn.svm import LinearSVC

from lib.evaluation import baselines
from tests.small import noise

PICTURES = noise(3, 3, 64, 64)


def striped(horizontal: bool) -> torch.Tensor:
    """Stripes of 8 px, (1, 3, 64, 64)."""
    wave = (torch.arange(64) // 8 % 2 * 255).byte().expand(64, 64)
    return (wave.T if horizontal else wave).expand(1, 3, 64, 64)


def test_grey_is_luminance_at_64_px():
    expected = rgb2gray(PICTURES.permute(0, 2, 3, 1).numpy())
    assert np.stack([*baselines.small(PICTURES)]) == pytest.approx(expected, abs=1e-6)
    large = PICTURES.repeat_interleave(2, 2).repeat_interleave(2, 3)
    halved = np.stack([*baselines.small(large)])
    assert halved.shape == (3, 64, 64) and halved.dtype == np.float32
    assert halved.mean() == pytest.approx(expected.mean(), abs=0.01)


@pytest.mark.parametrize("features", [baselines.hog, baselines.lbp, baselines.phog, baselines.lpq])
def test_pictures_are_made_grey_one_at_a_time(features, monkeypatch):
    """All of the paper's faces in float64 would take 500 GB."""
    whole, sizes = features(PICTURES), []
    monkeypatch.setattr(baselines, "rgb2gray", lambda p: sizes.append(p.shape) or rgb2gray(p))
    assert np.array_equal(np.stack([features(one[None])[0] for one in PICTURES]), whole)
    assert features(PICTURES).shape == whole.shape
    assert set(sizes) == {(64, 64, 3)}


def test_hog_has_blocks_of_cells_of_orientations():
    features = baselines.hog(PICTURES)
    assert features.shape == (3, 7 * 7 * 2 * 2 * 9)  # overlapping blocks of 2 x 2 cells
    norms = np.linalg.norm(features.reshape(-1, 36), axis=1)
    assert norms == pytest.approx(np.ones(3 * 49), abs=1e-3)  # each block is normalised


@pytest.mark.parametrize(("features", "quarter"), [(baselines.hog, 4.5), (baselines.phog, 2)])
def test_stripes_have_their_direction(features, quarter):
    """A quarter turn of the stripes moves all energy by a quarter turn of the bins."""
    bins = 9 if features is baselines.hog else 8
    half = np.arange(bins) % (4 if bins == 8 else 9)  # opposite directions of 360 degrees are one
    energy = [
        np.bincount(half, features(striped(way)).reshape(-1, bins).sum(0)) for way in (True, False)
    ]
    one, two = (np.argmax(part) for part in energy)
    assert abs(abs(one - two) - quarter) <= 0.5
    assert all(part.max() > 0.9 * part.sum() for part in energy)


def test_phog_is_its_definition_pixel_by_pixel():
    """Edges weighted by their gradient, in eight directions and 85 cells; all sum to 1."""
    picture = next(baselines.small(PICTURES)).astype(float)
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    across, down = (ndimage.correlate(picture, part) for part in (kernel, kernel.T))
    expected = np.zeros((85, 8))
    for row, column in np.argwhere(canny(picture.astype(np.float32))):
        angle = np.degrees(np.arctan2(down[row, column], across[row, column])) % 360
        for level, first in enumerate((0, 1, 5, 21)):
            side = 64 // 2**level
            cell = first + row // side * 2**level + column // side
            expected[cell, int(angle // 45)] += np.hypot(across[row, column], down[row, column])
    ours = baselines.phog(PICTURES[:1])[0]
    assert ours == pytest.approx(expected.ravel() / expected.sum(), abs=1e-6)
    assert ours.sum() == pytest.approx(1, abs=1e-5)
    assert not baselines.phog(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).any()


def test_lbp_is_its_definition():
    """Eight points on a circle of radius 2, bright as the middle or brighter: 1. A code for each
    of the 58 patterns with at most two changes around the circle, and one for all others.

    The numbers of the codes are free, so the cells' histograms are compared by inner products.
    """
    picture = baselines.to_bytes(baselines.cropped(next(baselines.grey(PICTURES)))).astype(float)
    rows, columns = np.mgrid[:150, :110]
    bits = []
    for turn in 2 * np.pi * np.arange(8) / 8:
        point = rows - 2 * np.sin(turn).round(5), columns + 2 * np.cos(turn).round(5)
        value = ndimage.map_coordinates(picture, point, order=1, mode="grid-constant")
        bits.append(value - picture >= -1e-9)
    changes = (np.array(bits) != np.roll(bits, 1, axis=0)).sum(0)
    codes = np.where(changes <= 2, np.tensordot(2 ** np.arange(8), bits, 1), 256)
    assert len(np.unique(codes)) == 59
    expected = baselines.cell_histograms(codes, 257, (7, 6)).reshape(42, 257)
    ours = baselines.lbp(PICTURES[:1])[0].reshape(42, 59)
    assert ours @ ours.T == pytest.approx(expected @ expected.T, abs=2e-3)  # rounding: 3 pixels


def test_lpq_filters_are_uncorrelated_and_span_four_frequencies():
    """Under pixels correlated by 0.9 to the power of their distance."""
    filters = baselines.lpq_filters(7).reshape(8, 49)
    points = np.stack(np.mgrid[-3:4, -3:4], -1).reshape(49, 2)
    distance = np.sqrt(((points[:, None] - points) ** 2).sum(2))
    covariance = filters @ 0.9**distance @ filters.T
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert covariance / scale == pytest.approx(np.eye(8), abs=1e-4)
    angles = 2 * np.pi / 7 * points @ np.array([(0, 1), (1, 0), (1, 1), (1, -1)]).T  # (49, 4)
    waves = np.hstack([np.cos(angles), np.sin(angles)])
    assert filters.T @ filters == pytest.approx(waves @ waves.T, abs=1e-9)


def test_lpq_codes_are_the_signs_of_eight_answers():
    picture = next(baselines.small(PICTURES)).astype(float)
    counts, filters = np.zeros(256), baselines.lpq_filters(7)
    for row in range(58):
        for column in range(58):
            answers = (filters * picture[row : row + 7, column : column + 7]).sum((1, 2))
            counts[(answers > 0) @ 2 ** np.arange(8)] += 1
    ours = baselines.lpq(PICTURES[:1], grid=1)[0]
    assert ours == pytest.approx(counts / counts.sum(), abs=1e-6)


@given(st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_cells_share_out_a_picture(rows, columns):
    codes = np.random.default_rng(0).integers(0, 6, (23, 31))
    shares = baselines.cell_histograms(codes, 6, (rows, columns)).reshape(-1, 6)
    assert shares.sum(1) == pytest.approx(np.ones(rows * columns), abs=1e-5)
    top = codes[: -(-23 // rows), : -(-31 // columns)]
    assert shares[0] == pytest.approx([(top == k).mean() for k in range(6)], abs=1e-5)
    sizes = [codes[cell].size for cell in baselines.cells(codes.shape, (rows, columns))]
    assert sum(sizes) == codes.size


def test_crop_is_the_face_without_its_margin():
    picture = np.zeros((60, 60))
    picture[10:50, 15:45] = 1  # the box is 40 px high, the crop 40 x 29 px
    face = baselines.cropped(picture)
    assert face.shape == (150, 110) and face.min() == 1


def test_features_have_the_published_sizes():
    assert baselines.lbp(PICTURES).shape == (3, 42 * 59)
    assert baselines.phog_lpq(PICTURES).shape == (3, 8 * (1 + 4 + 16 + 64) + 16 * 256)


def test_rare_classes_weigh_as_much_as_common_ones():
    generator = np.random.default_rng(0)
    labels = (generator.random(600) < 0.05).astype(np.int8)
    features = generator.normal(size=(600, 4)) + 1.2 * labels[:, None]
    scores = baselines.fit_svms(features, labels[:, None]).scores(features)[:, 0]
    plain = LinearSVC(C=1e-3, random_state=0).fit(features, labels).decision_function(features)
    found = [(value[labels == 1] > 0).mean() for value in (scores, plain)]
    assert found[0] > 0.7 > found[1]


def test_missing_labels_are_left_out_and_one_class_gives_no_svm():
    generator = np.random.default_rng(1)
    features = generator.normal(size=(80, 3))
    labels = np.stack([features[:, 0] > 0, np.ones(80), features[:, 1] > 0], 1).astype(np.int8)
    labels[40:, 0] = -1
    machines = baselines.fit_svms(features, labels)
    half = baselines.fit_svms(features[:40], labels[:40])
    assert machines.scores(features)[:, 0] == pytest.approx(half.scores(features)[:, 0])
    assert machines.machines[1] is None
    assert (machines.scores(features)[:, 1] == 0).all()


def test_expressions_are_separated_by_a_curved_border():
    """Four corners of which the opposite ones are alike: no line parts them."""
    corners = np.array([[0, 0], [1, 1], [0, 1], [1, 0]]).repeat(20, 0)
    features = corners + np.random.default_rng(0).normal(0, 0.1, (80, 2))
    classes = np.array([0, 0, 3, 3]).repeat(20)
    machine = baselines.fit_expressions(features, classes)
    assert (machine.predict(features) == classes).all()


def test_svm_parameters_are_chosen_on_other_people():
    """Ten people, each a tight cloud by itself; what tells expressions apart is the same for all.

    A kernel so narrow that it knows people by heart is best on them and worst on others.
    """
    chance = np.random.default_rng(0)
    people = np.arange(10).repeat(20)
    classes = np.tile([0, 0, 0, 6], 50)
    features = chance.normal(0, 3, (10, 30))[people] + chance.normal(0, 0.1, (200, 30))
    features[:, 0] = classes + chance.normal(0, 0.5, 200)
    machine = baselines.fit_expressions(features, classes, people=people)
    assert machine["svc"].gamma < 1 / 30
    few = baselines.fit_expressions(features[:40], classes[:40], people=people[:40])
    assert few["svc"].gamma == pytest.approx(0.1 / 30)  # two people: nothing to choose by


def test_labels_spread_within_a_cloud_of_faces():
    generator = torch.Generator().manual_seed(0)
    clouds = torch.cat([torch.randn(30, 2, generator=generator) + 20 * k for k in (0, 1)])
    labels = torch.full((60, 2), -1, dtype=torch.int8)
    labels[0, 0], labels[30, 0] = 1, 0
    labels[5, 1] = 1  # no face is known not to have it
    posterior = baselines.label_spreading(clouds, labels, neighbours=8)
    assert (posterior[:30, 0] > 0.5).all() and (posterior[30:, 0] < 0.5).all()
    assert (posterior[:, 1] == 0.5).all()
    labels[30, 0] = -1
    labels[1, 0] = 0  # now nothing is known of the second cloud
    posterior = baselines.label_spreading(clouds, labels, neighbours=8)
    assert (posterior[30:, 0] == 0.5).all()
