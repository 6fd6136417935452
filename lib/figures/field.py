"""Fig. 4 (b): faces as nodes of the random field, and the terms of Eqn. 11."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patches
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from torch import Tensor

from lib import vocabulary
from lib.figures.palette import BLUE, ORANGE, SLATE

RADIUS = (2.4, 2.05)  # of the ring of neighbours, in units of a neighbour's width
CENTRE = 1.4  # width of the face in the middle
WIDEST = 9.0  # edge, points
DASHES = (0, (1.6, 1.1))


def neighbourhood(images: Tensor, nodes: pd.DataFrame, terms: pd.DataFrame, title: str) -> Figure:
    """A face, the neighbours around it, and how Eqn. 11 infers its label.

    images: (1 + K, 3, S, S) uint8, the face in question first. nodes: a row per image, columns
    source, positive, known (bool), affinity. terms: a row per term, columns log-odds, note.
    Without rows the title alone is drawn: a sentence why there is nothing to show.
    """
    if nodes.empty:
        figure = Figure(figsize=(9.6, 0.6))
        figure.text(0.5, 0.5, title, ha="center", va="center", fontsize=11)
        return figure
    tight = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.04, wspace=0.02)
    figure = Figure(figsize=(9.6, 5.2), layout=tight)
    left, right = figure.subplots(1, 2, width_ratios=(1.42, 1))
    _ring(left, images, nodes)
    _bars(right, terms, title)
    _legend(figure)
    return figure


def _ring(axes: Axes, images: Tensor, nodes: pd.DataFrame) -> None:
    """The graph: neighbours clockwise by affinity, from the upper left."""
    others, strongest = nodes.iloc[1:], nodes["affinity"].max()
    angles = np.radians(120 - 360 / len(others) * np.arange(len(others)))
    places = [(0.0, 0.0), *zip(RADIUS[0] * np.cos(angles), RADIUS[1] * np.sin(angles), strict=True)]
    rows: Iterable[Any] = nodes.itertuples()
    for image, (x, y), node in zip(images, places, rows, strict=True):
        middle = np.isnan(node.affinity)
        half = CENTRE / 2 if middle else 0.5
        box = (x - half, x + half, y - half, y + half)
        axes.imshow(image.permute(1, 2, 0), extent=box, zorder=2)
        axes.add_patch(_frame(node, x - half, y - half, 2 * half))
        text = vocabulary.title(node.source)
        if not middle:
            width = WIDEST * node.affinity / strongest if strongest > 0 else 0.0
            axes.plot((0, x), (0, y), color=_colour(node.positive), linewidth=width, zorder=1)
            text += f", v = {node.affinity:.3f}"
        above = y > 0.01
        axes.text(
            x, y + (half + 0.1 if above else -half - 0.1), text, fontsize=10,
            ha="center", va="bottom" if above else "top", zorder=4,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
    axes.set(xlim=(-3.0, 3.0), ylim=(-2.65, 2.65), aspect="equal")
    axes.set_axis_off()


def _bars(axes: Axes, terms: pd.DataFrame, title: str) -> None:
    """The log-odds of each term and their sum, names and notes above the bars."""
    odds = terms["log-odds"].tolist()
    values, names = [*odds, sum(odds)], [*terms.index, "sum (Eqn. 11)"]
    notes = [*terms["note"], f"posterior {_probability(values[-1])}"]
    places = np.arange(len(values)) + 0.25 * (np.arange(len(values)) == len(odds))
    axes.barh(places, values, 0.36, color=[_colour(value > 0) for value in values])
    reach = max(map(abs, values)) or 1.0
    low, high = min(0.0, *values), max(0.0, *values)
    span = (low - 0.28 * reach * (low < 0), high + 0.28 * reach)
    for place, value, name, note in zip(places, values, names, notes, strict=True):
        side = "left" if value >= 0 else "right"
        shift = 0.02 * (span[1] - span[0]) * (1 if value >= 0 else -1)
        axes.text(
            value + shift,
            place,
            f"{value:+.2f}".replace("-", "\N{MINUS SIGN}"),
            ha=side,
            va="center",
            fontsize=10,
        )
        over: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "bottom"}
        axes.annotate(name, (0, place - 0.40), fontsize=10.5, fontweight="bold", **over)
        axes.annotate(note, (0, place - 0.22), fontsize=9, color=SLATE, **over)
    axes.axhline(len(odds) - 0.45, color="black", linewidth=0.8)
    axes.vlines([0] * len(values), places - 0.22, places + 0.22, color="black", linewidth=0.8)
    axes.set(xlim=span, ylim=(len(odds) + 0.6, -0.7), yticks=[], xlabel="log-odds (nats)")
    axes.set_title(title, fontsize=11.5, loc="left")
    axes.spines[["top", "right", "left"]].set_visible(False)


def _legend(figure: Figure) -> None:
    names = {True: "label known", False: "label missing, inferred"}
    handles = [
        patches.Patch(
            facecolor="white", edgecolor=_colour(positive), linewidth=2.5,
            linestyle="-" if known else DASHES, label=f"{text}: {answer}",
        )
        for known, text in names.items()
        for positive, answer in ((True, "positive"), (False, "negative"))
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=10)


def _frame(node: Any, x: float, y: float, side: float) -> patches.Rectangle:
    """Frame of a node: its colour the label, dashed where that was missing."""
    frame = patches.Rectangle((x, y), side, side, fill=False, zorder=3, linewidth=4.5)
    frame.set(edgecolor=_colour(node.positive), linestyle="-" if node.known else DASHES)
    return frame


def _probability(odds: float) -> str:
    p = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    return "p < 0.01" if p < 0.005 else "p > 0.99" if p >= 0.995 else f"p = {p:.2f}"


def _colour(positive: bool) -> str:
    return BLUE if positive else ORANGE
