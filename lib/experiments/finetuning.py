"""Expressions on other datasets (SFEW, CK+): a trained DCN as it is, and tuned to them."""

import copy

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib import training, vocabulary
from lib.data.faces import FaceSet
from lib.evaluation import baselines, metrics
from lib.evaluation.judging import number, row_means, share
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
    description: str | None = None,
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
    model: DCN,
    faces: FaceSet,
    params: Params,
    *,
    seed: int,
    fabric: Fabric | None = None,
    description: str = "CK+",
) -> Tensor:
    """Logits of every face by a DCN tuned on the other folds (Table 9), (N, 24)."""
    result = torch.full(faces.labels.shape, torch.nan)
    for fold in sorted(faces.table["fold"].unique()):
        test = np.array(faces.table["fold"] == fold)
        train = faces.select(~test)
        tuned = finetune(model, train, params, seed=seed, fabric=fabric)
        result[test] = recognise(tuned, faces.select(test), params, fabric)[1]
        print(f"{description} fold {fold + 1}: {len(train)} faces, {test.sum()} judged", flush=True)
    return result


def cross_validate_svm(features: np.ndarray, faces: FaceSet, *, seed: int) -> np.ndarray:
    """The expression named for every face by a non-linear SVM on hand-made features (N, F) of
    the other folds, (N,)."""
    truth, result = classes(faces.labels), np.full(len(faces), -1)
    for fold in faces.table["fold"].unique():
        test = np.array(faces.table["fold"] == fold)
        people = faces.table["identity"].to_numpy()[~test]
        machine = baselines.fit_expressions(features[~test], truth[~test], people=people, seed=seed)
        result[test] = machine.predict(features[test])
    return result


def accuracy(
    truth: np.ndarray,
    predicted: np.ndarray,
    *,
    resamples: int,
    people: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, float | None]:
    """Share of faces named rightly, percent, with its 95 % interval.

    people: (N,) who is on each face; the faces of one person are drawn together.
    """
    return share((truth == predicted).astype(float), resamples=resamples, people=people, seed=seed)


def gain(truth: np.ndarray, better: np.ndarray, worse: np.ndarray, **drawing):
    """Accuracy of one naming minus another's on the same faces, percentage points."""
    return share((truth == better).astype(float) - (truth == worse), **drawing)


def six(truth: np.ndarray, predicted: np.ndarray, **drawing) -> dict[str, float | None]:
    """Mean of the accuracies on the six expressions other than neutral (Table 9), percent."""
    return mean_of_six(truth, (truth == predicted).astype(float), **drawing)


def six_gain(truth: np.ndarray, better: np.ndarray, worse: np.ndarray, **drawing):
    """`six` of one naming minus that of another on the same faces, percentage points."""
    return mean_of_six(truth, (truth == better).astype(float) - (truth == worse), **drawing)


def mean_of_six(
    truth: np.ndarray,
    values: np.ndarray,
    *,
    resamples: int,
    people: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, float | None]:
    """Mean over those of the six basic expressions that occur of the mean of values (N,)."""
    chosen = [k for k in range(len(vocabulary.EXPRESSIONS)) if k != NEUTRAL and (truth == k).any()]
    times = metrics.resamples(len(truth), resamples, seed, people)
    with np.errstate(invalid="ignore"):
        parts = [
            times[:, truth == k] @ values[truth == k] / times[:, truth == k].sum(1) for k in chosen
        ]
    exact = np.mean([values[truth == k].mean() for k in chosen])
    return number(exact, row_means(np.stack(parts, 1)))


def confusion(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Share of faces of each true expression (row) named as each (column), (7, 7) percent."""
    counts = torch.zeros(7, 7)
    counts.index_put_((torch.tensor(truth), torch.tensor(predicted)), torch.ones(len(truth)), True)
    return (100 * counts / counts.sum(1, keepdim=True).clamp(min=1)).numpy()
