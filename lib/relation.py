"""The S-DCN and its variants (Sections 5 and 6.2): built, trained and judged alike."""

import copy
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib import baselines, metrics, training, vocabulary
from lib.faces import FaceSet, PairSet
from lib.judging import Judge
from lib.models import DCN, RelationNet
from lib.params import Params, TrainParams

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
TRAITS = tuple(vocabulary.TRAITS)


def dcn(params: Params, seed: int) -> DCN:
    """A DCN of the profile's size with random weights that depend on the seed alone."""
    torch.manual_seed(seed)
    model = params.model
    return DCN(model.width, model.features, len(vocabulary.ATTRIBUTES), model.trunk)


def build(params: Params, source: DCN, *, spatial: bool = True, seed: int) -> RelationNet:
    """An S-DCN whose two DCNs start from (a copy of) one: "initialized by learning on multiple
    attribute datasets" (Fig. 5)."""
    torch.manual_seed(seed)
    trunk = copy.deepcopy(source.trunk)
    sizes = {"features": params.model.features, "shared": params.relation.shared}
    return RelationNet(trunk, spatial, **sizes)


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
    faces: FaceSet, group: str, params: Params, *, seed: int, fabric: Fabric | None = None
) -> DCN:
    """A DCN trained from scratch on the labels of one attribute group alone (Section 6.2)."""
    model = dcn(params, seed)
    others = [a for a in vocabulary.ATTRIBUTES if a not in vocabulary.GROUPS[group]]
    labels = faces.labels.clone()
    labels[:, vocabulary.columns(others)] = vocabulary.MISSING
    labelled = (labels >= 0).any(1)
    training.fit(
        model,
        faces.images[labelled],
        labels[labelled],
        train=params.relation.pretrain,
        size=params.model.size,
        seed=seed,
        fabric=fabric,
        description=f"DCN on {group}",
    )
    return model


def fit(
    model: RelationNet,
    pairs: PairSet,
    params: Params,
    *,
    seed: int,
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    description: str = "",
):
    """Train an S-DCN on pairs as the profile says; returns its history."""
    return training.fit_pairs(
        model,
        pairs,
        train=recipe(params, len(pairs)),
        size=params.model.size,
        seed=seed,
        fabric=fabric,
        checkpoint=checkpoint,
        description=description,
    )


def probabilities(
    model: RelationNet, pairs: PairSet, params: Params, fabric: Fabric | None = None
) -> Tensor:
    """p(g = 1) of every trait, (N, 8)."""
    logits = training.predict_pairs(model, pairs, size=params.model.size, fabric=fabric)
    return logits.sigmoid()


def variant(
    name: str,
    faces: FaceSet,
    pairs: PairSet,
    params: Params,
    full: DCN,
    *,
    seed: int,
    fabric: Fabric | None = None,
) -> RelationNet:
    """One of Table 11's networks, trained on the training pairs.

    faces: the training faces, for the variants pre-trained with one attribute group; full: the
    DCN trained on all attributes with propagation.
    """
    if name == "no_spatial":
        start = full
    else:
        start = dcn(params, seed)
        if name in vocabulary.GROUPS:
            start = pretrain(faces, name, params, seed=seed, fabric=fabric)
    model = build(params, start, spatial=name != "no_spatial", seed=seed)
    fit(model, pairs, params, seed=seed, fabric=fabric, description=VARIANTS[name])
    return model


def hog_scores(train: PairSet, test: PairSet, *, seed: int) -> Tensor:
    """HOG of both faces, concatenated, and one linear SVM per trait: (N, 8) in (0, 1).

    Decision values go through a sigmoid, so that 0.5 is the SVM's own border.
    """
    both = [
        np.concatenate([baselines.hog(p.left), baselines.hog(p.right)], 1) for p in (train, test)
    ]
    machines = baselines.fit_svms(both[0], train.labels, seed=seed)
    return torch.from_numpy(machines.scores(both[1])).sigmoid().float()


def judge(train: PairSet, test: PairSet, resamples: int, seed: int = 0) -> Judge:
    """Balanced accuracy over the eight traits of the test pairs, with intervals over pairs."""
    frequency = metrics.class_frequency(train.labels)
    return Judge(test.labels, frequency, resamples, seed, TRAITS)
