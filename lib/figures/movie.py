"""A film's profile (Fig. 11)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lib import vocabulary
from lib.figures.palette import BLUE, ORANGE, Style
from lib.figures.scenes import HARD, crop

TRAITS = tuple(vocabulary.TRAITS)


SHOWN = 6  # frames whose faces are shown

Spread = tuple[np.ndarray, np.ndarray, np.ndarray]


def profile(
    pictures: Tensor,
    boxes: np.ndarray,
    curves: Mapping[str, np.ndarray],
    quarrel: np.ndarray,
    clips: Spread,
    names: Sequence[str] = ("friendly", "competitive"),
) -> Figure:
    """Fig. 11: the profile of some traits over a clip, and below the time axis both its faces.

    Parameters
    ----------
    pictures, boxes
        (F, 3, H, W) uint8, the frames, and their two faces (F, 2, 4), x y w h in px.
    curves
        (F, 8) each, by name: "single frames", "five frames averaged" and "truth".
    quarrel
        (F,) bool, the frames that are shaded.
    clips
        Mean, lower and upper end over all clips, (F, 8) each.
    names
        Which traits.
    """
    count = len(quarrel)
    figure = Figure(figsize=(9.7, 1.9 * len(names) + 3.6))
    outer = figure.add_gridspec(
        2, 1, height_ratios=[1.9 * len(names), 2.75], hspace=0.2, left=0.075, right=0.995, top=0.96,
        bottom=0.75 / figure.get_figheight(),
    )  # fmt: skip
    grid = (
        outer[0].subgridspec(len(names), 1, hspace=0.28).subplots(sharex=True, squeeze=False)[:, 0]
    )
    shown = ((np.arange(SHOWN) + 0.5) * count / SHOWN).astype(int)
    for axes, name in zip(grid, names, strict=True):
        _curves(axes, curves, quarrel, name, clips)
        axes.set(xlim=(0, count), ylabel="probability")
        axes.set_title(name, fontsize=11, loc="left", fontweight="bold")
        for frame in shown:
            axes.axvline(frame + 0.5, color="#888888", linewidth=0.7, linestyle=":", zorder=0)
    grid[-1].set_xlabel("frame", labelpad=1)
    sides = outer[1].subgridspec(2, 1, hspace=0.04).subplots(squeeze=False)[:, 0]
    for side, (axes, word) in enumerate(zip(sides, ("left", "right"), strict=True)):
        _faces(axes, pictures, boxes[:, side], shown)
        axes.set_ylabel(f"{word} face", fontsize=10)
    for frame in shown:
        sides[0].text(frame + 0.5, 1.04, f"frame {frame}", ha="center", fontsize=10)
    handles, words = grid[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="lower center", ncols=3, frameon=False, fontsize=10)
    return figure


def _faces(axes: Axes, pictures: Tensor, boxes: np.ndarray, shown: np.ndarray) -> None:
    """One face (boxes (F, 4)) in the frames shown, each below its moment."""
    frame = axes.get_position()
    figure = axes.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches()
    reach = len(pictures) * frame.height * height / (frame.width * width) / 2
    for number in shown:
        face = crop(pictures[number], boxes[number], 160)
        place = (number + 0.5 - reach, number + 0.5 + reach, 0, 1)
        axes.imshow(face.permute(1, 2, 0).numpy(), extent=place, aspect="auto")
    axes.set(xlim=(0, len(pictures)), ylim=(0, 1), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _curves(
    axes: Axes,
    curves: Mapping[str, np.ndarray],
    quarrel: np.ndarray,
    name: str,
    clips: Spread | None = None,
) -> None:
    """One trait over time; the quarrel is shaded; all clips behind it, where they are given."""
    colour, frames = ORANGE if name in HARD else BLUE, np.arange(len(quarrel)) + 0.5
    styles: dict[str, dict[str, Any]] = {
        "single frames": {"marker": ".", "linestyle": "", "color": colour, "alpha": 0.45},
        "five frames averaged": {"color": colour, "linewidth": 2.2},
        "truth": {"color": "black", "linestyle": "--", "linewidth": 1.3},
    }
    column, shaded = TRAITS.index(name), np.flatnonzero(quarrel)
    axes.axvspan(shaded[0], shaded[-1] + 1, color="#fdf0d0", linewidth=0, label="quarrel", zorder=0)
    for label, style in styles.items():
        axes.plot(frames, curves[label][:, column], label=label, **style)
    if clips is not None:
        mean, low, high = (each[:, column] for each in clips)
        axes.plot(frames, mean, color="#555555", linewidth=1.2, label="mean of all clips", zorder=1)
        band: Style = {"color": "#777777", "alpha": 0.3, "linewidth": 0, "zorder": 1}
        axes.fill_between(frames, low, high, label="10th to 90th percentile of the clips", **band)
    axes.set_ylim(-0.02, 1.04)
    axes.spines[["top", "right"]].set_visible(False)


def all_traits(curves: Mapping[str, np.ndarray], quarrel: np.ndarray) -> Figure:
    """The profile of every trait of a clip in small panels; arguments as `profile`."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    grid = figure.subplots(2, 4, sharex=True, sharey=True)
    for axes, name in zip(grid.flat, TRAITS, strict=True):
        _curves(axes, curves, quarrel, name)
        axes.set_title(name, fontsize=10)
    figure.supxlabel("frame", fontsize=10)
    figure.supylabel("probability", fontsize=10)
    handles, words = grid.flat[-1].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=4, frameon=False, fontsize=9.5)
    return figure
