"""How the networks learn: losses, augmentation, the training loop, checkpoints, devices.

Imports `lib.models`, the sets of `lib.data`, `lib.params` and `lib.workspace`.
"""

from lib.training.augmentation import augment, prepare
from lib.training.loop import (
    extract,
    fit,
    fit_pairs,
    generator,
    masked_loss,
    predict_pairs,
)
from lib.training.processes import start

__all__ = [
    "augment",
    "extract",
    "fit",
    "fit_pairs",
    "generator",
    "masked_loss",
    "predict_pairs",
    "prepare",
    "start",
]
