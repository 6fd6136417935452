"""True labels held out from training and propagation, to choose among variants without test labels.

Stage 1, stage 2 and the propagation see the visible labels only. What is chosen (a variant of
Algorithm 2, a learning rate) is chosen by how well it predicts the labels held out.
"""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lib import vocabulary
from lib.data.faces import FaceSet

SHARE = 0.1  # of all people, for each attribute group by itself


def hide(
    labels: Tensor, identity: pd.Series, *, share: float = SHARE, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Split known labels into those that may be seen and those held out.

    Of a person, a whole attribute group (gender, pose, expression, age) is held out at once: labels
    of a group reveal each other (five poses exclude each other), and so do several faces of one
    person. The choice depends on the name of the person, the group and the seed alone.

    labels (N, 24) int8, identity (N,) -> visible (N, 24), held (N, 24), both -1 where missing.
    """
    names, place = np.unique(identity.astype(str), return_inverse=True)
    hidden = torch.zeros(labels.shape, dtype=torch.bool)
    for group, attributes in vocabulary.GROUPS.items():
        chosen = [hash_uniform(f"{seed}/{group}/{name}") < share for name in names]
        for column in vocabulary.columns(attributes):
            hidden[:, column] = torch.from_numpy(np.array(chosen, bool)[place])
    return labels.masked_fill(hidden, -1), labels.masked_fill(~hidden, -1)


def decide(faces: FaceSet, *, seed: int) -> FaceSet:
    """The same faces with their `visible` labels decided: training faces without those held out,
    test faces without any."""
    visible, _ = hide(faces.labels, faces.table["identity"], seed=seed)
    return replace(faces, visible=visible.masked_fill(~faces.training[:, None], -1))


def halves(held: Tensor, identity: pd.Series, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Split the labels held out, person by person: those that a few weights may be fitted to
    (`potentials: fitted`, Platt scaling), and those that judge.

    held (N, A), identity (N,) -> calibration (N, A), judging (N, A), both -1 where missing.
    """
    names = identity.astype(str)
    first = torch.tensor([hash_uniform(f"{seed}/calibration/{name}") < 0.5 for name in names])
    return held.masked_fill(~first[:, None], -1), held.masked_fill(first[:, None], -1)


def hide_source(
    visible: Tensor, held: Tensor, source: pd.Series, name: str, attribute: str
) -> tuple[Tensor, Tensor]:
    """Hide an attribute in a whole source: the labels (N, 24) still visible, and those to predict.

    Only the held-out labels of that attribute and source are to be predicted: the network has
    learned from the others.
    """
    there = torch.tensor((source == name).to_numpy())
    hidden = torch.zeros_like(visible, dtype=torch.bool)
    hidden[there, vocabulary.column(attribute)] = True
    return visible.masked_fill(hidden, -1), held.masked_fill(~hidden, -1)


def reference(faces: FaceSet) -> Tensor:
    """The true values (N, 24) of the labels that propagation does not see, -1 where it sees them.

    The embedded world's hidden truth; for real faces the labels held out. To measure, not to train.
    """
    if faces.truth is None or faces.visible is None:
        return faces.held
    return faces.truth.masked_fill(faces.visible >= 0, -1)


def unlabelled_truth(faces: FaceSet) -> Tensor:
    """The truth (N, 24) of the attributes that a face's source does not label, else -1.

    The embedded world knows it; for real faces it is -1 everywhere.
    """
    if faces.truth is None:
        return torch.full_like(faces.labels, -1)
    return faces.truth.masked_fill(faces.labels >= 0, -1)


def hash_uniform(text: str) -> float:
    """A pseudo-random number in [0, 1) that depends on a text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
