"""Figures of attribute propagation (03, 04): arrays in, a matplotlib Figure out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patches
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lib import vocabulary
from lib.figures import marks
from lib.figures.palette import BLUE, COLOURS, ORANGE, SLATE

TITLES = [vocabulary.positive(name) for name in vocabulary.ATTRIBUTES]


def cooccurrence(rho: Tensor) -> Figure:
    """Heat map of Eqn. 2's correlations (24, 24), the attribute groups set apart by lines."""
    figure = Figure(figsize=(8.2, 7), layout="constrained")
    axes = figure.subplots()
    reach = float(rho.abs().max())
    image = axes.imshow(rho, cmap="RdBu_r", vmin=-reach, vmax=reach)
    axes.set_title("how alike the classifiers of two attributes are (Eqn. 2)", fontsize=11)
    look: dict[str, Any] = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(TITLES)), TITLES, fontsize=9, **look)
    axes.set_yticks(range(len(TITLES)), TITLES, fontsize=9)
    for edge in np.cumsum([len(group) for group in vocabulary.GROUPS.values()])[:-1] - 0.5:
        axes.axhline(edge, color="black", linewidth=0.8)
        axes.axvline(edge, color="black", linewidth=0.8)
    figure.colorbar(image, label="Pearson correlation of classifier weights", shrink=0.8)
    return figure


