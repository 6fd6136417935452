"""Simple checks of a set of faces: correlations, leaks, and what a linear classifier recognises."""

import hashlib
from collections.abc import Mapping
from itertools import combinations
from typing import Any

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
from lib.evaluation import bootstrap, metrics
from lib.evaluation.bootstrap import Estimate

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
    """Mean, standard deviation and fine detail of each colour channel, (N, 9) float32."""
    rows = []
    for part in images.split(batch):
        values = part.float() / 255
        detail = (values[..., 1:, 1:] - values[..., :-1, :-1]).abs()
        parts = [values.mean((2, 3)), values.std((2, 3)), detail.mean((2, 3))]
        rows.append(torch.cat(parts, 1))
    return torch.cat(rows).numpy()


def recognise_sources(train: FaceSet, test: FaceSet) -> np.ndarray:
    """The source of each test face as a linear classifier on pixels and sharpness predicts it."""
    if train.table["source"].nunique() == 1:
        return np.full(len(test), train.table["source"].iloc[0])
    inputs = [np.hstack([pixels(part.images), sharpness(part.images)]) for part in (train, test)]
    classifier = RidgeClassifier(alpha=1000.0, class_weight="balanced")
    model = make_pipeline(StandardScaler(), classifier).fit(inputs[0], train.table["source"])
    return model.predict(inputs[1])


def leaks(faces: FaceSet) -> pd.Series:
    """How many identities, and how many identical pictures, are in training and in test."""
    found = {
        "identities in training and test": faces.table["identity"],
        "identical pictures in training and test": digests(faces.images),
    }
    return in_both(faces.table["split"], found)


def in_both(split: pd.Series, values: Mapping[str, Any]) -> pd.Series:
    """How many different values, (N,) or (N, K), are in rows of both training and test, by name."""
    test = (split == "test").to_numpy()
    arrays = {name: np.asarray(each) for name, each in values.items()}
    return pd.Series(
        {name: len(np.intersect1d(each[test], each[~test])) for name, each in arrays.items()}
    )


def digests(images: Tensor) -> list[str]:
    """A hash of the pixels of each picture."""
    return [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in images]


def correlations(labels: Tensor, least: int = 1) -> pd.DataFrame:
    """Pearson correlations between attributes, of labels (N, 24) with -1 for missing.

    Attributes with fewer than `least` positives or negatives are left out.
    """
    table = pd.DataFrame(labels.numpy(), columns=list(vocabulary.ATTRIBUTES))
    table = table.where(table >= 0)
    both = [n for n in table if min((table[n] == 0).sum(), (table[n] == 1).sum()) >= least]
    return table[both].corr()


def strongest(labels: Tensor, count: int = 10) -> pd.DataFrame:
    """The pairs of attributes that are correlated most; columns attribute, and, correlation.

    Pairs that exclude each other by definition (two poses, two of the seven expressions) are left
    out. labels: (N, 24).
    """
    matrix = correlations(labels, least=3)
    exclusive = [set(vocabulary.POSES), set(vocabulary.EXPRESSIONS)]
    rows = [
        (vocabulary.positive(a), vocabulary.positive(b), matrix[b][a])
        for a, b in combinations(map(str, matrix.columns), 2)
        if not any({a, b} <= names for names in exclusive)
    ]
    table = pd.DataFrame(rows, columns=["attribute", "and", "correlation"])
    order = table["correlation"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order[:count]].reset_index(drop=True)


def contradictions(labels: Tensor) -> pd.DataFrame:
    """How many faces have two labels that exclude each other; columns faces, share.

    labels: (N, 24). Rows: a goatee without a beard, several poses, several of the seven
    expressions. share: percent of the faces for which the labels are known.
    """
    table = pd.DataFrame(labels.numpy(), columns=list(vocabulary.ATTRIBUTES))
    groups = {
        "goatee, no beard": ["goatee", "no_beard"],
        "two poses": list(vocabulary.POSES),
        "two expressions": list(vocabulary.EXPRESSIONS),
    }
    rows = {}
    for name, columns in groups.items():
        known = table.loc[(table[columns] >= 0).all(axis=1), columns]
        wrong = int(((known == 1).sum(axis=1) > 1).sum())
        rows[name] = {"faces": wrong, "share": 100 * wrong / max(1, len(known))}
    return pd.DataFrame(rows).T.astype({"faces": int})


def agreement(
    labels: Tensor, index: Tensor, people: np.ndarray, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """How often neighbours carry the same label, how often any two faces do, and the gain.

    labels (N, A) in {-1, 0, 1}, index (N, k), people (N,). Average over attributes for each face,
    then over faces; percent, intervals over people.
    """
    own = np.asarray(labels).astype(np.int8)
    known = own >= 0
    same, pairs = np.zeros(len(own)), np.zeros(len(own))
    for place in np.asarray(index).T:
        both = known & known[place]
        same += (both & (own == own[place])).sum(1)
        pairs += both.sum(1)
    frequency = metrics.class_frequency(own)
    chance = np.where(own == 1, frequency, np.where(own == 0, 1 - frequency, np.nan))
    rows = (pairs > 0) & known.any(1)
    agree, chance = same[rows] / pairs[rows], np.nanmean(chance[rows], axis=1)
    times = bootstrap.sample_counts(len(agree), resamples, seed, people[rows])  # for all three
    parts = {"agree": agree, "chance": chance, "gain": agree - chance}
    return {
        name: bootstrap.estimate(part.mean(), bootstrap.means(part, times))
        for name, part in parts.items()
    }
