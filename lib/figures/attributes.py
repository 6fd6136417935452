"""Figures of the notebooks on attributes (03 to 06): arrays in, a matplotlib Figure out."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patches
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter
from torch import Tensor

from lib import vocabulary
from lib.figures.palette import COLOURS

TITLES = [vocabulary.title(name) for name in vocabulary.ATTRIBUTES]


def cooccurrence(rho: Tensor) -> Figure:
    """Heat map of Eqn. 2's correlations (24, 24), the attribute groups set apart by lines."""
    figure = Figure(figsize=(8.2, 7), layout="constrained")
    axes = figure.subplots()
    reach = float(rho.abs().max())
    image = axes.imshow(rho, cmap="RdBu_r", vmin=-reach, vmax=reach)
    axes.set_xticks(range(len(TITLES)), TITLES, rotation=90, fontsize=8)
    axes.set_yticks(range(len(TITLES)), TITLES, fontsize=8)
    for edge in np.cumsum([len(group) for group in vocabulary.GROUPS.values()])[:-1] - 0.5:
        axes.axhline(edge, color="black", linewidth=0.8)
        axes.axvline(edge, color="black", linewidth=0.8)
    figure.colorbar(image, label="Pearson correlation of classifier weights", shrink=0.8)
    return figure


def sizes(terms: dict[str, dict[str, Tensor]]) -> Figure:
    """How large the log-odds are: variant -> term -> values (n,); 5, 25, 50, 75, 95 per cent."""
    figure = Figure(figsize=(9, 0.9 + 1.15 * len(terms)), layout="constrained")
    axes, place, ticks = figure.subplots(), 0.0, []
    for values in terms.values():
        for colour, (term, odds) in zip(COLOURS, values.items(), strict=False):
            low, left, middle, right, high = np.quantile(odds.abs(), (0.05, 0.25, 0.5, 0.75, 0.95))
            axes.plot([max(low, 1e-3), high], [place, place], color=colour, linewidth=1)
            axes.plot([max(left, 1e-3), right], [place, place], color=colour, linewidth=7)
            axes.plot(middle, place, "o", color="white", markeredgecolor=colour, markersize=7)
            axes.annotate(f"{middle:.2g}", (middle, place - 0.3), fontsize=8, ha="center")
            ticks.append((place, term))
            place += 1
        place += 0.7
    axes.set_yticks(*zip(*ticks, strict=True), fontsize=9)
    starts = np.cumsum([0] + [len(values) + 0.7 for values in terms.values()])[:-1]
    for start, variant in zip(starts, terms, strict=True):
        axes.annotate(variant, (1.01, start + 1), xycoords=("axes fraction", "data"), va="center")
    axes.set(xscale="log", xlabel="|log-odds| of a missing label (bar: half of them, line: 90 %)")
    axes.axvline(1, color="grey", linewidth=0.6, linestyle=":")
    axes.invert_yaxis()
    return figure


