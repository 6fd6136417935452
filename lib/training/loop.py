"""The training loop: fit a network, continue a killed run, end one that diverges.

One loop for one process or many (lightning-fabric). Every random choice depends on (seed, epoch,
step) alone, so a killed run continues from its last state with the same bits, and many processes
see the same batches as one.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

from lib import vocabulary
from lib.data.faces import PairSet
from lib.params import TrainParams
from lib.training import augmentation, checkpoints, processes
from lib.training.augmentation import generator, mix
from lib.training.batches import Batch, Faces, Pairs, ahead
from lib.training.losses import masked_sum


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
    """Train a DCN in place on faces (Eqn. 1); one row per epoch: loss, rate, images per second.

    Parameters
    ----------
    images
        (N, 3, S, S) uint8, may be memory-mapped; a tensor or an array, as all that follow.
    targets, weights
        (N, A) in [0, 1], negative where missing; how much each counts in the loss, None: all alike.
    train, size, seed
        The recipe, the side of the network's input in px, and what all chance depends on.
    fabric
        Device, precision and processes; None: one process in float32.
    attributes
        Names of the A columns.
    checkpoint
        Folder and name of the run. Its state is kept in `<checkpoint>-<hash>.safetensors`,
        rewritten every so many seconds (`every`); a killed run continues from it, a finished one
        returns at once (`checkpoints.named`). None keeps none.
    compiled
        Use torch.compile, which pays on GPUs only.
    description
        Begins the line that is printed for every epoch; None prints none.

    Raises
    ------
    ValueError
        Images, targets, weights or the network's columns do not fit; weights of the network that
        are not finite; fewer than two images; a damaged state; the loss is no longer a number: the
        network then has the last good weights.
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
        """The run from its beginning or its last state; one row per epoch."""
        checkpoints.check_finite(self.model)
        self.engine = fabric = self.fabric or processes.single()
        self.count = self._checked_count()
        self.steps = max(1, self.count // self.train.batch)  # each epoch leaves out another rest
        self.steps = min(self.steps, self.train.steps or self.steps)
        self.file = self._file()
        self.model.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if fabric.world_size > 1:
            processes.share_statistics(self.model, fabric.device)
        network: Any = self.model
        if self.compiled:
            network = torch.compile(self.model, mode="reduce-overhead")
        network, optimiser = fabric.setup(network, self._optimiser())
        self.data.approach(fabric.device)
        losses = torch.zeros(self.steps, device=fabric.device)
        self.state = checkpoints.State(self.model, optimiser, self.train.average, losses)
        if self.file is not None and self.file.exists():
            self.state.load(self.file)
        total = self.steps * self.train.epochs
        silent = self.description is None or not fabric.is_global_zero
        self.bar = tqdm(
            desc=self.description, total=total, initial=self.state.done, disable=silent, leave=False
        )
        own = [fabric.device] if fabric.device.type == "cuda" else []
        with torch.random.fork_rng(own), self.bar:
            while self.state.done < total:
                self._epoch(network, optimiser)
        if total and not silent:
            print(self._summary(), flush=True)
        self.state.finish()
        fabric.barrier()
        columns = ["epoch", "loss", "rate", "images_per_second"]
        return pd.DataFrame(self.state.history, columns=columns)

    def _checked_count(self) -> int:
        """Number of samples; ValueError where they are too few for a step."""
        count, what = len(self.data.tensors()[0]), self.description or "training"
        if self.train.epochs and not count:
            raise ValueError(
                f"{what} has nothing to learn from (0 samples): `make data` says which datasets "
                "are missing and where to put them; or leave this run out"
            )
        least = max(2, self.engine.world_size)
        if self.train.epochs and min(count, self.train.batch) < least:
            raise ValueError(
                f"{what} has {count} samples in batches of {self.train.batch}, and every step "
                f"needs at least {least}: two for batch normalisation, one for each process"
            )
        return count

    def _file(self) -> Path | None:
        """Where the state of this run is kept."""
        if self.checkpoint is None:
            return None
        settings: dict[str, Any] = {
            "train": self.train.model_dump(),
            "size": self.data.size,
            "seed": self.seed,
            "precision": processes.precision(self.engine),
            "columns": list(self.data.attributes),
        }
        return checkpoints.named(self.checkpoint, self.model, self.data.tensors(), settings)

    def _optimiser(self) -> torch.optim.SGD:
        """SGD; decay for filters and matrices (those of Eqn. 17), not for offsets and scales."""
        weights = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": weights}]
        groups.append({"params": others, "weight_decay": 0.0})
        train = self.train
        return torch.optim.SGD(
            groups, train.rate, train.momentum, weight_decay=train.weight_decay, fused=True
        )

    def _epoch(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """The rest of the epoch under way."""
        state, batch = self.state, self.train.batch
        epoch, first = divmod(state.done, self.steps)
        order = torch.randperm(self.count, generator=generator(self.seed, epoch))
        begin = saved = time.monotonic()
        work = (
            (epoch * self.steps + step, order[step * batch : (step + 1) * batch])
            for step in range(first, self.steps)
        )
        ready = ahead(self._batch, work, self.engine.device)
        for step, given in enumerate(ready, first):
            state.losses[step] = self._step(given, network, optimiser)
            state.done += 1
            self.bar.update()
            state.average()
            if step + 1 < self.steps and time.monotonic() - saved >= self.every:
                self._check(epoch, step)
                self._save()
                saved = time.monotonic()
        self._check(epoch, self.steps - 1)  # waits for the device
        images = (self.steps - first) * min(batch, self.count)
        self._report(epoch, images, time.monotonic() - begin)
        self._save()
        state.remember()

    def _batch(self, given: tuple[int, Tensor]) -> Batch:
        """This process' share of a step's batch, from the number of the step and the samples."""
        (done, index), fabric = given, self.engine
        own = index.argsort()[fabric.global_rank :: fabric.world_size]
        chance = augmentation.sample(
            len(index),
            size=self.data.size,
            translate=self.train.translate,
            mirror=self.train.mirror,
            generator=generator(self.seed, done, 0),
            faces=self.data.faces,
        )
        return self.data.batch(index[own], chance[own], fabric.device)

    def _step(self, given: Batch, network: nn.Module, optimiser: torch.optim.Optimizer) -> Tensor:
        """One step on what `_batch` gave; returns the loss over all processes."""
        (inputs, targets, weights), fabric, done = given, self.engine, self.state.done
        for group in optimiser.param_groups:
            group["lr"] = self.rate(done)
        torch.manual_seed(mix(self.seed, done, fabric.global_rank))  # dropout, if there is any
        outputs = network(*inputs)
        logits = outputs[1] if isinstance(outputs, tuple) else outputs
        if logits.shape != targets.shape:
            raise ValueError(
                f"the network gives {logits.shape[1]} columns for {targets.shape[1]} attributes"
            )
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

    def _save(self) -> None:
        if self.file is not None and self.engine.is_global_zero:
            self.state.save(self.file)

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
        """Append a row of history."""
        row = {"epoch": epoch + 1, "loss": float(self.state.losses.mean())}
        row |= {"rate": self.rate(self.state.done - 1), "images_per_second": images / seconds}
        self.state.history.append(row)
        self.bar.set_postfix({"loss": f"{row['loss']:.4f}"}, refresh=False)

    def _summary(self) -> str:
        """One line about the run: epochs, loss of the first and the last, speed."""
        table = pd.DataFrame(self.state.history)
        losses = " → ".join(f"{loss:.4f}" for loss in table["loss"].iloc[[0, -1]][: len(table)])
        words = f"epochs {len(table)}, loss {losses}, {table['images_per_second'].mean():.0f}"
        return f"{self.description or 'training'}: {words} images/s"
