"""Expressions on other datasets (SFEW, CK+): a trained DCN as it is, and tuned to them."""

import copy

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib import baselines, metrics, training, vocabulary
from lib.faces import FaceSet
from lib.judging import number
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
            f"face {int(odd[0])} carries {int((seven[odd[0]] == 1).sum())} expressions"
        )
    return seven.argmax(1).numpy()


def named(logits: Tensor) -> np.ndarray:
    """The expression with "the highest predicted probability" (Section 6.1), (N,) in 0..6."""
    return logits[:, COLUMNS].argmax(1).numpy()


def recognise(model: DCN, faces: FaceSet, params: Params, fabric: Fabric | None = None):
    """The named expression of each face, and the logits it was chosen from (N, 24)."""
    logits = training.extract(model, faces.images, size=params.model.size, fabric=fabric)[1]
    return named(logits), logits


def finetune(
    model: DCN,
    faces: FaceSet,
    params: Params,
    *,
    seed: int,
    fabric: Fabric | None = None,
    description: str = "",
) -> DCN:
    """A copy of a DCN, trained further on the expressions of other faces."""
    tuned = copy.deepcopy(model)
    training.fit(
        tuned,
        faces.images,
        faces.labels,
        train=params.evaluation.finetune,
        size=params.model.size,
        seed=seed,
        fabric=fabric,
        description=description,
    )
    return tuned


def cross_validate(
    model: DCN, faces: FaceSet, params: Params, *, seed: int, fabric: Fabric | None = None
) -> np.ndarray:
    """The expression named for every face by a DCN tuned on the other folds (Table 9), (N,)."""
    result = np.full(len(faces), -1)
    for fold in sorted(faces.table["fold"].unique()):
        test = (faces.table["fold"] == fold).to_numpy()
        words = f"CK+ fold {fold + 1}"
        train = faces.select(~test)
        tuned = finetune(model, train, params, seed=seed, fabric=fabric, description=words)
        result[test] = recognise(tuned, faces.select(test), params, fabric)[0]
    return result


def cross_validate_svm(features: np.ndarray, faces: FaceSet, *, seed: int) -> np.ndarray:
    """As `cross_validate`, for a non-linear SVM on hand-made features (N, F)."""
    truth, result = classes(faces.labels), np.full(len(faces), -1)
    for fold in faces.table["fold"].unique():
        test = (faces.table["fold"] == fold).to_numpy()
        machine = baselines.fit_expressions(features[~test], truth[~test], seed=seed)
        result[test] = machine.predict(features[test])
    return result


def accuracy(
    truth: np.ndarray, predicted: np.ndarray, *, resamples: int, seed: int = 0
) -> dict[str, float | None]:
    """Share of faces named rightly, percent, with its 95 % interval over faces."""
    return share((truth == predicted).astype(float), resamples=resamples, seed=seed)


def gain(truth: np.ndarray, better: np.ndarray, worse: np.ndarray, *, resamples: int, seed=0):
    """Accuracy of one naming minus another's on the same faces, percentage points."""
    right = (truth == better).astype(float) - (truth == worse).astype(float)
    return share(right, resamples=resamples, seed=seed)


def share(values: np.ndarray, *, resamples: int, seed: int = 0) -> dict[str, float | None]:
    """Mean of values (N,), times 100, with its 95 % bootstrap interval."""
    times = metrics.resamples(len(values), resamples, seed)
    return number(values.mean(), times @ values / len(values))


def six(truth: np.ndarray, predicted: np.ndarray, *, resamples: int, seed: int = 0):
    """Mean of the accuracies on the six expressions other than neutral (Table 9), percent."""
    chosen = [k for k in range(len(vocabulary.EXPRESSIONS)) if k != NEUTRAL and (truth == k).any()]
    times = metrics.resamples(len(truth), resamples, seed)
    right = truth == predicted
    values = np.array([right[truth == k].mean() for k in chosen])
    with np.errstate(invalid="ignore"):
        parts = [times[:, truth == k] @ right[truth == k] for k in chosen]
        counts = [times[:, truth == k].sum(1) for k in chosen]
        samples = np.stack([p / c for p, c in zip(parts, counts, strict=True)], 1)
    return number(values.mean(), samples.mean(1))


def confusion(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Share of faces of each true expression (row) named as each (column), (7, 7) percent."""
    counts = torch.zeros(7, 7)
    counts.index_put_((torch.tensor(truth), torch.tensor(predicted)), torch.ones(len(truth)), True)
    return (100 * counts / counts.sum(1, keepdim=True).clamp(min=1)).numpy()
