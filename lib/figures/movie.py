"""A film's profile (Fig. 11)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from torch import Tensor

from lib import vocabulary
from lib.figures.palette import BLUE, ORANGE
from lib.figures.scenes import HARD

TRAITS = tuple(vocabulary.TRAITS)


def profile(
    pictures: Tensor,
    curves: Mapping[str, np.ndarray],
    quarrel: np.ndarray,
    names: Sequence[str] = ("friendly", "competitive"),
) -> Figure:
    """Fig. 11: frames of a clip along its time axis, above the profile of some traits.

    Parameters
    ----------
    pictures
        (F, 3, H, W) uint8, the frames.
    curves
        (F, 8) each, by name: "single frames", "five frames averaged" and "truth".
    quarrel
        (F,) bool, the frames that are shaded.
    names
        Which traits.
    """
    count = len(quarrel)
    layout = ConstrainedLayoutEngine(h_pad=0.03, hspace=0.02)
    figure = Figure(figsize=(10, 1.9 + 1.5 * len(names)), layout=layout)
    grid = figure.subplots(1 + len(names), 1, height_ratios=[1.02, *[1.3] * len(names)])
    shown = np.linspace(0, count - 1, 8).round().astype(int)
    _strip(grid[0], pictures, shown)
    for axes, name in zip(grid[1:], names, strict=True):
        _curves(axes, curves, quarrel, name)
        axes.set(xlim=(0, count), ylabel=f"p({name})")
        axes.vlines(shown + 0.5, 0, 0.03, color="black", linewidth=1)
    for axes in grid[1:-1]:
        axes.set_xticklabels([])
    grid[-1].set_xlabel("frame")
    handles, words = grid[1].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=4, frameon=False, fontsize=9.5)
    return figure


def _strip(axes: Axes, pictures: Tensor, shown: np.ndarray) -> None:
    """The middles of some frames side by side over the whole time axis, each with its number."""
    count, _, high, wide = pictures.shape
    step, out = count / len(shown), max(0, round(wide - 1.12 * high) // 2)
    for number, frame in enumerate(shown):
        left = number * step
        place = (left + 0.02 * step, left + 0.98 * step, 0, 1)
        middle = pictures[frame, :, :, out : wide - out]
        axes.imshow(middle.permute(1, 2, 0).numpy(), extent=place, aspect="auto")
        axes.text(left + step / 2, 1.04, f"frame {frame}", ha="center", fontsize=9)
    axes.set(xlim=(0, count), ylim=(0, 1), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _curves(axes: Axes, curves: Mapping[str, np.ndarray], quarrel: np.ndarray, name: str) -> None:
    """One trait over time; the quarrel is shaded."""
    colour, frames = ORANGE if name in HARD else BLUE, np.arange(len(quarrel)) + 0.5
    styles: dict[str, dict[str, Any]] = {
        "single frames": {"marker": ".", "linestyle": "", "color": colour, "alpha": 0.35},
        "five frames averaged": {"color": colour, "linewidth": 2},
        "truth": {"color": "black", "linestyle": "--", "linewidth": 1.2},
    }
    shaded = np.flatnonzero(quarrel)
    axes.axvspan(shaded[0], shaded[-1] + 1, color="#eeeeee", linewidth=0, label="quarrel")
    for label, style in styles.items():
        axes.plot(frames, curves[label][:, TRAITS.index(name)], label=label, **style)
    axes.set_ylim(0, 1.02)
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
