"""Training states on disk: safetensors with a JSON beside, written whole, never pickled."""

import functools
import hashlib
import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from lib import provenance, workspace
from lib.params import TrainParams
from workflow import imports


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
        self.history: list[dict] = []
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
        """Put the running average, if one is kept, in the place of the weights."""
        for name, value in self._values() if self.averaged else []:
            value.copy_(self.averaged[name])

    def remember(self) -> None:
        self.good = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def recall(self) -> None:
        """Back to the last weights remembered."""
        self.model.load_state_dict(self.good)

    def finite(self) -> bool:
        return all(bool(value.isfinite().all()) for _, value in self._values())

    # Files ---------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.averaged.items()}
        for name, value in self.model.named_parameters():
            momentum = self.optimiser.state.get(value, {}).get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum.{name}"] = momentum
        tensors["losses"] = self.losses
        return {k: v.detach().cpu().contiguous() for k, v in tensors.items()}

    def save(self, path: Path, recipe: dict) -> None:
        """Write tensors and progress as one file; a readable copy of the progress beside it."""
        sweep(path)
        progress = {"recipe": recipe, "steps_done": self.done, "history": self.history}
        note = {"progress": json.dumps(progress)}
        tensors = self.tensors()
        workspace.atomically(path, lambda part: safetensors.torch.save_file(tensors, part, note))
        workspace.write_json(path.with_suffix(".json"), progress)

    def load(self, path: Path, recipe: dict) -> None:
        """Continue from a file. ValueError if it is damaged, or of another run."""
        tensors, progress = read(path)
        compare(path, progress["recipe"], recipe)
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


def place(
    folder: Path | None,
    name: str,
    model: nn.Module,
    train: TrainParams,
    size: int,
    seed: int,
    *data: Tensor,
) -> Path | None:
    """Where a run keeps its state: a file of its own for whatever it starts from and learns.

    So a killed run continues and a finished one is not repeated, and one with another recipe,
    other data, other first weights, other code or another torch begins anew beside it. None
    without a folder.
    """
    if folder is None:
        return None
    start = fingerprint(*model.state_dict().values(), *data)
    source = code("lib.training", *modules(model))
    run = f"{source} {start} {train.model_dump_json()} {size} {seed}"
    return folder / f"{name}-{provenance.digest(run)}.safetensors"


@functools.cache
def code(*modules: str) -> str:
    """Digest of the source of modules of `lib`, of all that they import, and of torch's version: a
    state left by other code is not continued."""
    files = set().union(*map(imports.of_module, modules))
    source = b"".join((imports.ROOT / file).read_bytes() for file in sorted(files))
    return provenance.digest(source + torch.__version__.encode())


def modules(model: nn.Module) -> list[str]:
    """Where the code of a network's parts lies: names of Python modules, for `code`.

    A DCN may have a trunk from another module than its own.
    """
    return sorted({type(part).__module__ for part in model.modules()})


def sweep(path: Path) -> None:
    """Remove what a killed process left half written beside a checkpoint."""
    for name in (path.name, path.with_suffix(".json").name):
        for half in path.parent.glob(f".{name}.*.part"):
            half.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and progress of a checkpoint; ValueError if the file is none or is damaged."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            note = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it to start anew") from None
    if "progress" not in note:
        raise ValueError(f"{path} is not a training checkpoint: move it, or name another file")
    return tensors, json.loads(note["progress"])


def compare(path: Path, found: dict, wanted: dict) -> None:
    """ValueError that names what differs between a checkpoint's recipe and this run's."""
    wanted = json.loads(json.dumps(wanted))
    odd = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    if odd:
        pairs = ", ".join(f"{key} {found.get(key)} (now {wanted.get(key)})" for key in odd)
        raise ValueError(f"{path} is of another run, {pairs}: delete it to start anew")


def fingerprint(*tensors: Tensor) -> str:
    """Short digest of data and weights; of big arrays, of 64 rows spread over them."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(str((tuple(tensor.shape), tensor.dtype)).encode())
        if tensor.ndim == 4 and len(tensor):
            tensor = tensor[torch.linspace(0, len(tensor) - 1, 64).long()]
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
