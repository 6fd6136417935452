"""Figures of attributes: intervals, attributes without labels, annotated neighbours."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex

from lib import vocabulary
from lib.figures import attributes as figures
from lib.figures import marks, palette, propagation, relations
from lib.figures.pages import three_digits


def test_gain_of_an_unlabelled_attribute_is_marked():
    """From rare to common, the unlabelled last."""
    columns = ("difference", "low", "high", "paper", "positive share (%)")
    rows = {
        "gender": (1.0, 0.0, 2.0, 0.5, 55.1),
        "left": (*[np.nan] * 3, 11.0, np.nan),
        "bald": (2.0, 1.0, 3.0, 6.9, 2.0),
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    labels = figures.gains(table, "points").axes[0].get_yticklabels()
    names = [label.get_text() for label in labels]
    assert names == ["bald (2 %)", "male (55 %)", "left (not labelled)"]


@pytest.mark.parametrize("known", [True, False])
def test_newly_labelled_faces_have_the_frame_of_the_truth(known):
    bald, none = vocabulary.column("bald"), torch.empty(0, dtype=torch.long)
    truth = torch.zeros(4, 24)
    truth[2, bald] = 1
    shown = {"used": {"bald": torch.tensor([1, 2])}, "literal": {"bald": none}}
    counts = pd.DataFrame(
        [[2, 50.0, 0, np.nan]],
        index=["bald"],
        columns=pd.MultiIndex.from_product([shown, ["given", "right (%)"]]),
    )
    images = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    posteriors = dict.fromkeys(shown, torch.full((4, 24), 0.97))
    figure = propagation.new_positives(
        images, posteriors, shown, counts, truth=truth if known else None
    )
    frames = [to_hex(p.get_edgecolor()).upper() for axes in figure.axes for p in axes.patches]
    assert frames == ([palette.ORANGE, palette.BLUE] if known else [])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert "bald, used: 2 faces, 50 % right" in titles
    assert "bald, literal: 0 faces" in titles


def test_dots_have_intervals_and_an_unlabelled_attribute_has_no_dot():
    ours = pd.DataFrame({"gender": [90.0, 80.0], "bald": [70.0, np.nan]}, index=["a", "b"])
    panel = figures.attributes(ours, (ours - 2, ours + 3), ours).axes[0]
    segments = [part for group in panel.collections for part in group.get_segments()]
    ends = {tuple(part[:, 0]) for part in segments if len(part)}
    assert ends == {(88.0, 93.0), (78.0, 83.0), (68.0, 73.0)}


@pytest.mark.parametrize("used", ["b", ""])
def test_the_variant_used_is_marked_and_the_others_stay(used):
    measured = {"log loss": [[0.2, 0.1, 0.3], [4, 3, 5]], "ROC AUC": [[91, 90, 92], [73, 72, 74]]}
    tables = {
        metric: pd.DataFrame(rows, index=["a", "b"], columns=["value", "low", "high"])
        for metric, rows in measured.items()
    }
    figure = propagation.variants(tables, tables, "log loss", used)
    words = figure.axes[0].get_yticklabels()
    bold = [label.get_text() for label in words if label.get_fontweight() == "bold"]
    assert bold == (["b (used)"] if used else [])
    assert len(words) == 2 and all(axes.get_title() for axes in figure.axes)
    assert [len(axes.patches) for axes in figure.axes] == [bool(used)] * 2


def test_small_differences_stay_small_and_panels_have_one_scale():
    flat = pd.DataFrame({"balanced at 0.5": [77.0, 77.1], "ROC AUC": [93.0, 92.9]})
    figure = figures.rounds({"DCN+AP": flat}, list(flat), pd.Series({0: 76.1, 1: 78.4}))
    spans = [float(np.ptp(axes.get_ylim())) for axes in figure.axes]
    assert spans == pytest.approx([marks.LEAST] * 2)
    assert all(axes.get_title() for axes in figure.axes)


@pytest.mark.parametrize(
    "value, text", [(79, "79.0"), (194, "194"), (1318.4, "1318"), (-0.5, "-0.500"), (999.7, "1000")]
)
def test_numbers_have_three_digits(value, text):
    assert three_digits(value) == text


def test_a_confusion_has_a_row_with_its_faces_and_their_probabilities():
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    probability = np.zeros((3, 7))
    probability[2, 4], probability[2, 6] = 0.75, 0.25
    figure = relations.misses(images, {(6, 4): np.array([2, 0])}, probability, columns=3)
    first, _, empty = figure.axes
    assert first.get_ylabel() == "neutral →\nsad\n(2 faces)"
    assert first.get_xlabel() == "sad 0.75\nneutral 0.25"
    assert not empty.images
    assert not relations.misses(images, {}, probability).axes[0].images
