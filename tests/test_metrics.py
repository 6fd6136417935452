"""Metrics against scikit-learn, scipy, and cases worked by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    log_loss,
    precision_score,
    roc_auc_score,
)

from lib.evaluation import bootstrap, metrics

MEASURES = {
    "balanced": lambda y, s: balanced_accuracy_score(y, s > 0.5),
    "plain": lambda y, s: np.mean(y == (s > 0.5)),
    "auc": roc_auc_score,
    "ap": average_precision_score,
    "log loss": lambda y, s: log_loss(y, np.clip(s, 1e-7, 1 - 1e-7)),
    "called": lambda y, s: np.mean(s > 0.5),
    "precision": lambda y, s: precision_score(y, s > 0.5),
}


def labels(shape, low=-1):
    return arrays.arrays(np.int8, shape, elements=st.integers(low, 1))


def drawn(count=80, columns=4, seed=0):
    """Labels of which some are unknown, and scores with ties."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(-1, 2, (count, columns)).astype(np.int8)
    return truth, chance.random((count, columns)).round(1)


# Accuracies --------------------------------------------------------------------------------------


@given(labels(40), labels(40, low=0))
def test_balanced_accuracy_is_scikit_learn_s(truth, predicted):
    known = truth >= 0
    ours = metrics.balanced_accuracy(torch.from_numpy(truth), torch.from_numpy(predicted))
    if len(np.unique(truth[known])) < 2:
        assert np.isnan(ours)
    else:
        expected = balanced_accuracy_score(truth[known], predicted[known])
        assert ours == pytest.approx(expected)


def test_equation_18_by_hand():
    truth = [1, 1, 1, 1, 0, 0, -1, -1]  # N_p = 4, N_n = 2
    predicted = [1, 1, 1, 0, 0, 1, 0, 1]  # t_p = 3, t_n = 1
    assert metrics.balanced_accuracy(np.array(truth), np.array(predicted)) == 0.5 * (3 / 4 + 1 / 2)


def test_different_lengths_are_refused():
    with pytest.raises(ValueError, match="truth has 3 entries, predicted 2"):
        metrics.balanced_accuracy(np.ones(3), np.ones(2))


@pytest.mark.parametrize("metric", MEASURES)
def test_every_attribute_is_judged_on_its_known_labels(metric):
    truth, scores = drawn()
    truth[:, 2] = -1  # unknown for all
    truth[:, 3] = np.abs(truth[:, 3])  # known for all
    ours = metrics.per_attribute(torch.from_numpy(truth), torch.from_numpy(scores), metric=metric)
    for column in (0, 1, 3):
        known = truth[:, column] >= 0
        expected = MEASURES[metric](truth[known, column], scores[known, column])
        assert ours[column] == pytest.approx(expected)
    assert np.isnan(ours[2])


def test_class_frequency_leaves_out_what_is_missing():
    found = metrics.class_frequency(np.array([[1, -1, 0], [1, -1, 1], [0, -1, -1], [0, -1, 0]]))
    np.testing.assert_allclose(found, [1 / 2, np.nan, 1 / 3])


def test_thresholds_may_differ_by_attribute():
    truth = np.array([[1, 1], [1, 0], [0, 0], [0, 0]])
    scores = np.array([[0.3, 0.3], [0.3, 0.1], [0.1, 0.1], [0.1, 0.1]])
    assert metrics.per_attribute(truth, scores, 0.5).tolist() == [0.5, 0.5]
    assert metrics.per_attribute(truth, scores, [0.5, 0.2]).tolist() == [0.5, 1]
    assert metrics.per_attribute(truth, scores, "frequency").tolist() == [0.5, 1]
    with pytest.raises(ValueError, match=r"unknown threshold 'median'.*'frequency'"):
        metrics.per_attribute(truth, scores, "median")


# Intervals ---------------------------------------------------------------------------------------


def test_samples_are_those_of_scipys_bootstrap():
    """A mean over counted rows is, sample by sample, what scipy's own bootstrap of it gives."""
    values = np.random.default_rng(1).normal(3, 2, 200)
    drawing = {"n_resamples": 500, "method": "percentile", "rng": 7}
    other = stats.bootstrap((values,), np.mean, **drawing)
    ours = bootstrap.sample_counts(200, 500, seed=7) @ values / 200
    np.testing.assert_allclose(ours, other.bootstrap_distribution)
    np.testing.assert_allclose(bootstrap.quantiles(ours), other.confidence_interval)
    width = 2 * 1.96 * values.std() / np.sqrt(200)
    assert np.ptp(bootstrap.quantiles(ours)) == pytest.approx(width, rel=0.15)


def test_differences_are_paired():
    """Two methods that err on the same faces: their difference is surer than either."""
    chance = np.random.default_rng(0)
    truth = chance.integers(0, 2, 300)
    one = np.where(chance.random(300) < 0.8, truth, 1 - truth)
    two = one.copy()
    two[:6] = 1 - truth[:6]
    one[:6] = truth[:6]
    times = bootstrap.sample_counts(300, 2000, seed=5)
    first, second = (times @ (answer == truth) / 300 for answer in (one, two))
    low, high = bootstrap.quantiles(first - second)
    right = (one == truth).astype(float) - (two == truth)
    drawing = {"n_resamples": 2000, "method": "percentile", "rng": 5}
    other = stats.bootstrap((right,), np.mean, **drawing)
    np.testing.assert_allclose((low, high), other.confidence_interval, atol=1e-12)
    assert 0 < low < 6 / 300 < high
    assert high - low < 0.5 * np.ptp(bootstrap.quantiles(first))


