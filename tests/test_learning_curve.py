"""Accuracy by number of training faces: which faces a part has, and what learns from it."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib import training
from lib.data.faces import FaceSet
from lib.evaluation import baselines, metrics
from lib.evaluation.judging import AUC, PAPER, Judge
from lib.experiments import learning_curve, networks
from lib.figures import attributes
from lib.params import EvaluationParams, Params, TrainParams
from tests import small

# 60 people of three faces each in one source, 20 of one face each in another; mixed.
NAMES = [*(f"a{k // 3}" for k in range(180)), *(f"b{k}" for k in range(20))]
TABLE = (
    pd.DataFrame({"identity": NAMES, "source": ["a"] * 180 + ["b"] * 20})
    .sample(frac=1, random_state=0)
    .reset_index(drop=True)
)
COUNTS = st.integers(1, 200)


@given(COUNTS, COUNTS, st.integers(0, 9))
def test_a_smaller_part_is_in_every_larger_one(one, two, seed):
    few, many = (learning_curve.part(TABLE, n, seed=seed) for n in sorted((one, two)))
    assert len(few) == min(one, two)
    assert set(few.tolist()) <= set(many.tolist())
    assert (many.diff() > 0).all()


@given(COUNTS, st.integers(0, 9))
def test_a_part_has_the_sources_in_their_proportions(count, seed):
    chosen = TABLE.iloc[learning_curve.part(TABLE, count, seed=seed).numpy()]
    for source, share in (("a", 0.9), ("b", 0.1)):
        assert abs((chosen["source"] == source).sum() - share * count) <= 1


@given(COUNTS, st.integers(0, 9))
def test_a_part_has_all_faces_of_its_people_but_of_one_person_of_each_source(count, seed):
    chosen = TABLE.iloc[learning_curve.part(TABLE, count, seed=seed).numpy()]
    there, whole = chosen["identity"].value_counts(), TABLE["identity"].value_counts()
    cut = there[there < whole[there.index]]
    assert len(cut) <= 1  # in source b a person has one face


def test_the_seed_chooses_the_people():
    parts = [set(learning_curve.part(TABLE, 40, seed=seed).tolist()) for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]


def test_numbers_of_faces_that_are_not_there_are_left_out():
    assert learning_curve.smaller((500, 100, 100, 200, 50), 200) == [50, 100]
    assert learning_curve.smaller((100,), 200) == [100]


def settings(*counts: int) -> Params:
    measured = EvaluationParams(learning_curve=counts, bootstrap=20)
    return small.settings(stage1=TrainParams(epochs=1, batch=10, rate=0.01), evaluation=measured)


def faces(count: int, seed: int) -> FaceSet:
    labels = small.noise(count, 24, high=3, seed=seed).to(torch.int8) - 1
    images, people = small.noise(count, 3, 34, 34, seed=seed), TABLE.head(count)
    return small.faces_of(labels, images, visible=labels, **people)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with 20 and all 40 faces: parameters, faces, logits, folder of its states."""
    params, train, test = settings(20), faces(40, 1), faces(30, 2)
    whole = torch.randn(30, 24, generator=torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("runs")
    return params, train, test, whole, folder, learning_curve.run(
        train, test, whole, params, folder=folder
    )  # fmt: skip


def test_the_network_of_all_faces_is_not_trained_again(trained):
    _, train, _, whole, folder, curve = trained
    assert list(curve) == [20, 40]
    assert torch.equal(curve[40]["Baseline DCN"], whole)
    assert {path.name.split("-")[0] for path in folder.glob("*.safetensors")} == {"faces20"}
    frequency = metrics.class_frequency(train.visible)
    removed = metrics.prior_removed(whole, frequency)
    assert torch.equal(curve[40]["Baseline DCN, prior removed"], removed)


def test_each_part_teaches_a_network_with_the_same_first_weights_and_svms(trained):
    params, train, test, _, _, curve = trained
    some = train.select(learning_curve.part(train.table, 20))
    model = networks.dcn(params)
    recipe = {"train": params.stage1, "size": 32, "seed": 0, "description": None}
    training.fit(model, some.images, some.visible, **recipe)
    logits = training.extract(model, test.images, size=32)[1]
    torch.testing.assert_close(curve[20]["Baseline DCN"], logits)
    machines = baselines.fit_svms(baselines.hog(some.images), some.visible)
    decided = torch.from_numpy(machines.scores(baselines.hog(test.images))).float()
    torch.testing.assert_close(curve[20]["HOG+SVM"], decided)


def test_a_run_that_is_repeated_trains_nothing(trained, monkeypatch):
    params, train, test, whole, folder, curve = trained
    monkeypatch.setattr(training.loop.Run, "_epoch", lambda *_: pytest.fail("it trains again"))
    again = learning_curve.run(train, test, whole, params, folder=folder)
    torch.testing.assert_close(again[20]["Baseline DCN"], curve[20]["Baseline DCN"])


def judge_of(trained) -> Judge:
    return Judge(trained[2].labels, np.full(24, 0.5), resamples=20)


def test_every_number_of_faces_is_measured_by_both_metrics(trained):
    curve, judge = trained[-1], judge_of(trained)
    measured = learning_curve.rows(curve, judge)
    assert len(measured) == 2 * 3 + 2 * 2
    assert not measured.duplicated(["metric", "method", "subset"]).any()
    table = learning_curve.table(curve, measured)
    scores = curve[20]["HOG+SVM"].sigmoid()
    assert table.loc[(PAPER, "HOG+SVM", 20), "value"] == judge.number(scores)["value"]
    gains = learning_curve.gains(curve, judge).set_index(["method", "subset"])["value"]
    assert gains[("", "fewest")] == 20
    assert gains[("", "all")] == 40
    auc = table.loc[AUC].loc["HOG+SVM", "value"]
    pair = "HOG+SVM, all faces - HOG+SVM, fewest faces"
    assert gains[(pair, "average")] == pytest.approx(auc[40] - auc[20])


def test_one_number_of_faces_has_no_gain(trained):
    assert learning_curve.gains({40: trained[-1][40]}, judge_of(trained)).empty


@pytest.mark.parametrize("counts", [(2500, 5000, 20_000), (400,)])
def test_the_figure_names_each_line_and_marks_the_true_numbers(counts):
    methods = {PAPER: ("HOG+SVM", "DCN", "DCN, prior removed"), AUC: ("HOG+SVM", "DCN")}
    keys = [(m, name, n) for m, names in methods.items() for name in names for n in counts]
    index = pd.MultiIndex.from_tuples(keys, names=["metric", "method", "faces"])
    ends = {"value": 70.0, "low": 69.0, "high": 71.0}
    figure = attributes.by_faces(pd.DataFrame(ends, index))
    assert [axes.get_title() for axes in figure.axes] == [PAPER, AUC]
    for axes, names in zip(figure.axes, methods.values(), strict=True):
        ticks = [label.get_text() for label in axes.get_xticklabels()]
        assert ticks == [f"{count:,}" for count in counts]
        assert [text.get_text().replace("\n", " ") for text in axes.texts] == list(names)
        heights = [text.get_position()[1] for text in axes.texts]
        assert (np.diff(heights) > 0).all()  # equal ends, and yet the names are apart
    figure.draw_without_rendering()
