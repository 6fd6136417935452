"""Several methods measured on the same labels, by the paper's measure and by others.

Balanced accuracy at a threshold of 0.5, the paper's measure, rewards a method for predicting rare
classes more often. With the class frequency of the training labels as threshold, and as areas
under the ROC and the precision-recall curve, which need no threshold, that gains nothing. The log
loss says whether probabilities can be believed.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from lib import vocabulary
from lib.data.faces import FaceSet, PairSet
from lib.evaluation import bootstrap, metrics, results
from lib.evaluation.bootstrap import Estimate
from lib.params import Params

# Name of the judgement -> threshold and metric of `metrics.per_attribute`; AP: average precision.
JUDGEMENTS: dict[str, tuple[float | str, str]] = {
    "balanced at 0.5": (0.5, "balanced"),
    "balanced at frequency": ("frequency", "balanced"),
    "ROC AUC": (0.5, "auc"),
    "AP": (0.5, "ap"),
    "plain at 0.5": (0.5, "plain"),
    "log loss": (0.5, "log loss"),  # a proper score: least where probabilities are right
    "called positive": (0.5, "called"),
    "precision at 0.5": (0.5, "precision"),
}
PAPER, FREQUENCY, AUC, PRECISION, PLAIN, LOG_LOSS, CALLED, HITS = JUDGEMENTS
# Unit of a value, of a difference; its factor.
UNITS = dict.fromkeys(JUDGEMENTS, ("%", "points", 100)) | {LOG_LOSS: ("nats", "nats", 1)}
AVERAGE = "average"  # the subset of all columns


@dataclass(frozen=True)
class Judge:
    """The labels and bootstrap samples on which all methods are measured.

    truth: (N, A) int8, -1 where unknown; an attribute without both classes has no result.
    frequency: (A,) share of positives among the training labels.
    resamples: bootstrap samples behind each 95 % interval, the same for all methods, so that
        differences are paired.
    names: of the A columns: the 24 attributes, or the eight traits.
    groups: (N,) rows that share a value are drawn together; None draws each row by itself.
    """

    truth: Tensor
    frequency: np.ndarray
    resamples: int = 1000
    seed: int = 0
    names: tuple[str, ...] = vocabulary.ATTRIBUTES
    groups: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        rows: FaceSet | PairSet,
        frequency: np.ndarray,
        params: Params,
        truth: Tensor | None = None,
        *,
        names: tuple[str, ...] = vocabulary.ATTRIBUTES,
    ) -> "Judge":
        """Faces or pairs, by their labels or by another `truth` (N, A) of theirs.

        Intervals are over people or couples: pictures of the same are not independent.
        """
        labels = rows.labels if truth is None else truth
        people = rows.table["identity"].to_numpy()
        return cls(labels, frequency, params.evaluation.bootstrap, params.seed, names, people)

    def rows(
        self,
        scores: Mapping[str, Tensor],
        judgements: Sequence[str] = (PAPER,),
        subsets: Sequence[str] | Mapping[str, Sequence[str]] = (AVERAGE,),
        *,
        part: str = "",
        intervals: bool = True,
    ) -> pd.DataFrame:
        """Rows of the long results table: every method by every judgement on every subset; NaN
        where a subset has no column with both classes.

        scores: method -> scores (N, A), where more is more positive; probabilities where a
            judgement has a threshold.
        judgements: names from `JUDGEMENTS`, which become the metric of a row.
        subsets: `"average"` (over all columns) and names of columns; or subset -> the columns that
            are averaged, e.g. `vocabulary.GROUPS`.
        part: written before the subset: `"movie"` gives the subset `"movie, average"`.
        intervals: whether to draw bootstrap samples for low and high; NaN otherwise.

        Example
        -------
        >>> table = judge.rows({"DCN+AP": p}, (PAPER, AUC), ("average", *judge.names))
        >>> work.record(table, judge.difference_rows(scores, [("DCN+AP", "control")]))
        """
        found = []
        for judgement in judgements:
            for method, score in scores.items():
                judged = self._judged(score, judgement, intervals)
                found += self._rows(judged, judgement, method, subsets, part)
        return pd.DataFrame(found, columns=list(results.RESULTS))

    def difference_rows(
        self,
        scores: Mapping[str, Tensor],
        pairs: Sequence[tuple[str, str]],
        judgements: Sequence[str] = (PAPER,),
        subsets: Sequence[str] | Mapping[str, Sequence[str]] = (AVERAGE,),
        *,
        part: str = "",
    ) -> pd.DataFrame:
        """Rows of paired differences on the same samples, in points; methods `"better - worse"`.

        pairs: (better, worse), two names of `scores` each. All else as in `rows`.
        """
        found = []
        for judgement in judgements:
            for better, worse in pairs:
                gain = self._gain(scores[better], scores[worse], judgement)
                method = f"{better} - {worse}"
                found += self._rows(gain, judgement, method, subsets, part, difference=True)
        return pd.DataFrame(found, columns=list(results.RESULTS))

    def _rows(
        self,
        judged: tuple[np.ndarray, np.ndarray],
        metric: str,
        method: str,
        subsets: Sequence[str] | Mapping[str, Sequence[str]],
        part: str,
        difference: bool = False,
    ) -> list[dict[str, object]]:
        """One row per subset, from values (A,) and their bootstrap samples (R, A)."""
        unit = UNITS[metric][difference]
        if not isinstance(subsets, Mapping):
            subsets = {name: self.names if name == AVERAGE else (name,) for name in subsets}
        found: list[dict[str, object]] = []
        for subset, columns in subsets.items():
            name = f"{part}, {subset}" if part else subset
            labels = {"metric": metric, "method": method, "subset": name}
            ends = results.ends(self._estimate(judged, metric, list(columns)))
            found.append({**labels, **ends, "unit": unit})
        return found

    def _judged(
        self, score: Tensor, judgement: str, intervals: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """One judgement of all columns (A,), and of each bootstrap sample (R, A).

        Without intervals R is 0. Samples are kept for the next table, as long as the scores exist.
        """
        values = self._values(score, judgement)
        if not intervals:
            return values, np.empty((0, len(values)))
        kept, key = self._kept.setdefault(score, {}), (judgement, score._version)
        if key not in kept:
            kept[key] = self._samples(score, judgement)
        return values, kept[key]

    @functools.cached_property
    def _kept(self) -> WeakIdKeyDictionary:
        return WeakIdKeyDictionary()

    def per_attribute(self, scores: dict[str, Tensor], judgement: str = PAPER) -> pd.DataFrame:
        """Without intervals: a row per method; columns average, then each attribute."""
        scale = UNITS[judgement][-1]
        rows = {name: scale * self._values(score, judgement) for name, score in scores.items()}
        table = pd.DataFrame(rows, index=list(self.names)).T
        table.insert(0, "average", table.mean(axis=1))
        return table.rename_axis("method")

    def summary(
        self,
        scores: dict[str, Tensor],
        wanted: Sequence[str] = (PAPER, FREQUENCY, AUC, PRECISION),
    ) -> pd.DataFrame:
        """Averages over the attributes: a row per method, a column per judgement."""
        return pd.DataFrame({j: self.per_attribute(scores, j)["average"] for j in wanted})

    def number(
        self, score: Tensor, judgement: str = PAPER, attributes: list[str] | None = None
    ) -> Estimate:
        """Average over all or some attributes with its interval; None if undefined."""
        return self._estimate(self._judged(score, judgement), judgement, attributes)

    def difference(
        self,
        better: Tensor,
        worse: Tensor,
        judgement: str = PAPER,
        attributes: list[str] | None = None,
    ) -> Estimate:
        """Average of `better` minus that of `worse` on the same faces."""
        return self._estimate(self._gain(better, worse, judgement), judgement, attributes)

    def contrast(
        self, better: Tensor, worse: Tensor, some: list[str], others: list[str]
    ) -> Estimate:
        """The gain of `better` over `worse` on some attributes minus its gain on the others."""
        gain = self._gain(better, worse, PAPER)
        (here, one), (there, two) = (self._average(*gain, part) for part in (some, others))
        return bootstrap.estimate(here - there, one - two)

    def largest_gain(self, better: Tensor, worse: Tensor) -> Estimate:
        """The gain of `better` over `worse` on the attribute where it is largest, in points.

        Its interval is that of `bootstrap.largest`.
        """
        return bootstrap.percent(*bootstrap.largest(*self._gain(better, worse, PAPER)))

    def margin(self, score: Tensor, name: str, *, average: bool = False) -> Estimate:
        """Balanced accuracy of the next hardest attribute minus that of one attribute, points.

        Positive where `name` is the hardest of all; the interval is that of `bootstrap.largest`.
        average: the mean of the other attributes takes the place of the next hardest.
        """
        values, samples = self._judged(score, PAPER)
        place = self.names.index(name)
        loss, losses = values[place] - values, samples[:, [place]] - samples
        loss[place] = np.nan  # not one of the others
        if average:
            value, drawn = self._average(loss, losses, None)
            return bootstrap.estimate(-value, -drawn)
        value, low, high = bootstrap.largest(loss, losses)
        return bootstrap.percent(0 - value, 0 - high, 0 - low)  # a tie is 0.0, not -0.0

    def _gain(self, better: Tensor, worse: Tensor, judgement: str) -> tuple[np.ndarray, np.ndarray]:
        (good, one), (bad, two) = (self._judged(score, judgement) for score in (better, worse))
        return good - bad, one - two

    def _estimate(
        self, judged: tuple[np.ndarray, np.ndarray], judgement: str, attributes: list[str] | None
    ) -> Estimate:
        """The average with its interval, in the unit of a judgement."""
        return bootstrap.estimate(*self._average(*judged, attributes), UNITS[judgement][-1])

    def _average(
        self, values: np.ndarray, samples: np.ndarray, attributes: list[str] | None
    ) -> tuple[float, np.ndarray]:
        """Means over those of the attributes that are defined: one number, and (R,).

        An attribute whose few positives are in none of a sample's faces keeps its own value there:
        without it the sample's mean would be one over other attributes.
        """
        columns = [self.names.index(name) for name in attributes or self.names]
        columns = [column for column in columns if np.isfinite(values[column])]
        if not columns:
            return float("nan"), np.full(len(samples), np.nan)
        drawn = samples[:, columns]
        known = np.isfinite(drawn)
        means = np.where(known, drawn, values[columns]).mean(1)
        return float(values[columns].mean()), np.where(known.any(1), means, np.nan)

    def _measure(self, judgement: str) -> tuple[float | np.ndarray, str]:
        """Threshold, one or (A,), and metric of a judgement."""
        threshold, metric = JUDGEMENTS[judgement]
        return self.frequency if isinstance(threshold, str) else threshold, metric

    def _values(self, score: Tensor, judgement: str) -> np.ndarray:
        return metrics.per_attribute(self.truth, score, *self._measure(judgement))

    @functools.cached_property
    def _labelled(self) -> np.ndarray:
        """Which rows have a label at all, (N,) bool."""
        return np.any(np.asarray(self.truth) >= 0, axis=1)

    @functools.cached_property
    def _counts(self) -> np.ndarray:
        """How often each labelled row counts in each bootstrap sample, (R, rows)."""
        rows = self._labelled
        groups = None if self.groups is None else self.groups[rows]
        counts = bootstrap.sample_counts(int(rows.sum()), self.resamples, self.seed, groups)
        return counts.astype(np.int16)  # a quarter of the memory to go through

    def _samples(self, score: Tensor, judgement: str) -> np.ndarray:
        """The judgement in every bootstrap sample of the faces, (R, A)."""
        threshold, metric = self._measure(judgement)
        truth, scores = (np.asarray(part)[self._labelled] for part in (self.truth, score))
        if metric in ("auc", "ap"):
            return bootstrap.areas(truth, scores, metric, self._counts)
        decided = scores > threshold
        if metric == "balanced":
            return bootstrap.balanced_samples(truth, decided, self._counts)
        times, parts = self._counts.astype(float), metrics.fraction(truth, scores, decided, metric)
        above, below = (times @ part.astype(float) for part in parts)
        return above / np.where(below, below, np.nan)