def sizes(terms: dict[str, dict[str, Tensor]]) -> Figure:
    """How large the log-odds are: variant -> term -> values (n,); 5, 25, 50, 75, 95 per cent."""
    figure = Figure(figsize=(8.5, 0.8 + 1.5 * len(terms)), layout="constrained")
    panels = figure.subplots(len(terms), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (variant, values) in zip(panels, terms.items(), strict=True):
        for place, (term, odds) in enumerate(values.items()):
            colour = COLOURS[place]
            low, left, middle, right, high = np.quantile(odds.abs(), (0.05, 0.25, 0.5, 0.75, 0.95))
            axes.plot([max(low, 1e-3), high], [place, place], color=colour, linewidth=1.3)
            axes.plot([max(left, 1e-3), right], [place, place], color=colour, linewidth=7)
            axes.plot(middle, place, "o", color="white", markeredgecolor=colour, markersize=7)
            words = f"{term}: {middle:.2g}" if middle < 10 else f"{term}: {middle:.0f}"
            axes.annotate(words, (middle, place - 0.2), fontsize=9, ha="center", va="bottom")
        axes.set(yticks=[], ylim=(len(values) - 0.6, -0.9), xscale="log")
        axes.axvline(1, color=SLATE, linewidth=0.8, linestyle=":")
        weight = "bold" if variant.startswith("used") else "normal"
        words = f"size of each term, {variant}"
        axes.set_title(words, fontsize=11, loc="left", fontweight=weight)
        axes.xaxis.set_major_formatter("{x:g}")
    panels[-1].set_xlabel("|log-odds| of a missing label (bar: half of them, line: 90 %)")
    return figure


def by_sweep(tables: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """Pseudo labels by sweep: variant -> judgement (a panel) -> value, low, high by sweep.

    Thick: the variant whose name begins with "used: ". A panel in percent spans at least
    `marks.LEAST` points.
    """
    judgements = list(next(iter(tables.values())))
    figure = Figure(figsize=(3.2 * len(judgements), 3.5), layout="constrained")
    panels = figure.subplots(1, len(judgements), squeeze=False)[0]
    for axes, judgement in zip(panels, judgements, strict=True):
        for number, (name, table) in enumerate(tables.items()):
            look = marks.line(number, name.startswith("used: "))
            look |= {"color": COLOURS[number], "label": name}
            value, low, high = (table[judgement][end] for end in ("value", "low", "high"))
            axes.plot(value.index, value, **look)
            axes.fill_between(value.index, low, high, color=COLOURS[number], alpha=0.15, lw=0)
        nats = judgement == "log loss"
        axes.set_title(marks.spelled(judgement), fontsize=10.5)
        axes.set(xlabel="sweep of Algorithm 2", ylabel="nats" if nats else "%")
        marks.alike([axes], 0.5 if nats else marks.LEAST)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xticks([0, 1, 3, 10, 30, 100], ["0", "1", "3", "10", "30", "100"], fontsize=9)
        axes.set_xlim(-0.3, 1.35 * max(100, *value.index))
        axes.minorticks_off()
        axes.grid(axis="y", linewidth=0.4, color="lightgrey")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
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
            axes.set_title(caption, fontsize=8, pad=2)
        if colour:
            _frame(axes, colour)
    return figure


def neighbourhoods(
    images: Tensor,
    source: pd.Series,
    index: Tensor,
    closeness: Tensor,
    queries: Sequence[int],
    columns: int = 8,
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
    figure = sheet(images[shown], captions, frames, count + 1)
    words = "a face of each source (framed) and the faces nearest to it: source and affinity"
    figure.suptitle(words, fontsize=11)
    return figure


def new_positives(
    images: Tensor,
    posteriors: Mapping[str, Tensor],
    shown: Mapping[str, Mapping[str, Tensor]],
    counts: pd.DataFrame,
    *,
    truth: Tensor | None,
) -> Figure:
    """Fig. 6: a row per attribute, a block of faces per variant that were given the attribute.

    posteriors: variant -> (N, A), printed above a face; shown: variant -> attribute -> numbers of
    faces; counts: attribute x (variant, "given" or "right (%)"). Frame: blue if truly so, orange
    if not, none where the truth is unknown. An attribute that nobody was given has no row.
    """
    blocks = list(shown)
    found = [name for name in counts.index if any(len(shown[block][name]) for block in blocks)]
    attributes = found or list(counts.index)[:1]
    wide = max(1, *(len(faces) for part in shown.values() for faces in part.values()))
    figure = Figure(figsize=(1.15 * wide * len(blocks) + 1, 1.55 * len(attributes)))
    outer = figure.add_gridspec(len(attributes), len(blocks), wspace=0.06, hspace=0.5, top=0.92)
    for row, name in enumerate(attributes):
        for column, block in enumerate(blocks):
            given, right = (counts.loc[name, (block, what)] for what in ("given", "right (%)"))
            share = "" if pd.isna(right) else f", {right:.0f} % right"
            title = f"{vocabulary.positive(name)}, {block}: {given:,.0f} faces{share}"
            cells = outer[row, column].subgridspec(1, wide, wspace=0.05).subplots(squeeze=False)[0]
            weight = "bold" if block == "used" else "normal"
            cells[0].set_title(title, fontsize=9, loc="left", pad=14, fontweight=weight)
            faces = shown[block][name].tolist()
            for axes, face in zip(cells, faces, strict=False):
                a = vocabulary.column(name)
                axes.imshow(images[face].permute(1, 2, 0))
                p = float(posteriors[block][face, a])
                axes.annotate(
                    f"p = {p:.2f}", (0.5, 1.02), xycoords="axes fraction", ha="center", fontsize=8
                )
                if truth is not None:
                    _frame(axes, BLUE if truth[face, a] == 1 else ORANGE)
            for axes in cells:
                axes.set_axis_off()
    return figure


def _frame(axes: Axes, colour: str) -> None:
    box = patches.Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False)
    box.set(edgecolor=colour, linewidth=4)
    axes.add_patch(box)


def variants(
    held: Mapping[str, pd.DataFrame],
    truth: Mapping[str, pd.DataFrame],
    judgement: str,
    used: str = "",
) -> Figure:
    """Variants and other methods (rows) by one judgement and by ROC AUC, on both references.

    held, truth: judgement -> value, low, high by method. used: the row that is marked. A log loss
    has a logarithmic axis, on which good variants can be distinguished beside bad ones.
    """
    names = list(held[judgement].index)
    figure = Figure(figsize=(9, 1.2 + 0.3 * len(names)), layout="constrained")
    places = np.arange(len(names))
    panels = figure.subplots(1, 2, sharey=True)
    looks = (("held-out labels", held, "o", COLOURS[0]), ("hidden truth", truth, "D", COLOURS[1]))
    for axes, column in zip(panels, (judgement, "ROC AUC"), strict=True):
        for label, measured, shape, colour in looks:
            table = measured[column]
            axes.hlines(places, table["low"], table["high"], color=colour, linewidth=1.2)
            axes.plot(table["value"], places, shape, color=colour, mfc="white", ms=5, label=label)
        nats = column == "log loss"
        axes.set_xlabel(f"{column} ({'nats' if nats else '%'})")
        axes.grid(axis="y", linewidth=0.4, color="lightgrey")
        if nats:
            axes.set_xscale("log")
            axes.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
            axes.minorticks_off()
    panels[0].set_title("quality of the probabilities\n(smaller is better)", fontsize=10.5)
    panels[1].set_title("ranking of the faces\n(larger is better)", fontsize=10.5)
    marks.rows(panels, names, used)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def alternation() -> Figure:
    """The loop of Algorithm 1, stage 2: extract, propagate, refine."""
    figure = Figure(figsize=(9, 2.3), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 12), ylim=(0.15, 2.75))
    steps = (
        ("(a) extract", "features $x = \\Phi(I \\mid K)$\nand weights $w$ of the DCN"),
        ("(b) propagate", "missing labels in the MRF by\nunary, prior, pairwise terms"),
        ("(c) refine", "the DCN on true\nand pseudo labels"),
    )
    for place, (name, text) in enumerate(steps):
        left = 0.3 + 4.1 * place
        colour = COLOURS[place]
        box = patches.FancyBboxPatch((left, 1), 2.9, 1.55, "round,pad=0.1", fc="white", ec=colour)
        axes.add_patch(box)
        axes.text(left + 1.45, 2.2, name, ha="center", fontsize=13, color=colour, weight="bold")
        axes.text(left + 1.45, 1.5, text, ha="center", va="center", fontsize=10.5)
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 16, "linewidth": 1.3}
    arrow["color"] = "black"
    for left in (3.35, 7.45):
        axes.add_patch(patches.FancyArrowPatch((left, 1.78), (left + 0.9, 1.78), **arrow))
    back = patches.FancyArrowPatch(
        (9.9, 0.85), (1.8, 0.85), connectionstyle="arc3,rad=-0.16", **arrow
    )
    axes.add_patch(back)
    axes.text(5.85, 0.5, "$m = 1, …, M$", ha="center", va="center", fontsize=10.5)
    return figure
