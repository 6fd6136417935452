"""From a picture and a box to a square crop as a tensor."""

import torch
from PIL import Image
from torch import Tensor

from lib.data.sources.cutting import MARGIN, Box, pixels, square

__all__ = ["MARGIN", "crop", "square"]


def crop(picture: Image.Image, box: Box, size: int, margin: float = MARGIN) -> Tensor:
    """A face as (3, size, size) uint8 RGB; what lies outside the picture repeats its edge."""
    return torch.from_numpy(pixels(picture, box, size, margin))
