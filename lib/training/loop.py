"""How the networks learn: masked loss, fit, resume, divergence; and how they are read out.

One engine for one process or many (lightning-fabric). Every random choice is drawn from
(seed, epoch, step), so a killed run continues to the bit from its last checkpoint, and a run on
many processes sees the same batches as a run on one.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from lib import vocabulary
from lib.data.faces import PairSet
from lib.models import DCN
from lib.params import TrainParams
from lib.training import augmentation, checkpoints, processes
from lib.training.augmentation import augment, prepare
from lib.training.batches import Faces, Pairs, ahead
from lib.training.processes import start

__all__ = [
    "augment",
    "extract",
    "fit",
    "fit_pairs",
    "generator",
    "masked_loss",
    "predict_pairs",
    "prepare",
    "start",
]

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
    attributes: Sequence[str] = vocabulary.ATTRIBUTES,
    checkpoint: Path | None = None,
    every: float = 60.0,
    compiled: bool = False,
    description: str | None = "",
) -> pd.DataFrame:
    """Train a DCN in place on faces (Eqn. 1); returns one row per epoch.

    images (N, 3, S, S) uint8, may be memory-mapped; targets (N, A) in [0, 1] or negative where
    missing; weights (N, A) of the labels in the loss; attributes: names of the A columns.
    checkpoint: a file, rewritten every so many seconds, from which a killed run continues; a
        finished run returns at once. ValueError if it is damaged or of another run.
    description: begins the line that is printed for every epoch; None prints none.
    compiled: through torch.compile, which pays on GPUs only.

    ValueError also where targets do not fit or there is no image, and where the loss is no longer a
    number: the model then has the last good weights.
    """
    data = Faces(images, targets, weights, size, attributes, train.mirror)
    run = Run(model, data, train, seed, fabric, checkpoint, every, compiled, description)
    return run.fit()


def fit_pairs(
    model: nn.Module,
    pairs: PairSet,
    *,
    train: TrainParams,
    size: int,
    seed: int,
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    every: float = 60.0,
    compiled: bool = False,
    description: str | None = "",
) -> pd.DataFrame:
    """Train an S-DCN in place on pairs (Eqn. 17), otherwise as `fit`.

    The weight decays of Eqn. 17 are `train.weight_decay`, in SGD's convention decay / 2 |w|^2
    beside a loss averaged over pairs and traits: its literal value is 2 / (8 N) for N pairs.
    """
    data = Pairs(pairs, size)
    run = Run(model, data, train, seed, fabric, checkpoint, every, compiled, description)
    return run.fit()


@dataclass
class Run:
    """One training run: what to train, on what, and how."""

    model: nn.Module
    data: Faces | Pairs
    train: TrainParams
    seed: int
    fabric: Fabric | None
    checkpoint: Path | None
    every: float
    compiled: bool
    description: str | None

    def fit(self) -> pd.DataFrame:
        self.count = len(self.data.tensors()[0])
        if self.train.epochs and not self.count:
            raise ValueError(
                f"{self.description or 'training'} has nothing to learn from (0 samples): "
                "`make data` says which datasets are missing and where to put them; or leave "
                "this run out"
            )
        self.fabric = self.fabric or processes.single()
        forked = processes.forks(self.fabric)
        weights, history = processes.spread(self.fabric, self._fit)
        if forked:
            self.model.load_state_dict(weights)
        return pd.DataFrame(history, columns=["epoch", "loss", "rate", "images_per_second"])

    def _fit(self) -> tuple[dict[str, Tensor], list[dict]]:
        """The run within one of its processes; returns final weights and history."""
        fabric = self.fabric
        self.steps = max(1, self.count // self.train.batch)  # each epoch leaves out another rest
        recipe = self._recipe() if self.checkpoint else {}
        self.model.to(memory_format=torch.channels_last).train()
        if fabric.world_size > 1:
            processes.share_statistics(self.model, fabric.device)
        network = torch.compile(self.model, mode="reduce-overhead") if self.compiled else self.model
        network, optimiser = fabric.setup(network, self._optimiser())
        self.data.approach(fabric.device)
        losses = torch.zeros(self.steps, device=fabric.device)
        self.state = checkpoints.State(self.model, optimiser, self.train.average, losses)
        if self.checkpoint is not None and self.checkpoint.exists():
            self.state.load(self.checkpoint, recipe)
        with torch.random.fork_rng([fabric.device] if fabric.device.type == "cuda" else []):
            while self.state.done < self.steps * self.train.epochs:
                self._epoch(network, optimiser, recipe)
        self.state.finish()
        fabric.barrier()
        return self.model.state_dict(), self.state.history

    def _optimiser(self) -> torch.optim.SGD:
        """SGD; decay for filters and matrices (those of Eqn. 17), not for offsets and scales."""
        weights = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
        train = self.train
        return torch.optim.SGD(
            groups, train.rate, train.momentum, weight_decay=train.weight_decay, fused=True
        )

    def _recipe(self) -> dict:
        """What a checkpoint must have been made with, to be continued."""
        return {
            **self.train.model_dump(),
            "seed": self.seed,
            "precision": processes.precision(self.fabric),
            "torch": torch.__version__,
            "data": checkpoints.fingerprint(*self.data.tensors()),
            "size": self.data.size,
            "initial weights": checkpoints.fingerprint(*self.model.state_dict().values()),
        }

    def _epoch(self, network: nn.Module, optimiser, recipe: dict) -> None:
        """The rest of the epoch under way."""
        state, batch = self.state, self.train.batch
        epoch, first = divmod(state.done, self.steps)
        order = torch.randperm(self.count, generator=generator(self.seed, epoch))
        begin = saved = time.monotonic()
        work = (
            (epoch * self.steps + step, order[step * batch : (step + 1) * batch])
            for step in range(first, self.steps)
        )
        ready = ahead(self._batch, work, self.fabric.device)
        for step, given in enumerate(ready, first):
            state.losses[step] = self._step(given, network, optimiser)
            state.done += 1
            state.average()
            if step + 1 < self.steps and time.monotonic() - saved >= self.every:
                self._check(epoch, step)
                self._save(recipe)
                saved = time.monotonic()
        self._check(epoch, self.steps - 1)  # waits for the device
        images = (self.steps - first) * min(batch, self.count)
        self._report(epoch, images, time.monotonic() - begin)
        self._save(recipe)
        state.remember()

    def _batch(self, given: tuple[int, Tensor]) -> tuple:
        """This process' share of a step's batch, from the number of the step and the samples."""
        (done, index), fabric = given, self.fabric
        own = index.argsort()[fabric.global_rank :: fabric.world_size]
        drawn = augmentation.draw(
            len(index),
            size=self.data.size,
            translate=self.train.translate,
            mirror=self.train.mirror,
            generator=generator(self.seed, done, 0),
            faces=self.data.faces,
        )
        return self.data.batch(index[own], drawn[own], fabric.device)

    def _step(self, given: tuple, network: nn.Module, optimiser) -> Tensor:
        """One step on what `_batch` gave; returns the loss over all processes."""
        (inputs, targets, weights), fabric, done = given, self.fabric, self.state.done
        for group in optimiser.param_groups:
            group["lr"] = self.rate(done)
        torch.manual_seed(mix(self.seed, done, fabric.global_rank))  # dropout, if there is any
        outputs = network(*inputs)
        logits = outputs[1] if isinstance(outputs, tuple) else outputs
        total, present = masked_sum(logits.float(), targets, weights)
        loss = total / processes.add_up(fabric, present).clamp(min=1e-12)
        optimiser.zero_grad(set_to_none=True)
        fabric.backward(loss * fabric.world_size)  # DDP averages gradients over processes
        optimiser.step()
        return processes.add_up(fabric, loss)

    def rate(self, step: int) -> float:
        """Learning rate at a step: linear warm-up, then constant or a cosine down to zero."""
        total = self.steps * self.train.epochs
        warmup = self.train.warmup * total
        if step < warmup:
            return self.train.rate * min(1.0, (step + 1) / warmup)
        if self.train.schedule == "constant":
            return self.train.rate
        return self.train.rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))

    def _save(self, recipe: dict) -> None:
        if self.checkpoint is not None and self.fabric.is_global_zero:
            self.state.save(self.checkpoint, recipe)

    def _check(self, epoch: int, step: int) -> None:
        """End a run that has diverged, before its weights reach the disk."""
        broken = (~torch.isfinite(self.state.losses[: step + 1])).nonzero()
        if not len(broken) and self.state.finite():
            return
        step = int(broken[0]) if len(broken) else step
        loss = float(self.state.losses[step])
        what = f"the loss is {loss:g}" if len(broken) else "the weights are no longer finite"
        self.state.recall()
        raise ValueError(
            f"{self.description or 'training'} diverged: {what} in epoch {epoch + 1}, step "
            f"{step + 1}, at learning rate {self.rate(epoch * self.steps + step):g}; the network "
            "has its last good weights. Lower `rate` or raise `warmup`."
        )

    def _report(self, epoch: int, images: int, seconds: float) -> None:
        """A row of history, and a line for who waits."""
        rate, speed = self.rate(self.state.done - 1), images / seconds
        loss = float(self.state.losses.mean())
        row = {"epoch": epoch + 1, "loss": loss, "rate": rate, "images_per_second": speed}
        self.state.history.append(row)
        if self.fabric.is_global_zero and self.description is not None:
            left = self.steps * self.train.batch * (self.train.epochs - epoch - 1) / speed
            print(
                f"{self.description} epoch {epoch + 1}/{self.train.epochs}  loss {loss:.4f}  "
                f"rate {rate:.2g}  {speed:.0f} images/s  {left:.0f} s left".strip(),
                flush=True,
            )


def generator(*numbers: int) -> torch.Generator:
    """A source of chance that depends on the numbers alone, e.g. (seed, epoch)."""
    return torch.Generator().manual_seed(mix(*numbers))


def mix(*numbers: int) -> int:
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 25)
    return seed


# Prediction -------------------------------------------------------------------------------------


def extract(
    model: DCN,
    images: Tensor,
    *,
    size: int,
    batch: int = 128,
    fabric: Fabric | None = None,
) -> tuple[Tensor, Tensor]:
    """Features (N, D) and logits (N, A), float32 on the CPU, of faces (N, 3, S, S) uint8.

    The logits are those of the features as they are returned, in whatever precision the trunk is.
    """

    def forward(part: Tensor) -> tuple[Tensor, Tensor]:
        features = model.trunk(prepare(part, size)).float()
        with torch.autocast(features.device.type, enabled=False):
            return features, model.heads(features)

    return predict(forward, model, (images,), batch, fabric)


def predict_pairs(
    model: nn.Module, pairs: PairSet, *, size: int, batch: int = 64, fabric: Fabric | None = None
) -> Tensor:
    """Logits (N, 8), float32 on the CPU, of pairs of faces."""

    def forward(left: Tensor, right: Tensor, cues: Tensor) -> tuple[Tensor]:
        return (model(prepare(left, size), prepare(right, size), cues),)

    return predict(forward, model, (pairs.left, pairs.right, pairs.cues), batch, fabric)[0]


def predict(
    forward: Callable[..., tuple[Tensor, ...]],
    model: nn.Module,
    arrays: tuple[Tensor, ...],
    batch: int,
    fabric: Fabric | None,
) -> tuple[Tensor, ...]:
    """`forward` over batches of arrays in evaluation mode, rows shared out over the processes."""
    fabric = fabric or processes.single()

    def work() -> tuple[dict[str, Tensor], None]:
        model.to(fabric.device, memory_format=torch.channels_last).eval()
        count, rank, size = len(arrays[0]), fabric.global_rank, fabric.world_size
        own = range(count * rank // size, count * (rank + 1) // size)
        outputs = []
        for begin in range(own.start, own.stop, batch):
            part = slice(begin, min(begin + batch, own.stop))
            with torch.no_grad(), fabric.autocast():
                outputs.append(forward(*(array[part].to(fabric.device) for array in arrays)))
        columns = [torch.cat(column).float() for column in zip(*outputs, strict=True)]
        whole = [processes.join(fabric, c, own, len(arrays[0])).cpu() for c in columns]
        return {str(place): column for place, column in enumerate(whole)}, None

    return tuple(processes.spread(fabric, work)[0].values())
