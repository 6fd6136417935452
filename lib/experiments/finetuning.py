"""Expressions on other datasets (SFEW, CK+): a trained DCN as it is, and fine-tuned to them."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from sklearn.metrics import confusion_matrix
from torch import Tensor
from tqdm import tqdm

from lib import vocabulary
from lib.data.faces import FaceSet
from lib.evaluation import baselines, bootstrap
from lib.evaluation.bootstrap import Estimate, estimate, means, row_means, share
from lib.experiments import networks
from lib.models import DCN
from lib.params import Params

COLUMNS = vocabulary.columns(vocabulary.EXPRESSIONS)
NEUTRAL = vocabulary.EXPRESSIONS.index("neutral")


def classes(labels: Tensor) -> np.ndarray:
    """Which of the seven expressions each face shows: labels (N, 24) -> (N,) in 0..6.

    ValueError where a face is not labelled with exactly one.
    """
    seven = labels[:, COLUMNS]
    odd = ((seven == 1).sum(1) != 1).nonzero()
    if len(odd):
        raise ValueError(
            f"face {int(odd[0])} carries {int((seven[odd[0]] == 1).sum())} expressions, and one "
            "of seven is needed: correct its labels or leave it out"
        )
    return seven.argmax(1).numpy()


def predicted(logits: Tensor) -> np.ndarray:
    """The expression with "the highest predicted probability" (Section 6.1): (N, 24) -> (N,)."""
    return logits[:, COLUMNS].argmax(1).numpy()


def recognise(model: DCN, faces: FaceSet, params: Params, fabric: Fabric | None = None) -> Tensor:
    """Logits (N, 24) of faces."""
    return networks.logits(model, faces.images, params, fabric)


def finetune(
    model: DCN,
    faces: FaceSet,
    params: Params,
    *,
    seed: int,
    fabric: Fabric | None = None,
    description: str | None = None,
) -> DCN:
    """A copy of a DCN, trained further on the labels of other faces (`evaluation.finetune`)."""
    tuned, recipe = copy.deepcopy(model), params.evaluation.finetune
    options = {"seed": seed, "fabric": fabric, "description": description}
    networks.fit(tuned, faces.images, faces.labels, recipe, params, **options)
    return tuned


def cross_validate(
    model: DCN,
    faces: FaceSet,
    params: Params,
    *,
    seed: int,
    fabric: Fabric | None = None,
    description: str = "CK+",
) -> Tensor:
    """Logits (N, 24) of every face by a DCN that was fine-tuned on the other folds (Table 9).

    faces: their table has a column `fold`.
    """
    result = torch.full(faces.labels.shape, torch.nan)
    folds = sorted(faces.table["fold"].unique())
    for fold in tqdm(folds, desc=description, unit="fold", leave=False):
        test = np.array(faces.table["fold"] == fold)
        train = faces.select(~test)
        tuned = finetune(model, train, params, seed=seed, fabric=fabric)
        result[test] = recognise(tuned, faces.select(test), params, fabric)
    print(f"{description}: {len(folds)} folds, {len(faces)} faces judged", flush=True)
    return result


def cross_validate_svm(features: np.ndarray, faces: FaceSet, *, seed: int) -> np.ndarray:
    """The expression of every face, (N,), by a non-linear SVM trained on the other folds.

    features: (N, F), hand-made.
    """
    truth, result = classes(faces.labels), np.full(len(faces), -1)
    people = faces.table["identity"].to_numpy()
    for fold in faces.table["fold"].unique():
        test = np.array(faces.table["fold"] == fold)
        svm = baselines.fit_expressions(
            features[~test], truth[~test], people=people[~test], seed=seed
        )
        result[test] = svm.predict(features[test])
    return result


# Accuracies of predictions (N,) in 0..6; keyword arguments are those of `bootstrap.share`:
# resamples, seed, and people (N,), whose faces are resampled together.


def accuracy(truth: np.ndarray, answers: np.ndarray, **resampling: Any) -> Estimate:
    """Share of correct predictions, percent, with its 95 % interval."""
    return share((truth == answers).astype(float), **resampling)


def gain(truth: np.ndarray, better: np.ndarray, worse: np.ndarray, **resampling: Any) -> Estimate:
    """Accuracy of some predictions minus that of others on the same faces, percentage points."""
    return share((truth == better).astype(float) - (truth == worse), **resampling)


def six(truth: np.ndarray, answers: np.ndarray, **resampling: Any) -> Estimate:
    """Mean of the accuracies on the six expressions other than neutral (Table 9), percent."""
    return _mean_of_six(truth, (truth == answers).astype(float), **resampling)


def six_gain(
    truth: np.ndarray, better: np.ndarray, worse: np.ndarray, **resampling: Any
) -> Estimate:
    """`six` of some predictions minus that of others on the same faces, percentage points."""
    return _mean_of_six(truth, (truth == better).astype(float) - (truth == worse), **resampling)


def _mean_of_six(
    truth: np.ndarray,
    values: np.ndarray,
    *,
    resamples: int,
    people: np.ndarray | None = None,
    seed: int = 0,
) -> Estimate:
    """Mean over those of the six basic expressions that occur of the mean of values (N,)."""
    shown = [truth == k for k in np.unique(truth) if k != NEUTRAL]
    times = bootstrap.sample_counts(len(truth), resamples, seed, people)
    parts = [means(values[rows], times[:, rows]) for rows in shown]
    exact = np.mean([values[rows].mean() for rows in shown])
    return estimate(exact, row_means(np.stack(parts, 1)))


def confused(
    truth: np.ndarray, said: np.ndarray, most: int = 4
) -> dict[tuple[int, int], np.ndarray]:
    """The most frequent confusions: (true, predicted) class -> numbers of all its faces.

    truth, said: (N,) classes from 0 to 6. Among equally frequent ones the first in the order of the
    classes.
    """
    wrong = np.flatnonzero(truth != said)
    kinds = pd.Series(wrong).groupby([truth[wrong], said[wrong]])
    faces: dict[Any, np.ndarray] = {kind: part.to_numpy() for kind, part in kinds}
    order = sorted(faces, key=lambda kind: -len(faces[kind]))[:most]
    return {kind: faces[kind] for kind in order}


def confusion(truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Share of faces of each true expression (row) predicted as each (column), (7, 7) percent."""
    counts = confusion_matrix(truth, answers, labels=range(7)).astype(np.float32)
    return 100 * counts / counts.sum(1, keepdims=True).clip(min=1)
