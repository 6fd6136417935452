"""How much a simple look at the pixels gives away, and whether anything leaks between splits."""

import hashlib

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional

from lib import vocabulary
from lib.data.faces import FaceSet

# Positives in the real sets, counted in their public annotations (CelebA: all 202,599 faces,
# ExpW: all 91,793).
REAL_COUNTS = {
    "celeba": (
        202_599,
        {
            "gender": 84_434, "smiling": 97_669, "mouth_opened": 97_942, "narrow_eyes": 23_329,
            "young": 156_734, "goatee": 12_716, "no_beard": 169_158, "sideburns": 11_449,
            "five_oclock_shadow": 22_516, "gray_hair": 8_499, "bald": 4_547, "mustache": 8_417,
        },
    ),
    "expw": (
        91_793,
        {
            "angry": 3_671, "disgust": 3_995, "fear": 1_088, "happy": 30_537, "sad": 10_559,
            "surprise": 7_060, "neutral": 34_883,
        },
    ),
}  # fmt: skip
REAL_SHARES = pd.DataFrame(
    {source: pd.Series(counts) / total for source, (total, counts) in REAL_COUNTS.items()}
).reindex(vocabulary.ATTRIBUTES)


def pixels(images: Tensor, side: int = 16, batch: int = 1024) -> np.ndarray:
    """Faces shrunk to side x side: (N, 3, S, S) uint8 -> (N, 3 side^2) float32 in [0, 1]."""
    parts = [
        functional.interpolate(part.float() / 255, size=side, mode="bilinear", antialias=True)
        for part in images.split(batch)
    ]
    return torch.cat(parts).flatten(1).numpy()


def sharpness(images: Tensor, batch: int = 1024) -> np.ndarray:
    """What a camera leaves in a picture, (N, 9): mean, spread and fine detail of each channel."""
    rows = []
    for part in images.split(batch):
        values = part.float() / 255
        detail = (values[..., 1:, 1:] - values[..., :-1, :-1]).abs()
        parts = [values.mean((2, 3)), values.std((2, 3)), detail.mean((2, 3))]
        rows.append(torch.cat(parts, 1))
    return torch.cat(rows).numpy()


def tell_sources(train: FaceSet, test: FaceSet) -> np.ndarray:
    """Which source a linear classifier on pixels and sharpness takes each test face for, (N,)."""
    if train.table["source"].nunique() == 1:
        return np.full(len(test), train.table["source"].iloc[0])
    looks = [np.hstack([pixels(part.images), sharpness(part.images)]) for part in (train, test)]
    machine = RidgeClassifier(alpha=1000.0, class_weight="balanced")
    model = make_pipeline(StandardScaler(), machine).fit(looks[0], train.table["source"])
    return model.predict(looks[1])


def leaks(faces: FaceSet) -> pd.Series:
    """What stands on both sides of the split: people, and pictures alike to the byte."""
    test = (faces.table["split"] == "test").to_numpy()
    people, pictures = faces.table["identity"], pd.Series(_digests(faces.images))
    shared = {
        "identities in training and test": set(people[test]) & set(people[~test]),
        "identical pictures in training and test": set(pictures[test]) & set(pictures[~test]),
    }
    return pd.Series({name: len(both) for name, both in shared.items()})


def _digests(images: Tensor) -> list[str]:
    return [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in images]


def correlations(labels: Tensor, least: int = 1) -> pd.DataFrame:
    """Correlations of the attributes that are labelled here and take both values."""
    table = pd.DataFrame(labels.numpy(), columns=list(vocabulary.ATTRIBUTES))
    table = table.where(table >= 0)
    both = [n for n in table if min((table[n] == 0).sum(), (table[n] == 1).sum()) >= least]
    return table[both].corr()


def strongest(labels: Tensor, count: int = 10) -> pd.DataFrame:
    """The pairs of attributes of different groups that are correlated most."""
    matrix = correlations(labels, least=3)
    groups = {name: group for group, names in vocabulary.GROUPS.items() for name in names}
    rows = [
        (vocabulary.title(a), vocabulary.title(b), matrix.loc[a, b])
        for i, a in enumerate(matrix)
        for b in matrix.columns[i + 1 :]
        if groups[a] != groups[b] or groups[a] == "age"
    ]
    table = pd.DataFrame(rows, columns=["attribute", "and", "correlation"])
    order = table["correlation"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order[:count]].reset_index(drop=True)
