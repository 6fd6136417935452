"""How sure probabilities are, how often the sure ones are wrong, and how large log-odds are.

All are ratios of sums over faces. Samples of people give their intervals, since the labels of one
face are not independent, nor are those of one person.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from torch import Tensor

from lib.evaluation import bootstrap, metrics, results

SURE, SURE_WRONG, WRONG = "surer than 99 %", "wrong among those", "wrong among all"
ERROR = "expected calibration error"
BINS = 10  # of a probability, for the calibration error
QUANTILES = {
    "5th percentile of |log-odds|": 0.05,
    "median |log-odds|": 0.5,
    "95th percentile of |log-odds|": 0.95,
}
EDGES = np.geomspace(1e-3, 1e5, 1601)  # of |log-odds|: steps of 1.2 %, interpolated


def rows(
    truth: Tensor,
    scores: Mapping[str, Tensor],
    people: np.ndarray,
    *,
    resamples: int = 1000,
    seed: int = 0,
    part: str = "",
) -> pd.DataFrame:
    """Rows of the long results table with 95 % intervals over people, four per method.

    truth (N, A) in {-1 missing, 0, 1}; scores: method -> probabilities (N, A); people (N,): rows
    that share a value are drawn together. Percent of the
    probabilities that are below 0.01 or above 0.99 (`SURE`), of those on the wrong side of 0.5
    (`SURE_WRONG`), of all on the wrong side (`WRONG`); and the calibration error (`ERROR`), from 0
    to 1. part: their subset. ValueError for shapes or probabilities that do not fit.
    """
    times = bootstrap.sample_counts(len(truth), resamples, seed, people)
    found = []
    for method, probability in scores.items():
        sums = _sums(*metrics.pair(truth, probability, "probability"))
        values, samples = _measures(sums.sum(0, keepdims=True)), _measures(times @ sums)
        for metric, sample in samples.items():
            unit, scale = ("", 1) if metric == ERROR else ("%", 100)
            estimate = bootstrap.estimate(float(values[metric][0]), sample, scale)
            found.append(results.row(metric, estimate, method=method, subset=part, unit=unit))
    return pd.concat(found, ignore_index=True)


def _sums(truth: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """By face (N, 4 + BINS): labels, sure ones, sure and wrong ones, wrong ones; and in each bin
    the sum of probability minus truth."""
    metrics.check_probabilities(probability)
    known, decided = truth >= 0, probability > 0.5
    sure = known & (np.abs(probability - 0.5) > 0.49)
    wrong = known & (decided != (truth == 1))
    gap = np.where(known, probability - (truth == 1), 0.0)
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = [np.where(place == number, gap, 0).sum(1) for number in range(BINS)]
    return np.stack([part.sum(1) for part in (known, sure, sure & wrong, wrong)] + gaps, 1)


def _measures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """The four measures (R,) from R rows of `_sums`, NaN where there is nothing to count."""
    known, sure, both, wrong = sums[:, :4].T
    with np.errstate(invalid="ignore"):
        error = np.abs(sums[:, 4:]).sum(1) / known
        return {SURE: sure / known, SURE_WRONG: both / sure, WRONG: wrong / known, ERROR: error}


def size_rows(
    terms: Mapping[str, Tensor],
    people: np.ndarray,
    *,
    method: str,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Rows of the `QUANTILES` of |log-odds| of each term, which is the subset.

    terms: name -> log-odds (n,) of single labels; people (n,): whose face has each of the labels.
    """
    names, place = np.unique(people, return_inverse=True)
    times = bootstrap.sample_counts(len(names), resamples, seed)
    weights = np.vstack([np.ones_like(times[:1]), times]).astype(np.float32)  # all, then samples
    found = []
    for term, odds in terms.items():
        sizes = np.abs(np.asarray(odds))
        step = np.searchsorted(EDGES, sizes)  # 0: below the first edge
        cells = np.bincount(
            place * (len(EDGES) + 1) + step, minlength=len(names) * (len(EDGES) + 1)
        )
        counts = cells.reshape(len(names), -1).astype(np.float32)
        below = (weights @ counts).cumsum(1)[:, :-1]  # (1 + R, edges)
        below /= weights @ counts.sum(1, keepdims=True)
        for metric, share in QUANTILES.items():
            value, *samples = (np.interp(share, curve, EDGES) for curve in below)
            estimate = bootstrap.estimate(float(value), np.array(samples), 1)
            found.append(results.row(metric, estimate, method=method, subset=term, unit="log-odds"))
    return pd.concat(found, ignore_index=True)
