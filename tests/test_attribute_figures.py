"""Figures of attributes: intervals, attributes without labels, annotated neighbours."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex

from lib import vocabulary
from lib.figures import attributes as figures
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
    assert names == ["bald (2 %)", "gender (55 %)", "left (not labelled)"]


def test_a_newly_labelled_face_stands_before_the_neighbours_that_are_annotated():
    bald, count = vocabulary.column("bald"), len(vocabulary.ATTRIBUTES)
    labels, truth = torch.full((4, count), -1), torch.zeros(4, count)
    labels[2, bald], labels[3, bald] = 1, 0
    rows = {
        "bald": (torch.tensor([1]), torch.tensor([[2, 3]])),
        "goatee": (torch.empty(0, dtype=torch.long), torch.empty(0, 2, dtype=torch.long)),
    }
    images = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    posterior = torch.full((4, count), 0.97)
    axes = figures.new_positives(images, posterior, labels, rows, truth=truth).axes
    assert [each.get_title() for each in axes[:3]] == ["bald 0.97", "annotated yes", "annotated no"]
    assert [to_hex(p.get_edgecolor()) for p in axes[0].patches] == [figures.COLOURS[1].lower()]
    assert len(axes) == 3, "no face was given a goatee"


def test_propagation_without_new_positives_leaves_an_empty_sheet():
    none = torch.empty(0, dtype=torch.long), torch.empty(0, 2, dtype=torch.long)
    empty, images = torch.zeros(4, 24), torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    figure = figures.new_positives(images, empty, empty, {"bald": none}, truth=None)
    assert not any(each.images for each in figure.axes)


def test_dots_have_intervals_and_an_unlabelled_attribute_has_no_dot():
    ours = pd.DataFrame({"gender": [90.0, 80.0], "bald": [70.0, np.nan]}, index=["a", "b"])
    panel = figures.attributes(ours, (ours - 2, ours + 3), ours).axes[0]
    segments = [part for group in panel.collections for part in group.get_segments()]
    ends = {tuple(part[:, 0]) for part in segments if len(part)}
    assert ends == {(88.0, 93.0), (78.0, 83.0), (68.0, 73.0)}


@pytest.mark.parametrize(
    "value, text", [(79, "79.0"), (194, "194"), (1318.4, "1318"), (-0.5, "-0.500"), (999.7, "1000")]
)
def test_numbers_have_three_digits(value, text):
    assert three_digits(value) == text
