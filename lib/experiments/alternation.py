"""Stage 2 of Algorithm 1: attribute propagation and representation learning in turn (Fig. 4)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import safetensors
import safetensors.torch
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib import propagation, provenance, training, workspace
from lib.evaluation import baselines
from lib.models import DCN
from lib.params import AlternationParams, Params
from lib.provenance import device
from lib.training import checkpoints, processes

Filling = Literal["propagation", "network", "nothing"]
NAMES = {"propagation": "DCN+AP", "network": "own labels", "nothing": "control"}


@dataclass(frozen=True)
class Round:
    """What one iteration m leaves.

    logits: (N, A) float32 of all faces, after refinement; labels (T, A) int8 and posterior
    (T, A) float32 of the T training faces that it was refined with; trace: its numbers.
    """

    logits: Tensor
    labels: Tensor
    posterior: Tensor
    trace: dict[str, float]


def alternate(
    model: DCN,
    images: Tensor,
    labels: Tensor,
    train: Tensor,
    *,
    params: Params,
    filling: Filling = "propagation",
    folder: Path | None = None,
    fabric: Fabric | None = None,
) -> list[Round]:
    """M times: extract features, propagate, refine the network on true and pseudo labels.

    images (N, 3, S, S) uint8 and labels (N, A) int8, -1 where missing, of all faces; train (N,)
    bool: those that take part. The others are only looked at, for the logits of every round.
    model: from stage 1, refined in place.
    filling: where missing labels come from: `propagation`; the `network`'s own decisions, Lee's
        pseudo labels; `nothing`, which trains on the true labels alone: the control.
    folder: keeps every round, so that a killed run continues after the last one; what was made
        from other weights, faces, labels, parameters or code, or in another precision, is made
        anew.
    """
    fabric = fabric or processes.single(params)
    chosen = train.nonzero()[:, 0]
    pixels, known = images[chosen], labels[chosen]
    precision = processes.precision(fabric)
    recipe = _recipe(model, params, precision, filling, images, known, train)
    rounds = _resume(model, folder, recipe)
    for m in range(len(rounds) + 1, params.stage2.iterations + 1):
        inferred = _infer(model, pixels, known, params, m, filling, fabric)
        targets, weights = aim(known, inferred, params.stage2)
        history = training.fit(
            model,
            pixels,
            targets,
            train=params.stage2.refine,
            size=params.model.size,
            seed=params.seed + 1000 * m,
            weights=weights,
            fabric=fabric,
            description=f"{NAMES[filling]} m={m}",
        )
        logits = training.extract(model, images, size=params.model.size, fabric=fabric)[1]
        rounds.append(_round(m, logits, known, inferred, history, rounds))
        if folder is not None:
            _save(folder / f"m{m:02d}.safetensors", model, rounds[-1], recipe)
    return rounds


def aim(
    known: Tensor, inferred: propagation.Propagation | None, params: AlternationParams
) -> tuple[Tensor, Tensor]:
    """Targets (T, A) and their weights in the loss: true labels as they are, pseudo labels beside.

    `targets: hard` takes the inferred label, as the paper does, `soft` the posterior itself.
    """
    if inferred is None:
        return known.float(), torch.ones(known.shape)
    filled = inferred.labels.float() if params.targets == "hard" else inferred.posterior
    weights = torch.where(known < 0, params.pseudo_weight, 1.0)
    return torch.where(known < 0, filled, known.float()), weights


def table(rounds: list[Round]) -> pd.DataFrame:
    """The trace of all rounds, one row per m."""
    return pd.DataFrame([each.trace for each in rounds]).set_index("m")


def _infer(
    model: DCN, pixels: Tensor, known: Tensor, params: Params, m: int, filling: Filling, fabric
) -> propagation.Propagation | None:
    if filling == "nothing":
        return None
    features, logits = training.extract(model, pixels, size=params.model.size, fabric=fabric)
    if filling == "network":
        posterior = torch.where(known < 0, logits.sigmoid(), known.float())
        return propagation.Propagation(baselines.lee(logits, known), posterior, [])
    weights = model.heads.weight.detach().cpu()
    seed = params.seed + m - 1
    return propagation.propagate(
        features,
        known,
        weights,
        params=params.propagation,
        seed=seed,
        device="auto" if device(params) == "cuda" else None,
    )


def _round(m: int, logits: Tensor, known: Tensor, inferred, history, before: list[Round]) -> Round:
    trace = {"m": m, "loss": float(history["loss"].iloc[-1])}
    if inferred is None:
        return Round(logits, known, known.float(), trace)
    missing = known < 0
    earlier = before[-1].labels if before else inferred.labels
    trace["sweeps"] = len(inferred.trace)
    trace["flipped"] = float((inferred.labels != earlier)[missing].float().mean())
    trace["positive"] = float(inferred.labels[missing].float().mean())
    return Round(logits, inferred.labels, inferred.posterior, trace)


# Resuming -----------------------------------------------------------------------------------------


def _recipe(model: DCN, params: Params, precision: str, filling: Filling, *data: Tensor) -> str:
    """Digest of all that a round depends on: stage-1 weights, faces, labels, parameters, code."""
    start = checkpoints.fingerprint(*model.state_dict().values(), *data)
    used = params.model_dump_json(include={"seed", "model", "propagation", "stage2"})
    code = checkpoints.code(__name__, *checkpoints.modules(model))
    return provenance.digest(f"{start} {used} {precision} {filling} {code}")


def _save(path: Path, model: DCN, done: Round, recipe: str) -> None:
    tensors = {f"model.{key}": value.cpu() for key, value in model.state_dict().items()}
    tensors |= {"logits": done.logits, "labels": done.labels, "posterior": done.posterior}
    tensors = {key: value.contiguous() for key, value in tensors.items()}
    note = {"recipe": recipe, "trace": json.dumps(done.trace)}
    workspace.atomically(path, lambda part: safetensors.torch.save_file(tensors, part, note))


def _resume(model: DCN, folder: Path | None, recipe: str) -> list[Round]:
    """The rounds that lie in a folder, and the network as the last of them left it."""
    rounds: list[Round] = []
    while folder and (path := folder / f"m{len(rounds) + 1:02d}.safetensors").exists():
        with safetensors.safe_open(path, "pt") as file:
            note = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        if note["recipe"] != recipe:
            break
        state = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        model.load_state_dict(state)
        parts = (tensors[name] for name in ("logits", "labels", "posterior"))
        rounds.append(Round(*parts, json.loads(note["trace"])))
    return rounds
