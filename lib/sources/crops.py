"""From a picture and a box to a square crop."""

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

MARGIN = 0.25  # of the box, added on every side: hair, chin and ears belong to the face


def square(box: tuple[float, float, float, float], margin: float = MARGIN) -> tuple[int, ...]:
    """The square around a box x, y, w, h with a margin, as left, top, right, bottom px."""
    x, y, w, h = box
    side = max(w, h) * (1 + 2 * margin)
    left, top = x + w / 2 - side / 2, y + h / 2 - side / 2
    return round(left), round(top), round(left) + round(side), round(top) + round(side)


def crop(
    picture: Image.Image,
    box: tuple[float, float, float, float],
    size: int,
    margin: float = MARGIN,
) -> Tensor:
    """A face as (3, size, size) uint8 RGB; what lies outside the picture repeats its edge."""
    picture = ImageOps.exif_transpose(picture).convert("RGB")
    left, top, right, bottom = square(box, margin)
    inside = (max(left, 0), max(top, 0), min(right, picture.width), min(bottom, picture.height))
    part = np.asarray(picture.crop(inside))
    gaps = ((inside[1] - top, bottom - inside[3]), (inside[0] - left, right - inside[2]), (0, 0))
    padded = Image.fromarray(np.pad(part, gaps, mode="edge"))
    pixels = np.asarray(padded.resize((size, size), Image.Resampling.LANCZOS))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)
