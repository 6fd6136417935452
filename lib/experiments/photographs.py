"""What trained networks say about the faces in photographs: attributes, and relations of pairs."""

from collections.abc import Mapping

import pandas as pd
import torch

from lib import training
from lib.data import photos
from lib.data.faces import PairSet
from lib.data.scenes import Scene
from lib.experiments import relation
from lib.models import DCN, RelationNet
from lib.params import Params
from lib.vocabulary import ATTRIBUTES, TRAITS

NOT = """\
The traits are impressions that strangers have of a picture, and the attributes are what annotators
wrote. They say nothing certain about who a person is, what people feel, or how they stand to each
other. Never decide anything about anybody by them. Ask the people in a photograph before you work
with it."""
RENDERED = """\
These networks learnt from rendered faces: on photographs of people their answers are close to
guesses."""


def attributes(dcn: DCN, scenes: Mapping[str, Scene], params: Params) -> pd.DataFrame:
    """Probability of each attribute for each face: index `<picture> <face>`, 24 columns."""
    crops = {name: photos.crops(scene, params.data.size) for name, scene in scenes.items()}
    names = [f"{name} {k + 1}" for name, faces in crops.items() for k in range(len(faces))]
    if not names:
        return pd.DataFrame(columns=list(ATTRIBUTES), dtype=float)
    logits = training.extract(dcn, torch.cat(list(crops.values())), size=params.model.size)[1]
    return pd.DataFrame(logits.sigmoid().numpy(), names, list(ATTRIBUTES))


def pairs(scenes: Mapping[str, Scene], params: Params, *, rendered: bool) -> dict[str, PairSet]:
    """The pairs of every picture that holds at least two faces.

    rendered: the network knows the embedded world's pairs, whose boxes are as large as the crops; a
    real dataset's come from a detector.
    """
    margin = photos.MARGIN if rendered else 0.0
    return {
        name: photos.pairs(scene, params.data.size, margin=margin)
        for name, scene in scenes.items()
        if len(scene.boxes) > 1
    }


def traits(model: RelationNet, pairs: Mapping[str, PairSet], params: Params) -> pd.DataFrame:
    """Probability of each trait for each pair: index `<picture>: <face> and <face>`, 8 columns."""
    tables = []
    for name, part in pairs.items():
        probability = relation.predict(model, part, params).sigmoid().numpy()
        keys = [f"{name}: {key}" for key in part.table["key"]]
        tables.append(pd.DataFrame(probability, index=keys, columns=list(TRAITS)))
    return pd.concat(tables) if tables else pd.DataFrame(columns=list(TRAITS))
