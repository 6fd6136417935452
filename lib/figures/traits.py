"""Figures of the eight traits (09 and 11): tables in, a matplotlib Figure out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib import vocabulary
from lib.figures.palette import COLOURS, GREY

TRAITS = tuple(vocabulary.TRAITS)


def trait_bars(table: pd.DataFrame, averages: pd.Series, auc: pd.DataFrame | None = None) -> Figure:
    """Fig. 8: one group of bars per trait, one bar per method, from 50 %, which is chance.

    table: rows (method, trait), columns value, low, high, percent; averages: by method, for the
    legend. auc: rows methods, columns value, low, high: average ROC AUC, percent, a panel beside.
    """
    figure = Figure(figsize=(11 if auc is None else 13.5, 5), layout="constrained")
    ratios = [4] if auc is None else [4, 1]
    parts = figure.subplots(1, len(ratios), squeeze=False, width_ratios=ratios)[0]
    axes, places = parts[0], np.arange(len(TRAITS))
    width, palette = 0.84 / len(averages), (GREY, *COLOURS[:7])
    for number, name in enumerate(averages.index):
        shift = places + width * (number - (len(averages) - 1) / 2)
        each = table.loc[name].reindex(list(TRAITS)).astype(float)
        label = f"{name} ({averages[name]:.1f} %)"
        look = {"color": palette[number], "label": label, "bottom": 50}
        axes.bar(shift, each["value"] - 50, 0.94 * width, **look)
        axes.vlines(shift, each["low"], each["high"], color="#444444", linewidth=0.9)
        if auc is not None:
            row = auc.loc[name].astype(float)
            parts[1].plot(row["value"], number, "o", color=palette[number], markersize=7)
            parts[1].hlines(number, row["low"], row["high"], color=palette[number], linewidth=1.8)
    axes.axhline(50, color="black", linewidth=0.8)
    axes.set_xticks(places, TRAITS)
    axes.set(ylabel="balanced accuracy (%)", xlim=(-0.55, len(TRAITS) - 0.45))
    axes.set_ylim(min(50, table["low"].min() - 2), min(100, table["high"].max() + 2))
    axes.set_title("each trait, decided at 0.5; bars begin at chance", fontsize=11)
    for panel in parts:
        panel.spines[["top", "right"]].set_visible(False)
    if auc is not None:
        parts[1].axvline(50, color="black", linewidth=0.8, linestyle=":")
        parts[1].set(yticks=[], ylim=(len(averages) - 0.5, -0.5), xlabel="ROC AUC (%)")
        parts[1].set_title("average, no threshold", fontsize=11)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def dots(
    tables: dict[str, pd.DataFrame], xlabel: str, *, line: float | None = 0.0, words: str = ""
) -> Figure:
    """Rows of dots with intervals, one colour and shape per table, a line to compare with.

    tables: name -> index the rows, columns value, low, high; rows keep the first table's order.
    """
    rows = next(iter(tables.values())).index
    high = (0.1 + 0.12 * max(2, len(tables))) * len(rows)
    figure = Figure(figsize=(8.5, 0.9 + high), layout="constrained")
    axes = figure.subplots()
    dotted(axes, {name: table.reindex(rows) for name, table in tables.items()})
    if line is not None:
        axes.axvline(line, color="black", linewidth=0.8, linestyle=":", label=words or None)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(xlabel)
    if len(tables) > 1 or words:
        figure.legend(loc="outside upper right", ncols=4, frameon=False, fontsize=9)
    return figure


def dotted(axes: Axes, tables: dict[str, pd.DataFrame]) -> None:
    """The dots and intervals of `dots` on given axes, the first row at the top."""
    for number, (name, table) in enumerate(tables.items()):
        step = min(0.22, 0.7 / len(tables))
        places = np.arange(len(table)) + step * (number - (len(tables) - 1) / 2)
        low, high = table["low"].astype(float), table["high"].astype(float)
        axes.hlines(places, low, high, color=COLOURS[number], linewidth=1.6)
        value = table["value"].astype(float)
        axes.plot(value, places, "osD^"[number], color=COLOURS[number], markersize=5, label=name)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def cue_effects(table: pd.DataFrame) -> Figure:
    """How pairs with a trait stand otherwise than pairs without, a panel per measure.

    table: as `traits.effects` gives it.
    """
    names = list(dict.fromkeys(table.index.get_level_values("measure")))
    parts = list(dict.fromkeys(table.index.get_level_values("part")))
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), sharey=True), names, strict=True):
        each = {
            part: pd.DataFrame(table.xs((part, name), level=("part", "measure"))) for part in parts
        }
        dotted(axes, {part: values.reindex(list(TRAITS)) for part, values in each.items()})
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_title(name, fontsize=10)
        axes.set_yticks(range(len(TRAITS)), TRAITS)
    figure.supxlabel("pairs with the trait minus pairs without, standard deviations", fontsize=10)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
    return figure


def shares(table: pd.DataFrame, xlabel: str) -> Figure:
    """Percentages as a map: one row per kind of pair, one column per trait."""
    figure = Figure(figsize=(8.5, 1.1 + 0.3 * len(table)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(table, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    values = table.to_numpy(float)
    for row, column in np.ndindex(table.shape):
        value = float(values[row, column])
        colour = "white" if value > 60 else "black"
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(table.shape[1]), table.columns)
    axes.set_yticks(range(len(table)), table.index)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(xlabel)
    return figure
