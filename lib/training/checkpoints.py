"""Training states on disk: safetensors files, each named by a hash of what it is made from.

A run finds its state by that hash, so one that was killed continues, a finished one is not
repeated, and one from other weights, data, parameters or code begins anew beside it.
"""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from lib.workspace import files, provenance

SOURCES = ("models", "training", "vocabulary.py")  # what every training rests on, in lib/


class State:
    """What a run has made so far: weights, momentum, running average, losses, history.

    losses: (steps of one epoch,) of the epoch under way; done: steps taken in all; history: one
    row per finished epoch.
    """

    def __init__(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, decay: float, losses: Tensor
    ) -> None:
        self.model, self.optimiser, self.decay, self.losses = model, optimiser, decay, losses
        self.done = 0
        self.history: list[dict[str, float]] = []
        self.averaged = {k: v.detach().clone() for k, v in self._values()} if decay else {}
        self.remember()

    def _values(self) -> list[tuple[str, Tensor]]:
        """Weights and batch statistics by name; not the integer counters."""
        values = self.model.state_dict(keep_vars=True).items()
        return [(name, value) for name, value in values if value.is_floating_point()]

    @torch.no_grad()
    def average(self) -> None:
        """Move the running average a little towards the weights; at first, faster."""
        if self.averaged:
            decay = min(self.decay, (1 + self.done) / (10 + self.done))
            new = [value for _, value in self._values()]
            torch._foreach_lerp_(list(self.averaged.values()), new, 1 - decay)

    @torch.no_grad()
    def finish(self) -> None:
        """Replace the weights by their running average, if one is kept."""
        for name, value in self._values() if self.averaged else []:
            value.copy_(self.averaged[name])

    def remember(self) -> None:
        """Keep a copy of the weights."""
        self.good = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def recall(self) -> None:
        """Restore the last weights that were kept."""
        self.model.load_state_dict(self.good)

    def finite(self) -> bool:
        return all(bool(value.isfinite().all()) for _, value in self._values())

    # Files ---------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write tensors and progress as one file; a readable copy of the progress beside it."""
        progress = {"steps_done": self.done, "history": self.history}
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.averaged.items()}
        for name, value in self.model.named_parameters():
            momentum = self.optimiser.state.get(value, {}).get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum.{name}"] = momentum
        write(path, tensors | {"losses": self.losses}, progress)
        files.write_json(path.with_suffix(".json"), progress)

    def load(self, path: Path) -> None:
        """Continue from a file. ValueError if it is damaged."""
        tensors, progress = read(path)
        try:
            self.model.load_state_dict(part(tensors, "model."))
        except RuntimeError as error:
            raise ValueError(f"{path} holds another network ({error}): delete it") from None
        for name, value in part(tensors, "average.").items():
            self.averaged[name].copy_(value)
        momentum = part(tensors, "momentum.")
        for name, value in self.model.named_parameters():
            if name in momentum:
                state = {"momentum_buffer": torch.empty_like(value).copy_(momentum[name])}
                self.optimiser.state[value] = state
        self.losses.copy_(tensors["losses"])
        self.done, self.history = progress["steps_done"], progress["history"]
        self.remember()


def write(path: Path, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
    """Write tensors, and what JSON can hold beside them, whole or not at all."""
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    note = {"progress": json.dumps(progress)}
    files.seal(path, lambda part: safetensors.torch.save_file(plain, part, note))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write` wrote; ValueError if the file is damaged or another one, or holds a number that
    is not finite.
    """
    todo = "delete it to start anew"
    try:
        with safetensors.safe_open(path, "pt") as file:
            note = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}): {todo}") from None
    if "progress" not in note:
        raise ValueError(f"{path} is not a training state: move it to another place")
    files.verified(path, todo)
    for name, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(f"{path} holds numbers in {name} that are not finite: {todo}")
    return tensors, json.loads(note["progress"])


def check_finite(model: nn.Module) -> None:
    """ValueError where a weight of a network is NaN or infinite."""
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(f"the network's {name} holds numbers that are not finite")


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


# What a state is made from ------------------------------------------------------------------------


def named(
    place: Path,
    model: nn.Module,
    data: list[Tensor],
    settings: dict[str, Any],
    sources: tuple[str, ...] = SOURCES,
) -> Path:
    """The file `<place>-<hash>.safetensors` of a training state.

    The hash covers the structure and all weights of the network, every value of the data, the
    settings, torch's version and the source code.

    Parameters
    ----------
    place
        Folder and name of the run, e.g. `02_runs/stage1`.
    model, data
        The network before training, and the tensors that it learns from.
    settings
        All else that the result depends on, as JSON can hold it: recipe, seed, precision.
    sources
        Packages and files in `lib/` whose code the result depends on.
    """
    whole = {
        "network": str(model),
        "weights": {name: content(value) for name, value in model.state_dict().items()},
        "data": [content(tensor) for tensor in data],
        "settings": settings,
        "torch": torch.__version__,
        "source": source(*sources),
    }
    key = provenance.digest(json.dumps(whole, sort_keys=True))
    return place.with_name(f"{place.name}-{key}.safetensors")


_known: WeakIdKeyDictionary = WeakIdKeyDictionary()  # tensor -> (version, hash)


def content(tensor: Tensor) -> str:
    """Hash of all values of a tensor; computed once while the tensor exists and does not change.

    (torch counts changes in place; a change through NumPy would not be noticed.)
    """
    version, found = _known.get(tensor, (None, ""))
    if version != tensor._version:
        found = provenance.content_hash(tensor)
        _known[tensor] = tensor._version, found
    return found


@functools.cache
def source(*names: str) -> str:
    """Hash of the source code of packages and files in `lib/`, e.g. `source("models")`."""
    found = hashlib.sha256()
    for name in names:
        path = provenance.ROOT / "lib" / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(f"{file.relative_to(provenance.ROOT)}\n".encode() + file.read_bytes())
    return found.hexdigest()[:16]
