"""A film's profile: averages over frames and clips, and who the clips show."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from lib import params, world
from lib.experiments import movie
from lib.vocabulary import TRAITS


def clip_of(probability: np.ndarray, truth: np.ndarray, heat: list[float]) -> movie.Clip:
    table = pd.DataFrame(truth, columns=list(TRAITS)).assign(heat=heat)
    return movie.Clip(torch.zeros(len(heat), 3, 4, 4).byte(), None, table, probability)


@pytest.fixture
def clip():
    """Nine frames; in the middle three, a quarrel, one trait rises, the others are constant."""
    probability, truth = np.full((9, 8), 0.5), np.full((9, 8), 0.5)
    probability[3:6, 1], truth[3:6, 1] = 1.0, 0.9
    return clip_of(probability, truth, [0, 0, 0, 1, 1, 1, 0, 0, 0])


def test_probabilities_are_averaged_over_five_frames(clip):
    expected = [0.5, 0.5 + 0.5 / 4, 0.7, 0.8, 0.8, 0.8, 0.7, 0.5 + 0.5 / 4, 0.5]
    assert clip.smooth[:, 1] == pytest.approx(expected)
    assert clip.smooth[:, 0] == pytest.approx(np.full(9, 0.5))


def test_quarrel_minus_talk_by_hand(clip):
    talk = np.mean([0.5, 0.625, 0.7, 0.7, 0.625, 0.5])
    ours = movie.quarrel_minus_talk([clip])
    assert ours.shape == (1, 8)
    assert ours[0, 1] == pytest.approx(0.8 - talk)
    assert movie.quarrel_minus_talk([clip], truth=True)[0, 1] == pytest.approx(0.4)
    assert ours[0, 0] == pytest.approx(0)


def test_a_profile_is_compared_with_the_truth_by_correlation(clip):
    single = movie.followed([clip], smoothed=False)[0]
    assert single[1] == pytest.approx(1)
    assert np.isnan(single[0])  # this trait does not change
    smooth = movie.followed([clip])[0, 1]
    assert smooth == pytest.approx(stats.pearsonr(clip.smooth[:, 1], clip.truth["competitive"])[0])


@pytest.mark.parametrize("drifts, shown", [((0.0, 2.0, 0.5), 2), ((2.0, 0.0, 0.5, 4.0), 0)])
def test_the_clip_with_the_median_correlation_is_shown(drifts, shown):
    """The more drift, the lower the correlation; of four clips the poorer of the middle two."""
    rises, drift = np.repeat([0.0, 1, 0], 3), np.linspace(-1, 1, 9)
    truth, clips = np.full((9, 8), 0.5), []
    truth[:, [1, 4]] = np.stack([rises, 1 - rises], 1)
    for amount in drifts:
        probability = truth.copy()
        probability[:, [1, 4]] += amount * drift[:, None]
        clips.append(clip_of(probability, truth, list(rises)))
    found = movie.followed(clips)[:, [1, 4]].mean(1)
    assert movie.median_clip(clips) == shown
    assert found[shown] == sorted(found)[(len(found) - 1) // 2]


def test_a_clip_whose_profile_does_not_move_counts_as_uncorrelated(clip):
    still = clip_of(np.full((9, 8), 0.5), clip.truth[list(TRAITS)].to_numpy(), list(clip.quarrel))
    against = clip_of(1 - clip.probability, clip.truth[list(TRAITS)].to_numpy(), [0] * 9)
    assert movie.median_clip([clip, still, against], ["competitive"]) == 1


def test_mean_and_band_are_over_clips():
    truth = np.full((5, 8), 0.5)
    clips = [clip_of(np.full((5, 8), p), truth, [0] * 5) for p in np.linspace(0, 1, 11)]
    mean, low, high = movie.spread(clips)
    assert mean.shape == (5, 8)
    assert (mean[0, 0], low[0, 0], high[0, 0]) == pytest.approx((0.5, 0.1, 0.9))


def test_the_interval_over_clips_is_that_of_students_t():
    values = np.array([3.0, 5, 4, 8])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert movie.over_clips(values) == pytest.approx({"value": 5, "low": low, "high": high})
    two = movie.over_clips(np.array([0.7, 0.9]), least=-1, most=1)
    assert two["value"] == pytest.approx(0.8)
    assert (two["low"], two["high"]) == (pytest.approx(0.8 - 0.1 * 12.7062, abs=1e-3), 1)
    undefined = movie.over_clips(np.array([1.0, np.nan]))
    assert undefined == {"value": None, "low": None, "high": None}


def test_every_clip_has_a_seed_of_its_own_which_no_dataset_has(monkeypatch):
    asked = []

    def clip(frames, *, seed, size, device, real=world.clip):
        asked.append(seed)
        return real(frames, seed=seed, size=16, device=device)

    monkeypatch.setattr(movie.world, "clip", clip)
    monkeypatch.setattr(movie.relation, "predict", lambda *_: torch.zeros(2, 8))
    clips = movie.watch(None, params.load("smoke", {"evaluation.clips": 2, "seed": 4}), frames=2)
    assert len(clips) == 2 and len(set(asked)) == 2
    assert min(asked) > 1000  # the datasets use the profile's own seed, a small number
    skins = [clip.pairs.left[0].float().mean((1, 2)) for clip in clips]
    assert not torch.allclose(*skins, atol=1)
