"""How the networks learn: masked loss, augmentation, fit, resume, feature extraction.

One engine for one process or many (lightning-fabric). Every random choice is drawn from
(seed, epoch, step), so a killed run continues to the bit from its last checkpoint, and a run on
many processes sees the same batches as a run on one.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from lib import checkpoints, vocabulary
from lib.faces import PairSet
from lib.params import Params, TrainParams

PAIR_SWAP = [4, 5, 6, 7, 0, 1, 2, 3]  # the two boxes of the cues change places


def start(params: Params) -> Fabric:
    """The engine as the profile asks for it: device, precision, processes, machines.

    Several processes start from within a notebook by forking (`ddp_notebook`); under torchrun or
    srun the launcher has started them already.
    """
    many = params.devices * params.nodes > 1
    fabric = Fabric(
        accelerator={"cuda": "gpu"}.get(params.device, params.device),
        devices=params.devices,
        num_nodes=params.nodes,
        strategy=("ddp_notebook" if params.nodes == 1 else "ddp") if many else "auto",
        precision=params.precision if torch.cuda.is_available() else "32-true",
    )
    if params.nodes > 1:
        fabric.launch()
    return fabric


# Images -----------------------------------------------------------------------------------------


def prepare(images: Tensor, size: int) -> Tensor:
    """Centre crop of stored faces: (B, 3, S, S) uint8 -> (B, 3, size, size) float in [-1, 1]."""
    offset = (images.shape[-1] - size) // 2
    crop = images[..., offset : offset + size, offset : offset + size]
    return crop.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def windows(
    images: Tensor, size: int, translate: float, mirrored: Tensor, generator: torch.Generator
) -> Tensor:
    """A random window of each face, some of them mirrored.

    images (B, 3, S, S) uint8, mirrored (B,) bool -> (B, 3, size, size) float in [-1, 1].
    Windows shift by up to `translate` of their size; outside the crop its edge repeats.
    """
    count, _, stored, _ = images.shape
    reach = round(translate * size)
    shift = torch.randint(-reach, reach + 1, (2, count, 1), generator=generator)
    place = torch.arange(size) + (stored - size) // 2
    rows, columns = (place + shift).clamp_(0, stored - 1).to(images.device)  # (B, size) each
    columns = torch.where(mirrored[:, None].to(images.device), columns.flip(1), columns)
    which = torch.arange(count, device=images.device)[:, None, None]
    picked = images[which, :, rows[:, :, None], columns[:, None, :]]  # (B, size, size, 3)
    return picked.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def augment(
    images: Tensor,
    labels: Tensor,
    *,
    size: int,
    translate: float,
    mirror: bool,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Random translation and mirroring (Section 6.1) of (B, 3, S, S) uint8 and (B, 24) labels.

    A mirrored face swaps its left and right pose labels.
    """
    mirrored = flips(len(images), mirror, generator)
    swapped = labels[:, vocabulary.mirror_order()]
    labels = torch.where(mirrored[:, None].to(labels.device), swapped, labels)
    return windows(images, size, translate, mirrored, generator), labels


def mirror_cues(cues: Tensor) -> Tensor:
    """The cues (B, 11) of the mirrored picture: the right face becomes the left one."""
    boxes = cues[:, PAIR_SWAP].clone()
    boxes[:, [0, 4]] = 1 - boxes[:, [0, 4]] - boxes[:, [2, 6]]  # x of the other edge
    offset = (boxes[:, :2] - boxes[:, 4:6]) / boxes[:, 2:4]
    return torch.cat([boxes, offset, boxes[:, 2:3] / boxes[:, 6:7]], 1)


