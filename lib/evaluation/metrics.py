"""Balanced accuracy (Eqn. 18) and other measures; agreement of annotators; calibration."""

import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

Array = np.ndarray | Tensor
AREAS = {"auc": roc_auc_score, "ap": average_precision_score}
FRACTIONS = ("plain", "called", "precision", "log loss")


def check_values(name: str, values: np.ndarray, allowed: tuple[int, ...]) -> None:
    """ValueError where an entry is none of the allowed values."""
    odd = ~np.isin(values, allowed)
    if odd.any():
        wanted = ", ".join(map(str, allowed))
        raise ValueError(f"{name} holds {values[odd].flat[0]!r}; its values must be of {wanted}")


def pair(truth: Array, predicted: Array, names: str = "predicted") -> tuple[np.ndarray, np.ndarray]:
    """Truth and predictions as arrays; ValueError where their shapes differ, or truth is none of
    -1, 0 and 1.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.shape != predicted.shape:
        same = truth.ndim == predicted.ndim == 1
        sizes = (len(truth), len(predicted)) if same else (truth.shape, predicted.shape)
        raise ValueError(f"truth has {sizes[0]} entries, {names} {sizes[1]}")
    check_values("truth", truth, (-1, 0, 1))
    return truth, predicted


def check_probabilities(values: np.ndarray) -> None:
    """ValueError where a probability is NaN or outside of [0, 1]."""
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a probability is NaN or not in [0, 1]: take the sigmoid of logits")


def balanced_accuracy(truth: Array, predicted: Array) -> float:
    """Eqn. 18: half the share of positives found plus half the share of negatives found.

    truth in {-1 missing, 0, 1} and predicted in {0, 1}, of the same size; entries without truth are
    left out. NaN if a class does not occur. ValueError for other sizes and values.
    """
    truth, predicted = pair(truth, predicted)
    check_values("predicted", predicted, (0, 1))
    positive, negative = truth == 1, truth == 0
    if not positive.any() or not negative.any():
        return float("nan")
    return float(0.5 * ((predicted[positive] == 1).mean() + (predicted[negative] == 0).mean()))


def class_frequency(labels: Array) -> np.ndarray:
    """Share of positives among the labels (N, A) that exist, (A,); NaN where none does.

    ValueError for labels of another shape, or other values than -1, 0 and 1.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2:
        raise ValueError(f"labels must be (N, A), found {labels.shape}")
    check_values("labels", labels, (-1, 0, 1))
    known = (labels >= 0).sum(0)
    with np.errstate(invalid="ignore"):
        return (labels == 1).sum(0) / np.where(known, known, np.nan)


def thresholds(threshold: float | str | Array, truth: np.ndarray) -> np.ndarray:
    """A threshold per attribute (A,), from a number, an array (A,) or `"frequency"`.

    `"frequency"`: the class frequency of truth (N, A). ValueError for another word or shape.
    """
    if isinstance(threshold, str):
        if threshold != "frequency":
            raise ValueError(f"unknown threshold {threshold!r}: a number, an array or 'frequency'")
        return class_frequency(truth)
    values = np.asarray(threshold, float)
    if values.shape not in ((), truth.shape[1:]):
        raise ValueError(f"thresholds are {values.shape}, labels have {truth.shape[1]} attributes")
    return np.broadcast_to(values, truth.shape[1:])


