"""Figures that people look at (12, 13 and 15): scenes, polar plots, a film's profile."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import patches
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from lib import vocabulary
from lib.data.scenes import Scene
from lib.experiments.cases import KINDS
from lib.experiments.movie import Clip
from lib.figures.palette import BLUE, COLOURS, ORANGE

TRAITS = tuple(vocabulary.TRAITS)
HARD = ("dominant", "competitive")  # against the grain of the other six
STEP = 2 * np.pi / len(TRAITS)
ANGLES = STEP * (np.arange(len(TRAITS)) + 0.5)  # clockwise from the top; no word at three or nine


def show(axes: Axes, scene: Scene) -> None:
    """A whole picture with its faces boxed: the first one from the left blue, the next orange."""
    axes.imshow(scene.image.permute(1, 2, 0).numpy(), interpolation="antialiased")
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    for number, (x, y, w, h) in enumerate(scene.boxes):
        colour = COLOURS[number % len(COLOURS)]
        box = patches.Rectangle((x, y), w, h, fill=False, edgecolor=colour, linewidth=1.8)
        axes.add_patch(box)


def cases(table: pd.DataFrame, scenes: Sequence[Scene]) -> Figure:
    """Fig. 9: a row per trait, a column per kind of case, the picture of each with its text.

    table: as `cases.most_confident` gives it; scenes: of its rows, in their order.
    """
    figure = Figure(figsize=(9.2, 1.52 * len(TRAITS) + 0.3), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.03, wspace=0.01, hspace=0.01)
    grid = figure.subplots(len(TRAITS), len(KINDS))
    empty = {(trait, kind) for trait in TRAITS for kind in KINDS}
    for (_, case), scene in zip(table.iterrows(), scenes, strict=True):
        empty.remove((case["trait"], case["kind"]))
        axes = grid[TRAITS.index(case["trait"]), list(KINDS).index(case["kind"])]
        show(axes, scene)
        votes = f"; {case['votes']} of 5 say yes" if "votes" in case else ""
        axes.set_xlabel(f"p = {case['probability']:.2f}{votes}", fontsize=9, labelpad=2)
    for trait, kind in empty:
        axes = grid[TRAITS.index(trait), list(KINDS).index(kind)]
        axes.set(xticks=[], yticks=[], facecolor="#f2f2f2", box_aspect=9 / 16)
        axes.spines[:].set_visible(False)
        axes.text(0.5, 0.5, "no such pair", ha="center", va="center", color="#777777")
    for axes, trait in zip(grid[:, 0], TRAITS, strict=True):
        axes.set_ylabel(trait, fontsize=11)
    for axes, kind in zip(grid[0], KINDS, strict=True):
        axes.set_title(kind, fontsize=11)
    return figure


def photographs(scenes: Mapping[str, Scene], columns: int = 4) -> Figure:
    """Pictures with their faces boxed, each under its name and the number of its faces."""
    columns = min(columns, len(scenes))
    rows = -(-len(scenes) // columns)
    figure = Figure(figsize=(2.7 * columns, 2.1 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (name, scene) in zip(grid.flat, scenes.items(), strict=False):
        show(axes, scene)
        count = len(scene.boxes)
        axes.set_title(f"{name}: {count} face{'' if count == 1 else 's'}", fontsize=10)
    return figure


def framed(scene: Scene, ratio: float = 1.32) -> Scene:
    """The part of a wide picture around its faces, so many times wider than high, or as wide as
    the faces stand apart."""
    high, wide = scene.image.shape[1:]
    first = last = wide / 2
    if len(scene.boxes):
        first, last = scene.boxes[:, 0].min(), (scene.boxes[:, 0] + scene.boxes[:, 2]).max()
    width = min(wide, max(round(ratio * high), int(np.ceil(1.05 * (last - first)))))
    left = int(np.clip((first + last - width) / 2, 0, wide - width))
    boxes = scene.boxes - np.array([left, 0, 0, 0])
    return Scene(scene.image[:, :, left : left + width], boxes)


# Polar plots --------------------------------------------------------------------------------------


def petals(axes: Axes, probability: np.ndarray, truth: np.ndarray | None = None) -> None:
    """One petal per trait on a polar axis, as long as its probability, pale up to 0.5.

    probability (8,) in [0, 1]; truth (8,): a dot at the rim where it is 1.
    """
    axes.set(theta_zero_location="N", theta_direction=-1, ylim=(0, 1.1))
    axes.set(xticks=[], yticks=[], frame_on=False)
    around = np.linspace(0, 2 * np.pi, 200)
    axes.fill_between(around, 0, 1, color="#f4f4f4", linewidth=0)
    colours = [ORANGE if name in HARD else BLUE for name in TRAITS]
    for angle, value, colour in zip(ANGLES, probability, colours, strict=True):
        strength = 0.9 if value > 0.5 else 0.4
        axes.bar(angle, value, 0.88 * STEP, color=colour, alpha=strength, linewidth=0)
    axes.plot(around, np.full(200, 0.5), color="black", linewidth=0.8, linestyle=(0, (2, 2)))
    axes.plot(around, np.ones(200), color="#bbbbbb", linewidth=0.8)
    if truth is not None:
        said = ANGLES[np.asarray(truth) == 1]
        axes.plot(said, np.full(len(said), 1.08), "o", color="black", markersize=3.5, clip_on=False)
    for angle, name in zip(ANGLES, TRAITS, strict=True):
        side = "left" if angle < np.pi else "right"
        axes.text(angle, 1.23, name, ha=side, va="center", fontsize=10)


def tendencies(
    scenes: Mapping[str, Scene],
    probability: np.ndarray,
    truth: np.ndarray | None = None,
    *,
    columns: int = 2,
) -> Figure:
    """Fig. 10: each named scene beside the polar plot of its eight traits.

    probability, truth (K, 8), in the scenes' order.
    """
    columns = min(columns, len(scenes))
    rows = -(-len(scenes) // columns)
    figure = Figure(figsize=(5.95 * columns, 1.95 * rows + 0.35))
    grid = figure.add_gridspec(
        rows, 2 * columns, width_ratios=[1, 1.76] * columns, left=0.005, right=0.995, top=0.94,
        bottom=0.42 / figure.get_figheight(), wspace=0.0, hspace=0.22,
    )  # fmt: skip
    for number, (name, scene) in enumerate(scenes.items()):
        row, column = divmod(number, columns)
        axes = figure.add_subplot(grid[row, 2 * column])
        show(axes, framed(scene))
        axes.set_title(f"({'abcdefghijkl'[number]}) {name}", fontsize=10.5, loc="left", pad=4)
        axes = figure.add_subplot(grid[row, 2 * column + 1], projection="polar")
        petals(axes, probability[number], None if truth is None else truth[number])
    figure.legend(
        handles=legend(truth is not None), loc="lower center", ncols=4, frameon=False, fontsize=9.5
    )
    return figure


def legend(with_truth: bool) -> list:
    """What petals, ring and dots mean."""
    handles = [
        patches.Patch(color=ORANGE, alpha=0.9, label="probability of a hard trait"),
        patches.Patch(color=BLUE, alpha=0.9, label="of another one, pale below 0.5"),
        Line2D([], [], color="black", linewidth=0.8, linestyle=(0, (2, 2)), label="0.5"),
    ]
    if with_truth:
        dot = {"marker": "o", "color": "black", "markersize": 3.5, "linestyle": ""}
        handles.append(Line2D([], [], label="annotators say yes", **dot))
    return handles


# A film's profile ---------------------------------------------------------------------------------


def profile(clip: Clip, names: Sequence[str] = ("friendly", "competitive")) -> Figure:
    """Fig. 11: frames of a clip along its time axis, above the profile of some traits."""
    count = len(clip.truth)
    figure = Figure(figsize=(10, 1.9 + 1.5 * len(names)), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.03, hspace=0.02)
    grid = figure.subplots(1 + len(names), 1, height_ratios=[1.02, *[1.3] * len(names)])
    shown = np.linspace(0, count - 1, 8).round().astype(int)
    _strip(grid[0], clip, shown)
    for axes, name in zip(grid[1:], names, strict=True):
        _curves(axes, clip, name)
        axes.set(xlim=(0, count), ylabel=f"p({name})")
        axes.vlines(shown + 0.5, 0, 0.03, color="black", linewidth=1)
    for axes in grid[1:-1]:
        axes.set_xticklabels([])
    grid[-1].set_xlabel("frame")
    handles, words = grid[1].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=4, frameon=False, fontsize=9.5)
    return figure


def _strip(axes: Axes, clip: Clip, shown: np.ndarray) -> None:
    """The middles of frames side by side over the whole time axis, each named by its number."""
    high, wide = clip.pictures.shape[2:]
    step, out = len(clip.truth) / len(shown), max(0, round(wide - 1.12 * high) // 2)
    for number, frame in enumerate(shown):
        left = number * step
        place = (left + 0.02 * step, left + 0.98 * step, 0, 1)
        middle = clip.pictures[frame, :, :, out : wide - out]
        axes.imshow(middle.permute(1, 2, 0).numpy(), extent=place, aspect="auto")
        axes.text(left + step / 2, 1.04, f"frame {frame}", ha="center", fontsize=9)
    axes.set(xlim=(0, len(clip.truth)), ylim=(0, 1), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _curves(axes: Axes, clip: Clip, name: str) -> None:
    """One trait: single frames, their average over five, and the truth; the quarrel shaded."""
    column, frames = TRAITS.index(name), np.arange(len(clip.truth)) + 0.5
    colour = ORANGE if name in HARD else BLUE
    quarrel = np.flatnonzero(clip.conflict)
    axes.axvspan(quarrel[0], quarrel[-1] + 1, color="#eeeeee", linewidth=0, label="quarrel")
    axes.plot(
        frames, clip.probability[:, column], ".", color=colour, alpha=0.35, label="single frames"
    )
    axes.plot(
        frames, clip.smooth[:, column], color=colour, linewidth=2, label="five frames averaged"
    )
    axes.plot(frames, clip.truth[name], "--", color="black", linewidth=1.2, label="truth")
    axes.set_ylim(0, 1.02)
    axes.spines[["top", "right"]].set_visible(False)


def all_traits(clip: Clip) -> Figure:
    """The profile of every trait of a clip in small panels."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    for axes, name in zip(
        figure.subplots(2, 4, sharex=True, sharey=True).flat, TRAITS, strict=True
    ):
        _curves(axes, clip, name)
        axes.set_title(name, fontsize=10)
    figure.supxlabel("frame", fontsize=10)
    figure.supylabel("probability", fontsize=10)
    handles, words = axes.get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=4, frameon=False, fontsize=9.5)
    return figure


