"""The S-DCN and its variants (Sections 5 and 6.2): built, trained and judged alike."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib import training, vocabulary
from lib.data.faces import FaceSet, PairSet
from lib.evaluation import baselines, metrics
from lib.evaluation.judging import AUC, FREQUENCY, PAPER, Judge
from lib.experiments import networks
from lib.models import DCN, RelationNet
from lib.params import Params, TrainParams
from lib.training import processes

# Our short names of Table 11's rows.
VARIANTS = {
    "hog_svm": "HOG+SVM",
    "random": "Baseline S-DCN",
    "gender": "S-DCN (DCN pre-trained with gender)",
    "age": "S-DCN (DCN pre-trained with age)",
    "pose": "S-DCN (DCN pre-trained with pose)",
    "expression": "S-DCN (DCN pre-trained with expression)",
    "no_spatial": "S-DCN without spatial cue",
    "full": "Full S-DCN",
}
NETWORKS = tuple(VARIANTS)[1:]
GROUPS = ("gender", "age", "pose", "expression")
# What Section 6.2 compares, in short words: better, worse.
COMPARISONS = {
    f"{better} minus {worse.removesuffix('_svm')}".replace("_", " "): (better, worse)
    for better, worse in (
        *((name, "hog_svm") for name in NETWORKS),
        *((name, "random") for name in (*GROUPS, "full")),
        *(("expression", name) for name in GROUPS[:3]),
        *(("pose", name) for name in GROUPS[:2]),
        ("full", "no_spatial"),
    )
}
TRAITS = tuple(vocabulary.TRAITS)
# Table 11's measure, then two that do not reward a mere shift towards rare classes.
JUDGEMENTS = (PAPER, FREQUENCY, AUC)


def map_decay(pairs: int) -> float:
    """Weight decay of Eqn. 17 in SGD's convention (decay / 2 |w|^2), for a loss averaged over
    traits and pairs.

    Eqn. 17 adds w'w once to a cross-entropy summed over 8 traits and all pairs. Divided by
    8 x pairs, the loss that SGD sees, w'w becomes w'w / (8 pairs) = decay / 2 |w|^2.
    """
    return 2 / (len(TRAITS) * pairs)


def recipe(params: Params, pairs: int) -> TrainParams:
    """The training of an S-DCN with the decay that the profile asks for."""
    decay = map_decay(pairs) if params.relation.decay == "map" else params.relation.decay
    return params.relation.train.model_copy(update={"weight_decay": decay})


def pretrain(
    faces: FaceSet,
    group: str,
    params: Params,
    *,
    seed: int,
    fabric: Fabric | None = None,
    folder: Path | None = None,
) -> DCN:
    """A DCN trained from scratch on the visible labels of one attribute group (Section 6.2).

    Prints the entropy of its labels below the losses: what is no lower has learnt no more than how
    common each label is. folder: keeps the state of the run, see `training.fit`.
    """
    fabric = fabric or processes.single(params)
    model, train, size = networks.dcn(params, seed), params.relation.pretrain, params.model.size
    others = [a for a in vocabulary.ATTRIBUTES if a not in vocabulary.GROUPS[group]]
    if faces.visible is None:
        raise ValueError("no labels are held out yet: run notebook 01")
    labels = faces.visible.clone()
    labels[:, vocabulary.columns(others)] = vocabulary.MISSING
    labelled = (labels >= 0).any(1)
    images, labels = faces.images[labelled], labels[labelled]
    training.fit(
        model,
        images,
        labels,
        train=train,
        size=size,
        seed=seed,
        fabric=fabric,
        checkpoint=folder and folder / f"dcn_{group}",
        description=f"DCN on {group}",
    )
    common = training.masked_loss(training.frequency_logits(labels).expand_as(labels), labels)
    if fabric.is_global_zero:
        print(f"DCN on {group}: entropy of its labels {common:.4f}", flush=True)
    return model


def fit(
    model: RelationNet,
    pairs: PairSet,
    params: Params,
    *,
    seed: int,
    fabric: Fabric | None = None,
    folder: Path | None = None,
    name: str = "full",
) -> pd.DataFrame:
    """Train an S-DCN on pairs as the profile says; returns its history.

    name: of the variant; folder: keeps the state of the run, see `training.fit`.
    """
    train, size = recipe(params, len(pairs)), params.model.size
    return training.fit_pairs(
        model,
        pairs,
        train=train,
        size=size,
        seed=seed,
        fabric=fabric or processes.single(params),
        checkpoint=folder and folder / name,
        description=VARIANTS[name],
    )


def predict(
    model: RelationNet, pairs: PairSet, params: Params, fabric: Fabric | None = None
) -> Tensor:
    """Logits of the traits (N, 8): p(g = 1) is their sigmoid.

    Without a fabric in one process, as the profile says.
    """
    fabric = fabric or processes.single(params)
    return training.predict_pairs(model, pairs, size=params.model.size, fabric=fabric)


def variant(
    name: str,
    faces: FaceSet,
    pairs: PairSet,
    params: Params,
    full: DCN,
    *,
    seed: int,
    fabric: Fabric | None = None,
    folder: Path | None = None,
) -> RelationNet:
    """One of Table 11's networks, trained on the training pairs.

    faces: the training faces, for the variants pre-trained with one attribute group; full: the
    DCN trained on all attributes with propagation; folder: keeps the state of its runs.

    ValueError if there is no such network.
    """
    if name not in NETWORKS:
        raise ValueError(f"no network {name!r}: use one of {', '.join(NETWORKS)}")
    options = {"seed": seed, "fabric": fabric, "folder": folder}
    start = full if name in ("no_spatial", "full") else networks.dcn(params, seed)
    if name in vocabulary.GROUPS:
        start = pretrain(faces, name, params, **options)
    model = networks.siamese(params, start, spatial=name != "no_spatial", seed=seed)
    fit(model, pairs, params, name=name, **options)
    return model


def hog_scores(train: PairSet, test: PairSet, *, seed: int) -> Tensor:
    """HOG of both faces, concatenated, and one linear SVM per trait.

    Returns the decision values (N, 8) float64, whose sigmoid is 0.5 at the SVM's own border.
    """
    both = [
        np.concatenate([baselines.hog(p.left), baselines.hog(p.right)], 1) for p in (train, test)
    ]
    machines = baselines.fit_svms(both[0], train.labels, seed=seed)
    return torch.from_numpy(machines.scores(both[1]))


def judge(train: PairSet, test: PairSet, resamples: int, seed: int = 0) -> Judge:
    """Balanced accuracy over the eight traits of the test pairs, with intervals over pairs.

    Pictures of the same two people (`identity`) are drawn together: they are not independent.
    """
    frequency, couples = metrics.class_frequency(train.labels), test.table["identity"].to_numpy()
    return Judge(test.labels, frequency, resamples, seed, TRAITS, couples)


def averages(judge: Judge, scores: dict[str, Tensor], subset: str = "average") -> pd.DataFrame:
    """Rows of the results table: the average over the traits, by every judgement and variant.

    scores: probabilities (N, 8) by the short name of the variant; subset: what the rows are called.
    """
    return judge.rows(_titled(scores), JUDGEMENTS, {subset: TRAITS})


def per_trait(judge: Judge, scores: dict[str, Tensor]) -> pd.DataFrame:
    """Rows of the results table: balanced accuracy at 0.5 of every variant on every trait."""
    return judge.rows(_titled(scores), (PAPER,), TRAITS)


def differences(judge: Judge, scores: dict[str, Tensor], subset: str = "average") -> pd.DataFrame:
    """Rows of the results table: paired differences of averages, by judgement and comparison."""
    pairs = [(VARIANTS[better], VARIANTS[worse]) for better, worse in COMPARISONS.values()]
    return judge.difference_rows(_titled(scores), pairs, JUDGEMENTS, {subset: TRAITS})


def _titled(scores: dict[str, Tensor]) -> dict[str, Tensor]:
    """Scores by the variants' names in Table 11."""
    return {VARIANTS[name]: score for name, score in scores.items()}


def evidence(pairs: PairSet) -> Tensor | None:
    """What the embedded world's annotators go by, as scores (N, 8) in (0, 1); None elsewhere.

    It is free of their errors, so no network can be expected to do better than this.
    """
    columns = [f"evidence_{name}" for name in TRAITS]
    if not set(columns) <= set(pairs.table):
        return None
    return torch.tensor(pairs.table[columns].to_numpy()).sigmoid().float()