def per_attribute(
    truth: Array,
    scores: Array,
    threshold: float | str | Array = 0.5,
    metric: str = "balanced",
) -> np.ndarray:
    """A measure of each attribute, (A,), from 0 to 1; NaN where a class does not occur.

    truth: (N, A) in {-1 missing, 0, 1}. scores: (N, A), larger where an attribute is more likely;
    probabilities for a threshold of 0.5. threshold: as in `thresholds`; `auc` and `ap` do not use
    it. metric: `balanced` (Eqn. 18), `auc` (area under the ROC curve), `ap` (average precision), or
    one of `fraction`. ValueError for other shapes, labels or measures, and a score that is NaN.
    """
    truth, scores = pair(truth, scores, "scores")
    if truth.ndim != 2:
        raise ValueError(f"truth must be (N, A), found {truth.shape}")
    if np.isnan(scores).any():
        raise ValueError("a score is NaN: it can be compared with nothing")
    if metric not in (known := ("balanced", *AREAS, *FRACTIONS)):
        raise ValueError(f"no measure {metric!r}: use one of {', '.join(known)}")
    decided = scores > thresholds(threshold, truth)
    if metric == "balanced":
        pairs = zip(truth.T, decided.T, strict=True)
        return np.array([balanced_accuracy(y, d.astype(int)) for y, d in pairs])
    if metric in FRACTIONS:
        above, below = (part.sum(0) for part in fraction(truth, scores, decided, metric))
        return above / np.where(below, below, np.nan)
    values = np.full(truth.shape[1], np.nan)
    for a, (y, s) in enumerate(zip(truth.T, scores.T, strict=True)):
        if {0, 1} <= set(y):
            values[a] = AREAS[metric](y[y >= 0], s[y >= 0])
    return values


def fraction(
    truth: np.ndarray, scores: np.ndarray, decided: np.ndarray, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator (N, A) whose sums over faces give a measure of each attribute.

    `plain`: right decisions; `called`: decided positive; `precision`: truly positive among those;
    `log loss`: -log of the probability of the truth, in nats, at most 16 (probabilities are kept
    1e-7 away from 0 and 1). Entries without truth are left out.
    """
    known, positive = truth >= 0, truth == 1
    if metric == "precision":
        return known & decided & positive, known & decided
    if metric == "log loss":
        stated = np.clip(np.where(positive, scores, 1 - scores), 1e-7, 1)
        return np.where(known, -np.log(stated), 0.0), known
    return known & (decided if metric == "called" else decided == positive), known


def prior_removed(logits: Tensor, frequency: np.ndarray) -> Tensor:
    """Logits (N, A) minus the log-odds of the class frequency (A,) in training: what the network
    would say if both classes were equally common (Menon et al. 2021). No training is needed.
    """
    share = torch.as_tensor(frequency, dtype=logits.dtype).clamp(1e-4, 1 - 1e-4).nan_to_num(0.5)
    return logits - share.logit()


# Agreement, calibration, smoothing --------------------------------------------------------------


def fleiss_kappa(positive: Array, raters: int = 5) -> float:
    """Fleiss' kappa of yes/no votes: the number of raters that voted yes, (N,).

    1 is full agreement, 0 agreement by chance; also 1 if all votes are the same. ValueError where
    there are no votes, or more than raters.
    """
    yes = np.asarray(positive, float)
    if raters < 2 or not yes.size or yes.ndim != 1:
        raise ValueError(f"votes must be (N,) of 2 raters or more, found {yes.shape} of {raters}")
    if not ((yes >= 0) & (yes <= raters)).all():
        raise ValueError(f"a number of votes is not in [0, {raters}]")
    counts = np.stack([yes, raters - yes], 1)  # (N, 2)
    agreement = ((counts**2).sum(1) - raters) / (raters * (raters - 1))
    share = counts.sum(0) / counts.sum()
    chance = (share**2).sum()
    return 1.0 if chance == 1 else float((agreement.mean() - chance) / (1 - chance))


def reliability(truth: Array, probability: Array, bins: int = 10) -> dict[str, np.ndarray]:
    """Mean probability, share of positives and number of entries in bins of equal width.

    truth in {-1 missing, 0, 1}, probability in [0, 1], of the same shape. ValueError otherwise.
    """
    truth, probability = pair(truth, probability, "probability")
    check_probabilities(probability)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, found {bins}")
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


def moving_average(values: Array, window: int = 5) -> np.ndarray:
    """Centred mean over neighbouring frames (F, ...); shorter at both ends (Fig. 11)."""
    values = np.asarray(values, float)
    if window < 1 or values.ndim < 1:
        raise ValueError(f"a window of {window} over {values.shape}: take at least one frame")
    reach = window // 2
    return np.stack([values[max(0, k - reach) : k + reach + 1].mean(0) for k in range(len(values))])
