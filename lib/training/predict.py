"""Trained networks applied to faces and pairs: features and logits, in batches."""

from collections.abc import Callable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from lib import vocabulary
from lib.data.faces import PairSet
from lib.models import DCN
from lib.training import checkpoints, processes
from lib.training.augmentation import mirror_columns, prepare
from lib.training.batches import check_crops


def extract(
    model: DCN,
    images: Tensor,
    *,
    size: int,
    batch: int = 128,
    mirror: bool = False,
    fabric: Fabric | None = None,
) -> tuple[Tensor, Tensor]:
    """Features (N, D) and logits (N, A) of faces, float32 on the CPU.

    The logits are those of the features as they are returned, also where the trunk computes in
    bfloat16.

    Parameters
    ----------
    images
        (N, 3, S, S) uint8, may be memory-mapped.
    size
        Side of the network's input, px; the centre of every face is taken.
    mirror
        Look at the mirror images; in the logits left and right poses are exchanged back.
    fabric
        Device, precision and processes; None: one process in float32.

    ValueError for images of another shape or type, and for weights that are not finite.
    """
    images = torch.as_tensor(images)
    check_crops(images, size)

    order = mirror_columns(vocabulary.ATTRIBUTES) if mirror else slice(None)

    def forward(part: Tensor) -> tuple[Tensor, ...]:
        part = part.flip(-1) if mirror else part
        features = model.trunk(prepare(part, size)).float()
        with torch.autocast(features.device.type, enabled=False):
            return features, model.heads(features)[:, order]

    features, logits = _predict(forward, model, (images,), batch, fabric)
    return features, logits


def predict_pairs(
    model: nn.Module, pairs: PairSet, *, size: int, batch: int = 64, fabric: Fabric | None = None
) -> Tensor:
    """Logits (N, 8) of pairs of faces, float32 on the CPU; arguments and errors as of `extract`."""
    for crops in (pairs.left, pairs.right):
        check_crops(crops, size)

    def forward(left: Tensor, right: Tensor, cues: Tensor) -> tuple[Tensor, ...]:
        return (model(prepare(left, size), prepare(right, size), cues),)

    return _predict(forward, model, (pairs.left, pairs.right, pairs.cues), batch, fabric)[0]


def _predict(
    forward: Callable[..., tuple[Tensor, ...]],
    model: nn.Module,
    arrays: tuple[Tensor, ...],
    batch: int,
    fabric: Fabric | None,
) -> list[Tensor]:
    """`forward` over batches of arrays in evaluation mode; each process takes a share of the
    rows, and all end with the whole result."""
    checkpoints.check_finite(model)
    fabric = fabric or processes.single()
    model.eval().to(fabric.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    count = len(arrays[0])
    if batch < 1:
        raise ValueError(f"batch must be at least 1, found {batch}")
    own = processes.own_rows(count, fabric)
    outputs = []
    for begin in range(own.start, own.stop, batch) or [own.start]:  # no rows: for the shapes
        part = slice(begin, min(begin + batch, own.stop))
        with torch.no_grad(), fabric.autocast():
            outputs.append(forward(*(array[part].to(fabric.device) for array in arrays)))
    columns = [torch.cat(column).float() for column in zip(*outputs, strict=True)]
    return [processes.join(fabric, column, own, count).cpu() for column in columns]
