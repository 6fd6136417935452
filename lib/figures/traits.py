"""Figures of the eight traits (09 and 11): tables in, a matplotlib Figure out."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from lib import vocabulary
from lib.figures.palette import COLOURS, GREY, Style

TRAITS = tuple(vocabulary.TRAITS)


def trait_bars(table: pd.DataFrame, averages: pd.Series, auc: pd.DataFrame | None = None) -> Figure:
    """Fig. 8: one group of bars per trait, one bar per method, from 50 %, which is chance.

    table: rows (method, trait), columns value, low, high, percent; averages: by method, for the
    legend. auc: rows methods, columns value, low, high: average ROC AUC, percent, a panel beside.
    """
    figure = Figure(figsize=(10, 5.4), layout="constrained")
    ratios = [1] if auc is None else [4.6, 1]
    parts = figure.subplots(1, len(ratios), squeeze=False, width_ratios=ratios)[0]
    colours = dict(zip(map(str, averages.index), (GREY, *COLOURS[:7]), strict=False))
    _bars(parts[0], table, averages, colours)
    if auc is not None:
        _areas(parts[1], auc.reindex(averages.index).astype(float), colours)
    for panel in parts:
        panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=10)
    return figure


def _bars(axes: Axes, table: pd.DataFrame, averages: pd.Series, colours: dict[str, str]) -> None:
    """Groups of bars that begin at 50; a bar of no height is still seen by its coloured end.

    Intervals are white within a bar and dark outside.
    """
    places, width = np.arange(len(TRAITS)), 0.86 / len(averages)
    for place in places[::2]:
        axes.axvspan(place - 0.5, place + 0.5, color="#f4f4f4", linewidth=0, zorder=0)
    for number, (name, colour) in enumerate(colours.items()):
        shift = places + width * (number - (len(averages) - 1) / 2)
        rows = table.loc[name].reindex(list(TRAITS))[["value", "low", "high"]]
        value, low, high = np.asarray(rows, float).T
        label = f"{name} ({averages[name]:.1f} %)"
        axes.bar(shift, value - 50, 0.9 * width, bottom=50, color=colour, label=label)
        ends = (shift - 0.45 * width, shift + 0.45 * width)
        axes.hlines(value, *ends, color=colour, linewidth=2.2, zorder=3)
        near = np.where(value > 50, low.clip(min=50), high.clip(max=50))
        axes.vlines(shift, low, high, color="#333333", linewidth=0.9, zorder=4)
        axes.vlines(shift, near, value, color="white", linewidth=0.9, zorder=5)
    axes.axhline(50, color="black", linewidth=0.8)
    axes.set_xticks(places, TRAITS)
    axes.tick_params(axis="x", length=0)
    axes.set(ylabel="balanced accuracy (%)", xlim=(-0.5, len(TRAITS) - 0.5))
    axes.set_ylim(min(50, table["low"].min()) - 1, min(100, table["high"].max() + 1))
    axes.set_title("each trait, decided at 0.5; bars begin at chance, 50 %", fontsize=11)


def _areas(axes: Axes, auc: pd.DataFrame, colours: dict[str, str]) -> None:
    """Average ROC AUC of each method with its interval, from top to bottom as in the legend."""
    for number, (name, row) in enumerate(auc.iterrows()):
        axes.hlines(number, row["low"], row["high"], color=colours[str(name)], linewidth=2)
        axes.plot(row["value"], number, "o", color=colours[str(name)], markersize=7)
        words, place = f"{row['value']:.1f}", (row["value"], number - 0.2)
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        axes.annotate(words, place, ha="center", va="bottom", fontsize=9, bbox=paper)
    axes.axvline(50, color="black", linewidth=0.8)
    axes.set(yticks=[], ylim=(len(auc) - 0.6, -0.75), xlabel="ROC AUC (%)")
    axes.spines["left"].set_visible(False)  # the line at chance is there
    axes.xaxis.set_major_locator(MultipleLocator(25))
    axes.set_title("average of the traits,\nno threshold", fontsize=11)


def dots(
    tables: dict[str, pd.DataFrame],
    xlabel: str,
    title: str = "",
    *,
    line: float | None = 0.0,
    words: str = "",
) -> Figure:
    """Rows of dots with intervals, one colour and shape per table, a line to compare with.

    tables: name -> index the rows, columns value, low, high; rows keep the first table's order.
    """
    rows = next(iter(tables.values())).index
    high = (0.1 + 0.12 * max(2, len(tables))) * len(rows)
    figure = Figure(figsize=(8.5, 1.2 + high), layout="constrained")
    axes = figure.subplots()
    dotted(axes, {name: table.reindex(rows) for name, table in tables.items()})
    if line is not None:
        axes.axvline(line, color="black", linewidth=0.8, linestyle=":", label=words or None)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(xlabel)
    axes.set_title(title, fontsize=11)
    if len(tables) > 1 or words:
        figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9)
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

    table: as `annotation.effects` gives it.
    """
    names = list(dict.fromkeys(table.index.get_level_values("measure")))
    parts = list(dict.fromkeys(table.index.get_level_values("part")))
    figure = Figure(figsize=(9.5, 3.9), layout="constrained")
    panels = figure.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        each = {
            part: pd.DataFrame(table.xs((part, name), level=("part", "measure"))) for part in parts
        }
        dotted(axes, {part: values.reindex(list(TRAITS)) for part, values in each.items()})
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_title(name.partition(" (")[0], fontsize=10)  # all in standard deviations here
        axes.set_yticks(range(len(TRAITS)), TRAITS)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.supxlabel("pairs with the trait minus pairs without, standard deviations", fontsize=10)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    return figure


def shares(table: pd.DataFrame, title: str) -> Figure:
    """Percentages as a map: one row per kind of pair, one column per trait."""
    figure = Figure(figsize=(8.5, 1.1 + 0.3 * len(table)), layout="constrained")
    axes = figure.subplots()
    look: Style = {"cmap": "Blues", "vmin": 0, "vmax": 100, "cbar": False}
    look |= {"xticklabels": True, "yticklabels": True}  # all of them, however large
    seaborn.heatmap(
        table.astype(float), ax=axes, annot=True, fmt=".0f", annot_kws={"fontsize": 9}, **look
    )
    axes.tick_params(length=0)
    axes.tick_params(axis="x", rotation=20)
    axes.set(xlabel="", ylabel="")
    axes.set_title(title, fontsize=11)
    return figure