def augment_pairs(
    left: Tensor, right: Tensor, cues: Tensor, *, size: int, train: TrainParams, generator
) -> tuple[Tensor, Tensor, Tensor]:
    """As `augment`, for pairs: mirroring also swaps the faces, their boxes and their cues."""
    mirrored = flips(len(left), train.mirror, generator)
    swap = mirrored[:, None, None, None].to(left.device)
    left, right = torch.where(swap, right, left), torch.where(swap, left, right)
    cues = torch.where(mirrored[:, None].to(cues.device), mirror_cues(cues), cues)
    both = [windows(f, size, train.translate, mirrored, generator) for f in (left, right)]
    return *both, cues


def flips(count: int, mirror: bool, generator: torch.Generator) -> Tensor:
    drawn = torch.rand(count, generator=generator) < 0.5
    return drawn if mirror else torch.zeros_like(drawn)


# Loss -------------------------------------------------------------------------------------------


def masked_loss(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of Eqn. 1 over the labels that exist, averaged over them.

    logits (B, A); targets (B, A) in [0, 1], negative where missing; weights (B, A) or None.
    The gradient of a missing label is exactly zero.
    """
    total, present = masked_sum(logits, targets, weights)
    return total / present.clamp(min=1e-12)


def masked_sum(logits: Tensor, targets: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Summed cross-entropy and the (weighted) number of labels it was summed over."""
    weight = (targets >= 0).to(logits.dtype)
    if weights is not None:
        weight = weight * weights.to(logits.dtype)
    truth = targets.to(logits.dtype).clamp(min=0)
    each = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (each * weight).sum(), weight.sum()


# Fitting ----------------------------------------------------------------------------------------


def fit(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    train: TrainParams,
    size: int,
    seed: int,
    fabric: Fabric | None = None,
    weights: Tensor | None = None,
    checkpoint: Path | None = None,
    description: str = "",
) -> pd.DataFrame:
    """Train a DCN in place on faces (Eqn. 1); returns one row per epoch.

    images (N, 3, S, S) uint8, may be memory-mapped; targets (N, A) in [0, 1] or negative where
    missing; weights (N, A) of the labels in the loss. With a `checkpoint` a killed run continues
    where it was, and a finished one returns at once.
    """

    def batch(index: Tensor, device: torch.device, generator: torch.Generator):
        labels = targets[index].float()
        if weights is not None:
            labels = torch.cat([labels, weights[index]], 1)  # mirrored together
        picked = images[index].to(device, non_blocking=True)
        mirrored = flips(len(index), train.mirror, generator)
        if train.mirror and labels.shape[1] % len(vocabulary.ATTRIBUTES) == 0:
            order = torch.tensor(vocabulary.mirror_order())
            order = torch.cat([order + k for k in range(0, labels.shape[1], len(order))])
            labels = torch.where(mirrored[:, None], labels[:, order], labels)
        pixels = windows(picked, size, train.translate, mirrored, generator)
        return (pixels,), *split_weights(labels.to(device), weights)

    run = Run(model, len(images), batch, train, seed, fabric, checkpoint, description)
    return run.fit(lambda network, inputs: network(*inputs)[1])


def fit_pairs(
    model: nn.Module,
    pairs: PairSet,
    *,
    train: TrainParams,
    size: int,
    seed: int,
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    description: str = "",
) -> pd.DataFrame:
    """Train an S-DCN in place on pairs (Eqn. 17); returns one row per epoch.

    The weight decays of Eqn. 17 are `train.weight_decay` (in SGD's convention, decay/2 |w|^2).
    """

    def batch(index: Tensor, device: torch.device, generator: torch.Generator):
        sets = (pairs.left[index], pairs.right[index], pairs.cues[index])
        faces = (part.to(device, non_blocking=True) for part in sets)
        inputs = augment_pairs(*faces, size=size, train=train, generator=generator)
        return inputs, pairs.labels[index].float().to(device), None

    run = Run(model, len(pairs), batch, train, seed, fabric, checkpoint, description)
    return run.fit(lambda network, inputs: network(*inputs))


def split_weights(labels: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
    return (labels, None) if weights is None else labels.chunk(2, 1)


@dataclass
class Run:
    """One training run: what to train, on what, and how far it is."""

    model: nn.Module
    count: int
    batch: Callable
    train: TrainParams
    seed: int
    fabric: Fabric | None = None
    checkpoint: Path | None = None
    description: str = ""
    every: float = 60.0  # seconds between checkpoints within an epoch
    done: int = 0  # steps
    history: list[dict] = field(default_factory=list)

    def fit(self, forward: Callable) -> pd.DataFrame:
        self.fabric = self.fabric or Fabric(accelerator="auto", devices=1)
        self.model.to(memory_format=torch.channels_last).train()
        optimiser = torch.optim.SGD(
            self.model.parameters(),
            lr=self.train.rate,
            momentum=self.train.momentum,
            weight_decay=self.train.weight_decay,
            fused=True,
        )
        network, optimiser = self.fabric.setup(self.model, optimiser)
        state = checkpoints.State(self.model, optimiser, self.train.average)
        if self.checkpoint is not None and self.checkpoint.exists():
            self.done, self.history = state.load(self.checkpoint, self.recipe())
        self.losses = torch.zeros(self.steps, device=self.fabric.device)
        for epoch in range(self.done // self.steps, self.train.epochs):
            self._epoch(epoch, network, optimiser, state, forward)
        state.finish()
        return pd.DataFrame(self.history, columns=["epoch", "loss", "rate", "images_per_second"])

    @property
    def steps(self) -> int:
        """Steps per epoch; a last batch of a single face would have no batch statistics."""
        whole, rest = divmod(self.count, self.train.batch)
        return max(1, whole + (rest > max(1, self.fabric.world_size)))

    def recipe(self) -> dict:
        """What a checkpoint must have been made with, to be continued."""
        return {"train": self.train.model_dump(), "seed": self.seed, "count": self.count}

    def rate(self, step: int) -> float:
        """Learning rate at a step: linear warm-up, then constant or a cosine down to zero."""
        share = step / (self.steps * self.train.epochs)
        if share < self.train.warmup:
            return (
                self.train.rate
                * (step + 1)
                / (self.steps * self.train.epochs)
                / (self.train.warmup)
            )
        if self.train.schedule == "constant":
            return self.train.rate
        rest = (share - self.train.warmup) / (1 - self.train.warmup)
        return self.train.rate * 0.5 * (1 + math.cos(math.pi * rest))

    def _epoch(self, epoch: int, network, optimiser, state, forward: Callable) -> None:
        order = torch.randperm(self.count, generator=generator(self.seed, epoch))
        begin = saved = time.monotonic()
        first = self.done % self.steps
        if first == 0:
            self.losses.zero_()
            state.remember()
        elif self.history and self.history[-1]["epoch"] == epoch + 1:
            self.losses[:first] = torch.tensor(self.history.pop()["losses"])
        for step in range(first, self.steps):
            index = order[step * self.train.batch : (step + 1) * self.train.batch]
            for group in optimiser.param_groups:
                group["lr"] = self.rate(self.done)
            self.losses[step] = self._step(index, network, optimiser, forward)
            self.done += 1
            state.average()
            if self.checkpoint is not None and time.monotonic() - saved > self.every:
                partial = {"epoch": epoch + 1, "losses": self.losses[: step + 1].tolist()}
                self._save(state, [*self.history, partial])
                saved = time.monotonic()
        self._check(epoch, state)
        self._report(epoch, (self.steps - first) * self.train.batch, time.monotonic() - begin)
        self._save(state, self.history)

    def _step(self, index: Tensor, network, optimiser, forward: Callable) -> Tensor:
        """One step on this process' share of the batch; returns the loss over all processes."""
        fabric = self.fabric
        share = index[fabric.global_rank :: fabric.world_size].sort().values
        draw = generator(self.seed, self.done, fabric.global_rank)
        inputs, targets, weights = self.batch(share, fabric.device, draw)
        total, present = masked_sum(forward(network, inputs).float(), targets, weights)
        if fabric.world_size > 1:
            present = fabric.all_reduce(present, reduce_op="sum")
        loss = total / present.clamp(min=1e-12)
        optimiser.zero_grad(set_to_none=True)
        fabric.backward(loss * fabric.world_size)  # DDP averages gradients over processes
        optimiser.step()
        loss = loss.detach()
        return fabric.all_reduce(loss, reduce_op="sum") if fabric.world_size > 1 else loss

    def _check(self, epoch: int, state) -> None:
        broken = (~torch.isfinite(self.losses)).nonzero()
        if len(broken):
            state.recall()
            step = int(broken[0])
            rate = self.rate(epoch * self.steps + step)
            raise FloatingPointError(
                f"{self.description or 'training'}: the loss is {float(self.losses[step])} in "
                f"epoch {epoch + 1}, step {step + 1}, at learning rate {rate:g}; the weights are "
                "those of the epoch before. Lower `rate` or raise `warmup`."
            )

    def _report(self, epoch: int, images: int, seconds: float) -> None:
        row = {
            "epoch": epoch + 1,
            "loss": float(self.losses.mean()),
            "rate": self.rate(self.done - 1),
            "images_per_second": images / seconds,
        }
        self.history.append(row)
        left = seconds * (self.train.epochs - epoch - 1)
        if self.fabric.is_global_zero:
            print(
                f"{self.description} epoch {epoch + 1}/{self.train.epochs}  loss {row['loss']:.4f}"
                f"  rate {row['rate']:.2g}  {row['images_per_second']:.0f} images/s"
                f"  {left:.0f} s left".strip(),
                flush=True,
            )

    def _save(self, state, history: list[dict]) -> None:
        if self.checkpoint is not None and self.fabric.is_global_zero:
            state.save(self.checkpoint, self.recipe(), self.done, history)


def generator(*numbers: int) -> torch.Generator:
    """A generator whose stream depends on these numbers alone."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 25)
    return torch.Generator().manual_seed(seed)


# Prediction -------------------------------------------------------------------------------------


@torch.no_grad()
def extract(
    model: nn.Module,
    images: Tensor,
    *,
    size: int,
    batch: int = 128,
    fabric: Fabric | None = None,
) -> tuple[Tensor, Tensor]:
    """Features (N, D) and logits (N, A), float32 on the CPU, of faces (N, 3, S, S) uint8."""
    outputs = predict(lambda part: model(prepare(part, size)), model, (images,), batch, fabric)
    features, logits = zip(*outputs, strict=True)
    return torch.cat(features), torch.cat(logits)


@torch.no_grad()
def predict_pairs(
    model: nn.Module, pairs: PairSet, *, size: int, batch: int = 64, fabric: Fabric | None = None
) -> Tensor:
    """Logits (N, 8), float32 on the CPU, of pairs of faces."""

    def forward(left: Tensor, right: Tensor, cues: Tensor):
        return (model(prepare(left, size), prepare(right, size), cues),)

    parts = predict(forward, model, (pairs.left, pairs.right, pairs.cues), batch, fabric)
    return torch.cat([logits for (logits,) in parts])


def predict(forward: Callable, model: nn.Module, arrays: tuple, batch: int, fabric) -> list[tuple]:
    """`forward` over batches of arrays, in evaluation mode; outputs as float32 on the CPU."""
    fabric = fabric or Fabric(accelerator="auto", devices=1)
    model.to(fabric.device, memory_format=torch.channels_last).eval()
    outputs = []
    for begin in range(0, len(arrays[0]), batch):
        part = [array[begin : begin + batch].to(fabric.device) for array in arrays]
        with fabric.autocast():
            outputs.append(tuple(out.float().cpu() for out in forward(*part)))
    return outputs
