"""One process or many: the engine that a profile asks for, and what it takes to use it.

- One process: nothing to do.
- Many on one machine, from within a notebook: `spread` forks them for the time of one call. The
  parent must not have used the GPU before.
- Many, started by torchrun or srun (see `launched`): `start` joins them, and every process
  runs the whole notebook.
"""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from lightning_fabric.strategies import DDPStrategy
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lib.params import Params
from lib.provenance import device

Result = tuple[dict[str, Tensor], Any]


def start(params: Params) -> Fabric:
    """The engine as the profile asks for it: device, precision, processes, machines.

    bf16 is taken on GPUs only: on a CPU it is slower than float32. ValueError if several
    machines are asked for without a launcher, or a launcher has started another number of
    processes.
    """
    wanted = params.devices * params.nodes
    begun = launched()
    if params.nodes > 1 and not begun:
        raise ValueError(
            f"nodes: {params.nodes} needs torchrun or srun to start the processes; start the "
            "notebook through one of them, or set nodes: 1"
        )
    to_fork = launched_later(params)
    fabric = Fabric(
        accelerator={"cuda": "gpu"}.get(params.device, params.device),
        devices=params.devices,
        num_nodes=params.nodes,
        strategy="ddp_notebook" if to_fork else Launched() if wanted > 1 else "auto",
        precision=params.precision if device(params) == "cuda" else "32-true",
        plugins=LightningEnvironment() if to_fork else None,  # not SLURM's: it counts its own tasks
    )
    if wanted > 1 and begun:
        fabric.launch()
        if fabric.world_size != wanted:
            raise ValueError(
                f"devices: {params.devices} times nodes: {params.nodes} asks for {wanted} "
                f"processes, and the launcher has started {fabric.world_size}: let it start "
                f"{wanted}, or set devices and nodes as it does"
            )
    return fabric


class Launched(DDPStrategy):
    """Processes that torchrun or srun has started: there is nothing to launch, in a notebook too.

    (The engine's own "ddp" refuses notebooks, since it would start their kernel again.)
    """

    def _configure_launcher(self) -> None:
        self._launcher = None


def single(params: Params | None = None) -> Fabric:
    """One process, on the device and in the precision of a profile; without one, in float32 on
    whatever device is there.
    """
    if params is None:
        return Fabric(accelerator="auto", devices=1)
    return start(params.model_copy(update={"devices": 1, "nodes": 1}))


def precision(fabric: Fabric) -> str:
    """What an engine computes in, as a profile names it: `32-true` or `bf16-mixed`."""
    return fabric.strategy.precision.precision


def spread(fabric: Fabric, work: Callable[[], Result]) -> Result:
    """Call `work` in every process; returns what the first returns: tensors, and plain values.

    Processes that exist already just go on; a notebook's are forked here and end with the call,
    so what they change is lost unless `work` returns it.
    """
    if not forks(fabric):
        return work()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.safetensors"

        def forked(_: Fabric) -> None:
            torch.set_num_threads(1)  # a forked process cannot use its parent's thread pool
            tensors, values = work()
            if fabric.is_global_zero:
                tensors = {key: value.cpu().contiguous() for key, value in tensors.items()}
                safetensors.torch.save_file(tensors, path, {"values": json.dumps(values)})

        fabric.launch(forked)
        with safetensors.safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return tensors, json.loads(file.metadata()["values"])


def forks(fabric: Fabric) -> bool:
    """Whether the engine's processes have yet to be forked."""
    launcher = fabric.strategy.launcher
    return getattr(launcher, "is_interactive_compatible", False) and not dist.is_initialized()


def add_up(fabric: Fabric, value: Tensor) -> Tensor:
    """Sum over all processes, the same on each; a new tensor, without gradient."""
    value = value.detach()
    return fabric.all_reduce(value, reduce_op="sum") if fabric.world_size > 1 else value


def join(fabric: Fabric, part: Tensor, rows: range, count: int) -> Tensor:
    """All `count` rows of what each process has a share of, the same on each."""
    if fabric.world_size == 1:
        return part
    whole = part.new_zeros(count, *part.shape[1:])
    whole[rows.start : rows.stop] = part
    return add_up(fabric, whole)


# Batch normalisation over all processes -----------------------------------------------------------


class _Sum(torch.autograd.Function):
    """Sum over all processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx, value: Tensor) -> Tensor:
        value = value.clone()
        dist.all_reduce(value)
        return value

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient.contiguous())


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation by the statistics of all processes' batches together, on any device.

    (torch's own SyncBatchNorm refuses a CPU.)
    """

    def _check_input_dim(self, x: Tensor) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and dist.is_initialized()):
            return super().forward(x)
        axes = [0, *range(2, x.ndim)]
        shape = (1, -1, *[1] * (x.ndim - 2))
        count = x.new_tensor([x.numel() / x.shape[1]])
        total, count = _Sum.apply(torch.cat([x.sum(axes), count])).split([x.shape[1], 1])
        mean = total / count
        centred = x - mean.view(shape)
        variance = _Sum.apply(centred.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        x = centred * (variance + self.eps).rsqrt().view(shape)
        return x * self.weight.view(shape) + self.bias.view(shape) if self.affine else x

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def share_statistics(model: nn.Module, device: torch.device) -> nn.Module:
    """Replace a network's batch normalisation by one over all processes; weights stay its own."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, _BatchNorm) and not isinstance(layer, SharedBatchNorm):
                shared = SharedBatchNorm(layer.num_features, layer.eps, layer.momentum)
                shared.affine = layer.affine
                shared._parameters, shared._buffers = layer._parameters, layer._buffers
                setattr(parent, name, shared.train(layer.training))
    return model


def launched_later(params: Params) -> bool:
    """Whether a profile wants several processes that nobody has started yet."""
    return params.devices * params.nodes > 1 and not launched()


def launched() -> bool:
    """Whether torchrun or srun has started this process, among others.

    A task that SLURM started alone, e.g. a notebook under `srun --pty`, is none of several.
    """
    tasks = int(os.environ.get("SLURM_NTASKS", 1))
    return "RANK" in os.environ or ("SLURM_PROCID" in os.environ and tasks > 1)
