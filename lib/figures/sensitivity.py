"""Figures of notebook 17: groups of people, the number of labels, wrong labels."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.figures.palette import COLOURS


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
        axes.set(ylim=(len(groups) - 0.5, -0.5), title=question)
        axes.grid(axis="x", linewidth=0.4, color="lightgrey")
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1, 0].set_xlabel("balanced accuracy (%), with its 95 % interval")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), ncols=4, loc="outside upper center")
    return figure


def parts(table: pd.DataFrame) -> Figure:
    """Dots with intervals, a row per kind of pseudo labels and a panel per judgement: gains."""
    names, judgements = table.index.unique(0), table.index.unique(1)
    size = (1.8 + 2.6 * len(judgements), 1.2 + 0.4 * len(names))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(judgements), sharex=True, sharey=True, squeeze=False)[0]
    for axes, judgement in zip(panels, judgements, strict=True):
        rows = table.xs(judgement, level=1).reindex(names).astype(float)
        reach = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        axes.errorbar(rows["value"], range(len(names)), xerr=reach, fmt="o", color=COLOURS[0])
        axes.axvline(0, linewidth=0.8, color="grey")
        axes.set(title=judgement, ylim=(len(names) - 0.5, -0.5))
        axes.grid(axis="x", linewidth=0.4, color="lightgrey")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(names)), names)
    figure.supxlabel("gain over the control (percentage points)", fontsize="medium")
    return figure


def curves(tables: dict[str, pd.DataFrame], xlabel: str, *, log: bool = False) -> Figure:
    """A line per column over the index, one panel per judgement (percent)."""
    figure = Figure(figsize=(3.6 * len(tables), 3.3), layout="constrained")
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    for axes, (judgement, table) in zip(panels, tables.items(), strict=True):
        for number, name in enumerate(table):
            look = {"color": COLOURS[number], "marker": "osD^"[number % 4], "label": name}
            axes.plot(table.index, table[name], **look)
        axes.set(title=judgement, xlabel=xlabel, xscale="log" if log else "linear")
        axes.set_xticks(table.index, [f"{value:g}" for value in table.index])
        axes.minorticks_off()
        axes.grid(linewidth=0.4, color="lightgrey")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("average over the attributes (%)")
    panels[0].legend(frameon=False, fontsize=9)
    return figure
