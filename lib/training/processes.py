"""One process or several: the engine (lightning-fabric) that a profile asks for.

Several processes are started by torchrun or srun, on one machine or more; each runs the whole
notebook, and `start` joins them.
"""

import os

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lib.params import Params
from lib.workspace.provenance import device


def start(params: Params) -> Fabric:
    """The engine that a profile asks for: device, precision, processes, machines.

    bfloat16 is used on GPUs only: on a CPU it is slower than float32. ValueError if several
    processes are asked for and no launcher, or one with another number of them, has started this.
    """
    wanted = params.devices * params.nodes
    if wanted > 1 and not launched():
        raise ValueError(
            f"devices: {params.devices} times nodes: {params.nodes} asks for {wanted} processes, "
            "which torchrun or srun must start: "
            f"`torchrun --nnodes {params.nodes} --nproc-per-node {params.devices} --no-python "
            "bash -c 'papermill NOTEBOOK out.$RANK.ipynb --cwd notebooks -p profile "
            f"{params.profile}'`; or set devices and nodes to 1"
        )
    fabric = Fabric(
        accelerator={"cuda": "gpu"}.get(params.device, params.device),
        devices=params.devices,
        num_nodes=params.nodes,
        strategy=Launched() if wanted > 1 else "auto",
        precision=params.precision if device(params) == "cuda" else "32-true",
    )
    if wanted > 1:
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


def launched() -> bool:
    """Whether torchrun or srun has started this process as one of several.

    A task that SLURM started alone, e.g. a notebook under `srun --pty`, is not one of several.
    """
    tasks = int(os.environ.get("SLURM_NTASKS", 1))
    return "RANK" in os.environ or ("SLURM_PROCID" in os.environ and tasks > 1)


def single(params: Params | None = None) -> Fabric:
    """One process, on the device and in the precision of a profile; without one, in float32 on
    the device that is there.
    """
    if params is None:
        return Fabric(accelerator="auto", devices=1)
    return start(params.model_copy(update={"devices": 1, "nodes": 1}))


def precision(fabric: Fabric) -> str:
    """What an engine computes in, as a profile names it: `32-true` or `bf16-mixed`."""
    return fabric.strategy.precision.precision


# Rows and sums over all processes -----------------------------------------------------------------


def own_rows(count: int, fabric: Fabric) -> range:
    """The rows of `count` that this process works on: a contiguous share."""
    rank, size = fabric.global_rank, fabric.world_size
    return range(count * rank // size, count * (rank + 1) // size)


def add_up(fabric: Fabric, value: Tensor) -> Tensor:
    """Sum over all processes, the same on each; without gradient."""
    if fabric.world_size == 1:
        return value.detach()
    total = value.detach().clone()
    dist.all_reduce(total)
    return total


def join(fabric: Fabric, part: Tensor, rows: range, count: int) -> Tensor:
    """All `count` rows, the same on each process, from each one's `part`: its own `rows`."""
    if fabric.world_size == 1:
        return part
    whole = part.new_zeros(count, *part.shape[1:])
    whole[rows.start : rows.stop] = part
    return add_up(fabric, whole)


# Batch normalisation over all processes -----------------------------------------------------------


class _Sum(torch.autograd.Function):
    """Sum over all processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx, value: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        value = value.clone()
        dist.all_reduce(value)
        return value

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return _Sum.apply(gradient.contiguous())


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation by the statistics of all processes' batches together, on a CPU.

    So that several processes train as one with the whole batch; torch's SyncBatchNorm needs GPUs.
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
        momentum = self.momentum or 0.0
        self.get_buffer("num_batches_tracked").add_(1)
        self.get_buffer("running_mean").lerp_(mean.detach(), momentum)
        self.get_buffer("running_var").lerp_(variance.detach() * count / (count - 1), momentum)
        x = centred * (variance + self.eps).rsqrt().view(shape)
        return x * self.weight.view(shape) + self.bias.view(shape) if self.affine else x


def share_statistics(model: nn.Module, device: torch.device) -> nn.Module:
    """Replace a network's batch normalisation by one over all processes, with the same weights."""
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