def test_a_single_row_is_drawn_every_time():
    assert (bootstrap.sample_counts(1, 5, seed=0) == 1).all()
    assert (bootstrap.sample_counts(3, 5, seed=0, groups=np.array([2, 2, 2])) == 1).all()


@pytest.mark.parametrize("groups", [None, np.zeros(0, int)])
def test_no_rows_give_empty_samples(groups):
    assert bootstrap.sample_counts(0, 5, seed=0, groups=groups).shape == (5, 0)


def test_counted_rows_are_repeated_rows():
    truth, scores = drawn()
    times = bootstrap.sample_counts(len(truth), 6, seed=3)
    assert (times.sum(1) == len(truth)).all()
    ours = bootstrap.balanced_samples(truth, scores > 0.5, times)
    for sample, count in enumerate(times):
        rows = np.repeat(np.arange(len(truth)), count)
        expected = metrics.per_attribute(truth[rows], scores[rows])
        np.testing.assert_allclose(ours[sample], expected, rtol=1e-5)


def test_rows_of_a_group_are_drawn_as_often_as_each_other():
    groups = np.array(["a", "b", "a", "c", "b", "a"])
    times = bootstrap.sample_counts(6, 50, seed=0, groups=groups)
    for name in "abc":
        assert (times[:, groups == name].std(1) == 0).all()
    assert (times[:, [0, 1, 3]].sum(1) == 3).all()  # three groups, drawn three times


# Agreement, calibration, smoothing ---------------------------------------------------------------


def test_fleiss_kappa_by_hand():
    """Three pairs, five raters, yes votes 5, 0 and 3.

    Agreement per pair: 1, 1 and (3 * 2 + 2 * 1) / (5 * 4) = 0.4, on average 0.8. Of all votes 8 of
    15 are yes, so chance agrees in (8² + 7²) / 15² = 113 / 225, and (0.8 - 113/225) / (1 - 113/225)
    = 67 / 112.
    """
    assert metrics.fleiss_kappa(torch.tensor([5, 0, 3])) == pytest.approx(67 / 112)


@given(arrays.arrays(np.int64, 30, elements=st.integers(0, 6)))
def test_fleiss_kappa_is_agreement_over_pairs_of_raters(yes):
    votes = np.arange(6) < yes[:, None]  # (30, 6): which raters say yes does not matter
    one, two = np.triu_indices(6, 1)
    agreement = (votes[:, one] == votes[:, two]).mean()
    share = votes.mean()
    chance = share**2 + (1 - share) ** 2
    expected = 1 if chance == 1 else (agreement - chance) / (1 - chance)
    ours = metrics.fleiss_kappa(yes, raters=6)
    assert ours == pytest.approx(expected)
    assert ours == pytest.approx(metrics.fleiss_kappa(6 - yes, raters=6))


def test_calibration_by_hand():
    truth = np.array([0, 1, 1, 1, -1])
    probability = np.array([0.1, 0.2, 0.7, 1.0, 0.4])  # bins of a half: two entries each
    curve = metrics.reliability(truth, probability, bins=2)
    np.testing.assert_allclose(curve["probability"], [0.15, 0.85])
    np.testing.assert_allclose(curve["share"], [0.5, 1.0])
    assert curve["count"].tolist() == [2, 2]
    error = metrics.expected_calibration_error(truth, probability, bins=2)
    assert error == pytest.approx((0.35 + 0.15) / 2)


def test_probabilities_that_come_true_are_calibrated():
    chance = np.random.default_rng(0)
    probability = chance.random(20_000)
    truth = (chance.random(20_000) < probability).astype(int)
    honest = metrics.expected_calibration_error(truth, probability)
    assert honest < 0.02
    bold = np.clip(2 * probability - 0.5, 0, 1)  # twice as far from a half
    assert metrics.expected_calibration_error(truth, bold) > 0.1


def test_moving_average_is_a_mean_of_neighbours():
    frames = np.arange(12.0).reshape(6, 2) ** 2
    ours = metrics.moving_average(frames, 3)
    inner = [np.convolve(column, np.full(3, 1 / 3), "valid") for column in frames.T]
    np.testing.assert_allclose(ours[1:-1], np.stack(inner, 1))
    np.testing.assert_allclose(ours[[0, -1]], [frames[:2].mean(0), frames[-2:].mean(0)])


def test_a_removed_prior_decides_as_a_threshold_at_the_class_frequency():
    logits, frequency = torch.linspace(-6, 6, 121)[:, None], np.array([0.08])
    removed = metrics.prior_removed(logits, frequency)
    assert torch.equal(removed > 0, logits.sigmoid() > 0.08)
    torch.testing.assert_close(removed - logits, torch.full_like(logits, -np.log(0.08 / 0.92)))
