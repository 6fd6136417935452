"""What many figures share: names of measures, the variant used, scales that do not exaggerate."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from lib.figures.palette import Style

SHAPES = "osD^vPX"
LEAST = 5.0  # points that an axis in percent shows at least
BAND = "#fdf0d0"


def spelled(judgement: str) -> str:
    """A measure's name in full, for a title."""
    return judgement.replace("balanced at", "balanced accuracy at")


def line(number: int, used: bool = False) -> Style:
    """Shape and width of curve `number`; thick for what is used."""
    width, size = (2.8, 6) if used else (1.3, 5)
    return {
        "marker": SHAPES[number % len(SHAPES)], "linewidth": width, "markersize": size,
        "markerfacecolor": None if used else "white", "zorder": 3 if used else 2,
    }  # fmt: skip


def rows(panels: Sequence[Axes], names: Sequence[str], used: str = "", wide: int = 36) -> None:
    """Name the rows of panels side by side, the first at the top; mark the one that is used by a
    band and in bold.

    wide: characters after which a name is broken.
    """
    words = [textwrap.fill(f"{name} (used)" if name == used else name, wide) for name in names]
    panels[0].set_yticks(range(len(names)), words, fontsize=9)
    for axes in panels:
        axes.set_ylim(len(names) - 0.5, -0.5)
    if used in names:
        place = list(names).index(used)
        panels[0].get_yticklabels()[place].set_fontweight("bold")
        for axes in panels:
            axes.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=0)


def alike(panels: Sequence[Axes], least: float = LEAST) -> None:
    """Give the y axes of panels one span: the widest of them, at least `least` units; it ends
    just above 100 %."""
    span = max(least, *(np.ptp(axes.get_ylim()) for axes in panels))
    for axes in panels:
        middle = min(float(np.mean(axes.get_ylim())), 100 - 0.47 * span)
        axes.set_ylim(middle - span / 2, middle + span / 2)
