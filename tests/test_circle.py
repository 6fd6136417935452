"""Fig. 3: the interpersonal circle, and the examples beside it."""

import numpy as np
import pytest
import torch
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from lib.evaluation import claims
from lib.figures import circle
from lib.figures.palette import GREEN
from lib.vocabulary import TRAITS


def test_of_two_opposite_segments_exactly_one_is_a_trait():
    half = len(circle.SEGMENTS) // 2
    for one, other in zip(circle.SEGMENTS[:half], circle.SEGMENTS[half:], strict=True):
        assert (one in TRAITS) != (other in TRAITS), (one, other)


def test_the_opposite_segment_is_among_the_negative_adjectives_of_table_3():
    words = claims.reported("table03")["Negative"].str.split("/")
    half, segments = len(circle.SEGMENTS) // 2, circle.SEGMENTS
    opposite = {trait: segments[(segments.index(trait) + half) % (2 * half)] for trait in TRAITS}
    named = {trait for trait in TRAITS if opposite[trait] in words[trait]}
    # Table 3 has other words for the opposites of the other three.
    assert named == set(TRAITS) - {"dominant", "competitive", "demonstrative"}


def test_every_segment_is_named_beside_its_wedge():
    axes = Figure().add_subplot()
    circle.circle(axes)
    wedges = [patch for patch in axes.patches if hasattr(patch, "theta1")]
    places = {text.get_text(): np.array(text.get_position()) for text in axes.texts}
    assert len(wedges) == len(circle.SEGMENTS)
    for name, wedge in zip(circle.SEGMENTS, wedges, strict=True):
        middle = np.radians((wedge.theta1 + wedge.theta2) / 2)
        direction = np.array([np.cos(middle), np.sin(middle)])
        assert places[name] / np.linalg.norm(places[name]) == pytest.approx(direction, abs=1e-9)
        assert same_color(wedge.get_facecolor()[:3], GREEN) == (name in TRAITS)
    assert places["dominant"][1] > 1 and places["friendly"][0] > 1 and places["hostile"][0] < -1


def test_each_trait_has_its_example_beside_its_counterexample():
    def example(shade: int):
        boxes = np.array([[10.0, 10, 20, 20], [50, 10, 20, 20]])
        return (torch.full((3, 45, 80), shade, dtype=torch.uint8), boxes), f"word {shade}"

    kinds = [(trait, holds) for trait in TRAITS for holds in (True, False)]
    given = {kind: example(10 * number) for number, kind in enumerate(kinds)}
    del given["warm", False]
    _, *panels = circle.trait_examples(given).axes
    assert len(panels) == len(kinds)
    for number, ((trait, holds), axes) in enumerate(zip(kinds, panels, strict=True)):
        assert axes.get_title().strip() == (trait if holds else f"not {trait}")
        words = [text.get_text() for text in axes.texts]
        if (trait, holds) == ("warm", False):
            assert "no such pair" in words and not axes.images
        else:
            assert words == [f"word {10 * number}"]
            assert axes.images[0].get_array()[0, 0].tolist() == [10 * number] * 3
            assert len(axes.patches) == 4  # two boxes, and the frames of both faces
