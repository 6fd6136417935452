"""The networks of a profile: new ones with random weights, trained on faces, applied to faces, or
those that a notebook has saved."""

import copy
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib import models, training
from lib.models import DCN, RelationNet
from lib.params import Params, TrainParams
from lib.vocabulary import ATTRIBUTES
from lib.workspace import Workspace

# Weights that come with the project: artifact of a notebook -> file in `outputs/<profile>/weights`.
COMMITTED = {"02_dcn": "dcn", "04_dcn": "dcn_ap", "10_relation": "s_dcn"}


def dcn(params: Params, seed: int | None = None) -> DCN:
    """A DCN of the profile's size; its random weights depend on the seed alone.

    seed: None takes the profile's own.
    """
    torch.manual_seed(params.seed if seed is None else seed)
    model = params.model
    return DCN(model.width, model.features, len(ATTRIBUTES), model.trunk)


def siamese(
    params: Params, source: DCN, *, spatial: bool = True, seed: int | None = None
) -> RelationNet:
    """An S-DCN whose two DCNs start as copies of one: "initialized by learning on multiple
    attribute datasets" (Fig. 5).

    source: its trunk is copied, it is not changed. spatial: whether the network gets the spatial
    cues. seed: what all other weights depend on; None takes the profile's own.
    """
    torch.manual_seed(params.seed if seed is None else seed)
    trunk, shared = copy.deepcopy(source.trunk), params.relation.shared
    return RelationNet(trunk, spatial, features=params.model.features, shared=shared)


def load(work: Workspace, name: str) -> DCN:
    """A DCN with the weights that a notebook saved, e.g. `"04_dcn"`.

    Where the notebook has not run, those that come with the project for this profile, if any.
    """
    model = dcn(work.params)
    model.load_state_dict(_weights(work, name, sizes(work.params)))
    return model


def load_siamese(work: Workspace, name: str) -> RelationNet:
    """An S-DCN with spatial cues and the weights that a notebook saved, e.g. `"10_relation"`.

    Otherwise as `load`.
    """
    model = siamese(work.params, dcn(work.params))
    model.load_state_dict(_weights(work, name, sizes(work.params, siamese=True)))
    return model


def fit(
    model: DCN,
    images: Tensor,
    labels: Tensor,
    recipe: TrainParams,
    params: Params,
    **options: Any,
) -> None:
    """Train a DCN in place on faces (N, 3, S, S) and labels (N, 24) by one of the profile's
    recipes; its seed is the profile's own unless it is given. options: of `training.fit`."""
    options = {"seed": params.seed, **options}
    training.fit(model, images, labels, train=recipe, size=params.model.size, **options)


def logits(model: DCN, images: Tensor, params: Params, fabric: Fabric | None = None) -> Tensor:
    """Logits (N, 24) of faces (N, 3, S, S) uint8."""
    return training.extract(model, images, size=params.model.size, fabric=fabric)[1]


def sizes(params: Params, *, siamese: bool = False) -> dict[str, Any]:
    """How a profile's network is built, as `models.built` reads it from a file of weights."""
    model = params.model
    both = {"size": model.size, "width": model.width, "features": model.features}
    last = {"shared": params.relation.shared} if siamese else {"attributes": len(ATTRIBUTES)}
    return {**both, "trunk": model.trunk, **last}


def _weights(work: Workspace, name: str, expected: dict[str, Any]) -> dict[str, Tensor]:
    """The weights of an artifact, or of the file in the repository that replaces it."""
    given = work.root / "weights" / f"{COMMITTED.get(name, name)}.safetensors"
    if work.place("artifacts", f"{name}.safetensors").exists() or not given.exists():
        return work.load_tensors(name)
    built = models.built(given)
    if not expected.items() <= built.items():
        raise ValueError(
            f"{given} is of another network ({built}) than the profile "
            f"{work.params.profile!r} has ({expected}): {work.advice(name)}"
        )
    print(f"{name} has not been trained here: {given.name} of the project is used")
    return models.load(given).state_dict()
