"""Rendered faces and pairs as plain tensors and tables."""

from typing import NamedTuple

import pandas as pd
import torch


class Faces(NamedTuple):
    """N rendered faces: images (N, 3, S, S) uint8, labels and truth (N, 24) int8, a table."""

    images: torch.Tensor
    labels: torch.Tensor
    table: pd.DataFrame
    truth: torch.Tensor


class Pairs(NamedTuple):
    """N rendered pairs of faces.

    left, right (N, 3, S, S) uint8; boxes (N, 2, 4) x y w h and picture (N, 2) width, height, px,
    float64; labels (N, 8) int8; a table.
    """

    left: torch.Tensor
    right: torch.Tensor
    boxes: torch.Tensor
    picture: torch.Tensor
    labels: torch.Tensor
    table: pd.DataFrame
