"""Figures of notebook 16: measured time with its extrapolation, and memory."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.figures.palette import COLOURS, SLATE, Style

PAPER = 318_778


def growth(
    measured: pd.DataFrame, fits: Mapping[str, Callable[[float], float]], reach: float = 1e9
) -> Figure:
    """Seconds over faces, both logarithmic: dots measured, lines fitted, dashes projected."""
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes = figure.subplots()
    last = measured.index.max()
    near, far = np.geomspace(measured.index.min(), last), np.geomspace(last, reach)
    for mark, colour, (name, fit) in zip("os", COLOURS, fits.items(), strict=False):
        axes.plot(near, [fit(count) for count in near], color=colour)
        axes.plot(far, [fit(count) for count in far], color=colour, linestyle="--", linewidth=1)
        dots = measured[f"{name}_seconds"]
        look: Style = {"mfc": "none", "mew": 1.6, "color": colour, "label": LABELS[name]}
        axes.plot(dots.index, dots, mark, **look)
    _mark_sizes(axes, reach)
    for seconds, word in ((60, "minute"), (3600, "hour"), (86_400, "day"), (31_557_600, "year")):
        axes.axhline(seconds, color="grey", linewidth=0.4)
        place = (measured.index.min(), seconds)
        axes.annotate(word, place, fontsize=9, va="bottom", color=SLATE)
    axes.set(xscale="log", yscale="log", xlabel="faces", ylabel="seconds")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    words = "time of attribute propagation (marks: measured here; dashes: projected)"
    axes.set_title(words, fontsize=11)
    return figure


LABELS = {"graph": "exact graph (once)", "sweep": "one sweep over 24 attributes"}


def memory(sizes: Mapping[int, Mapping[str, float]]) -> Figure:
    """GB of each part of what is kept, dots for each number of faces on a logarithmic axis."""
    figure = Figure(figsize=(8.5, 1.2 + 0.5 * len(sizes)), layout="constrained")
    axes, parts = figure.subplots(), list(next(iter(sizes.values())))
    for number, (colour, part) in enumerate(zip(COLOURS, parts, strict=False)):
        values = [kept[part] for kept in sizes.values()]
        rows = np.arange(len(sizes)) + 0.16 * (number - (len(parts) - 1) / 2)
        axes.plot(values, rows, "osD^v"[number % 5], color=colour, label=part, markersize=7)
    for edge in range(1, len(sizes)):
        axes.axhline(edge - 0.5, linewidth=0.4, color="lightgrey")
    axes.set_yticks(range(len(sizes)), [f"{faces:,} faces" for faces in sizes])
    axes.set(xscale="log", xlabel="GB (features of 1,024 float32 numbers)")
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.grid(axis="x", linewidth=0.4, color="lightgrey")
    axes.set_ylim(len(sizes) - 0.5, -0.5)
    axes.set_title("memory that attribute propagation needs", fontsize=11)
    figure.legend(fontsize=9, frameon=False, loc="outside lower center", ncols=len(parts))
    return figure


def _mark_sizes(axes: Axes, reach: float) -> None:
    for count, word in ((PAPER, "the paper's"), (1e7, "ten million"), (1e9, "a billion")):
        if count <= reach:
            axes.axvline(count, color="grey", linewidth=0.6, linestyle=":")
            axes.annotate(
                word,
                (count, 0.02),
                xycoords=("data", "axes fraction"),
                fontsize=9,
                rotation=90,
                ha="right",
                va="bottom",
            )
