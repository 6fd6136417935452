"""Hand-made features against their definitions; what the SVMs and the other ways do by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2gray
from sklearn.svm import LinearSVC

from lib.evaluation import baselines

PICTURES = torch.from_numpy(
    np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64), dtype=np.uint8)
)


def striped(horizontal: bool) -> torch.Tensor:
    """Stripes of 8 px, (1, 3, 64, 64)."""
    wave = (torch.arange(64) // 8 % 2 * 255).byte().expand(64, 64)
    return (wave.T if horizontal else wave).expand(1, 3, 64, 64)


def test_grey_is_luminance_at_64_px():
    expected = rgb2gray(PICTURES.permute(0, 2, 3, 1).numpy())
    assert np.stack([*baselines.grey(PICTURES)]) == pytest.approx(expected, abs=1e-6)
    large = PICTURES.repeat_interleave(2, 2).repeat_interleave(2, 3)
    halved = np.stack([*baselines.grey(large)])
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


@pytest.mark.parametrize("features", [baselines.hog, baselines.phog])
def test_gradients_know_the_direction_of_stripes(features):
    bins = 9 if features is baselines.hog else 8
    energy = [
        features(striped(horizontal)).reshape(-1, bins).sum(0) for horizontal in (True, False)
    ]
    one, two = (np.argmax(part) for part in energy)
    assert abs(one - two) in (bins // 2, bins - bins // 2)  # a quarter turn apart
    assert all(part.max() > 0.9 * part.sum() for part in energy)


def test_uniform_patterns_by_their_definition():
    """Eight neighbours on a circle of radius 1: how many are not darker, if they are in a run."""
    picture = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    picture[:, :, 20, 20] = 200  # one bright point: all its neighbours are darker
    codes = baselines.lbp(picture, cells=1)[0] * 64 * 64
    assert codes.shape == (10,)
    assert codes[0] == 1  # the point itself
    assert codes.sum() == pytest.approx(64 * 64)
    assert codes[8] > 64 * 64 - 20  # flat: every neighbour is as bright


def test_lpq_codes_are_signs_of_four_frequencies():
    """Each window's Fourier coefficients, straight from their sum."""
    picture = next(baselines.grey(PICTURES)).astype(float)
    ours = baselines.lpq(PICTURES[:1], cells=1)[0]
    place = np.arange(7) - 3
    counts, step = np.zeros(256), 2 * np.pi / 7
    for row in range(3, 61):
        for line in range(3, 61):
            window = picture[row - 3 : row + 4, line - 3 : line + 4]
            code = 0
            for bit, (down, across) in enumerate([(0, 1), (1, 0), (1, 1), (1, -1)]):
                wave = np.exp(1j * step * (down * place[:, None] + across * place[None, :]))
                value = (window * wave).sum()
                code += (value.real > 0) * 4**bit + (value.imag > 0) * 2 * 4**bit
            counts[code] += 1
    assert ours == pytest.approx(counts / counts.sum(), abs=1e-6)


@given(st.integers(1, 5), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_every_cell_is_a_distribution(cells, seed):
    codes = np.random.default_rng(seed).integers(0, 6, (23, 31))
    shares = baselines.cell_histograms(codes, 6, cells).reshape(-1, 6)
    assert len(shares) == cells**2
    assert shares.sum(1) == pytest.approx(np.ones(cells**2), abs=1e-5)
    top = codes[: -(-23 // cells), : -(-31 // cells)]  # np.array_split gives the first the rest
    assert shares[0] == pytest.approx([(top == k).mean() for k in range(6)], abs=1e-5)


def test_sizes_of_the_features():
    assert baselines.lbp(PICTURES).shape == (3, 16 * 10)
    assert baselines.phog_lpq(PICTURES).shape == (3, 8 * (1 + 4 + 16) + 16 * 256)


def test_rare_classes_weigh_as_much_as_common_ones():
    generator = np.random.default_rng(0)
    labels = (generator.random(600) < 0.05).astype(np.int8)
    features = generator.normal(size=(600, 4)) + 1.2 * labels[:, None]
    scores = baselines.fit_svms(features, labels[:, None]).scores(features)[:, 0]
    plain = LinearSVC(C=1e-3, random_state=0).fit(features, labels).decision_function(features)
    found = [(value[labels == 1] > 0).mean() for value in (scores, plain)]
    assert found[0] > 0.7 > found[1]


def test_missing_labels_are_left_out_and_one_class_teaches_nothing():
    generator = np.random.default_rng(1)
    features = generator.normal(size=(80, 3))
    labels = np.stack([features[:, 0] > 0, np.ones(80), features[:, 1] > 0], 1).astype(np.int8)
    labels[40:, 0] = -1
    machines = baselines.fit_svms(features, labels)
    half = baselines.fit_svms(features[:40], labels[:40])
    assert machines.scores(features)[:, 0] == pytest.approx(half.scores(features)[:, 0])
    assert machines.machines[1] is None
    assert (machines.scores(features)[:, 1] == 0).all()


def test_expressions_need_no_straight_border():
    """Four corners of which the opposite ones are alike: no line parts them."""
    corners = np.array([[0, 0], [1, 1], [0, 1], [1, 0]]).repeat(20, 0)
    features = corners + np.random.default_rng(0).normal(0, 0.1, (80, 2))
    classes = np.array([0, 0, 3, 3]).repeat(20)
    machine = baselines.fit_expressions(features, classes)
    assert (machine.predict(features) == classes).all()


def test_an_svm_is_chosen_by_how_it_does_on_strangers():
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
    labels[5, 1] = 1  # nobody is known not to have it
    posterior = baselines.label_spreading(clouds, labels, neighbours=8)
    assert (posterior[:30, 0] > 0.5).all() and (posterior[30:, 0] < 0.5).all()
    assert (posterior[:, 1] == 0.5).all()
    labels[30, 0] = -1
    labels[1, 0] = 0  # now nothing is known of the second cloud
    posterior = baselines.label_spreading(clouds, labels, neighbours=8)
    assert (posterior[30:, 0] == 0.5).all()


def test_lees_pseudo_labels_by_hand():
    logits = torch.tensor([[2.0, -1.0], [-3.0, 0.5]])
    labels = torch.tensor([[-1, 1], [-1, -1]], dtype=torch.int8)
    assert baselines.lee(logits, labels).tolist() == [[1, 1], [0, 1]]
