"""Sheets of faces, statistics of labels, learning curves: arrays in, a Figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import AutoLocator
from torch import Tensor

from lib import vocabulary
from lib.figures.palette import BLUE, COLOURS, GREY, ORANGE

# Sheets of faces --------------------------------------------------------------------------------


def sheet(
    rows: Mapping[str, Tensor | Sequence[Tensor]],
    captions: Mapping[str, Sequence[str]] | None = None,
    *,
    width: float = 9.0,
    gap: int = 3,
    columns: int | None = None,
    heads: Sequence[str] = (),
) -> Figure:
    """Rows of pictures, each row named at its left, captions below the pictures.

    Parameters
    ----------
    rows
        Name -> (K, 3, H, W) uint8, or K pictures of one height; rows may differ in length.
    captions
        Name -> K texts, which may have line breaks.
    width
        Of the figure, inches.
    gap
        Between pictures, px.
    columns
        Start a new line after this many pictures; only without captions.
    heads
        Texts above the first line's pictures.
    """
    strips = {name: _lines(images, gap, columns) for name, images in rows.items()}
    wide = max(strip.shape[1] for strip in strips.values())
    text = _caption_inches(captions)
    scale = (width - 1.0) / wide  # inches per pixel
    heights = [strip.shape[0] * scale + text for strip in strips.values()]
    tight = ConstrainedLayoutEngine(h_pad=0.02, w_pad=0.02, hspace=0.0, wspace=0.0)
    figure = Figure(figsize=(width, sum(heights) + 0.06 * len(heights)), layout=tight)
    axes = figure.subplots(len(strips), 1, squeeze=False, height_ratios=heights)[:, 0]
    for place, (name, strip) in zip(axes, strips.items(), strict=True):
        padded = np.full((strip.shape[0], wide, 3), 255, np.uint8)
        padded[:, : strip.shape[1]] = strip
        place.imshow(padded, interpolation="antialiased")
        place.set(yticks=[], xticks=[])
        place.spines[:].set_visible(False)
        place.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        if captions:
            _caption(place, rows[name], captions[name], gap)
    if heads:
        first = next(iter(rows.values()))
        _head(figure.axes[0], first[: len(heads)], heads, gap)
    return figure


def positives(labels: Tensor) -> list[str]:
    """The positive labels of each face (N, 24), one below the other."""
    return [
        "\n".join(vocabulary.title(vocabulary.ATTRIBUTES[k]) for k in (row == 1).nonzero()[:, 0])
        for row in labels
    ]


def _lines(images: Tensor | Sequence[Tensor], gap: int, columns: int | None) -> np.ndarray:
    """One strip of pictures, or several below each other; (H, W, 3) uint8."""
    step = columns or len(images)
    strips = [_strip(images[k : k + step], gap) for k in range(0, len(images), step)]
    high, wide = sum(len(s) + gap for s in strips) - gap, max(s.shape[1] for s in strips)
    canvas, top = np.full((high, wide, 3), 255, np.uint8), 0
    for strip in strips:
        canvas[top : top + len(strip), : strip.shape[1]] = strip
        top += len(strip) + gap
    return canvas


def _strip(images: Tensor | Sequence[Tensor], gap: int) -> np.ndarray:
    """Pictures side by side on white, (H, W, 3) uint8."""
    parts = []
    for image in images:
        picture = np.asarray(image).transpose(1, 2, 0)
        parts += [picture, np.full((picture.shape[0], gap, 3), 255, np.uint8)]
    return np.concatenate(parts[:-1], 1)


def _caption_inches(captions: Mapping[str, Sequence[str]] | None) -> float:
    if not captions:
        return 0.0
    lines = max(text.count("\n") + 1 for texts in captions.values() for text in texts)
    return 0.03 + 0.125 * lines


def _caption(axes: Axes, images: Tensor | Sequence[Tensor], texts: Sequence[str], gap: int) -> None:
    left = 0
    for image, text in zip(images, texts, strict=True):
        middle = left + image.shape[-1] / 2
        axes.annotate(
            text, (middle, image.shape[-2]), (0, -2), textcoords="offset points",
            ha="center", va="top", fontsize=7, annotation_clip=False,
        )  # fmt: skip
        left += image.shape[-1] + gap


def _head(axes: Axes, images: Tensor | Sequence[Tensor], texts: Sequence[str], gap: int) -> None:
    """Texts above the first pictures of a row of pictures."""
    left = 0
    for image, text in zip(images, texts, strict=True):
        axes.annotate(
            text, (left + image.shape[-1] / 2, 0), (0, 2), textcoords="offset points",
            ha="center", va="bottom", fontsize=9, annotation_clip=False,
        )  # fmt: skip
        left += image.shape[-1] + gap


# What the labels are like -----------------------------------------------------------------------


def label_map(published: pd.DataFrame, ours: pd.DataFrame) -> Figure:
    """Table 4 twice: what the paper marks, and the share of our faces that carry the label."""
    figure = Figure(figsize=(9.5, 1.9 + 0.28 * (len(published) + len(ours))), layout="constrained")
    grid = figure.subplots(2, 1, sharex=True, height_ratios=[len(published), len(ours)])
    for axes, table, title in zip(grid, (published, ours), ("the paper", "ours"), strict=True):
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
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(shares))
    for number, source in enumerate(shares.columns):
        shift = places + 0.22 * (number - 1)
        axes.bar(
            shift, shares[source], 0.2, color=COLOURS[number], label=vocabulary.title(str(source))
        )
        if source in reference:
            axes.plot(shift, reference[source], "_", color="black", markersize=9)
    axes.plot([], [], "_", color="black", markersize=9, label="the real set")
    axes.set_xticks(
        places, [vocabulary.title(name) for name in shares.index], rotation=60, ha="right"
    )
    axes.set(ylabel="share of positives", ylim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=4)
    return figure


def correlations(matrices: Mapping[str, pd.DataFrame]) -> Figure:
    """Heat maps of correlations between the labels of each source."""
    sizes = [len(matrix) + 3.0 for matrix in matrices.values()]
    figure = Figure(figsize=(10.5, 4.6), layout="constrained")
    grid = figure.subplots(1, len(matrices), width_ratios=sizes, squeeze=False)[0]
    for axes, (source, matrix) in zip(grid, matrices.items(), strict=True):
        names = [vocabulary.title(str(name)) for name in matrix]
        values = matrix.to_numpy(copy=True)
        np.fill_diagonal(values, np.nan)
        image = axes.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.set_title(vocabulary.title(source), fontsize=10)
    figure.colorbar(image, ax=grid, label="correlation of labels", shrink=0.6)
    return figure


def measured(table: pd.DataFrame, label: str) -> Figure:
    """Measures as dots beside the published numbers (ticks) and the ranges wanted (grey bands).

    table: one row per measure, columns measure, ours, paper, low, high; label: of the axis.
    """
    figure = Figure(figsize=(7.5, 0.9 + 0.23 * len(table)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(table))
    axes.barh(
        places, table["high"] - table["low"], 0.6, table["low"], color="#DDDDDD", label="wanted"
    )
    axes.plot(table["paper"], places, "|", color="black", markersize=11, label="paper, real set")
    inside = table["ours"].between(table["low"], table["high"]).to_numpy()
    for rows, colour, words in ((inside, BLUE, "ours"), (~inside, ORANGE, "ours, outside")):
        if rows.any():
            axes.plot(table["ours"][rows], places[rows], "o", color=colour, label=words)
    axes.set_yticks(places, table["measure"])
    axes.set(ylim=(len(table) - 0.5, -0.5), xlim=(0, 100), xlabel=label)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper right", ncols=4, frameon=False)
    return figure


def pose_bins(images: Tensor, yaw: Sequence[float] | np.ndarray, bins: Sequence[float]) -> Figure:
    """Heads from one profile to the other above the yaw axis, with the five pose bins.

    images: (N, 3, S, S) uint8; yaw: (N,) and bins: the four borders, degrees.
    """
    figure = Figure(figsize=(10, 2.5), layout="constrained")
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
    return figure


def score_bars(scores: pd.DataFrame, chance: float, label: str) -> Figure:
    """Grouped bars: index along the axis, one colour per column; NaN leaves a gap."""
    figure = Figure(figsize=(9.5, 3.2), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(scores))
    width = 0.8 / len(scores.columns)
    for number, name in enumerate(scores.columns):
        shift = places + width * (number - (len(scores.columns) - 1) / 2)
        axes.bar(shift, scores[name], 0.92 * width, color=COLOURS[number], label=name)
    axes.axhline(chance, color="black", linewidth=0.8, linestyle=":")
    names = [vocabulary.title(str(name)) for name in scores.index]
    axes.set_xticks(places, names, rotation=60, ha="right")
    axes.set(ylabel=label, ylim=(min(0.4, np.nanmin(scores.to_numpy())), 1))
    axes.spines[["top", "right"]].set_visible(False)
    if len(scores.columns) > 1:
        axes.legend(frameon=False, ncols=len(scores.columns))
    return figure


def augmentation(
    images: Tensor, labels: Tensor, windows: Sequence[tuple[Tensor, Tensor]]
) -> Figure:
    """Stored faces, and below them augmented windows of each, with their pose labels.

    images: (N, 3, S, S) uint8; labels: (N, 24); windows: of these faces, (N, 3, S, S) float in
    [-1, 1] and (N, 24) each.
    """
    rows, known = {"stored": images}, {"stored": labels}
    for number, (pixels, moved) in enumerate(windows, 1):
        rows[f"window {number}"] = ((pixels + 1) * 127.5).round().byte()
        known[f"window {number}"] = moved
    captions = {name: [_poses(row) for row in given] for name, given in known.items()}
    return sheet(rows, captions, width=6.5, gap=6)


def _poses(row: Tensor) -> str:
    return ", ".join(
        vocabulary.title(name) for name in vocabulary.POSES if row[vocabulary.column(name)] == 1
    )


def learning_curve(history: pd.DataFrame, reference: float) -> Figure:
    """Loss and learning rate over epochs.

    history: columns epoch, loss, rate; reference: loss of predicting every label's frequency.
    """
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(history["epoch"], history["loss"], "o-", color=BLUE, markersize=4)
    axes.axhline(reference, color="black", linewidth=0.8, linestyle=":")
    axes.annotate(
        "frequencies only", (len(history), reference), (0, 3), textcoords="offset points",
        ha="right", fontsize=8,
    )  # fmt: skip
    axes.set(xlabel="epoch", ylabel="masked cross-entropy, nats a label")
    axes.set_xlim(0.5, len(history) + 0.5)
    epochs = AutoLocator()
    epochs.set_params(integer=True)
    axes.xaxis.set_major_locator(epochs)
    other = axes.twinx()
    other.plot(history["epoch"], history["rate"], ":", color=GREY)
    other.set_ylabel("learning rate at the end of the epoch", color=GREY)
    other.set_ylim(0)
    return figure
