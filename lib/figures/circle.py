"""Fig. 3: Kiesler's interpersonal circle, and a pair with and without each of the eight traits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import patches
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from lib import vocabulary
from lib.figures.palette import GREEN
from lib.figures.scenes import Scene, closeup

TRAITS = tuple(vocabulary.TRAITS)
# The 16 segments of the circle (Kiesler 1983, Psychological Review 90), anticlockwise from the top;
# opposite ones are eight apart. Two have the paper's names: involved is his sociable, demonstrative
# his exhibitionistic.
SEGMENTS = (
    "dominant", "competitive", "mistrusting", "cold", "hostile", "detached", "inhibited",
    "unassured", "submissive", "deferent", "trusting", "warm", "friendly", "involved",
    "demonstrative", "assured",
)  # fmt: skip
WEDGE = 360 / len(SEGMENTS)  # degrees
DIRECTIONS = 90 + WEDGE * np.arange(len(SEGMENTS))  # of the middle of each segment, degrees


def trait_examples(examples: Mapping[tuple[str, bool], tuple[Scene, str]]) -> Figure:
    """Fig. 3: the circle, and per trait a pair for which it holds beside one for which it does not.

    examples: (trait, whether it holds) -> a picture (3, H, W) uint8 with boxes (2, 4), and
    adjectives. A place without an example says "no such pair".
    """
    tight = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.05, wspace=0.01, hspace=0.01)
    figure = Figure(figsize=(9.4, 14.6), layout=tight)
    grid = figure.add_gridspec(5, 4)
    circle(figure.add_subplot(grid[:2, :2]))
    places = [(0, 2), (1, 2), *((row, column) for row in (2, 3, 4) for column in (0, 2))]
    for trait, (row, column) in zip(TRAITS, places, strict=True):
        for holds in (True, False):
            axes = figure.add_subplot(grid[row, column + (not holds)])
            scene, words = examples.get((trait, holds), (None, ""))
            title = trait if holds else f"not {trait}"
            axes.set_title(f"{title}\n", fontsize=11, fontweight="bold")
            axes.text(
                0.5, 1.022, words, transform=axes.transAxes, ha="center", va="bottom", fontsize=10
            )
            if scene is None:
                _nothing(axes)
            else:
                closeup(axes, scene, 0.46)
    return figure


def circle(axes: Axes) -> None:
    """The 16 segments; those that the paper makes its traits are green, their opposites grey."""
    for name, angle in zip(SEGMENTS, DIRECTIONS, strict=True):
        trait = name in TRAITS
        ends = (angle - WEDGE / 2, angle + WEDGE / 2)
        fill: Any = {"fc": GREEN if trait else "#d9d9d9", "alpha": 0.8 if trait else 1.0}
        axes.add_patch(patches.Wedge((0, 0), 1, *ends, width=0.42, ec="white", lw=2, **fill))
        x, y = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        side = "center" if abs(x) < 0.1 else ("left" if x > 0 else "right")
        level = "center" if abs(y) < 0.9 else ("bottom" if y > 0 else "top")
        look: Any = {"fontweight": "bold"} if trait else {"color": "#555555"}
        axes.text(1.06 * x, 1.06 * y, name, ha=side, va=level, fontsize=11, **look)
    for x, y, name, turn in ((0.54, 0, "affiliation", 0), (0, 0.54, "control", 90)):
        arrow: Any = {"posA": (-x, -y), "posB": (x, y), "arrowstyle": "<|-|>", "mutation_scale": 12}
        axes.add_patch(patches.FancyArrowPatch(**arrow, color="#555555", shrinkA=0, shrinkB=0))
        place = (0.27, -0.03) if x else (-0.03, 0.25)
        corner: Any = {"ha": "center", "va": "top"} if x else {"ha": "right", "va": "center"}
        axes.text(*place, name, rotation=turn, fontsize=10, color="#555555", **corner)
    axes.set_title("Kiesler's interpersonal circle", fontsize=12, fontweight="bold")
    axes.text(
        0, -1.42, "green: the eight traits\ngrey: their opposites, no traits of their own",
        ha="center", va="center", fontsize=10,
    )  # fmt: skip
    axes.set(xlim=(-1.62, 1.62), ylim=(-1.6, 1.25), aspect="equal")
    axes.set_axis_off()


def _nothing(axes: Axes) -> None:
    """The place of an example that does not exist."""
    axes.set(xticks=[], yticks=[], facecolor="#f2f2f2", box_aspect=1.04)
    axes.spines[:].set_visible(False)
    axes.text(0.5, 0.5, "no such pair", ha="center", va="center", color="#777777")
