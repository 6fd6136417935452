"""The layers of a DCN as rows of a table: output shape, parameters, multiply-adds."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lib.models.bn_inception import BNInception
from lib.models.dcn import DCN

Hook = Callable[[nn.Module, tuple, Tensor], None]


def rows(model: DCN, size: int) -> list[dict[str, Any]]:
    """One row per stage: layer, output shape, parameters, millions of multiply-adds per face.

    Stages are the children of the trunk's `stem` and `blocks`, its projection and the heads; of
    any other trunk, its own children. Multiply-adds are those of convolutions and linear layers
    for one face of `size` px, rounded to 0.01 million.
    """
    stages = dict(_stages(model))
    found: dict[str, dict[str, Any]] = {
        name: {"layer": name, "output": "", "parameters": 0, "multiply-adds": 0.0}
        for name in stages
    }
    hooks = []
    for name, stage in stages.items():
        found[name]["parameters"] = sum(value.numel() for value in stage.parameters())
        hooks.append(stage.register_forward_hook(_output_shape(found[name])))
        parts = [part for part in stage.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
        hooks += [part.register_forward_hook(_multiply_adds(found[name])) for part in parts]
    training, device = model.training, next(model.parameters()).device
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, size, size, device=device))
    model.train(training)
    for hook in hooks:
        hook.remove()
    for row in found.values():
        row["multiply-adds"] = float(np.round(row["multiply-adds"], 2))
    return list(found.values())


def _stages(model: DCN) -> Iterator[tuple[str, nn.Module]]:
    for name, child in model.trunk.named_children():
        if isinstance(model.trunk, BNInception) and name in ("stem", "blocks"):
            labels = model.trunk.names if name == "blocks" else range(3)
            for label, stage in zip(labels, child.children(), strict=True):
                yield f"{name}.{label}", stage
        elif not isinstance(child, nn.Identity):
            yield name, child
    yield "heads", model.heads


def _output_shape(row: dict[str, Any]) -> Hook:
    def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        row["output"] = " × ".join(str(number) for number in output.shape[1:])

    return hook


def _multiply_adds(row: dict[str, Any]) -> Hook:
    def hook(module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        weights = module.get_parameter("weight")
        row["multiply-adds"] += weights[0].numel() * output[0].numel() / 1e6

    return hook
