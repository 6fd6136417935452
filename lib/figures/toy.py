"""Propagation on the toy of notebook 00: points in a plane."""

from collections.abc import Sequence

import numpy as np
from matplotlib import patches
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from lib.figures.palette import BLUE, ORANGE

MARKERS = ("o", "s")


def propagation(
    points: Tensor,
    source: Tensor,
    labels: Tensor,
    inferred: tuple[Tensor, Tensor],
    truth: Tensor,
    names: Sequence[str],
) -> Figure:
    """One row per attribute: annotated labels, labels after propagation, the truth.

    Parameters
    ----------
    points
        (N, 2) features.
    source
        (N,) 0 or 1, which of two datasets a point is from.
    labels
        (N, A) int8 in {-1, 0, 1}, the annotations.
    inferred
        After propagation: labels (N, A), whose errors are circled, and the posterior (N, A).
    truth
        (N, A) int8.
    names
        Of the A attributes.
    """
    figure = Figure(figsize=(10, 3.1 * len(names)), layout="constrained")
    grid = figure.subplots(len(names), 3, sharex=True, sharey=True, squeeze=False)
    for row, name in enumerate(names):
        known, (found, posterior) = labels[:, row] >= 0, inferred
        shades = [labels[:, row].float(), posterior[:, row], truth[:, row].float()]
        for axes, shade, title in zip(
            grid[row], shades, ("annotated", "after propagation", "truth"), strict=True
        ):
            _cloud(axes, points, source, shade.numpy(), known if title == "annotated" else None)
            axes.set_title(f"{name}: {title}", fontsize=10)
        wrong = (found[:, row] != truth[:, row]) & ~known
        grid[row, 1].scatter(*points[wrong].T, s=130, facecolors="none", edgecolors="black")
        grid[row, 0].set_ylabel("cheeks")
    for axes in grid[-1]:
        axes.set_xlabel("corners of the mouth")
    _toy_legend(figure)
    return figure


def _cloud(
    axes: Axes, points: Tensor, source: Tensor, shade: np.ndarray, known: Tensor | None
) -> None:
    """Points coloured from negative (blue) to positive (orange), grey where missing."""
    colours = np.array([_blend(value) if value >= 0 else (0.85, 0.85, 0.85) for value in shade])
    for number, marker in enumerate(MARKERS):
        mine = (source == number).numpy()
        size = 34 if known is None else np.where(known.numpy(), 52, 14)[mine]
        x, y = points[mine].T
        axes.scatter(x, y, c=colours[mine], marker=marker, s=size, linewidths=0)
    axes.set(xticks=[], yticks=[])


def _blend(share: float) -> tuple[float, ...]:
    """Blue at 0, nearly white at 0.5, orange at 1."""
    ends = np.array([[0, 0.447, 0.698], [0.96, 0.96, 0.93], [0.835, 0.369, 0.0]])
    return tuple(np.interp(share, [0, 0.5, 1], ends[:, i]) for i in range(3))


def _toy_legend(figure: Figure) -> None:
    marks = [(BLUE, "negative"), (ORANGE, "positive"), ("#d9d9d9", "missing")]
    handles: list[Artist] = [patches.Patch(color=colour, label=text) for colour, text in marks]
    ring = Line2D([], [], marker="o", ls="", mfc="none", color="black", ms=11, label="wrong")
    for marker, name in zip(MARKERS, "AB", strict=True):
        handles.append(Line2D([], [], marker=marker, ls="", color="grey", label=f"dataset {name}"))
    handles.append(ring)
    figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False)
