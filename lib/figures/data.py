"""Statistics of labels, windows of faces, learning curves: arrays in, a Figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor
from torch.nn.functional import interpolate

from lib import vocabulary
from lib.figures.palette import BLUE, COLOURS, ORANGE, SLATE, Style
from lib.figures.sheets import positives as positives
from lib.figures.sheets import sheet as sheet

NUMBERED = 8  # a map with at most as many labels has its numbers written in


def label_map(published: pd.DataFrame, ours: pd.DataFrame) -> Figure:
    """Table 4 twice: what the paper marks, and the share of our faces that carry the label."""
    figure = Figure(figsize=(9.5, 1.9 + 0.28 * (len(published) + len(ours))), layout="constrained")
    grid = figure.subplots(2, 1, sharex=True, height_ratios=[len(published), len(ours)])
    titles = ("the paper: labelled or not", "ours: share of faces that are labelled")
    for axes, table, title in zip(grid, (published, ours), titles, strict=True):
        axes.pcolormesh(table.to_numpy(float), cmap="Blues", vmin=0, vmax=1.4, edgecolors="white")
        axes.set_yticks(np.arange(len(table)) + 0.5, table.index, fontsize=9)
        axes.set_title(title, fontsize=10, loc="left")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.invert_yaxis()
    grid[-1].set_xticks(
        np.arange(published.shape[1]) + 0.5, published.columns, rotation=60, ha="right"
    )
    return figure


def frequencies(shares: pd.DataFrame, reference: pd.DataFrame) -> Figure:
    """Share of positives per attribute and source; open marks: published counts of the real sets.

    shares, reference: index attributes, columns sources, values in [0, 1], NaN where unlabelled.
    """
    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(shares))
    known = shares.notna().to_numpy()
    middle = (known.cumsum(1) - 0.5 - known.sum(1, keepdims=True) / 2) * 0.4  # of each bar
    for number, source in enumerate(shares.columns):
        shift = places + middle[:, number]
        look: Style = {"color": COLOURS[number], "label": vocabulary.title(str(source))}
        axes.bar(shift, shares[source], 0.38, **look)
        if source in reference:
            axes.plot(shift, reference[source], "_", color="black", markersize=11)
    axes.plot([], [], "_", color="black", markersize=11, label="the real set")
    names = [vocabulary.positive(str(name)) for name in shares.index]
    axes.set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set(ylabel="share of positives", ylim=(0, 1), xlim=(-0.7, len(places) - 0.3))
    axes.set_title("how often each attribute is positive in the sources that label it", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=4, loc="upper left")
    return figure


def correlations(matrices: Mapping[str, pd.DataFrame]) -> Figure:
    """Heat maps of correlations between the labels of each source."""
    sizes = [len(matrix) + 3.0 for matrix in matrices.values()]
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    grid = figure.subplots(1, len(matrices), width_ratios=sizes, squeeze=False)[0]
    for axes, (source, matrix) in zip(grid, matrices.items(), strict=True):
        names = [vocabulary.positive(str(name)) for name in matrix]
        values = matrix.to_numpy(copy=True)
        np.fill_diagonal(values, np.nan)
        image = axes.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
        if len(names) <= NUMBERED:
            for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
                value = float(values[row, column])
                look: Style = {"color": "white" if abs(value) > 0.55 else "black", "fontsize": 6}
                axes.text(
                    column,
                    row,
                    f"{value:z.2f}".replace("0.", ".", 1),
                    ha="center",
                    va="center",
                    **look,
                )
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=9)
        axes.set_yticks(range(len(names)), names, fontsize=9)
        axes.set_title(vocabulary.title(source), fontsize=10)
    figure.colorbar(image, ax=grid, label="correlation", shrink=0.6)
    figure.suptitle("correlation between labels", fontsize=12)
    return figure


def measured(table: pd.DataFrame, label: str) -> Figure:
    """Measures as dots beside the published numbers (ticks) and their ranges (grey bands).

    table: one row per measure, columns measure, ours, paper, low, high; label: of the axis.
    """
    figure = Figure(figsize=(7.5, 1.2 + 0.23 * len(table)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(table))
    axes.barh(
        places,
        table["high"] - table["low"],
        0.6,
        table["low"],
        color="#DDDDDD",
        label="accepted range",
    )
    look: Style = {"color": "black", "markersize": 11, "label": "the paper or the real set"}
    axes.plot(table["paper"], places, "|", **look)
    inside = table["ours"].between(table["low"], table["high"]).to_numpy()
    for rows, colour, words in ((inside, BLUE, "ours"), (~inside, ORANGE, "ours, outside")):
        if rows.any():
            shape = "o" if words == "ours" else "X"
            axes.plot(table["ours"][rows], places[rows], shape, color=colour, label=words)
    axes.set_yticks(places, table["measure"])
    axes.set(ylim=(len(table) - 0.5, -0.5), xlim=(0, 100), xlabel=label)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("ours beside the real datasets", fontsize=11)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure


def pose_bins(images: Tensor, yaw: Sequence[float] | np.ndarray, bins: Sequence[float]) -> Figure:
    """Heads from one profile to the other above the yaw axis, with the five pose bins.

    images: (N, 3, S, S) uint8; yaw: (N,) and bins: the four borders, degrees.
    """
    figure = Figure(figsize=(10, 2.7), layout="constrained")
    axes, yaw = figure.subplots(), np.asarray(yaw, float)
    half = 0.46 * np.diff(yaw).min()
    for image, angle in zip(images, yaw, strict=True):
        picture = np.asarray(image).transpose(1, 2, 0)
        axes.imshow(picture, extent=(angle - half, angle + half, 0.1, 0.1 + 2 * half), zorder=2)
    top = 0.1 + 2 * half
    edges = [yaw.min() - half - 1, *bins, yaw.max() + half + 1]
    for number, name in enumerate(vocabulary.POSES):
        low, high = edges[number], edges[number + 1]
        axes.axvspan(low, high, color=COLOURS[number], alpha=0.18, linewidth=0)
        axes.text((low + high) / 2, top + 3, vocabulary.title(name), ha="center", fontsize=10)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, top + 11), aspect="equal", yticks=[])
    axes.set_xticks([-90, *bins, 0, 90])
    axes.set_xlabel("yaw in degrees")
    axes.set_title("the five pose labels by the yaw of the head", fontsize=11)
    return figure


def score_bars(scores: pd.DataFrame, chance: float, label: str, title: str = "") -> Figure:
    """Grouped bars that begin at chance: index along the axis, one colour per column; NaN leaves
    a gap."""
    figure = Figure(figsize=(9.5, 3.4), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(scores))
    width = 0.8 / len(scores.columns)
    for number, name in enumerate(scores.columns):
        shift = places + width * (number - (len(scores.columns) - 1) / 2)
        look: Style = {"color": COLOURS[number], "label": name, "bottom": chance}
        axes.bar(shift, scores[name] - chance, 0.92 * width, **look)
    axes.axhline(chance, color="black", linewidth=0.8)
    names = [vocabulary.title(str(name)) for name in scores.index]
    axes.set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set(ylabel=label, xlim=(-0.7, len(places) - 0.3))
    axes.set_ylim(min(chance, float(np.nanmin(scores.to_numpy()))) - 0.02, 1)
    axes.set_title(title, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    if len(scores.columns) > 1:
        axes.legend(frameon=False, ncols=len(scores.columns))
    return figure


def augmentation(
    images: Tensor, labels: Tensor, windows: Sequence[tuple[Tensor, Tensor]]
) -> Figure:
    """Stored faces, at the size of their windows, and augmented windows of each, with pose labels.

    images: (N, 3, S, S) uint8; labels: (N, 24); windows: of these faces, (N, 3, S, S) float in
    [-1, 1] and (N, 24) each.
    """
    width = windows[0][0].shape[-1]
    stored = interpolate(images.float(), (width, width), mode="bilinear", antialias=True)
    rows, known = {"stored": stored.round().byte()}, {"stored": labels}
    for number, (pixels, moved) in enumerate(windows, 1):
        rows[f"window {number}"] = ((pixels + 1) * 127.5).round().byte()
        known[f"window {number}"] = moved
    captions = {name: [_poses(row) for row in given] for name, given in known.items()}
    words = "a face as it is stored, and random windows of it with their pose labels"
    return sheet(rows, captions, width=6.5, gap=6, title=words)


def _poses(row: Tensor) -> str:
    return ", ".join(
        vocabulary.title(name) for name in vocabulary.POSES if row[vocabulary.column(name)] == 1
    )


def learning_curve(history: pd.DataFrame, reference: float) -> Figure:
    """Loss and learning rate over epochs.

    history: columns epoch, loss, rate; reference: loss of predicting every label's frequency.
    """
    figure = Figure(figsize=(7.5, 3.3), layout="constrained")
    axes = figure.subplots()
    other = axes.twinx()
    axes.plot(history["epoch"], history["loss"], "o-", color=BLUE, markersize=4, label="loss")
    line: Style = {"color": "black", "linewidth": 1, "linestyle": ":"}
    axes.axhline(reference, label="loss of the label frequencies alone", **line)
    rate: Style = {"color": SLATE, "label": "learning rate at the end of the epoch"}
    other.plot(history["epoch"], history["rate"], "s--", markersize=3, **rate)
    axes.set(xlabel="epoch", ylabel="loss (nats per known label)")
    axes.set_title("training loss and learning rate", fontsize=11)
    axes.set_xlim(0.5, len(history) + 0.5)
    axes.margins(y=0.1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    other.set_ylabel("learning rate", color=SLATE)
    other.set_ylim(0)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure
