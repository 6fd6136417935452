"""Sheets of faces: rows of pictures with names and captions in, a Figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from torch import Tensor

from lib import vocabulary


def sheet(
    rows: Mapping[str, Tensor | Sequence[Tensor]],
    captions: Mapping[str, Sequence[str]] | None = None,
    *,
    width: float = 9.0,
    gap: int = 3,
    columns: int | None = None,
    heads: Sequence[str] = (),
    title: str = "",
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
    title
        What the sheet shows.
    """
    strips = {name: _lines(images, gap, columns) for name, images in rows.items()}
    wide = max(strip.shape[1] for strip in strips.values())
    text = _caption_inches(captions)
    scale = (width - 1.0) / wide  # inches per pixel
    heights = [strip.shape[0] * scale + text for strip in strips.values()]
    tight = ConstrainedLayoutEngine(h_pad=0.02, w_pad=0.02, hspace=0.0, wspace=0.0)
    above = 0.3 * bool(title) + 0.2 * bool(heads)
    figure = Figure(figsize=(width, sum(heights) + 0.06 * len(heights) + above), layout=tight)
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
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def positives(labels: Tensor) -> list[str]:
    """The positive labels of each face (N, 24), one below the other."""
    return [
        "\n".join(vocabulary.positive(vocabulary.ATTRIBUTES[k]) for k in (row == 1).nonzero()[:, 0])
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
    return 0.03 + 0.14 * lines


def _caption(axes: Axes, images: Tensor | Sequence[Tensor], texts: Sequence[str], gap: int) -> None:
    left = 0
    for image, text in zip(images, texts, strict=True):
        middle = left + image.shape[-1] / 2
        axes.annotate(
            text, (middle, image.shape[-2]), (0, -2), textcoords="offset points",
            ha="center", va="top", fontsize=8, annotation_clip=False,
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
