"""Pictures with boxed faces (Figs. 9 and 10, photographs), polar plots, bars of one face.

A scene is a picture (3, H, W) uint8 and its boxes (F, 4): x, y, w, h in px, from left to right.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib import patches
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from torch import Tensor
from torch.nn.functional import interpolate

from lib import vocabulary
from lib.figures.palette import BLUE, COLOURS, ORANGE, Style

Scene = tuple[Tensor, np.ndarray]

TRAITS = tuple(vocabulary.TRAITS)
HARD = ("dominant", "competitive")  # unlike the other six, not kind
STEP = 2 * np.pi / len(TRAITS)
# Clockwise from the top, half a step on, so that no label is level with the middle.
ANGLES = STEP * (np.arange(len(TRAITS)) + 0.5)


def show(axes: Axes, scene: Scene) -> None:
    """A whole picture with its faces boxed: the leftmost blue, the next orange."""
    image, boxes = scene
    axes.imshow(image.permute(1, 2, 0).numpy(), interpolation="antialiased")
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    for number, (x, y, w, h) in enumerate(boxes):
        colour = COLOURS[number % len(COLOURS)]
        box = patches.Rectangle((x, y), w, h, fill=False, edgecolor=colour, linewidth=1.8)
        axes.add_patch(box)


def cases(table: pd.DataFrame, scenes: Sequence[Scene], kinds: Sequence[str]) -> Figure:
    """Fig. 9: one row per trait, one column per kind of case, each picture with both its faces
    below it and its numbers.

    table: one row per case: trait, kind, probability, and votes where known; scenes: of its rows,
    in their order. A place without a case says "none left to show".
    """
    places = {
        (trait, kind): (i, j) for i, trait in enumerate(TRAITS) for j, kind in enumerate(kinds)
    }
    tight = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.03, wspace=0.01, hspace=0.01)
    figure = Figure(figsize=(9.2, 2.35 * len(TRAITS) + 0.3), layout=tight)
    grid = figure.subplots(len(TRAITS), len(kinds))
    for (_, case), scene in zip(table.iterrows(), scenes, strict=True):
        axes = grid[places.pop((case["trait"], case["kind"]))]
        show(axes, with_faces(framed(scene, 16 / 9)))
        votes = f"; {case['votes']} of 5 say yes" if "votes" in case else ""
        axes.set_xlabel(f"p = {case['probability']:.2f}{votes}", fontsize=9, labelpad=2)
    for axes in (grid[place] for place in places.values()):
        axes.set(xticks=[], yticks=[], facecolor="#f2f2f2", box_aspect=9 / 16 + 0.42)
        axes.spines[:].set_visible(False)
        axes.text(0.5, 0.5, "none left to show", ha="center", va="center", color="#777777")
    for axes, trait in zip(grid[:, 0], TRAITS, strict=True):
        axes.set_ylabel(trait, fontsize=11)
    for axes, kind in zip(grid[0], kinds, strict=True):
        axes.set_title(kind, fontsize=11)
    return figure


def photographs(scenes: Mapping[str, Scene], columns: int = 4) -> Figure:
    """Pictures with their faces boxed, each under its name and the number of its faces."""
    columns = min(columns, len(scenes))
    rows = -(-len(scenes) // columns)
    figure = Figure(figsize=(2.7 * columns, 2.1 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (name, scene) in zip(grid.flat, scenes.items(), strict=False):
        show(axes, scene)
        count = len(scene[1])
        words = f"{name}: {count} face{'' if count == 1 else 's'}"
        axes.set_title(words, fontsize=10, parse_math=False)
    return figure


def framed(scene: Scene, ratio: float = 1.32) -> Scene:
    """The part of a wide picture around its faces: `ratio` times as wide as high, or wider where
    the faces need it."""
    image, boxes = scene
    high, wide = image.shape[1:]
    first = last = wide / 2
    if len(boxes):
        first, last = boxes[:, 0].min(), (boxes[:, 0] + boxes[:, 2]).max()
    width = min(wide, max(round(ratio * high), int(np.ceil(1.05 * (last - first)))))
    left = int(np.clip((first + last - width) / 2, 0, wide - width))
    return image[:, :, left : left + width], boxes - np.array([left, 0, 0, 0])


def with_faces(scene: Scene, share: float = 0.4) -> Scene:
    """The same picture with its first two faces below it, each `share` of its width, side by side.

    A face is shown with a third of its size around it, as far as the picture reaches.
    """
    image, boxes = scene
    wide = image.shape[2]
    size, gap, left = _below(wide, len(boxes[:2]), share)
    below = torch.full((3, size + gap, wide), 255, dtype=torch.uint8)
    for box in boxes[:2]:
        below[:, gap:, left : left + size] = crop(image, box, size)
        left += size + gap
    return torch.cat([image, below], 1), boxes


def _below(wide: int, count: int, share: float) -> tuple[int, int, int]:
    """Size of a face below a picture `wide` px wide, the gap, and where the first face begins."""
    size, gap = round(share * wide), max(2, wide // 50)
    return size, gap, (wide - count * (size + gap) + gap) // 2


def crop(image: Tensor, box: np.ndarray, size: int) -> Tensor:
    """A face (3, size, size) uint8 cut from a picture with a third of its size around it."""
    high, wide = image.shape[1:]
    x, y, w, h = box
    side = int(min(1.33 * max(w, h), high, wide))
    left = int(np.clip(x + w / 2 - side / 2, 0, wide - side))
    top = int(np.clip(y + h / 2 - side / 2, 0, high - side))
    face = image[:, top : top + side, left : left + side][None].float()
    larger = interpolate(face, size=(size, size), mode="bilinear", antialias=True)
    return larger[0].round().to(torch.uint8)


def closeup(axes: Axes, scene: Scene, share: float = 0.4) -> None:
    """The part of a picture around its faces, and its first two faces below it, framed in the
    colours of their boxes; `share` as in `with_faces`."""
    part = framed(scene, 16 / 9)
    image, boxes = part
    show(axes, with_faces(part, share))
    size, gap, left = _below(image.shape[2], len(boxes[:2]), share)
    for number, _ in enumerate(boxes[:2]):
        corner = (left + number * (size + gap), image.shape[1] + gap)
        colour = COLOURS[number]
        axes.add_patch(
            patches.Rectangle(corner, size - 1, size - 1, fill=False, ec=colour, linewidth=1.8)
        )


# Polar plots --------------------------------------------------------------------------------------


def petals(
    axes: Axes,
    probability: np.ndarray,
    truth: np.ndarray | None = None,
    bold: Collection[str] = (),
) -> None:
    """Draw one petal per trait on a polar axis, as long as its probability, pale up to 0.5.

    probability: (8,) in [0, 1]; truth: (8,), at the rim a dot where it is 1, a circle where it is
    0; bold: traits with bold names.
    """
    axes.set(theta_zero_location="N", theta_direction=-1, ylim=(0, 1.1))
    axes.set(xticks=[], yticks=[], frame_on=False)
    around = np.linspace(0, 2 * np.pi, 200)
    axes.fill_between(around, 0, 1, color="#f4f4f4", linewidth=0)
    colours = [ORANGE if name in HARD else BLUE for name in TRAITS]
    for angle, value, colour in zip(ANGLES, probability, colours, strict=True):
        strength = 0.9 if value > 0.5 else 0.4
        axes.bar(angle, value, 0.88 * STEP, color=colour, alpha=strength, linewidth=0)
    axes.plot(around, np.full(200, 0.5), color="black", linewidth=0.8, linestyle=(0, (2, 2)))
    axes.plot(around, np.ones(200), color="#bbbbbb", linewidth=0.8)
    if truth is not None:
        for label, fill in ((1, "black"), (0, "white")):
            where = ANGLES[np.asarray(truth) == label]
            dot: Style = {"color": "black", "markerfacecolor": fill, "markersize": 4.5}
            axes.plot(where, np.full(len(where), 1.09), "o", clip_on=False, **dot)
    for angle, name in zip(ANGLES, TRAITS, strict=True):
        side = "left" if angle < np.pi else "right"
        weight = "bold" if name in bold else "normal"
        axes.text(angle, 1.24, name, ha=side, va="center", fontsize=10, fontweight=weight)


def tendencies(
    scenes: Mapping[str, Scene],
    probability: np.ndarray,
    truth: np.ndarray | None = None,
    *,
    columns: int = 2,
) -> Figure:
    """Many named scenes in columns, each beside the polar plot of its eight traits.

    probability, truth: (K, 8), in the scenes' order.
    """
    columns = min(columns, len(scenes))
    rows = -(-len(scenes) // columns)
    figure = Figure(figsize=(6.3 * columns, 1.95 * rows + 0.35))
    grid = figure.add_gridspec(
        rows, 2 * columns, width_ratios=[1, 1.92] * columns, left=0.005, right=0.995, top=0.94,
        bottom=0.42 / figure.get_figheight(), wspace=0.0, hspace=0.22,
    )  # fmt: skip
    for number, (name, scene) in enumerate(scenes.items()):
        row, column = divmod(number, columns)
        axes = figure.add_subplot(grid[row, 2 * column])
        show(axes, framed(scene))
        letter = f"({'abcdefghijkl'[number]}) " if len(scenes) > 1 else ""
        axes.set_title(letter + name, fontsize=10.5, loc="left", pad=4, parse_math=False)
        axes = figure.add_subplot(grid[row, 2 * column + 1], projection="polar")
        petals(axes, probability[number], None if truth is None else truth[number])
    figure.legend(
        handles=legend(truth is not None), loc="lower center", ncols=4, frameon=False, fontsize=9.5
    )
    return figure


def closeups(
    scenes: Mapping[str, Scene],
    probability: np.ndarray,
    truth: np.ndarray,
    bold: Mapping[str, Collection[str]],
) -> Figure:
    """Fig. 10: each titled scene, its two faces, and the polar plot of its eight traits.

    probability, truth: (K, 8), in the scenes' order; truth -1 where not known. bold: title ->
    traits with bold names, those that the title is about.
    """
    figure = Figure(figsize=(9.7, 2.65 * len(scenes) + 0.55))
    grid = figure.add_gridspec(
        len(scenes), 3, width_ratios=[4.0, 1.14, 4.2], left=0.005, right=0.995, top=0.955,
        bottom=0.6 / figure.get_figheight(), wspace=0.02, hspace=0.2,
    )  # fmt: skip
    for row, (title, scene) in enumerate(scenes.items()):
        axes = figure.add_subplot(grid[row, 0])
        show(axes, framed(scene, 16 / 9))
        axes.set_title(f"({'abcdefgh'[row]}) {title}", fontsize=11, loc="left", parse_math=False)
        _stacked(figure, grid[row, 1], scene)
        axes = figure.add_subplot(grid[row, 2])
        axes.set_axis_off()
        axes.set_title("probabilities and labels", fontsize=10)
        axes = axes.inset_axes((0.27, 0.08, 0.5, 0.84), projection="polar")
        petals(axes, probability[row], truth[row], bold.get(title, ()))
    figure.legend(handles=legend(True), loc="lower center", ncols=3, frameon=False, fontsize=10)
    return figure


def _stacked(figure: Figure, place: SubplotSpec, scene: Scene) -> None:
    """The first two faces of a scene below each other, framed in the colours of their boxes."""
    cells = place.subgridspec(2, 1, hspace=0.06)
    for number, (box, colour) in enumerate(zip(scene[1][:2], COLOURS, strict=False)):
        axes = figure.add_subplot(cells[number])
        axes.imshow(crop(scene[0], box, 160).permute(1, 2, 0).numpy())
        axes.set(xticks=[], yticks=[], title="faces" if number == 0 else "")
        axes.title.set_fontsize(10)
        axes.spines[:].set(color=colour, linewidth=2)


def legend(with_truth: bool) -> list[Artist]:
    """What petals, ring and dots mean."""
    handles: list[Artist] = [
        patches.Patch(color=ORANGE, alpha=0.9, label="dominant, competitive"),
        patches.Patch(color=BLUE, alpha=0.9, label="the other six traits"),
    ]
    if with_truth:
        dot: Style = {"marker": "o", "color": "black", "markersize": 4.5, "linestyle": ""}
        handles.append(Line2D([], [], label="annotators say yes", **dot))
        handles.append(Line2D([], [], markerfacecolor="white", label="annotators say no", **dot))
    line: Style = {"color": "black", "linewidth": 0.8, "linestyle": (0, (2, 2))}
    return [*handles, Line2D([], [], label="0.5, pale below", **line)]


# Attributes of single faces -----------------------------------------------------------------------


def attribute_bars(faces: Mapping[str, Tensor], probability: np.ndarray) -> Figure:
    """Each named face (3, S, S) uint8 beside its 24 probabilities, coloured by group."""
    figure = Figure(figsize=(10, 1.3 * len(faces) + 1.4), layout="constrained")
    grid = figure.subplots(len(faces), 2, squeeze=False, width_ratios=[1, 7])
    groups = {name: group for group, names in vocabulary.GROUPS.items() for name in names}
    tints = dict(zip(vocabulary.GROUPS, COLOURS, strict=False))
    colours = [tints[groups[name]] for name in vocabulary.ATTRIBUTES]
    places = np.arange(len(vocabulary.ATTRIBUTES))
    for (left, right), (name, face), row in zip(grid, faces.items(), probability, strict=True):
        show(left, (face, np.empty((0, 4))))
        left.set_ylabel(name, fontsize=9, parse_math=False)
        right.bar(places, row, 0.8, color=colours)
        right.axhline(0.5, color="black", linewidth=0.8, linestyle=(0, (2, 2)))
        right.set(ylim=(0, 1), xlim=(-0.6, len(places) - 0.4), xticks=[], yticks=[0, 0.5, 1])
        right.spines[["top", "right"]].set_visible(False)
    words = [vocabulary.positive(name) for name in vocabulary.ATTRIBUTES]
    grid[0, 1].set_title("probability of each attribute", fontsize=11)
    grid[-1, 1].set_xticks(places, words, rotation=60, ha="right", fontsize=9)
    handles = [patches.Patch(color=colour, label=group) for group, colour in tints.items()]
    figure.legend(handles=handles, loc="outside upper right", ncols=4, frameon=False, fontsize=9.5)
    return figure
