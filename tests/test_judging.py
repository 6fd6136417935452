"""Methods measured on the same labels: intervals, differences, and labels that are missing."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from lib import vocabulary
from lib.evaluation import bootstrap, judging, metrics, results
from tests.small import faces_of, settings


@pytest.fixture(scope="module")
def measured():
    """120 faces of which a fifth of the labels are unknown; scores with many ties."""
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(120, 24, generator=generator) < 0.3).to(torch.int8)
    scores = (0.4 * truth + 0.6 * torch.rand(120, 24, generator=generator)).mul(10).round() / 10
    truth[torch.rand(120, 24, generator=generator) < 0.2] = -1
    truth[:, 3] = -1
    truth[:, 4] = truth[:, 4].clamp(max=0)  # no positives
    return truth, scores


@pytest.fixture(scope="module")
def judge(measured):
    """The measurement of those labels, at thresholds that are their own frequencies."""
    return judging.Judge(measured[0], metrics.class_frequency(measured[0]), resamples=200)


NOTHING = {"value": None, "low": None, "high": None}


@pytest.mark.parametrize("metric", ["auc", "ap"])
def test_weighted_areas_are_those_of_repeated_rows(measured, metric):
    truth, scores = (part.numpy() for part in measured)
    times = bootstrap.sample_counts(120, 4, seed=1)
    ours = bootstrap.areas(truth, scores, metric, times)
    measure = {"auc": roc_auc_score, "ap": average_precision_score}[metric]
    for sample, count in enumerate(times):
        rows = np.repeat(np.arange(120), count)
        for column in range(24):
            known = rows[truth[rows, column] >= 0]
            if len(np.unique(truth[known, column])) < 2:
                assert np.isnan(ours[sample, column])
            else:
                expected = measure(truth[known, column], scores[known, column])
                assert ours[sample, column] == pytest.approx(expected)


@pytest.mark.parametrize("judgement", judging.JUDGEMENTS)
def test_result_is_inside_its_interval(measured, judge, judgement):
    _, scores = measured
    result = judge.number(scores, judgement)
    assert result["low"] < result["value"] < result["high"]
    table = judge.per_attribute({"one": scores}, judgement)
    assert result["value"] == pytest.approx(table.loc["one", "average"])
    assert np.isnan(table.loc["one", "frontal"])  # not labelled


def test_a_method_does_not_differ_from_itself(measured, judge):
    truth, scores = measured
    assert judge.difference(scores, scores) == {"value": 0, "low": 0, "high": 0}
    better = torch.where(truth >= 0, truth, 0).float()
    assert judge.difference(better, scores)["low"] > 0
    assert judge.number(scores, attributes=["frontal"])["value"] is None


@pytest.mark.parametrize("judgement", judging.JUDGEMENTS)
def test_without_a_label_no_number_is_defined(measured, judgement):
    _, scores = measured
    truth, people = torch.full((120, 24), -1, dtype=torch.int8), np.arange(120) // 3
    judge = judging.Judge(truth, np.full(24, 0.5), resamples=10, groups=people)
    assert judge.number(scores, judgement) == NOTHING
    assert judge.difference(scores, scores, judgement) == NOTHING
    rows = judge.rows({"one": scores}, (judgement,), ("average", "happy"))
    assert rows[["value", "low", "high"]].isna().all(axis=None)
    assert judge.margin(scores, "happy") == judge.largest_gain(scores, scores) == NOTHING


def test_a_contrast_is_a_difference_of_differences(measured, judge):
    truth, scores = measured
    better = scores.clone()
    better[:, 1] = truth[:, 1]
    some, others = ["left_profile"], ["left", "happy"]
    result = judge.contrast(better, scores, some, others)
    assert result["value"] == judge.difference(better, scores, attributes=some)["value"]
    assert 0 < result["low"] < result["value"] < result["high"]


def test_class_frequency_is_a_threshold():
    truth = torch.tensor([[1], [0], [0], [0]], dtype=torch.int8).repeat(1, 24)
    scores = torch.tensor([[0.4], [0.1], [0.2], [0.2]]).repeat(1, 24)
    judge = judging.Judge(truth, np.full(24, 0.25))
    table = judge.summary({"one": scores})
    assert table.loc["one", judging.PAPER] == 50
    assert table.loc["one", judging.FREQUENCY] == 100


@pytest.mark.parametrize("judgement", judging.JUDGEMENTS)
def test_rows_of_one_group_are_drawn_together(measured, judge, judgement):
    truth, scores = measured
    groups = np.repeat(np.arange(len(truth)), 2)
    twice = judging.Judge(truth[groups], judge.frequency, judge.resamples, groups=groups)
    ours, expected = twice.number(scores[groups], judgement), judge.number(scores, judgement)
    assert ours == pytest.approx(expected, rel=1e-5)  # as if every row stood there once


@pytest.mark.parametrize("own", [True, False])
def test_the_faces_of_a_person_are_drawn_together(measured, own):
    truth, scores = measured
    people = [f"person {k // 4:02}" for k in range(len(truth))]
    faces = faces_of(truth if own else torch.zeros_like(truth), identity=people)
    frequency = metrics.class_frequency(truth)
    found = judging.Judge.of(faces, frequency, settings(seed=5), None if own else truth)
    expected = judging.Judge(truth, frequency, 1000, 5, groups=np.arange(len(truth)) // 4)
    assert found.number(scores) == expected.number(scores)


def test_largest_of_many_null_effects_is_rarely_significant():
    """Eight effects of true size 0, each measured with error 1: how often is one found?"""
    generator = np.random.default_rng(0)
    naive = found = missed = 0
    for _ in range(300):
        values = generator.normal(size=8)
        samples = values + generator.normal(size=(400, 8))
        value, low, high = bootstrap.largest(values, samples)
        assert low < value < high and value == values.max()
        naive += np.quantile(samples[:, values.argmax()], 0.025) > 0
        found += low > 0
        missed += high < 0
    assert naive > 30  # 2.5 % of 300 would be 7.5: the error that must not be made
    assert found < 18 and missed < 18  # four standard deviations above that


def test_the_largest_of_one_is_its_percentile_interval():
    values = np.array([0.3, np.nan])
    samples = np.random.default_rng(0).normal(0.3, 0.1, (4000, 2)) * [1, np.nan]
    expected = (0.3, *np.quantile(samples[:, 0], [0.025, 0.975]))
    assert bootstrap.largest(values, samples) == pytest.approx(expected, abs=0.01)


def test_margin_of_an_attribute_is_to_the_next_hardest(measured, judge):
    truth = measured[0]
    scores = torch.where(truth >= 0, truth, 0).float()  # never wrong
    scores[:20, 8] = 1 - scores[:20, 8]
    scores[:10, 9] = 1 - scores[:10, 9]
    each = judge.per_attribute({"one": scores}).loc["one"]
    eighth, ninth = (vocabulary.ATTRIBUTES[place] for place in (8, 9))
    margin = judge.margin(scores, eighth)
    assert margin["value"] == pytest.approx(each[ninth] - each[eighth])
    assert judge.margin(scores, ninth)["value"] == pytest.approx(-margin["value"])
    assert margin["low"] < margin["value"] < margin["high"]
    tie = judge.margin(torch.zeros_like(scores), eighth)
    assert [str(end) for end in tie.values()] == ["0.0"] * 3


def test_rows_are_numbers_and_differences_of_every_subset(measured, judge):
    _, scores = measured
    both, groups = {"one": scores, "two": scores.flip(0)}, {"two of them": ["happy", "sad"]}
    table = judge.rows(both, (judging.PAPER, judging.AUC), ("average", "happy", "frontal"))
    assert len(table) == 2 * 2 * 3 and set(table["unit"]) == {"%"}
    wanted = judge.number(both["two"], judging.AUC, ["happy"])
    row = results.select(table, metric=judging.AUC, method="two", subset="happy").iloc[0]
    assert dict(row[["value", "low", "high"]]) == pytest.approx(wanted)
    assert results.select(table, subset="frontal")["value"].isna().all()  # never labelled
    gain = judge.difference_rows(both, [("one", "two")], subsets=groups, part="movie")
    wanted = judge.difference(both["one"], both["two"], attributes=["happy", "sad"])
    assert gain.loc[0, ["value", "low", "high"]].tolist() == pytest.approx([*wanted.values()])
    labels = gain.loc[0, ["metric", "method", "subset", "unit"]].tolist()
    assert labels == [judging.PAPER, "one - two", "movie, two of them", "points"]
    quick = judge.rows(both, (judging.PAPER,), intervals=False)
    assert quick["low"].isna().all() and quick["value"].notna().all()


def test_an_attribute_without_positives_in_a_sample_keeps_its_value_in_the_average():
    """Else the average of such samples would be one over the other attribute alone, 100 %."""
    truth = torch.tensor([[1, 1], [1, 0], [0, 0], [0, 0]], dtype=torch.int8)
    scores = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.1, 0.1], [0.1, 0.1]])  # 100 % and 50 %
    judge = judging.Judge(truth, np.full(2, 0.5), 200, names=("one", "two"))
    assert judge.number(scores) == pytest.approx({"value": 75, "low": 75, "high": 75})


def test_samples_are_kept_until_the_scores_change():
    truth = torch.tensor([[0], [1], [0], [1], [0], [1]], dtype=torch.int8)
    judge = judging.Judge(truth, np.array([0.5]), 20)
    scores = torch.tensor([[0.1], [0.9], [0.2], [0.8], [0.6], [0.4]])
    first = judge._judged(scores, judging.AUC)[1]
    assert judge._judged(scores, judging.AUC)[1] is first
    scores[5] = 0.7
    assert np.nanmean(judge._judged(scores, judging.AUC)[1]) > np.nanmean(first)


def test_a_text_has_as_many_digits_as_its_unit_and_size_ask_for():
    def row(method, unit, value):
        ends = {"value": value, "low": value - 0.04, "high": value + 0.04}
        return {"metric": "m", "method": method, "subset": "", "unit": unit, **ends}

    rows = [row("a", "%", 81.23), row("b", "points", 0.01), row("c", "points", 1.2)]
    rows += [row("d", "nats", 0.2), row("e - d", "nats", 2)]
    table = results.intervals(pd.DataFrame(rows))["m"]
    assert table["a"] == "81.2 [81.2, 81.3]"
    assert table["b"] == "+0.01 [-0.03, +0.05]"
    assert table["c"] == "+1.2 [+1.2, +1.2]"
    assert table["d"] == "0.200 [0.160, 0.240]"
    assert table["e - d"] == "+2.00 [+1.96, +2.04]"
