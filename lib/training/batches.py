"""From stored sets to what a network trains on: one batch of faces, or of pairs of faces.

The data path is plain indexing of a memory-mapped uint8 array by sorted indices and one gather
per batch; on a GPU, the array moves there as a whole if it fits.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from lib import vocabulary
from lib.data.faces import PairSet
from lib.training import augmentation

Task = TypeVar("Task")
Result = TypeVar("Result")
Batch = tuple[tuple[Tensor, ...], Tensor, Tensor | None]  # network inputs, targets, weights


@dataclass
class Faces:
    """Batches for a DCN.

    images (N, 3, S, S) uint8; targets and weights (N, A), columns as `attributes`; size: side of
    the network's input, px.
    """

    images: Tensor
    targets: Tensor
    weights: Tensor | None
    size: int
    attributes: Sequence[str]
    mirror: bool
    faces = 1  # per sample

    def __post_init__(self) -> None:
        self.images, self.targets = torch.as_tensor(self.images), torch.as_tensor(self.targets)
        check_crops(self.images, self.size)
        check_targets(self.targets, self.attributes, len(self.images))
        if self.weights is not None:
            self.weights = torch.as_tensor(self.weights)
            check_weights(self.weights, self.targets)
        columns = torch.arange(len(self.attributes))
        self.order = augmentation.mirror_columns(self.attributes) if self.mirror else columns

    def tensors(self) -> list[Tensor]:
        """All that is learnt from; the first has one row per sample."""
        given = (self.images, self.targets, self.weights)
        return [tensor for tensor in given if tensor is not None]

    def approach(self, device: torch.device) -> None:
        """Move the images to the device, if they fit there."""
        self.images = near(self.images, device)

    def batch(
        self, index: Tensor, chance: augmentation.Augmentation, device: torch.device
    ) -> Batch:
        """Network inputs, targets and weights of the samples at sorted indices."""
        columns = [self.targets[index].float()]
        if self.weights is not None:
            columns.append(self.weights[index].float())
        mirrored = [augmentation.mirror_labels(c, chance.mirrored, self.order) for c in columns]
        targets, *weights = (column.to(device, non_blocking=True) for column in mirrored)
        images = bring(self.images, index, device)
        pixels = augmentation.windows(images, self.size, chance.shift[:, 0], chance.mirrored)
        return (pixels,), targets, weights[0] if weights else None


@dataclass
class Pairs:
    """Batches for an S-DCN; size: side of the network's input, px."""

    pairs: PairSet
    size: int
    faces = 2  # per sample
    attributes = tuple(vocabulary.TRAITS)

    def __post_init__(self) -> None:
        if not isinstance(self.pairs, PairSet):
            raise ValueError(f"pairs must be a PairSet, found {type(self.pairs).__name__}")
        for crops in (self.pairs.left, self.pairs.right):
            check_crops(crops, self.size)
        check_targets(self.pairs.labels, self.attributes, len(self.pairs.left))

    def tensors(self) -> list[Tensor]:
        return [self.pairs.left, self.pairs.right, self.pairs.cues, self.pairs.labels]

    def approach(self, device: torch.device) -> None:
        self.left, self.right = (near(p, device) for p in (self.pairs.left, self.pairs.right))

    def batch(
        self, index: Tensor, chance: augmentation.Augmentation, device: torch.device
    ) -> Batch:
        left, right = (bring(images, index, device) for images in (self.left, self.right))
        cues = self.pairs.cues[index]
        left, right, cues = augmentation.augment_pairs(left, right, cues, chance, self.size)
        return (left, right, cues.to(device)), self.pairs.labels[index].float().to(device), None


def near(images: Tensor, device: torch.device) -> Tensor:
    """The images on the GPU if they take at most 0.6 of its free memory; else as they are."""
    if device.type != "cuda" or images.nbytes > 0.6 * torch.cuda.mem_get_info(device)[0]:
        return images
    return images.to(device)


def bring(images: Tensor, index: Tensor, device: torch.device) -> Tensor:
    """The images at an index, on a device; a copy to a GPU runs beside the step before."""
    index = index.to(images.device)
    if images.device.type == device.type:
        return images.index_select(0, index)
    pinned = device.type == "cuda"  # memory from torch's pool, used again for every batch
    shape = (len(index), *images.shape[1:])
    picked = torch.empty(shape, dtype=images.dtype, pin_memory=pinned)
    torch.index_select(images, 0, index, out=picked)
    return picked.to(device, non_blocking=True)


def check_crops(images: Tensor, size: int | None = None) -> None:
    """ValueError where stored crops are not (N, 3, S, S) uint8, or smaller than `size` px."""
    if not isinstance(images, Tensor):
        raise ValueError(f"images must be a tensor, found {type(images).__name__}")
    shape = tuple(images.shape)
    if images.dtype != torch.uint8 or len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
        raise ValueError(f"images must be (N, 3, S, S) uint8, found {shape} {images.dtype}")
    if size is not None:
        augmentation.margin(images, size)


def check_weights(weights: Tensor, targets: Tensor) -> None:
    """ValueError where weights are not one for each target, finite and not negative."""
    if weights.shape != targets.shape:
        raise ValueError(f"weights are {tuple(weights.shape)}, targets {tuple(targets.shape)}")
    if not ((weights >= 0) & weights.isfinite()).all():
        raise ValueError("a weight is negative or not finite")


def check_targets(targets: Tensor, names: Sequence[str], count: int | None = None) -> None:
    """ValueError where targets are not one column per name with values up to 1, in `count` rows."""
    if targets.ndim != 2 or targets.shape[1] != len(names):
        raise ValueError(
            f"targets are {tuple(targets.shape)} for {len(names)} attributes: name the columns "
            "with `attributes`"
        )
    if count is not None and len(targets) != count:
        raise ValueError(f"there are {count} images and {len(targets)} rows of targets")
    odd = (~(targets <= 1)).nonzero()  # also NaN
    if len(odd):
        row, column = odd[0].tolist()
        value = float(targets[row, column])
        raise ValueError(
            f"row {row}, {names[column]}: target {value} must be in [0, 1], or -1 where missing"
        )


def ahead(
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    device: torch.device | str = "cuda",
    most: int = 2,
) -> Iterator[Result]:
    """`work` of every task, in order.

    For a GPU a thread does up to `most` tasks before they are needed; on a CPU, which computes
    itself, each is done when it is needed.
    """
    if torch.device(device).type == "cpu":
        yield from map(work, tasks)
        return
    coming: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for task in tasks:
            coming.append(pool.submit(work, task))
            if len(coming) > most:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
