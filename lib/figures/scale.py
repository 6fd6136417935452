"""Figures of notebook 16: measured time with its extrapolation, and memory."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.figures.palette import COLOURS

PAPER = 318_778


def growth(
    measured: pd.DataFrame, fits: Mapping[str, Callable[[float], float]], reach: float = 1e9
) -> Figure:
    """Seconds over faces, both logarithmic: dots measured, lines fitted, dashes projected."""
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes = figure.subplots()
    last = measured.index.max()
    near, far = np.geomspace(measured.index.min(), last), np.geomspace(last, reach)
    for colour, (name, fit) in zip(COLOURS, fits.items(), strict=False):
        axes.plot(near, [fit(count) for count in near], color=colour)
        axes.plot(far, [fit(count) for count in far], color=colour, linestyle="--", linewidth=1)
        dots = measured[f"{name}_seconds"]
        axes.plot(dots.index, dots, "o", color=colour, label=LABELS[name])
    _mark_sizes(axes, reach)
    for seconds, word in ((60, "minute"), (3600, "hour"), (86_400, "day"), (31_557_600, "year")):
        axes.axhline(seconds, color="grey", linewidth=0.4)
        axes.annotate(word, (measured.index.min(), seconds), fontsize=8, va="bottom", color="grey")
    axes.set(xscale="log", yscale="log", xlabel="faces", ylabel="seconds")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    axes.set_title("dots: measured here; dashes: projected", fontsize=10)
    return figure


LABELS = {"graph": "exact graph (once)", "sweep": "EM sweep over 24 attributes"}


def memory(sizes: Mapping[int, Mapping[str, float]]) -> Figure:
    """GB of each part of what is kept, bars for each number of faces."""
    figure = Figure(figsize=(9, 0.9 + 0.55 * len(sizes)), layout="constrained")
    axes, parts = figure.subplots(), list(next(iter(sizes.values())))
    high = 0.8 / len(parts)
    for place, (colour, part) in enumerate(zip(COLOURS, parts, strict=False)):
        values = [kept[part] for kept in sizes.values()]
        rows = np.arange(len(sizes)) + (place - len(parts) / 2 + 0.5) * high
        axes.barh(rows, values, high, color=colour, label=part)
    axes.set_yticks(range(len(sizes)), [f"{faces:,} faces" for faces in sizes])
    axes.set(xscale="log", xlabel="GB (features of 1,024 float32 numbers)")
    axes.invert_yaxis()
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _mark_sizes(axes: Axes, reach: float) -> None:
    for count, word in ((PAPER, "the paper's"), (1e7, "ten million"), (1e9, "a billion")):
        if count <= reach:
            axes.axvline(count, color="grey", linewidth=0.6, linestyle=":")
            axes.annotate(
                word,
                (count, 0.02),
                xycoords=("data", "axes fraction"),
                fontsize=8,
                rotation=90,
                ha="right",
                va="bottom",
            )
