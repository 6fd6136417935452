"""Faces of the five sources, with their labels: the entry points for single faces.

source: `aflw`, `celeba`, `expw`, `sfew` or `ckplus`; indices: integers >= 0; ValueError for others.
yaw_bins: the four edges of the five poses, degrees.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from lib.vocabulary import ATTRIBUTES, MISSING, label_mask
from lib.world import labels
from lib.world.hashing import Draws, Indices
from lib.world.labels import YAW_BINS
from lib.world.moments import latents
from lib.world.render import draw


class Faces(NamedTuple):
    """N rendered faces: images (N, 3, S, S) uint8, labels and truth (N, 24) int8, a table."""

    images: torch.Tensor
    labels: torch.Tensor
    table: pd.DataFrame
    truth: torch.Tensor


def people(
    source: str, indices: Indices, *, seed: int = 0, yaw_bins: Sequence[float] = YAW_BINS
) -> pd.DataFrame:
    """One row per face, not rendered: `key`, `source`, `identity`, latents, 24 true attributes."""
    table = latents(source, indices, seed=seed)
    truth = pd.DataFrame(labels.truth(table, yaw_bins), columns=list(ATTRIBUTES))
    return pd.concat([table, truth], axis=1)


def annotations(
    source: str, indices: Indices, *, seed: int = 0, yaw_bins: Sequence[float] = YAW_BINS
) -> np.ndarray:
    """(N, 24) int8 in {0, 1}: the attributes as an annotator writes them, without rendering."""
    table = latents(source, indices, seed=seed)
    return labels.annotate(table, _errors(source, indices, seed), yaw_bins)


def faces(
    source: str, indices: Indices, *, seed: int = 0, size: int = 64, device: str = "cpu",
    progress: bool = True, yaw_bins: Sequence[float] = YAW_BINS,
) -> Faces:  # fmt: skip
    """Crops of faces as a source would give them, `size` px.

    `labels` are an annotator's, and only those of Table 4; `truth` is every attribute by rule. The
    table holds every latent (yaw, pitch, roll in degrees, age in years, the rest in [0, 1] or as
    `moments` says). Of CK+, each subject has `SEQUENCES` sequences of `FRAMES` frames: columns
    `subject`, `sequence`, `frame` (0 neutral, the last three at the peak), `frames`, `emotion`.
    """
    table = latents(source, indices, seed=seed)
    written = labels.annotate(table, _errors(source, indices, seed), yaw_bins)
    written[:, ~np.array(label_mask(source))] = MISSING
    truth = torch.from_numpy(labels.truth(table, yaw_bins))
    pictures = draw(table, size=size, device=device, progress=progress)
    return Faces(pictures, torch.from_numpy(written), table.assign(split=""), truth)


def _errors(source: str, indices: Indices, seed: int) -> Draws:
    return Draws(f"{source} annotator", np.asarray(indices, dtype=np.int64), seed)
