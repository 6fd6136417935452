"""How networks learn: losses, augmentation, the training loop, states on disk, processes.

Imports `lib.models`, the sets of `lib.data`, `lib.params` and `lib.workspace`.
"""

from lib.training.augmentation import augment, generator, prepare
from lib.training.loop import fit, fit_pairs
from lib.training.losses import frequency_logits, masked_loss
from lib.training.predict import extract, predict_pairs
from lib.training.processes import start

__all__ = [
    "augment",
    "extract",
    "fit",
    "fit_pairs",
    "frequency_logits",
    "generator",
    "masked_loss",
    "predict_pairs",
    "prepare",
    "start",
]