# Attributes of single faces -----------------------------------------------------------------------


def attribute_bars(faces: Mapping[str, Tensor], probability: np.ndarray) -> Figure:
    """Each named face (3, S, S) uint8 beside its 24 probabilities, coloured by group."""
    figure = Figure(figsize=(10, 1.3 * len(faces) + 1.4), layout="constrained")
    grid = figure.subplots(len(faces), 2, squeeze=False, width_ratios=[1, 7])
    groups = {name: group for group, names in vocabulary.GROUPS.items() for name in names}
    tints = dict(zip(vocabulary.GROUPS, COLOURS, strict=False))
    colours = [tints[groups[name]] for name in vocabulary.ATTRIBUTES]
    places = np.arange(len(vocabulary.ATTRIBUTES))
    for (left, right), (name, face), row in zip(grid, faces.items(), probability, strict=True):
        show(left, Scene(face, np.empty((0, 4))))
        left.set_ylabel(name, fontsize=9)
        right.bar(places, row, 0.8, color=colours)
        right.axhline(0.5, color="black", linewidth=0.8, linestyle=(0, (2, 2)))
        right.set(ylim=(0, 1), xlim=(-0.6, len(places) - 0.4), xticks=[], yticks=[0, 0.5, 1])
        right.spines[["top", "right"]].set_visible(False)
    words = [vocabulary.title(name) for name in vocabulary.ATTRIBUTES]
    grid[-1, 1].set_xticks(places, words, rotation=60, ha="right", fontsize=9)
    handles = [patches.Patch(color=colour, label=group) for group, colour in tints.items()]
    figure.legend(handles=handles, loc="outside upper right", ncols=4, frameon=False, fontsize=9.5)
    return figure
