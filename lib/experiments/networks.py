"""The networks of a profile: new ones with random weights, or one that a notebook has saved."""

import torch

from lib.models import DCN
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


def load(work: Workspace, name: str) -> DCN:
    """A DCN with the weights that a notebook saved, e.g. `"04_dcn"`."""
    model = dcn(work.params)
    model.load_state_dict(work.load_tensors(name))
    return model
