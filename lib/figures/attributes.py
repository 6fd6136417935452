"""Figures of the notebooks on attributes (02 to 06, 17): arrays in, a matplotlib Figure out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogFormatter, MaxNLocator, NullLocator

from lib import vocabulary
from lib.figures import marks
from lib.figures.palette import COLOURS, Style

LEAST = 20  # answers in a bin of the reliability diagram; fewer say nothing


def reliability(curves: dict[str, dict[str, np.ndarray]], used: str = "") -> Figure:
    """Reliability diagram, and how many answers are in each bin.

    curves: name -> what `metrics.reliability` gives; used: the name that is marked. On the left,
    bins of fewer than `LEAST` answers are left out.
    """
    figure = Figure(figsize=(8.5, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    left.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle=":", label="calibrated")
    for number, (name, curve) in enumerate(curves.items()):
        look = marks.line(number, name == used) | {"color": COLOURS[number], "label": name}
        bins, share = curve["probability"], 100 * curve["count"] / curve["count"].sum()
        left.plot(bins, np.where(curve["count"] >= LEAST, curve["share"], np.nan), **look)
        right.plot(bins, share, **look)
    left.set_title("reliability diagram", fontsize=11)
    right.set_title("distribution of the probabilities", fontsize=11)
    left.set(xlabel="predicted p(y = 1)", ylabel="share that is truly positive", aspect="equal")
    right.set(xlabel="predicted p(y = 1)", ylabel="labels in this bin (%)", yscale="log")
    right.yaxis.set_major_formatter("{x:g}")
    right.yaxis.set_minor_formatter(LogFormatter())  # no minor labels where they would overlap
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return figure


def rounds(
    curves: dict[str, pd.DataFrame], judgements: Sequence[str], reported: pd.Series
) -> Figure:
    """Accuracy over the iterations of Algorithm 1, a panel per judgement, the paper's beside.

    All panels span as many points. curves: method -> one row per m, one column per judgement,
    percent; reported: by m.
    """
    figure = Figure(figsize=(3.2 * len(judgements), 3.6), layout="constrained")
    panels = figure.subplots(1, len(judgements), squeeze=False)[0]
    for axes, judgement in zip(panels, judgements, strict=True):
        for number, (name, curve) in enumerate(curves.items()):
            look = marks.line(number) | {"color": COLOURS[number], "label": name}
            axes.plot(curve.index, curve[judgement], **look)
        axes.set_title(marks.spelled(judgement), fontsize=10.5)
        axes.set_xlabel("iteration m")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", linewidth=0.4, color="lightgrey")
    panels[0].plot(reported.index, reported, "^:", color="black", label="the paper", markersize=5)
    panels[0].set_ylabel("average over the attributes (%)")
    marks.alike(panels)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


METHODS = ("HOG+SVM", "Baseline DCN", "Baseline DCN, prior removed", "control", "DCN+AP")


def attributes(
    ours: pd.DataFrame,
    bounds: tuple[pd.DataFrame, pd.DataFrame],
    published: pd.DataFrame,
    xlabel: str = "balanced accuracy (%)",
    *,
    words: str = "ours",
) -> Figure:
    """One row per attribute, one dot per method: ours on the left, the paper's on the right.

    bounds: the ends of our intervals, each a table like `ours`. words: what ours are measured on.
    """
    figure = Figure(figsize=(9.5, 1.4 + 0.36 * ours.shape[1]), layout="constrained")
    methods = list(
        dict.fromkeys([*METHODS, *ours.index, *published.index])
    )  # one look on all pages
    looks = {
        name: {"color": COLOURS[number % len(COLOURS)], "marker": marks.SHAPES[number % 7]}
        for number, name in enumerate(methods)
    }
    places = np.arange(ours.shape[1])
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, table in ((left, ours), (right, published)):
        for place, name in enumerate(table.index):
            level, look = places + 0.17 * (place - (len(table) - 1) / 2), looks[name]
            axes.plot(table.loc[name], level, linestyle="", label=name, markersize=4.5, **look)
            if table is ours:
                ends = (end.loc[name] for end in bounds)
                axes.hlines(level, *ends, look["color"], linewidth=1)
        for edge in places[1:] - 0.5:
            axes.axhline(edge, linewidth=0.4, color="lightgrey")
        axes.set_xlabel(xlabel)
    left.set_title(f"{words} (line: 95 % interval)", fontsize=11)
    right.set_title("the paper, photographs", fontsize=11)
    marks.rows([left, right], [vocabulary.title(name) for name in ours.columns])
    entries: dict[str, Artist] = {}
    for axes in (left, right):
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(name, handle)
    below: Style = {"loc": "outside lower center", "ncols": 3, "fontsize": 9, "frameon": False}
    figure.legend(entries.values(), entries, **below)
    return figure


def gains(gain: pd.DataFrame, xlabel: str) -> Figure:
    """Differences with intervals, one row per attribute, from rare to common.

    gain: columns difference, low, high, paper (points), positive share (%); NaN where the
    attribute is not labelled.
    """
    gain = gain.sort_values("positive share (%)")
    figure = Figure(figsize=(7.5, 1.1 + 0.25 * len(gain)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(gain))
    error = [gain["difference"] - gain["low"], gain["high"] - gain["difference"]]
    look: Style = {"fmt": "o", "color": COLOURS[0], "markersize": 5, "label": "ours"}
    axes.errorbar(gain["difference"], places, xerr=error, **look)
    axes.plot(gain["paper"], places, "D", color=COLOURS[1], mfc="none", label="the paper")
    axes.axvline(0, color="grey", linewidth=0.8)
    shares = gain["positive share (%)"]
    words = shares.map("{:.0f} %".format).where(shares.notna(), "not labelled")
    marks.rows([axes], [f"{vocabulary.positive(name)} ({words[name]})" for name in gain.index])
    axes.set(xlabel=xlabel, ylabel="attribute (share of positives)")
    axes.set_title("the gain of each attribute, rare ones first", fontsize=11)
    axes.grid(axis="y", linewidth=0.4, color="lightgrey")
    figure.legend(fontsize=9, frameon=False, loc="outside lower center", ncols=2)
    return figure


def by_faces(table: pd.DataFrame) -> Figure:
    """Accuracy over the number of training faces, a panel per metric, each line with its name.

    table: index metric, method, faces; columns value, low, high, percent. A method has one colour
    and one shape in every panel; its dots are shifted aside a little, so that intervals do not hide
    each other.
    """
    metrics, methods = (list(dict.fromkeys(table.index.get_level_values(k))) for k in (0, 1))
    apart = ConstrainedLayoutEngine(wspace=0.06)
    figure = Figure(figsize=(4.6 * len(metrics), 3.7), layout=apart)
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
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
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
