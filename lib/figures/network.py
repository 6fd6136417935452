"""Fig. 5: the Siamese network as a diagram, with the sizes of a profile."""

from typing import Any

import numpy as np
from matplotlib import patches
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lib import vocabulary
from lib.figures.palette import BLUE, GREEN, ORANGE, SLATE, Style

TRAITS = tuple(vocabulary.TRAITS)
SIDES = (("l", BLUE, 4.32), ("r", ORANGE, 2.42))  # name, colour, height of the middle
LOW, SHARED = 0.68, 3.37  # heights of the middle of the cues and of what both faces share
PALE = {BLUE: "#cfe3f0", ORANGE: "#f6dccb"}


def siamese(
    left: Tensor, right: Tensor, cues: Tensor, *, size: int, features: int, shared: int
) -> Figure:
    """Fig. 5: two tied DCNs, the shared representation, the spatial cues, eight traits.

    Parameters
    ----------
    left, right
        The two crops (3, S, S) uint8 that are shown going in.
    cues
        Their spatial cues (11,), of which the first eight are the boxes.
    size, features, shared
        Of the network: input px, dimension of each face's features, dimension of x_g.
    """
    figure = Figure(figsize=(10, 5.3), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 11.9), ylim=(-0.1, 5.75), aspect="equal")
    axes.set_axis_off()
    for (side, colour, y), image in zip(SIDES, (left, right), strict=True):
        _face(axes, image, colour, y, f"{size} × {size} px")
        _trunk(axes, colour, y, f"DCN $K_{side}$")
        _vector(axes, 4.45, y, 1.5, colour, f"$x_{side}$\n{features:,}")
        _arrow(axes, (1.62, y), (2.0, y))
        _arrow(axes, (3.5, y), (4.38, y))
    both = {"arrowstyle": "<|-|>", "linestyle": (0, (3, 2)), "color": SLATE}
    _arrow(axes, (2.6, 3.05), (2.6, 3.69), **both)
    axes.text(2.72, SHARED, "tied: $K_r = K_l$", va="center", fontsize=11, color=SLATE)
    _projection(axes, f"$W_R$\n{2 * features:,} → {shared:,}")
    _vector(axes, 7.72, SHARED, 1.1, GREEN, f"$x_g$\n{shared:,}")
    _arrow(axes, (7.38, SHARED), (7.65, SHARED))
    _boxes(axes, cues[:8].reshape(2, 4).numpy())
    _vector(axes, 7.72, LOW, 0.5, "black", f"$x_s$\n{len(cues)}")
    _arrow(axes, (4.95, LOW), (7.65, LOW))
    axes.text(6.3, LOW + 0.1, f"{len(cues)} spatial cues", ha="center", va="bottom", fontsize=11)
    _traits(axes, shared + len(cues))
    heads = {0.83: "two faces", 2.95: "two networks", 4.7: "features", 6.62: "shared space"}
    for x, text in (heads | {10.5: "eight traits"}).items():
        axes.text(x, 5.55, text, ha="center", va="center", fontsize=12, fontweight="bold")
    return figure


def _face(axes: Axes, image: Tensor, colour: str, y: float, words: str) -> None:
    """A crop in a frame, its size in px below."""
    ends = (0.08, 1.58, y - 0.75, y + 0.75)
    axes.imshow(image.permute(1, 2, 0).numpy(), extent=ends, interpolation="bilinear")
    frame = patches.Rectangle((0.08, y - 0.75), 1.5, 1.5, fill=False, ec=colour, linewidth=2.4)
    axes.add_patch(frame)
    axes.text(0.83, y - 0.8, words, ha="center", va="top", fontsize=10)


def _trunk(axes: Axes, colour: str, y: float, words: str) -> None:
    """A network: maps that shrink and become more, as slabs one behind the other."""
    for number, (high, wide) in enumerate(((1.3, 0.1), (1.0, 0.16), (0.72, 0.24), (0.46, 0.36))):
        x = 2.1 + (0, 0.24, 0.54, 0.92)[number]
        slab = patches.Rectangle((x, y - high / 2), wide, high, fc=PALE[colour], ec=colour)
        axes.add_patch(slab)
    axes.text(3.52, y + 0.42, words, ha="center", va="center", fontsize=11)


def _vector(axes: Axes, x: float, y: float, high: float, colour: str, words: str) -> None:
    """A vector as a narrow column with its name and dimension at the right."""
    column = patches.Rectangle((x, y - high / 2), 0.2, high, fc=colour, ec="white", alpha=0.85)
    axes.add_patch(column)
    axes.text(x + 0.28, y, words, ha="left", va="center", fontsize=11)


def _projection(axes: Axes, words: str) -> None:
    """The matrix that both feature vectors go through."""
    corners = np.array([[5.9, 2.12], [5.9, 4.62], [7.36, 3.97], [7.36, 2.77]])
    axes.add_patch(patches.Polygon(corners, fc="#d5ece4", ec=GREEN))
    axes.text(6.63, SHARED, words, ha="center", va="center", fontsize=11)
    for _, _, y in SIDES:
        _arrow(axes, (5.4, y), (5.84, y + 0.35 * np.sign(SHARED - y)))


def _boxes(axes: Axes, boxes: np.ndarray) -> None:
    """The picture's frame with both boxes (2, 4): x, y, w, h as shares of its sides."""
    wide, high = 2.3, 1.29
    left, top = 2.6, LOW + high / 2
    axes.add_patch(patches.Rectangle((left, top - high), wide, high, fc="#f2f2f2", ec=SLATE))
    for (x, y, w, h), (_, colour, _) in zip(boxes, SIDES, strict=True):
        corner = (left + wide * x, top - high * (y + h))
        box = patches.Rectangle(corner, wide * w, high * h, fill=False, ec=colour, linewidth=2)
        axes.add_patch(box)
    axes.text(
        2.5, LOW, "where the\nboxes are in\nthe picture", ha="right", va="center", fontsize=11
    )


def _traits(axes: Axes, width: int) -> None:
    """One logistic unit per trait, each fed by the cues and the shared representation."""
    for place, name in enumerate(TRAITS):
        y = 5.0 - 0.56 * place
        for x0, y0, colour in ((8.5, SHARED, GREEN), (8.35, LOW, "black")):
            axes.plot([x0, 9.87], [y0, y], color=colour, linewidth=0.8, alpha=0.55, zorder=1)
        axes.add_patch(patches.Circle((10.0, y), 0.15, fc="white", ec="black", zorder=2))
        axes.text(10.25, y, name, ha="left", va="center", fontsize=11)
    words = f"$w_g$: 8 × {width:,} weights on [$x_s$; $x_g$]"
    axes.text(11.85, 0.35, words, ha="right", va="center", fontsize=10.5)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], **look: Any) -> None:
    look = Style(arrowstyle="-|>", color="black", mutation_scale=13) | look
    axes.add_patch(patches.FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **look))