def reliability(curves: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Reliability diagram: name -> what `metrics.reliability` gives."""
    figure = Figure(figsize=(8.5, 3.8), layout="constrained")
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
    right.legend(fontsize=8, frameon=False)
    return figure


def sweeps(trace: pd.DataFrame, labels: Tensor, accuracy: pd.Series, title: str) -> Figure:
    """Pseudo labels as they change: convergence, right against truth, and some faces' own.

    trace: one row per iteration, which is its index; labels (T, faces) of one attribute at the
    iterations `accuracy.index`; accuracy: percent.
    """
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    first, second, third = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
    first.semilogy(trace.index, trace["change"], color=COLOURS[0], label="posterior")
    first.semilogy(trace.index, trace["flipped"] + 1e-6, color=COLOURS[1], label="labels")
    first.set(xlabel="iteration t", ylabel="mean change")
    first.legend(fontsize=8, frameon=False)
    second.plot(accuracy.index, accuracy, "o-", color=COLOURS[2], markersize=4)
    second.set(xlabel="iteration t", ylabel="balanced accuracy\nagainst hidden truth (%)")
    third.imshow(labels.T, aspect="auto", cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    third.set_xticks(range(len(accuracy)), accuracy.index)
    third.set(xlabel="iteration t", ylabel="face", title=f"pseudo label of {title} (black: yes)")
    return figure


def sheet(
    images: Tensor, captions: Sequence[str], frames: Sequence[str | None], columns: int
) -> Figure:
    """Faces (n, 3, S, S) uint8 in rows, a caption above each, framed where a colour is given."""
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(1.12 * columns, 1.36 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in grid:
        axes.set_axis_off()
    for axes, image, caption, colour in zip(grid, images, captions, frames, strict=False):
        if caption:
            axes.imshow(image.permute(1, 2, 0))
            axes.set_title(caption, fontsize=7, pad=2)
        if colour:
            box = patches.Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False)
            box.set(edgecolor=colour, linewidth=4)
            axes.add_patch(box)
    return figure


def neighbourhoods(
    images: Tensor,
    source: pd.Series,
    index: Tensor,
    closeness: Tensor,
    queries: Sequence[int],
    columns: int = 10,
) -> Figure:
    """Each query face (framed) and its nearest neighbours: source and affinity."""
    count = min(columns - 1, index.shape[1])
    shown, captions, frames = [], [], []
    for query in queries:
        shown += [query, *index[query, :count].tolist()]
        captions.append(vocabulary.title(source[query]))
        for face, value in zip(index[query, :count].tolist(), closeness[query], strict=False):
            captions.append(f"{vocabulary.title(source[face])}  {value:.3f}")
        frames += [COLOURS[0]] + [None] * count
    return sheet(images[shown], captions, frames, count + 1)


def new_positives(
    images: Tensor,
    posterior: Tensor,
    labels: Tensor,
    rows: Mapping[str, tuple[Tensor, Tensor]],
    *,
    truth: Tensor | None,
) -> Figure:
    """Fig. 6: a row per attribute of faces that were given it, each before its labelled neighbours.

    rows: attribute -> numbers of the faces (F,) and of their nearest labelled neighbours (F, k);
    labels (N, 24): the annotations; posterior (N, 24) is printed above a face. Green
    frame: true, red: false, none: truth unknown. An attribute that no face was given has no row.
    """
    columns = max([1, *(faces.numel() + near.numel() for faces, near in rows.values())])
    shown, captions, frames = [], [], []
    for name, (faces, near) in rows.items():
        column = vocabulary.column(name)
        for face, others in zip(faces.tolist(), near.tolist(), strict=True):
            shown += [face, *others]
            captions.append(f"{vocabulary.title(name)} {posterior[face, column]:.2f}")
            positive = (labels[others, column] == 1).tolist()
            captions += ["annotated yes" if yes else "annotated no" for yes in positive]
            right = None if truth is None else COLOURS[2 if truth[face, column] else 1]
            frames += [right] + [None] * len(others)
        gap = -len(shown) % columns
        shown, captions, frames = shown + [0] * gap, captions + [""] * gap, frames + [None] * gap
    return sheet(images[shown], captions, frames, columns)


def variants(held: pd.DataFrame, truth: pd.DataFrame, judgement: str) -> Figure:
    """Variants and other methods (rows) by one judgement and by ROC AUC, on both references."""
    figure = Figure(figsize=(9.5, 0.9 + 0.3 * len(held)), layout="constrained")
    places = np.arange(len(held))
    for axes, column in zip(
        figure.subplots(1, 2, sharey=True), (judgement, "ROC AUC"), strict=True
    ):
        axes.plot(held[column], places, "o", color=COLOURS[0], label="held-out labels")
        axes.plot(truth[column], places, "D", color=COLOURS[1], mfc="none", label="hidden truth")
        axes.set(xlabel=f"{column} (%)")
        axes.grid(axis="y", linewidth=0.4, color="lightgrey")
    axes.set_yticks(places, [textwrap.fill(name, 36) for name in held.index], fontsize=9)
    axes.invert_yaxis()
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def alternation() -> Figure:
    """Fig. 4's circle: extract, propagate, refine."""
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 12), ylim=(0, 3.4))
    steps = (
        ("(a) extract", "features x = Phi(I | K)\nand weights w of the DCN"),
        ("(b) propagate", "missing labels in the MRF\nfrom unary, prior, pairwise"),
        ("(c) refine", "the DCN on true\nand pseudo labels"),
    )
    for place, (name, text) in enumerate(steps):
        left = 0.3 + 4.1 * place
        colour = COLOURS[place]
        box = patches.FancyBboxPatch((left, 1), 2.9, 1.9, "round,pad=0.1", fc="white", ec=colour)
        axes.add_patch(box)
        axes.text(left + 1.45, 2.45, name, ha="center", fontsize=12, color=colour, weight="bold")
        axes.text(left + 1.45, 1.55, text, ha="center", va="center", fontsize=9.5)
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 16, "linewidth": 1.3}
    arrow["color"] = "black"
    for left in (3.35, 7.45):
        axes.add_patch(patches.FancyArrowPatch((left, 1.95), (left + 0.9, 1.95), **arrow))
    back = patches.FancyArrowPatch(
        (9.9, 0.85), (1.8, 0.85), connectionstyle="arc3,rad=-0.13", **arrow
    )
    axes.add_patch(back)
    axes.text(5.85, 0.75, "m = 1 ... M", ha="center", va="center", fontsize=10)
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
