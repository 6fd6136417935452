"""Stored uint8 crops -> network input; random translation and mirroring (Section 6.1).

`sample` decides what happens to each face, the rest is a function of that: so several processes
that share a batch augment it as one process does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lib import vocabulary

PAIR_SWAP = [4, 5, 6, 7, 0, 1, 2, 3]  # the columns of the two boxes, swapped


@dataclass(frozen=True)
class Augmentation:
    """How B samples of one or two faces each are changed.

    mirrored (B,) bool; shift (B, faces, 2) int64: the window moves this many px down and right.
    """

    mirrored: Tensor
    shift: Tensor

    def __getitem__(self, index: Tensor) -> "Augmentation":
        return Augmentation(self.mirrored[index], self.shift[index])


def sample(
    count: int,
    *,
    size: int,
    translate: float,
    mirror: bool,
    generator: torch.Generator,
    faces: int = 1,
) -> Augmentation:
    """Random augmentation of `count` samples of so many `faces`.

    With `mirror` half of them are mirrored; shifts are uniform up to `translate` times `size`.
    """
    reach = round(translate * size)
    mirrored = torch.rand(count, generator=generator) < 0.5
    shift = torch.randint(-reach, reach + 1, (count, faces, 2), generator=generator)
    return Augmentation(mirrored if mirror else torch.zeros_like(mirrored), shift)


def prepare(images: Tensor, size: int) -> Tensor:
    """Centre crop of stored faces: (B, 3, S, S) uint8 -> (B, 3, size, size) float in [-1, 1]."""
    offset = margin(images, size)
    return to_float(images[..., offset : offset + size, offset : offset + size])


def windows(images: Tensor, size: int, shift: Tensor, mirrored: Tensor) -> Tensor:
    """A window of each face, `shift` (B, 2) px from the centre, mirrored where `mirrored` (B,).

    images (B, 3, S, S) uint8 -> (B, 3, size, size) float in [-1, 1]. Where a window reaches past
    the stored crop, the crop's edge is repeated.
    """
    stored = images.shape[-1]
    place = torch.arange(size) + margin(images, size)
    rows = (place + shift[:, :1]).clamp_(0, stored - 1)  # (B, size)
    columns = (place + shift[:, 1:]).clamp_(0, stored - 1)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    flat = (rows[:, :, None] * stored + columns[:, None, :]).flatten(1)  # (B, size * size)
    flat = flat.to(images.device, non_blocking=True)[:, None].expand(-1, 3, -1)
    return to_float(images.flatten(2).gather(2, flat).unflatten(2, (size, size)))


def margin(images: Tensor, size: int) -> int:
    """Pixels between the stored crop's edge and the central window's; ValueError if negative."""
    if images.shape[-1] < size:
        raise ValueError(
            f"stored crops of {images.shape[-1]} px are smaller than the network's input of "
            f"{size} px: lower model.size or raise data.size"
        )
    return (images.shape[-1] - size) // 2


def to_float(pixels: Tensor) -> Tensor:
    """uint8 -> float32 in [-1, 1], channels last in memory."""
    pixels = torch.add(-1.0, pixels, alpha=1 / 127.5)
    return pixels.contiguous(memory_format=torch.channels_last)


def mirror_columns(attributes: Sequence[str]) -> Tensor:
    """Order of label columns after mirroring, (A,) int64: left and right poses are swapped.

    ValueError where only one of two sides has a column: mirroring would make false labels.
    """
    partners = [vocabulary.MIRRORED.get(name, name) for name in attributes]
    alone = [name for name in partners if name not in attributes]
    if alone:
        raise ValueError(f"mirroring needs a column {alone[0]!r} too: add it, or set mirror: false")
    return torch.tensor([list(attributes).index(name) for name in partners])


def augment(
    images: Tensor,
    labels: Tensor,
    *,
    size: int,
    translate: float,
    mirror: bool,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Random translation and mirroring of (B, 3, S, S) uint8 and their labels (B, 24)."""
    chance = sample(len(images), size=size, translate=translate, mirror=mirror, generator=generator)
    labels = mirror_labels(labels, chance.mirrored, mirror_columns(vocabulary.ATTRIBUTES))
    return windows(images, size, chance.shift[:, 0], chance.mirrored), labels


def mirror_labels(labels: Tensor, mirrored: Tensor, order: Tensor) -> Tensor:
    """Labels (B, A), or their weights, with columns in `order` where the face is mirrored."""
    return torch.where(mirrored[:, None], labels[:, order], labels)


def augment_pairs(
    left: Tensor, right: Tensor, cues: Tensor, chance: Augmentation, size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Network inputs of pairs: left, right (B, 3, size, size) float in [-1, 1], cues (B, 11).

    Mirroring a pair also swaps its two faces (B, 3, S, S) uint8, their boxes and their cues.
    """
    swap = chance.mirrored[:, None, None, None].to(left.device)
    left, right = torch.where(swap, right, left), torch.where(swap, left, right)
    cues = torch.where(chance.mirrored[:, None], mirror_cues(cues), cues)
    left = windows(left, size, chance.shift[:, 0], chance.mirrored)
    return left, windows(right, size, chance.shift[:, 1], chance.mirrored), cues


def mirror_cues(cues: Tensor) -> Tensor:
    """The cues (B, 11) of the mirrored picture: the right face becomes the left one."""
    boxes = cues[:, PAIR_SWAP]  # a copy
    boxes[:, [0, 4]] = 1 - boxes[:, [0, 4]] - boxes[:, [2, 6]]  # x of the other edge
    offset = (boxes[:, :2] - boxes[:, 4:6]) / boxes[:, 2:4]
    return torch.cat([boxes, offset, boxes[:, 2:3] / boxes[:, 6:7]], 1)


def generator(*numbers: int) -> torch.Generator:
    """A source of chance that depends on the numbers alone, e.g. (seed, epoch)."""
    return torch.Generator().manual_seed(mix(*numbers))


def mix(*numbers: int) -> int:
    """One seed from several numbers."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 25)
    return seed
