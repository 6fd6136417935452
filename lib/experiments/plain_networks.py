"""A plain rival of the DCN: five convolutions, two fully connected layers, alone or five of them.

After the "customized DCN (five convolutional layers and two fully connected layers)" of Yu and
Zhang (2015) in Table 8. Theirs learnt on FER first; ours learns on the ExpW faces, the nearest
thing here, in as many steps as the DCNs of Table 11 that learn one group of attributes.
"""

from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from lib import training, vocabulary
from lib.data.faces import FaceSet
from lib.models import DCN, ConvBN
from lib.params import Params
from lib.training import checkpoints, processes

CHANNELS = (64, 128, 256, 256, 512)  # of the five convolutions at width 1
MEMBERS = 5  # "This result is obtained from an ensemble of five DCNs" (Table 8)
COLUMNS = vocabulary.columns(vocabulary.EXPRESSIONS)


class PlainTrunk(nn.Sequential):
    """Five convolutions and one linear layer; the DCN's heads are the second linear layer.

    Images (B, 3, S, S) -> features (B, features). Halves the picture in the first convolution
    and after the first and third.
    """

    def __init__(self, width: float = 1.0, features: int = 1024) -> None:
        sizes = [3, *(max(8, round(channels * width / 8) * 8) for channels in CHANNELS)]
        one, two, three, four, five = (
            ConvBN(sizes[k], sizes[k + 1], 3 if k else 5, 1 if k else 2) for k in range(5)
        )
        flat = (nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * sizes[5], features), nn.ReLU())
        pools = nn.MaxPool2d(2), nn.MaxPool2d(2)
        super().__init__(one, pools[0], two, three, pools[1], four, five, *flat)


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
    """Five plain networks that differ in their seeds, trained on the seven expressions of those
    of the faces that carry them; with random weights, and a line that says so, if none does.

    folder: keeps the state of the runs, so that who asks again need not wait again.
    """
    labelled = (faces.labels[:, COLUMNS] >= 0).all(1)
    data, train = (faces.images[labelled], faces.labels[labelled]), params.relation.pretrain
    size, seeds = params.model.size, range(100 * seed, 100 * seed + MEMBERS)
    models = [build(params, own) for own in seeds]
    if not labelled.any():
        print("no face carries the seven expressions, ExpW's labels: plain networks stay untrained")
        return models
    fabric = fabric or processes.single(params)
    for number, (own, model) in enumerate(zip(seeds, models, strict=True), 1):
        name = f"plain_{number}"
        training.fit(
            model,
            *data,
            train=train,
            size=size,
            seed=own,
            fabric=fabric,
            checkpoint=checkpoints.place(folder, name, model, train, size, own, *data),
            description=f"plain network {number}",
        )
    return models


def together(logits: list[Tensor]) -> Tensor:
    """The ensemble's answer: logits of the mean probability, (N, 24) each -> (N, 24)."""
    return torch.stack(logits).sigmoid().mean(0).logit(eps=1e-6)
