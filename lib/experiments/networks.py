"""The networks of a profile: new ones with random weights, or those that a notebook has saved."""

import copy

import torch

from lib.models import DCN, RelationNet
from lib.params import Params
from lib.vocabulary import ATTRIBUTES
from lib.workspace import Workspace


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

    Parameters
    ----------
    source
        The DCN whose trunk is copied; it is not changed.
    spatial
        Whether the network gets the spatial cues.
    seed
        What all other weights depend on; None takes the profile's own.
    """
    torch.manual_seed(params.seed if seed is None else seed)
    trunk, shared = copy.deepcopy(source.trunk), params.relation.shared
    return RelationNet(trunk, spatial, features=params.model.features, shared=shared)


def load(work: Workspace, name: str) -> DCN:
    """A DCN with the weights that a notebook saved, e.g. `"04_dcn"`."""
    model = dcn(work.params)
    model.load_state_dict(work.load_tensors(name))
    return model


def load_siamese(work: Workspace, name: str) -> RelationNet:
    """An S-DCN with spatial cues and the weights that a notebook saved, e.g. `"10_relation"`."""
    model = siamese(work.params, dcn(work.params))
    model.load_state_dict(work.load_tensors(name))
    return model
