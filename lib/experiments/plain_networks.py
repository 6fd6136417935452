"""The plain networks compared in Tables 8 and 9: one, and an ensemble of five.

Yu and Zhang (2015) trained theirs on FER first; these learn the seven expressions of the ExpW
faces, the nearest thing here, in as many steps as the DCNs of Table 11 that learn one group.
"""

from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib import vocabulary
from lib.data.faces import FaceSet
from lib.experiments import networks
from lib.models import DCN, PlainTrunk
from lib.params import Params
from lib.training import processes

MEMBERS = 5  # "This result is obtained from an ensemble of five DCNs" (Table 8)
COLUMNS = vocabulary.columns(vocabulary.EXPRESSIONS)


def build(params: Params, seed: int) -> DCN:
    """A plain network of the profile's size with random weights that depend on the seed alone."""
    torch.manual_seed(seed)
    model = params.model
    return DCN(model.width, model.features, trunk=PlainTrunk(model.width, model.features))


def pretrained(
    faces: FaceSet,
    params: Params,
    *,
    seed: int,
    fabric: Fabric | None = None,
    folder: Path | None = None,
) -> list[DCN]:
    """Five plain networks with different seeds, trained on the faces that carry the seven
    expressions; if none does they keep their random weights, and a printed line says so.

    folder: keeps the states of the runs, so that a later call need not train again.
    """
    labelled = (faces.labels[:, COLUMNS] >= 0).all(1)
    images, labels = faces.images[labelled], faces.labels[labelled]
    seeds = range(100 * seed, 100 * seed + MEMBERS)
    models = [build(params, own) for own in seeds]
    if not labelled.any():
        print("no face carries the seven expressions, ExpW's labels: plain networks stay untrained")
        return models
    fabric = fabric or processes.single(params)
    for number, (own, model) in enumerate(zip(seeds, models, strict=True), 1):
        options = {
            "seed": own,
            "fabric": fabric,
            "checkpoint": folder and folder / f"plain_{number}",
            "description": f"plain network {number}",
        }
        networks.fit(model, images, labels, params.relation.pretrain, params, **options)
    return models


def together(logits: list[Tensor]) -> Tensor:
    """Logits of an ensemble's mean probability: (N, 24) of each network -> (N, 24).

    Yu and Zhang weight their networks by weights that they learn; here all count the same.
    """
    return torch.stack(logits).sigmoid().mean(0).logit(eps=1e-6)
