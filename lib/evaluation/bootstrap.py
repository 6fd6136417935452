"""Bootstrap samples, and the 95 % intervals that they give.

Samples are counts: how often each row is drawn. A mean over every sample is then one matrix
product, and two methods judged with one seed are compared on the same samples.
"""

import numpy as np
from scipy import stats

from lib.evaluation.metrics import Array

Estimate = dict[str, float | None]  # value, low, high; None where undefined


def sample_counts(
    count: int, number: int, seed: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """How often each of `count` rows is drawn in each of `number` bootstrap samples, (R, N).

    Drawn by `scipy.stats.bootstrap`, whose statistic is the counts. groups (N,): rows that share a
    value are not independent and are drawn together.
    """
    if count < 2:  # scipy rejects both
        return np.ones((number, count), int)
    if groups is not None:
        _, place = np.unique(groups, return_inverse=True)
        return sample_counts(place.max() + 1, number, seed)[:, place]

    def counts(rows: np.ndarray, axis: int) -> np.ndarray:  # (R, N) -> (N, R)
        places = rows + count * np.arange(len(rows))[:, None]
        times = np.bincount(places.ravel(), minlength=rows.size).reshape(rows.shape)
        return times.T.astype(np.float32)  # scipy ranks them, which wants floats

    drawn = stats.bootstrap(
        (np.arange(count),),
        counts,
        n_resamples=number,
        batch=max(1, 2**24 // count),  # draws in memory at a time
        vectorized=True,
        method="percentile",
        rng=seed,
    )
    return drawn.bootstrap_distribution.T.astype(int)


def balanced_samples(truth: Array, decided: Array, times: np.ndarray) -> np.ndarray:
    """Balanced accuracy of every attribute where row n counts times[r, n], (R, A)."""
    truth, decided = np.asarray(truth), np.asarray(decided, bool)
    times = times.astype(np.float32)
    positive, negative = truth == 1, truth == 0
    with np.errstate(invalid="ignore"):
        hit = times @ (positive & decided) / (times @ positive.astype(np.float32))
        miss = times @ (negative & ~decided) / (times @ negative.astype(np.float32))
    return (hit + miss) / 2


def quantiles(samples: np.ndarray) -> tuple[float, float]:
    """The ends of the 95 % percentile interval of samples (R,); NaN where none is defined."""
    if not np.isfinite(samples).any():
        return float("nan"), float("nan")
    tail = 100 * (1 - 0.95) / 2
    low, high = np.nanpercentile(samples, [tail, 100 - tail])
    return float(low), float(high)


def estimate(value: float, samples: np.ndarray, scale: float = 100) -> Estimate:
    """A value with the 95 % interval of its bootstrap samples (R,), all times `scale`."""
    return percent(value, *quantiles(samples), scale)


def percent(value: float, low: float | None, high: float | None, scale: float = 100) -> Estimate:
    """A value and its interval times `scale`; None where undefined."""
    if not np.isfinite(value) or low is None or high is None:
        return {"value": None, "low": None, "high": None}
    ends = {"value": value, "low": low, "high": high}
    return {name: scale * float(end) for name, end in ends.items()}


def share(
    values: np.ndarray, *, resamples: int, people: np.ndarray | None = None, seed: int = 0
) -> Estimate:
    """Mean of values (N,), times 100, with its 95 % bootstrap interval."""
    times = sample_counts(len(values), resamples, seed, people)
    return estimate(values.mean(), means(values, times))


def means(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean of values (N,) or (N, M) where row n counts times[r, n], (R,) or (R, M); NaN where no
    row counts."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((times @ values).T / times.sum(1)).T


def largest(values: np.ndarray, samples: np.ndarray) -> tuple[float, float, float]:
    """The largest of K values, and a 95 % interval of the true maximum; NaN where none is defined.

    values (K,), samples (R, K) of their bootstrap. The largest of K estimates is too large on
    average, so the lower bound is the highest of K bounds that hold together (max-t: the 97.5 %
    quantile of the largest of K errors, each over its spread). The upper bound is the highest of
    the K single ones.
    """
    known = np.isfinite(values)
    if not known.any():
        return float("nan"), float("nan"), float("nan")
    values, samples = values[known], samples[:, known]
    spread = np.nanstd(samples, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        worst = np.nan_to_num((samples - values) / spread).max(1)
    low = (values - np.quantile(worst, 0.975) * spread).max()
    high = np.nanquantile(samples, 0.975, axis=0).max()
    return float(values.max()), float(low), float(high)


def row_means(samples: np.ndarray) -> np.ndarray:
    """Mean of each row over the entries that are defined, NaN where none is; (R, A) -> (R,)."""
    defined = np.isfinite(samples)
    with np.errstate(invalid="ignore"):
        return np.where(defined, samples, 0).sum(1) / np.where(
            defined.any(1), defined.sum(1), np.nan
        )


def areas(truth: np.ndarray, scores: np.ndarray, metric: str, times: np.ndarray) -> np.ndarray:
    """Area under the ROC (`auc`) or precision-recall curve (`ap`) where row n counts times[r, n].

    truth (N, A) in {-1, 0, 1}, scores (N, A), times (R, N) -> (R, A), NaN where a class is absent.
    Equal scores count as one step, as in scikit-learn.
    """
    results = np.full((len(times), truth.shape[1]), np.nan)
    for column in range(truth.shape[1]):
        known = np.flatnonzero(truth[:, column] >= 0)
        order = known[np.argsort(-scores[known, column], kind="stable")]
        if not len(order):
            continue
        ranked, positive = scores[order, column], truth[order, column] == 1
        starts = _steps(ranked, positive)
        counts = times[:, order]
        every = np.add.reduceat(counts, starts, axis=1, dtype=np.int64)  # (R, steps)
        counts[:, ~positive] = 0
        yes = np.add.reduceat(counts, starts, axis=1, dtype=np.int64)
        results[:, column] = _area(yes, every - yes, metric)
    return results


def _steps(ranked: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Where the steps of falling score begin; neighbouring steps without positives are one, which
    changes no area.
    """
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    found = np.add.reduceat(positive, starts, dtype=int) > 0
    return starts[np.r_[True, found[1:] | found[:-1]]]


def _area(yes: np.ndarray, no: np.ndarray, metric: str) -> np.ndarray:
    """The area from the positives and negatives at each step (R, steps) of falling score, (R,)."""
    found, false = yes.cumsum(1), no.cumsum(1)
    positives, negatives = found[:, -1], false[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        if metric == "auc":
            return (no * (found - yes / 2)).sum(1) / (positives * negatives)
        step = yes * found / np.maximum(found + false, 1)
        return np.where(negatives > 0, step.sum(1) / positives, np.nan)
