"""Expressions (Fig. 7, Table 8), methods side by side and the scoreboard: arrays in, a
Figure out."""

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import patches
from matplotlib.figure import Figure
from torch import Tensor

from lib import vocabulary
from lib.figures.palette import BLUE, ORANGE, VERDICT_COLOURS


def confusion(tables: dict[str, np.ndarray]) -> Figure:
    """Confusion matrices side by side: name -> (7, 7) percent, rows true, columns predicted."""
    figure = Figure(figsize=(4.6 * len(tables), 4.2), layout="constrained")
    for axes, (name, table) in zip(
        figure.subplots(1, len(tables), squeeze=False)[0], tables.items(), strict=True
    ):
        axes.imshow(table, cmap="Blues", vmin=0, vmax=100)
        for row, column in np.ndindex(table.shape):
            colour = "white" if table[row, column] > 60 else "black"
            axes.text(
                column,
                row,
                f"{table[row, column]:.0f}",
                ha="center",
                va="center",
                color=colour,
                fontsize=8,
            )
        axes.set_xticks(range(7), vocabulary.EXPRESSIONS, rotation=45, ha="right")
        axes.set_yticks(range(7), vocabulary.EXPRESSIONS)
        axes.set(title=name, xlabel="named", ylabel="true")
    return figure


def misses(images: Tensor, truth: Sequence[str], named: Sequence[str], columns: int = 7) -> Figure:
    """Fig. 7: faces with "True → named" above each."""
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(1.35 * columns, 1.6 * rows), layout="constrained")
    for number, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.set_axis_off()
        if number < len(images):
            axes.imshow(np.asarray(images[number]).transpose(1, 2, 0))
            axes.set_title(f"{truth[number]} →\n{named[number]}", fontsize=8)
    return figure


def bars(
    table: pd.DataFrame,
    published: pd.Series | None,
    xlabel: str,
    *,
    ours: str = "ours, embedded world",
) -> Figure:
    """Methods as points with their 95 % intervals, and the paper's number as a diamond.

    table: one row per method, columns value, low, high; published: by the same names. ours: what
    the points were measured on (`Workspace.ours`).
    """
    figure = Figure(figsize=(8.5, 0.9 + 0.36 * len(table)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(table))
    error = [table["value"] - table["low"], table["high"] - table["value"]]
    axes.errorbar(
        table["value"],
        places,
        xerr=error,
        fmt="o",
        color=BLUE,
        capsize=3,
        label=f"{ours} (95 %)",
    )
    if published is not None:
        axes.plot(
            published.reindex(table.index),
            places,
            "D",
            color=ORANGE,
            mfc="none",
            label="the paper, photographs",
        )
    axes.set_yticks(places, table.index)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel(xlabel)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    return figure


def scores(board: pd.DataFrame) -> Figure:
    """The scoreboard as a picture: each claim's estimate, interval and verdict."""
    shown = board[(board["verdict"] != "not run") & board["unit"].eq("points")].iloc[::-1]
    figure = Figure(figsize=(10, 0.8 + 0.48 * max(1, len(shown))), layout="constrained")
    axes = figure.subplots()
    if shown.empty:
        axes.axis("off")
        axes.text(0.5, 0.5, "no claim could be judged: see the reasons in the table", ha="center")
        return figure
    for place, (_, row) in enumerate(shown.iterrows()):
        colour = VERDICT_COLOURS[row["verdict"]]
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=3, alpha=0.6)
        axes.plot(row["value"], place, "o", color=colour)
        if isinstance(row["paper"], str) and row["paper"].startswith(("+", "-")):
            axes.plot(float(row["paper"]), place, "D", mfc="none", color="black", markersize=5)
    words = [textwrap.fill(f"{row.section}: {row.claim}", 64) for row in shown.itertuples()]
    axes.set_yticks(range(len(shown)), words, fontsize=7)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(
        "difference in points: ours with its 95 % interval (dot), the paper's (diamond)"
    )
    axes.spines[["top", "right"]].set_visible(False)
    handles = [
        patches.Patch(color=colour, label=name)
        for name, colour in list(VERDICT_COLOURS.items())[:3]
    ]
    figure.legend(handles=handles, frameon=False, loc="outside upper right", ncols=3)
    return figure
