"""Figures 1 and 9 to 11: bars and faces of a pair, petals, the part of a picture that is shown, the
grid of cases, a profile."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from lib.figures import movie, teaser
from lib.figures import scenes as figures
from lib.vocabulary import TRAITS


def noise(high: int, wide: int) -> torch.Tensor:
    return torch.randint(0, 256, (3, high, wide), generator=torch.Generator().manual_seed(1)).byte()


def test_a_petal_is_as_long_as_its_probability():
    axes = Figure().add_subplot(projection="polar")
    probability = np.array([0.9, 0.2, 0.5, 0.6, 1.0, 0.0, 0.51, 0.49])
    figures.petals(axes, probability, truth=np.array([1, 0, 0, 1, 0, 0, 0, 0]))
    petals = axes.patches
    assert [petal.get_height() for petal in petals] == pytest.approx(probability)
    assert [petal.get_alpha() > 0.5 for petal in petals] == (probability > 0.5).tolist()
    middles = [petal.get_x() + petal.get_width() / 2 for petal in petals]
    assert middles == pytest.approx(figures.ANGLES)
    hard = [same_color(petal.get_facecolor()[:3], figures.ORANGE) for petal in petals]
    assert [name for name, yes in zip(TRAITS, hard, strict=True) if yes] == list(figures.HARD)
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    yes, no = (dot.get_xdata() for dot in dots)
    assert yes == pytest.approx(figures.ANGLES[[0, 3]])
    assert no == pytest.approx(figures.ANGLES[[1, 2, 4, 5, 6, 7]])
    assert [dot.get_markerfacecolor() for dot in dots] == ["black", "white"]
    names = {text.get_text(): text.get_position()[0] for text in axes.texts}
    assert names == pytest.approx(dict(zip(TRAITS, figures.ANGLES, strict=True)))


def test_both_faces_are_shown_below_their_picture():
    image, boxes = red_and_green()
    shown, same = figures.with_faces((image, boxes))
    below = shown[:, 90:]
    assert (same == boxes).all() and (shown[:, :90] == image).all()
    assert below.shape[1:] == (64 + 3, 160)  # 40 % of the width, and a gap
    middle = below[:, 35]
    assert middle[:, 80 - 34].tolist() == [255, 0, 0] and middle[:, 80 + 34].tolist() == [0, 255, 0]
    assert 0.4 < float((below[0, 3:, 12:78] == 255).float().mean()) < 0.75  # the face fills it


def red_and_green():
    """A picture (3, 90, 160) with a red face and a green one, and their boxes."""
    image = torch.zeros(3, 90, 160, dtype=torch.uint8)
    image[0, 20:50, 10:40], image[1, 30:60, 110:140] = 255, 255
    return image, np.array([[10, 20, 30, 30], [110, 30, 30, 30]])


def test_each_face_below_is_framed_in_the_colour_of_its_box():
    axes = Figure().add_subplot()
    figures.closeup(axes, red_and_green())
    picture = axes.images[0].get_array()
    boxes, frames = axes.patches[:2], axes.patches[2:]
    assert len(frames) == 2
    for box, frame in zip(boxes, frames, strict=True):
        assert same_color(box.get_edgecolor(), frame.get_edgecolor())
        middles = [
            picture[int(p.get_y() + p.get_height() / 2), int(p.get_x() + p.get_width() / 2)]
            for p in (box, frame)
        ]
        assert middles[0].tolist() == middles[1].tolist() != [0, 0, 0]  # the same face
        assert frame.get_y() > 90 and frame.get_y() + frame.get_height() <= len(picture)


def test_bars_of_a_pair_are_as_long_as_its_values_whatever_their_order():
    values = pd.DataFrame({"value": np.linspace(0.1, 0.8, 8), "low": 0.05, "high": 0.9}, TRAITS)
    left, right = teaser.pair(red_and_green(), values.iloc[::-1], "share").axes
    assert [bar.get_width() for bar in right.patches] == pytest.approx(values["value"].tolist())
    assert [text.get_text() for text in right.get_yticklabels()] == list(TRAITS)
    assert {tuple(line[:, 0]) for line in right.collections[0].get_segments()} == {(0.05, 0.9)}
    assert left.get_title() and right.get_title() and right.get_xlabel() == "share"


@given(st.integers(0, 160), st.integers(0, 160), st.integers(5, 40))
@settings(max_examples=40, deadline=None)
def test_the_part_shown_contains_every_box_at_the_same_pixels(first, second, side):
    image = noise(50, 200)
    boxes = np.array([[first, 5, side, side], [second, 8, side, side]], float)
    part, moved = figures.framed((image, boxes), 1.3)
    wide = part.shape[2]
    assert part.shape[1] == 50 and wide >= 65
    assert (moved[:, 0] >= 0).all() and (moved[:, 0] + side <= wide).all()
    for (x, y, *_), (before, *_) in zip(moved.astype(int), boxes.astype(int), strict=True):
        assert torch.equal(part[:, y, x], image[:, y, before])


def test_without_faces_the_middle_is_shown():
    part, _ = figures.framed((noise(50, 200), np.empty((0, 4))), 1.0)
    assert torch.equal(part, noise(50, 200)[:, :, 75:125])


def test_a_case_is_shown_in_the_row_of_its_trait_and_the_column_of_its_kind():
    kinds = ["rightly yes", "wrongly yes"]
    table = pd.DataFrame({"trait": ["warm"], "kind": ["wrongly yes"], "probability": [0.75]})
    figure = figures.cases(table.assign(votes=1), [(noise(9, 16), np.ones((2, 4)))], kinds)
    grid = np.array(figure.axes).reshape(len(TRAITS), len(kinds))
    assert [axes.get_ylabel() for axes in grid[:, 0]] == list(TRAITS)
    assert [axes.get_title() for axes in grid[0]] == kinds
    shown = grid[list(TRAITS).index("warm"), 1]
    assert shown.get_xlabel() == "p = 0.75; 1 of 5 say yes"
    assert len(shown.images) == 1 and len(shown.patches) == 2
    empty = [axes for axes in grid.flat if axes.texts]
    assert len(empty) == grid.size - 1
    assert {axes.texts[0].get_text() for axes in empty} == {"none left to show"}


@pytest.mark.parametrize("count", [1, 3, 4])
def test_every_scene_has_its_polar_plot(count):
    scenes = {f"scene {k}": (noise(90, 160), np.array([[9.0, 9, 20, 20]])) for k in range(count)}
    figure = figures.tendencies(scenes, np.full((count, 8), 0.7))
    polar = [axes for axes in figure.axes if axes.name == "polar"]
    assert len(polar) == count == len(figure.axes) - count
    assert [len(axes.patches) for axes in polar] == [8] * count


@pytest.mark.parametrize("count", [1, 3])
def test_no_name_of_a_trait_is_over_a_picture(count):
    scenes = {f"scene {k}": (noise(90, 160), np.array([[9.0, 9, 20, 20]])) for k in range(count)}
    figure = figures.tendencies(scenes, np.full((count, 8), 0.7))
    figure.draw_without_rendering()
    pictures = [axes.get_window_extent() for axes in figure.axes if axes.name != "polar"]
    names = [
        t.get_window_extent() for axes in figure.axes if axes.name == "polar" for t in axes.texts
    ]
    assert not any(name.overlaps(picture) for name in names for picture in pictures)


def test_a_closeup_has_the_scene_both_faces_and_the_traits_of_its_title_in_bold():
    scenes = {
        title: (noise(90, 160), np.array([[9.0, 9, 20, 20], [80, 20, 30, 30]]))
        for title in ("warm", "cold")
    }
    truth = np.array([[1] * 8, [-1] * 8])
    bold = {"warm": {"warm": 1, "friendly": 1}, "cold": {"warm": -1}}
    figure = figures.closeups(scenes, np.full((2, 8), 0.7), truth, bold)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title for title in titles if title] == ["(a) warm", "(b) cold"]
    assert sum(len(axes.images) for axes in figure.axes) == 2 * 3
    figure.draw_without_rendering()
    polar = [child for axes in figure.axes for child in axes.child_axes]
    thick = [{t.get_text() for t in axes.texts if t.get_fontweight() == "bold"} for axes in polar]
    assert thick == [{"warm", "friendly"}, {"warm"}]
    dots = [[len(x.get_xdata()) for x in axes.lines if x.get_marker() == "o"] for axes in polar]
    assert dots == [[8, 0], [0, 0]]  # an unknown label has neither dot nor circle


def test_a_profile_draws_the_named_traits_all_clips_and_both_faces_below_their_moments():
    generator = np.random.default_rng(0)
    names = ("single frames", "five frames averaged", "truth")
    curves = {name: generator.random((12, 8)) for name in names}
    clips = tuple(generator.random((12, 8)) for _ in range(3))
    quarrel = np.arange(12) > 8
    pictures = torch.zeros(12, 3, 40, 64, dtype=torch.uint8)
    pictures[:, 0, :, :32] = 255  # red on the left, where the left face is
    boxes = np.tile(np.array([[4.0, 10, 15, 15], [40, 10, 15, 15]]), (12, 1, 1))
    figure = movie.profile(pictures, boxes, curves, quarrel, clips, ("warm", "dominant"))
    *panels, left, right = figure.axes
    for axes, trait in zip(panels, ("warm", "dominant"), strict=True):
        column = list(TRAITS).index(trait)
        drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
        assert all(np.array_equal(drawn[name], curves[name][:, column]) for name in names)
        assert np.array_equal(drawn["mean of all clips"], clips[0][:, column])
        assert axes.get_title(loc="left") == trait
    frames = [int(text.get_text().removeprefix("frame ")) for text in left.texts]
    assert frames == [1, 3, 5, 7, 9, 11]
    for axes, red in ((left, 255), (right, 0)):
        middles = [np.mean(image.get_extent()[:2]) for image in axes.images]
        assert middles == pytest.approx(np.array(frames) + 0.5)
        assert all((image.get_array()[..., 0] == red).all() for image in axes.images)
    assert [axes.get_title() for axes in movie.all_traits(curves, quarrel).axes] == list(TRAITS)
