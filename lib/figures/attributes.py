"""Figures of the notebooks on attributes (02 to 06, 17): arrays in, a matplotlib Figure out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, NullLocator

from lib import vocabulary
from lib.figures.palette import COLOURS

TITLES = [vocabulary.title(name) for name in vocabulary.ATTRIBUTES]


def reliability(curves: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Reliability diagram: name -> what `metrics.reliability` gives."""
    figure = Figure(figsize=(8.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    left.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        bins, share = curve["probability"], 100 * curve["count"] / curve["count"].sum()
        left.plot(bins, curve["share"], "o-", color=colour, label=name, markersize=4)
        right.plot(bins, share, "o-", color=colour, label=name, markersize=4)
    left.set(xlabel="stated p(y = 1)", ylabel="share that is truly positive", aspect="equal")
    right.set(xlabel="stated p(y = 1)", ylabel="answers in this bin (%)", yscale="log")
    right.yaxis.set_major_formatter("{x:g}")
    right.yaxis.set_minor_formatter(LogFormatter())  # no minor labels where they would overlap
    handles, names = right.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def rounds(
    curves: dict[str, pd.DataFrame], judgements: Sequence[str], reported: pd.Series
) -> Figure:
    """Accuracy over the iterations of Algorithm 1, a panel per judgement, the paper's beside.

    curves: method -> one row per m, one column per judgement, percent; reported: by m.
    """
    figure = Figure(figsize=(3.6 * len(judgements), 3.5), layout="constrained")
    for axes, judgement in zip(figure.subplots(1, len(judgements)), judgements, strict=True):
        for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
            axes.plot(curve.index, curve[judgement], "o-", color=colour, label=name, markersize=4)
        axes.set(xlabel="iteration m", ylabel=f"{judgement} (%)")
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.axes[0].plot(reported.index, reported, "s:", color="black", label="paper", markersize=4)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return figure


def attributes(
    ours: pd.DataFrame,
    bounds: tuple[pd.DataFrame, pd.DataFrame],
    published: pd.DataFrame,
    xlabel: str = "",
) -> Figure:
    """One row per attribute, one dot per method: ours on the left, the paper's on the right.

    bounds: the ends of our intervals, each a table like `ours`.
    """
    figure = Figure(figsize=(9.5, 1.1 + 0.36 * ours.shape[1]), layout="constrained")
    colours = dict(zip(dict.fromkeys([*ours.index, *published.index]), COLOURS, strict=False))
    places = np.arange(ours.shape[1])
    panels = zip(figure.subplots(1, 2, sharex=True, sharey=True), (ours, published), strict=True)
    for axes, table in panels:
        for place, name in enumerate(table.index):
            level = places + 0.19 * (place - (len(table) - 1) / 2)
            axes.plot(table.loc[name], level, "o", color=colours[name], label=name, markersize=5)
            if table is ours:
                axes.hlines(level, *(end.loc[name] for end in bounds), colours[name], linewidth=1)
        for edge in places[1:] - 0.5:
            axes.axhline(edge, linewidth=0.4, color="lightgrey")
        axes.set(xlabel=xlabel or "balanced accuracy (%)")
        axes.legend(fontsize=8, ncols=2, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1))
    axes.set_yticks(places, [vocabulary.title(name) for name in ours.columns], fontsize=9)
    axes.invert_yaxis()
    return figure


def gains(gain: pd.DataFrame, xlabel: str) -> Figure:
    """Differences with intervals, one row per attribute, from rare to common.

    gain: columns difference, low, high, paper (points), positive share (%); NaN where the
    attribute is not labelled.
    """
    gain = gain.sort_values("positive share (%)")
    figure = Figure(figsize=(7.5, 0.9 + 0.25 * len(gain)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(gain))
    error = [gain["difference"] - gain["low"], gain["high"] - gain["difference"]]
    axes.errorbar(
        gain["difference"],
        places,
        xerr=error,
        fmt="o",
        color=COLOURS[0],
        markersize=5,
        label="ours",
    )
    axes.plot(gain["paper"], places, "D", color=COLOURS[1], mfc="none", label="paper")
    axes.axvline(0, color="grey", linewidth=0.8)
    shares = gain["positive share (%)"]
    words = shares.map("{:.0f} %".format).where(shares.notna(), "not labelled")
    names = [f"{vocabulary.title(name)} ({words[name]})" for name in gain.index]
    axes.set_yticks(places, names, fontsize=9)
    axes.set(xlabel=xlabel, ylabel="attribute (share of positives)")
    axes.grid(axis="y", linewidth=0.4, color="lightgrey")
    axes.invert_yaxis()
    figure.legend(fontsize=9, frameon=False, loc="outside upper right", ncols=2)
    return figure


def by_faces(table: pd.DataFrame) -> Figure:
    """Accuracy over the number of training faces, a panel per metric, each line with its name.

    table: index metric, method, faces; columns value, low, high, percent. A method has one colour
    and one shape in every panel; its dots are shifted aside a little, so that intervals do not hide
    each other.
    """
    metrics, methods = (list(dict.fromkeys(table.index.get_level_values(k))) for k in (0, 1))
    figure = Figure(figsize=(4.6 * len(metrics), 3.7), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(metrics)))
    for axes, metric in zip(panels, metrics, strict=True):
        part, ends = table.loc[metric], {}
        for number, method in enumerate(methods):
            if method not in part.index:
                continue
            curve = part.loc[method].astype(float)
            look = {"color": COLOURS[number], "marker": "os^D"[number], "markersize": 5}
            places = curve.index.to_numpy(float) * 1.03 ** (number - (len(methods) - 1) / 2)
            axes.plot(places, curve["value"], **look)
            axes.vlines(places, curve["low"], curve["high"], COLOURS[number], linewidth=1.4)
            ends[method] = float(curve["value"].iloc[-1])
        _logarithmic(axes, sorted(set(part.index.get_level_values("faces"))))
        axes.set_title(metric, fontsize=12)
        _named(axes, ends, dict(zip(methods, COLOURS, strict=False)))
    panels[0].set_ylabel("average of the attributes (%)", fontsize=11)
    figure.supxlabel("training faces (logarithmic)", fontsize=11)
    return figure


def _logarithmic(axes: Axes, counts: list[int]) -> None:
    """A logarithmic axis whose ticks are the counts."""
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts], fontsize=10)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlim(counts[0] / 1.15, counts[-1] * 1.15)
    axes.grid(axis="y", linewidth=0.4, color="lightgrey")
    axes.spines[["top", "right"]].set_visible(False)


def _named(axes: Axes, ends: dict[str, float], colours: dict[str, str]) -> None:
    """The name of each line at the height of its end, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    lowest = low
    for method in sorted(ends, key=lambda name: ends[name]):
        lines = method.replace(", ", ",\n")
        half = 0.042 * (high - low) * (1 + lines.count("\n"))
        height = max(ends[method], lowest + half)
        lowest = height + half
        axes.text(
            1.02, height, lines, transform=axes.get_yaxis_transform(), va="center",
            color=colours[method], fontsize=10.5,
        )  # fmt: skip
