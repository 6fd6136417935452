"""The layers of a network as a table, and what a network without pictures would say."""

import pandas as pd
import torch
from torch import Tensor, nn

from lib.evaluation import metrics

PARTS = (nn.Conv2d, nn.Linear)


def table(model: nn.Module, size: int) -> pd.DataFrame:
    """One row per stage of a DCN: output shape, parameters, millions of multiply-adds a face.

    Stages are the children of the trunk's `stem` and `blocks`, its projection and the heads; of
    any other trunk, its own children.
    """
    stages = list(_stages(model))
    rows: dict[str, dict] = {name: {"output": "", "multiply-adds": 0.0} for name, _ in stages}
    hooks = []
    for name, stage in stages:
        hooks.append(stage.register_forward_hook(_shape(rows[name])))
        parts = [part for part in stage.modules() if isinstance(part, PARTS)]
        hooks += [part.register_forward_hook(_count(rows[name])) for part in parts]
    training, device = model.training, next(model.parameters()).device
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, size, size, device=device))
    model.train(training)
    for hook in hooks:
        hook.remove()
    for name, stage in stages:
        rows[name]["parameters"] = sum(value.numel() for value in stage.parameters())
    found = pd.DataFrame(rows).T[["output", "parameters", "multiply-adds"]]
    found = found.astype({"parameters": int, "multiply-adds": float})
    return found.round({"multiply-adds": 2}).rename_axis("layer")


def _stages(model: nn.Module):
    trunk = model.trunk
    for name, child in trunk.named_children():
        if name in ("stem", "blocks"):
            labels = ("3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
            for place, stage in enumerate(child):
                yield f"{name}.{labels[place] if name == 'blocks' else place}", stage
        elif not isinstance(child, nn.Identity):
            yield name, child
    yield "heads", model.heads


def _shape(row: dict):
    def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        row["output"] = " × ".join(str(number) for number in output.shape[1:])

    return hook


def _count(row: dict):
    def hook(module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        row["multiply-adds"] += module.weight[0].numel() * output[0].numel() / 1e6

    return hook


def frequency_logits(labels: Tensor) -> Tensor:
    """Log-odds (1, A) of each attribute's frequency among its known labels (N, A)."""
    share = torch.from_numpy(metrics.class_frequency(labels)).float().nan_to_num(0.5)
    return share.clamp(1e-4, 1 - 1e-4).logit()[None]
