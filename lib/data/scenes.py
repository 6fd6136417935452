"""Whole pictures with the boxes of the faces in them, from files or rendered by the world."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lib import world
from lib.data.pictures import decoded, open_picture

BOXES = [f"{side}_{name}" for side in ("left", "right") for name in "xywh"]


class Scene(NamedTuple):
    """A picture (3, H, W) uint8 and its faces from left to right: boxes (F, 4), x y w h in px."""

    image: Tensor
    boxes: np.ndarray


def scenes_of(table: pd.DataFrame, *, seed: int, height: int = 144) -> list[Scene]:
    """The whole picture of each pair of a `PairSet`'s table with its two boxes.

    Rendered pictures are made again, `height` px high; real ones keep their size.
    """
    images = pictures(table, seed=seed, height=height)
    found = zip(images, table["height"], boxes(table), strict=True)
    return [Scene(image, box * image.shape[1] / high) for image, high, box in found]


def pictures(table: pd.DataFrame, *, seed: int, height: int = 144) -> list[Tensor]:
    """The whole picture (3, H, W) uint8 of each pair, without boxes; arguments as `scenes_of`."""
    if "image" in table:
        return [read(path) for path in table["image"]]
    places = zip(table["part"], numbers(table), strict=True)
    return [world.scenes(part, [number], seed=seed, height=height)[0] for part, number in places]


def read(path: str) -> Tensor:
    """A picture file as (3, H, W) uint8."""
    with open_picture(path) as picture:
        pixels = np.array(decoded(picture, upright=False))
    return torch.from_numpy(pixels).permute(2, 0, 1)


def boxes(table: pd.DataFrame) -> np.ndarray:
    """(N, 2, 4): x, y, w, h of the left and the right face, px of a picture `height` px high."""
    return table[BOXES].to_numpy(float).reshape(-1, 2, 4)


def numbers(table: pd.DataFrame) -> list[int]:
    """The index of each rendered pair in its part of the embedded world, from its key."""
    return [int(key.rsplit("-", 1)[1]) for key in table["key"]]
