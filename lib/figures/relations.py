"""Expressions (Fig. 7, Table 8), methods side by side and the scoreboard: arrays in, a
Figure out."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from lib import vocabulary
from lib.figures.palette import BLUE, ORANGE, VERDICT_COLOURS, Style

SHAPES = {"holds": "o", "does not hold": "X", "cannot tell": "s"}


def confusion(tables: dict[str, np.ndarray]) -> Figure:
    """Confusion matrices side by side: name -> (7, 7) percent, rows true, columns predicted.

    A row of NaN, of an expression without faces, stays blank.
    """
    figure = Figure(figsize=(4.4 * len(tables), 4.5), layout="constrained")
    for axes, (name, table) in zip(
        figure.subplots(1, len(tables), squeeze=False)[0], tables.items(), strict=True
    ):
        names = vocabulary.EXPRESSIONS
        percent = pd.DataFrame(table, names, names)
        look: Style = {"cmap": "Blues", "vmin": 0, "vmax": 100, "cbar": False, "square": True}
        look |= {"xticklabels": True, "yticklabels": True}  # all of them, however large
        seaborn.heatmap(percent, ax=axes, annot=True, fmt=".0f", annot_kws={"fontsize": 8}, **look)
        axes.set_xticklabels(names, rotation=45, ha="right")
        axes.set_yticklabels(names, rotation=0)
        axes.set(title=name, xlabel="predicted", ylabel="true")
    figure.suptitle("faces of each true expression by the one predicted (%)", fontsize=12)
    return figure


def misses(
    images: Tensor,
    confused: Mapping[tuple[int, int], np.ndarray],
    probability: np.ndarray,
    columns: int = 6,
) -> Figure:
    """Fig. 7: a row per confusion "true → predicted", with some of its faces.

    confused: (true, predicted) expression -> numbers of faces; probability (N, 7): below each face
    that of the predicted and of the true expression.
    """
    rows = max(1, len(confused))
    figure = Figure(figsize=(1.4 * columns + 1.2, 1.75 * rows + 0.35), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for line, ((true, predicted), faces) in zip(grid, confused.items(), strict=False):
        truth, named = vocabulary.EXPRESSIONS[true], vocabulary.EXPRESSIONS[predicted]
        line[0].set_ylabel(f"{truth} →\n{named}\n({len(faces)} faces)", fontsize=10)
        for axes, face in zip(line, faces, strict=False):
            axes.imshow(np.asarray(images[face]).transpose(1, 2, 0))
            said, right = probability[face, predicted], probability[face, true]
            axes.set_xlabel(f"{named} {said:.2f}\n{truth} {right:.2f}", fontsize=9)
    figure.suptitle("most frequent confusions: true → predicted", fontsize=11)
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
    figure = Figure(figsize=(8.5, 1.2 + 0.36 * len(table)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(table))
    error = [table["value"] - table["low"], table["high"] - table["value"]]
    axes.errorbar(
        table["value"],
        places,
        xerr=error,
        fmt="o",
        color=BLUE,
        capsize=3,
        label=f"{ours} (line: 95 % interval)",
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
    axes.set_title("methods compared: ours and the paper's", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def scores(board: pd.DataFrame) -> Figure:
    """The scoreboard as a picture: each claim's estimate, interval and verdict.

    A few estimates far from zero would leave no width for the others: they are arrows at the edge,
    with their numbers.
    """
    shown = board[(board["verdict"] != "not run") & board["unit"].eq("points")]
    words = [textwrap.fill(f"{row.section}: {row.claim}", 62) for row in shown.itertuples()]
    heights = np.array([0.16 * (text.count("\n") + 1) + 0.16 for text in words])  # inches
    figure = Figure(figsize=(10, 1.3 + heights.sum()), layout="constrained")
    axes = figure.subplots()
    if shown.empty:
        axes.axis("off")
        axes.text(0.5, 0.5, "no claim could be judged: see the reasons in the table", ha="center")
        return figure
    places, ends = heights.cumsum() - heights / 2, _ends(shown)
    axes.set_xlim(ends[0] - 0.03 * (ends[1] - ends[0]), ends[1] + 0.03 * (ends[1] - ends[0]))
    for place, (_, row) in zip(places, shown.iterrows(), strict=True):
        colour, shape = VERDICT_COLOURS[row["verdict"]], SHAPES[row["verdict"]]
        if ends[0] <= row["value"] <= ends[1]:
            ours = [row["low"], row["high"]]
            axes.plot(ours, [place, place], color=colour, linewidth=3, alpha=0.6)
            axes.plot(row["value"], place, shape, color=colour)
            edges = axes.get_xlim()
            for mark, end, beyond in (("<", 0, ours[0] < edges[0]), (">", 1, ours[1] > edges[1])):
                if beyond:  # the interval goes on
                    axes.plot(edges[end], place, mark, color=colour, markersize=5, clip_on=False)
        else:
            _beyond(axes, row, place, ends)
        if isinstance(row["paper"], str) and row["paper"].startswith(("+", "-")):
            axes.plot(float(row["paper"]), place, "D", mfc="none", color="black", markersize=5)
    for edge in heights.cumsum()[:-1]:
        axes.axhline(edge, linewidth=0.4, color="lightgrey")
    axes.set_yticks(places, words, fontsize=8.5)
    axes.set_ylim(heights.sum(), 0)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("difference (percentage points)")
    axes.set_title("the paper's claims as differences, and our verdicts", fontsize=12)
    axes.spines[["top", "right"]].set_visible(False)
    marks: list[Style] = [
        {"label": name, "marker": SHAPES[name], "color": VERDICT_COLOURS[name], "linewidth": 3}
        for name in SHAPES
    ]
    marks.append({"label": "the paper", "marker": "D", "mfc": "none", "color": "black", "ls": ""})
    handles = [Line2D([], [], **mark) for mark in marks]
    figure.legend(handles=handles, frameon=False, loc="outside lower center", ncols=4)
    return figure


def _ends(shown: pd.DataFrame) -> tuple[float, float]:
    """Lowest and highest difference on the axis: all, or the middle where a few lie far out."""
    found = shown[["low", "high"]].assign(paper=pd.to_numeric(shown["paper"], errors="coerce"))
    found = found.astype(float).fillna(0.0)
    far = max(15.0, float(found.abs().max(axis=1).quantile(0.9)))
    return max(float(found.min().min()), -far), min(float(found.max().max()), far)


def _beyond(axes: Axes, row: pd.Series, place: float, ends: tuple[float, float]) -> None:
    """An arrow at the edge and the numbers of an estimate that is outside of the axis."""
    right, colour = row["value"] > ends[1], VERDICT_COLOURS[row["verdict"]]
    edge = ends[1] if right else ends[0]
    axes.plot(edge, place, ">" if right else "<", color=colour)
    words = f"{row['value']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]"
    look: Style = {"ha": "right" if right else "left", "va": "center", "fontsize": 8.5}
    shift = (-8 if right else 8, 0)
    axes.annotate(words, (edge, place), shift, textcoords="offset points", color=colour, **look)
