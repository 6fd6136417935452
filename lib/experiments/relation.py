"""The S-DCN and its variants (Sections 5 and 6.2): pre-trained, trained, applied."""

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

# Rows of Table 11, by the short names that files and calls use.
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
# What Section 6.2 compares: better and worse, by the names of Table 11.
SHORT = {"hog_svm": "HOG+SVM", "random": "baseline", "no_spatial": "no spatial cue"}
COMPARISONS = {
    f"{SHORT.get(better, better)} minus {SHORT.get(worse, worse)}": (
        VARIANTS[better],
        VARIANTS[worse],
    )
    for better, worse in (
        *((name, "hog_svm") for name in NETWORKS),
        *((name, "random") for name in (*GROUPS, "full")),
        *(("expression", name) for name in GROUPS[:3]),
        *(("pose", name) for name in GROUPS[:2]),
        ("full", "no_spatial"),
        ("full", "expression"),
    )
}
TRAITS = tuple(vocabulary.TRAITS)
# Table 11's measure, then two that a shift towards rare classes alone does not raise.
JUDGEMENTS = (PAPER, FREQUENCY, AUC)


def map_decay(pairs: int) -> float:
    """Weight decay of Eqn. 17 in SGD's convention (decay / 2 |w|^2), for a loss averaged over
    traits and pairs.

    Eqn. 17 adds w'w once to a cross-entropy summed over 8 traits and all pairs. Divided by
    8 x pairs, the loss that SGD sees, w'w becomes w'w / (8 pairs) = decay / 2 |w|^2.
    """
    return 2 / (len(TRAITS) * pairs)


def recipe(params: Params, pairs: int) -> TrainParams:
    """The training parameters of an S-DCN, with the weight decay that the profile asks for."""
    decay = map_decay(pairs) if params.relation.decay == "map" else params.relation.decay
    return params.relation.train.model_copy(update={"weight_decay": decay})


def pretrain(
    faces: FaceSet,
    group: str,
    params: Params,
    *,
    fabric: Fabric | None = None,
    folder: Path | None = None,
) -> DCN:
    """A DCN trained from scratch on the visible labels of one attribute group (Section 6.2).

    Prints the entropy of those labels beside the losses: a network whose loss is no lower has
    learnt only how frequent each label is.

    faces: those without a visible label of the group are left out. group: a key of
    `vocabulary.GROUPS`. fabric: None is one process, on the device of the profile. folder: keeps
    the training state, so that an interrupted run continues; None keeps none. ValueError where no
    face has a visible label of the group, or none were decided yet (notebook 01).
    """
    if faces.visible is None:
        raise ValueError("the faces have no visible labels yet: run notebook 01")
    others = tuple(a for a in vocabulary.ATTRIBUTES if a not in vocabulary.GROUPS[group])
    labels = faces.visible.clone()
    labels[:, vocabulary.columns(others)] = vocabulary.MISSING
    labelled = (labels >= 0).any(1)
    images, labels = faces.images[labelled], labels[labelled]
    entropy = training.masked_loss(training.frequency_logits(labels).expand_as(labels), labels)
    options = {
        "fabric": fabric or processes.single(params),
        "checkpoint": folder and folder / f"dcn_{group}",
        "description": f"DCN on {group} (entropy of its labels {entropy:.4f})",
    }
    model = networks.dcn(params)
    networks.fit(model, images, labels, params.relation.pretrain, params, **options)
    return model


def fit(
    model: RelationNet,
    pairs: PairSet,
    params: Params,
    *,
    fabric: Fabric | None = None,
    folder: Path | None = None,
    name: str = "full",
) -> pd.DataFrame:
    """Train an S-DCN on pairs (Eqn. 17); returns its history, one row per epoch.

    fabric, folder: as in `pretrain`. name: the variant's short name, for the kept state.
    """
    return training.fit_pairs(
        model,
        pairs,
        train=recipe(params, len(pairs)),
        size=params.model.size,
        seed=params.seed,
        fabric=fabric or processes.single(params),
        checkpoint=folder and folder / name,
        description=VARIANTS[name],
    )


def predict(
    model: RelationNet, pairs: PairSet, params: Params, fabric: Fabric | None = None
) -> Tensor:
    """Logits (N, 8), whose sigmoid is p(g = 1) of Eqn. 15; fabric: as in `pretrain`."""
    fabric = fabric or processes.single(params)
    return training.predict_pairs(model, pairs, size=params.model.size, fabric=fabric)


def variant(
    name: str,
    faces: FaceSet,
    pairs: PairSet,
    params: Params,
    full: DCN,
    *,
    fabric: Fabric | None = None,
    folder: Path | None = None,
) -> RelationNet:
    """One of Table 11's networks (`NETWORKS`, else ValueError), trained on pairs.

    faces: for the variants pre-trained with one attribute group. full: the DCN trained on all
    attributes with propagation (notebook 04). fabric, folder: as in `pretrain`.
    """
    if name not in NETWORKS:
        raise ValueError(f"no network {name!r}: use one of {', '.join(NETWORKS)}")
    if name in GROUPS:
        start = pretrain(faces, name, params, fabric=fabric, folder=folder)
    else:
        start = networks.dcn(params) if name == "random" else full
    model = networks.siamese(params, start, spatial=name != "no_spatial")
    fit(model, pairs, params, name=name, fabric=fabric, folder=folder)
    return model


def hog_scores(train: PairSet, test: PairSet, *, seed: int) -> Tensor:
    """HOG of both faces, concatenated, and one linear SVM per trait (Section 6.2).

    Returns the SVMs' decision values (N, 8) float64 on the test pairs: positive means yes.
    """
    known, new = (np.hstack([baselines.hog(p.left), baselines.hog(p.right)]) for p in (train, test))
    return torch.from_numpy(baselines.fit_svms(known, train.labels, seed=seed).scores(new))


def judge(train: PairSet, test: PairSet, params: Params) -> Judge:
    """Measures the eight traits on test pairs; class frequencies are those of the training pairs.

    Intervals are over couples: pictures of the same two people (`identity`) are not independent.
    """
    return Judge.of(test, metrics.class_frequency(train.labels), params, names=TRAITS)
