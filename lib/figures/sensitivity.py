"""Figures of notebook 17: groups of people, the number of labels, wrong labels."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.figures import marks
from lib.figures.palette import COLOURS, SLATE


def people(table: pd.DataFrame) -> Figure:
    """Dots with intervals for every group of people, one panel per question, as `by_people` has."""
    questions = table.index.unique("question")
    heights = [len(table.loc[q].index.unique("group")) for q in questions]
    size = (8.5, 1.2 + 0.55 * sum(heights))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(questions), 1, sharex=True, height_ratios=heights, squeeze=False)
    for axes, question in zip(panels[:, 0], questions, strict=True):
        part = table.loc[question]
        groups, methods = part.index.unique("group"), part.index.unique("method")
        for number, method in enumerate(methods):
            rows = part.xs(method, level="method").reindex(groups).astype(float)
            places = np.arange(len(groups)) + 0.16 * (number - (len(methods) - 1) / 2)
            reach = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
            axes.errorbar(
                rows["value"], places, xerr=reach, fmt="o", color=COLOURS[number], label=method
            )
        faces = part["faces"].groupby("group").first()
        axes.set_yticks(range(len(groups)), [f"{name} ({faces[name]})" for name in groups])
        axes.set(ylim=(len(groups) - 0.5, -0.5), title=f"by {question}")
        axes.grid(axis="x", linewidth=0.4, color="lightgrey")
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1, 0].set_xlabel("balanced accuracy (%), with its 95 % interval")
    handles = panels[0, 0].get_legend_handles_labels()
    figure.legend(*handles, ncols=4, loc="outside lower center", frameon=False)
    return figure


def parts(table: pd.DataFrame, used: str = "", title: str = "") -> Figure:
    """Dots with intervals, a row per kind of pseudo labels and a panel per judgement: gains.

    Each panel has a scale of its own, of two points at least. used: the row that is marked.
    """
    names, judgements = table.index.unique(0), table.index.unique(1)
    size = (1.8 + 2.5 * len(judgements), 1.1 + 0.3 * len(names))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(judgements), sharey=True, squeeze=False)[0]
    for axes, judgement in zip(panels, judgements, strict=True):
        found = table.xs(judgement, level=1).reindex(names).astype(float)
        reach = [found["value"] - found["low"], found["high"] - found["value"]]
        look = {"fmt": "o", "markersize": 4.5, "color": COLOURS[0]}
        axes.errorbar(found["value"], range(len(names)), xerr=reach, **look)
        axes.axvline(0, linewidth=1, color="black", linestyle=":")
        ends = np.asarray(found[["low", "high"]], dtype=float)
        low, high = np.nanmin(ends, initial=-1.0), np.nanmax(ends, initial=1.0)
        axes.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        axes.set_title(marks.spelled(judgement), fontsize=10)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="x", linewidth=0.4, color="lightgrey")
        axes.spines[["top", "right"]].set_visible(False)
    marks.rows(panels, list(names), used)
    words = "gain over the control (percentage points)"
    figure.supxlabel(words, fontsize="medium")
    figure.suptitle(title, fontsize=11.5, fontweight="bold")
    return figure


def curves(
    rows: pd.DataFrame,
    places: dict[str, float],
    judgements: Sequence[str],
    xlabel: str,
    *,
    log: bool = False,
    used: float | None = None,
) -> Figure:
    """A line per method with its interval shaded, one panel per judgement (percent).

    rows: of the long results table; places: subset -> its position on the x axis. A panel spans
    at least `marks.LEAST` points. used: the value on the x axis that is marked.
    """
    figure = Figure(figsize=(3.2 * len(judgements), 3.5), layout="constrained")
    panels = figure.subplots(1, len(judgements), squeeze=False)[0]
    rows = rows.assign(place=rows["subset"].map(places)).sort_values("place", kind="stable")
    for axes, judgement in zip(panels, judgements, strict=True):
        if used is not None:
            axes.axvline(used, color=SLATE, linewidth=1, linestyle=":", label="used")
        lines = rows[rows["metric"] == judgement].groupby("method", sort=False)
        for number, (name, line) in enumerate(lines):
            look = marks.line(number) | {"color": COLOURS[number], "label": name}
            axes.plot(line["place"], line["value"], **look)
            band = {"color": COLOURS[number], "alpha": 0.15, "linewidth": 0}
            axes.fill_between(line["place"], line["low"], line["high"], **band)
        axes.set(xlabel=xlabel, xscale="log" if log else "linear")
        axes.set_title(marks.spelled(judgement), fontsize=10.5)
        ticks = sorted(places.values())
        axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
        axes.minorticks_off()
        axes.grid(linewidth=0.4, color="lightgrey")
        axes.spines[["top", "right"]].set_visible(False)
        marks.alike([axes])
    panels[0].set_ylabel("average over the attributes (%)")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure
