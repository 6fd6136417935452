"""Balanced accuracy (Eqn. 18) and other measures; agreement of annotators; calibration."""

import numpy as np
from sklearn import metrics as sklearn_metrics
from torch import Tensor

Array = np.ndarray | Tensor


def array(values: Array | float) -> np.ndarray:
    """A tensor or array as an array."""
    return np.asarray(values)


def balanced_accuracy(truth: Array, predicted: Array) -> float:
    """Eqn. 18: half the share of positives found plus half the share of negatives found.

    truth in {-1 missing, 0, 1} and predicted in {0, 1}, of the same size; entries without truth are
    left out. NaN if a class does not occur. ValueError if the sizes differ.
    """
    truth, predicted = array(truth).ravel(), array(predicted).ravel()
    if truth.shape != predicted.shape:
        raise ValueError(f"truth has {len(truth)} entries, predicted {len(predicted)}")
    positive, negative = truth == 1, truth == 0
    if not positive.any() or not negative.any():
        return float("nan")
    return float(0.5 * ((predicted[positive] == 1).mean() + (predicted[negative] == 0).mean()))


def plain_accuracy(truth: Array, predicted: Array) -> float:
    """Share of right decisions; entries with truth -1 are left out, NaN where none is left."""
    truth, predicted = array(truth).ravel(), array(predicted).ravel()
    known = truth >= 0
    return float((truth == predicted)[known].mean()) if known.any() else float("nan")


def class_frequency(labels: Array) -> np.ndarray:
    """Share of positives among the labels (N, A) that exist, (A,); NaN where none does."""
    labels = array(labels)
    known = (labels >= 0).sum(0)
    with np.errstate(invalid="ignore"):
        return (labels == 1).sum(0) / np.where(known, known, np.nan)


def thresholds(threshold: float | str | Array, truth: np.ndarray) -> np.ndarray:
    """A threshold per attribute (A,), from a number, an array (A,) or `"frequency"`.

    `"frequency"`: the class frequency of truth (N, A). ValueError for another word.
    """
    if isinstance(threshold, str):
        if threshold != "frequency":
            raise ValueError(f"unknown threshold {threshold!r}: a number, an array or 'frequency'")
        return class_frequency(truth)
    return np.broadcast_to(array(threshold).astype(float), truth.shape[1:])


def per_attribute(
    truth: Array,
    scores: Array,
    threshold: float | str | Array = 0.5,
    metric: str = "balanced",
) -> np.ndarray:
    """A measure of each attribute, (A,), from 0 to 1; NaN where a class does not occur.

    Parameters
    ----------
    truth
        (N, A) in {-1 missing, 0, 1}.
    scores
        (N, A), larger where an attribute is more likely; probabilities for a threshold of 0.5.
    threshold
        As in `thresholds`; the areas `auc` and `ap` do not use it.
    metric
        `balanced` (Eqn. 18), `plain`, `auc` (area under the ROC curve), `ap` (average precision).
    """
    truth, scores = array(truth), array(scores)
    if metric in ("balanced", "plain"):
        measure = balanced_accuracy if metric == "balanced" else plain_accuracy
        decided = scores > thresholds(threshold, truth)
        pairs = zip(truth.T, decided.T, strict=True)
        return np.array([measure(y, d.astype(int)) for y, d in pairs])
    measure = {
        "auc": sklearn_metrics.roc_auc_score,
        "ap": sklearn_metrics.average_precision_score,
    }[metric]
    values = []
    for y, s in zip(truth.T, scores.T, strict=True):
        known = y >= 0
        both = len(np.unique(y[known])) == 2
        values.append(measure(y[known], s[known]) if both else float("nan"))
    return np.array(values)


# Agreement, calibration, smoothing --------------------------------------------------------------


def fleiss_kappa(positive: Array, raters: int = 5) -> float:
    """Fleiss' kappa of yes/no votes: the number of raters that voted yes, (N,).

    1 is full agreement, 0 agreement by chance; also 1 if all votes are the same.
    """
    yes = array(positive).astype(float)
    counts = np.stack([yes, raters - yes], 1)  # (N, 2)
    agreement = ((counts**2).sum(1) - raters) / (raters * (raters - 1))
    share = counts.sum(0) / counts.sum()
    chance = (share**2).sum()
    return 1.0 if chance == 1 else float((agreement.mean() - chance) / (1 - chance))


def reliability(truth: Array, probability: Array, bins: int = 10) -> dict[str, np.ndarray]:
    """Mean probability, share of positives and number of entries in bins of equal width."""
    truth, probability = array(truth).ravel(), array(probability).ravel()
    known = truth >= 0
    truth, probability = truth[known], probability[known]
    place = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, probability, bins) / np.where(count, count, np.nan)
        share = np.bincount(place, truth, bins) / np.where(count, count, np.nan)
    return {"probability": mean, "share": share, "count": count}


def expected_calibration_error(truth: Array, probability: Array, bins: int = 10) -> float:
    """Mean gap between probability and share of positives, weighted by the bins' entries."""
    curve = reliability(truth, probability, bins)
    gap = np.abs(curve["probability"] - curve["share"])
    return float(np.nansum(gap * curve["count"]) / max(1, curve["count"].sum()))


def certainty(truth: Tensor, probability: Tensor) -> dict[str, float]:
    """How often probabilities are surer than 99 %, how often those are wrong, and calibration.

    truth (N, A) in {-1, 0, 1}, probability (N, A).
    """
    known = truth >= 0
    truth, probability = truth[known], probability[known]
    sure = (probability - 0.5).abs() > 0.49
    wrong = ((probability > 0.5) != (truth == 1)).float()
    return {
        "surer than 99 % (%)": 100 * float(sure.float().mean()),
        "wrong among those (%)": 100 * float(wrong[sure].mean()) if sure.any() else 0.0,
        "wrong among all (%)": 100 * float(wrong.mean()),
        "expected calibration error": expected_calibration_error(truth, probability),
    }


def moving_average(values: Array, window: int = 5) -> np.ndarray:
    """Centred mean over neighbouring frames (F, ...); shorter at both ends (Fig. 11)."""
    values = array(values).astype(float)
    reach = window // 2
    return np.stack([values[max(0, k - reach) : k + reach + 1].mean(0) for k in range(len(values))])
