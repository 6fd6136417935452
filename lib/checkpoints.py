"""Training states on disk: safetensors with a JSON beside, written whole, never pickled."""

import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from lib import workspace


class State:
    """Weights, momentum and running average of a run."""

    def __init__(self, model: nn.Module, optimiser: torch.optim.Optimizer, decay: float) -> None:
        self.model, self.optimiser, self.decay = model, optimiser, decay
        self.averaged = {k: v.detach().clone() for k, v in self._weights()} if decay else {}
        self.good: dict[str, Tensor] = {}

    def _weights(self):
        return self.model.named_parameters()

    @torch.no_grad()
    def average(self) -> None:
        """Move the running average a little towards the weights."""
        if self.averaged:
            new = [value for _, value in self._weights()]
            torch._foreach_lerp_(list(self.averaged.values()), new, 1 - self.decay)

    @torch.no_grad()
    def finish(self) -> None:
        """Put the running average, if one is kept, in the place of the weights."""
        for name, value in self._weights():
            if name in self.averaged:
                value.copy_(self.averaged[name])

    def remember(self) -> None:
        self.good = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def recall(self) -> None:
        """Back to the last weights remembered."""
        self.model.load_state_dict(self.good)

    def tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.averaged.items()}
        for name, value in self._weights():
            momentum = self.optimiser.state.get(value, {}).get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum.{name}"] = momentum
        return {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}

    def save(self, path: Path, recipe: dict, done: int, history: list[dict]) -> None:
        """Write tensors and progress as one file; a readable copy of the progress beside it."""
        progress = {"recipe": recipe, "steps_done": done, "history": history}
        note = {"progress": json.dumps(progress)}
        tensors = self.tensors()
        workspace.atomically(path, lambda part: safetensors.torch.save_file(tensors, part, note))
        workspace.write_json(path.with_suffix(".json"), progress)

    def load(self, path: Path, recipe: dict) -> tuple[int, list[dict]]:
        """Continue from a file: steps done and history. ValueError if damaged or foreign."""
        try:
            with safetensors.safe_open(path, "pt") as file:
                progress = json.loads((file.metadata() or {}).get("progress", "{}"))
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except safetensors.SafetensorError as error:
            raise ValueError(f"{path} is damaged ({error}): delete it to start anew") from None
        if progress.get("recipe") != json.loads(json.dumps(recipe)):
            raise ValueError(
                f"{path} was made with other settings ({progress.get('recipe')}, now {recipe}): "
                "delete it to start anew"
            )
        try:
            self.model.load_state_dict(part(tensors, "model."))
        except RuntimeError as error:
            raise ValueError(f"{path} holds another network: delete it ({error})") from None
        device = next(self.model.parameters()).device
        self.averaged = {k: v.to(device) for k, v in part(tensors, "average.").items()}
        momentum = part(tensors, "momentum.")
        for name, value in self._weights():
            if name in momentum:
                self.optimiser.state[value]["momentum_buffer"] = momentum[name].to(value)
        return progress["steps_done"], progress["history"]


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
