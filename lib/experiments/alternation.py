"""Stage 2 of Algorithm 1: attribute propagation and representation learning in turn (Fig. 4)."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib import propagation, training
from lib.data.faces import FaceSet
from lib.experiments import networks, pseudo_labels
from lib.models import DCN
from lib.params import AlternationParams, Params
from lib.training import checkpoints, processes
from lib.workspace.provenance import device

NAME = "DCN+AP"
NOTHING = "control"  # a filling that trains on the true labels alone
SOURCES = (
    *checkpoints.SOURCES,
    "propagation",
    "experiments/alternation.py",
    "experiments/pseudo_labels.py",
)


@dataclass(frozen=True)
class Round:
    """What one iteration m leaves.

    logits: (N - T, A) float32 of the other faces, those for testing, after refinement.
    labels, posterior: (T, A) int8 and float32 of the T training faces, that the network was
        refined with.
    trace: numbers of the round, a row of `table`.
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
    filling: str = "propagation",
    calibration: Tensor | None = None,
    folder: Path | None = None,
    fabric: Fabric | None = None,
) -> list[Round]:
    """M times: extract features, propagate, refine the network on true and pseudo labels.

    Parameters
    ----------
    model
        The DCN of stage 1; refined in place.
    images, labels
        (N, 3, S, S) uint8 and (N, A) int8, -1 where missing, of all faces.
    train
        (N,) bool: the faces that propagate and are learnt from. Of the others the logits of every
        round are computed.
    filling
        Where missing labels come from: a name in `pseudo_labels.METHODS`, or `control`, which
        trains on the true labels alone.
    calibration
        (N, A) int8: labels held out, for the methods that fit a few weights to them.
    folder
        Keeps every round, so that a killed run continues after the last one; a run from other
        weights, faces, labels, parameters, code or precision begins anew (`checkpoints.named`).
    """
    fabric = fabric or processes.single(params)
    chosen = train.nonzero()[:, 0]
    pixels, known, tested = images[chosen], labels[chosen], images[~train]
    fitting = torch.full_like(known, -1) if calibration is None else calibration[chosen]
    files = _files(folder, model, [images, known, train, fitting], params, filling, fabric)
    rounds = _resume(model, files)
    for m in range(len(rounds) + 1, params.stage2.iterations + 1):
        inferred = _infer(model, pixels, known, fitting, params, m, filling, fabric)
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
            description=f"{filling} m={m}",
        )
        logits = training.extract(model, tested, size=params.model.size, fabric=fabric)[1]
        rounds.append(_round(m, logits, known, inferred, history, rounds))
        if files:
            _save(files[m - 1], model, rounds[-1])
    return rounds


def taught(
    weights: dict[str, Tensor],
    faces: FaceSet,
    train: Tensor,
    params: Params,
    filling: str,
    targets: str,
    **options: Any,
) -> list[Round]:
    """Stage 2 from stage-1 weights, with one kind of pseudo labels: a method of `pseudo_labels`, as
    `hard` labels or `soft` probabilities. options: of `alternate`."""
    model = networks.dcn(params)
    model.load_state_dict(weights)
    stage2 = params.stage2.model_copy(update={"targets": targets})
    params = params.model_copy(update={"stage2": stage2})
    if faces.visible is None:
        raise ValueError("which labels may be seen is not decided yet: notebook 01 does it")
    return alternate(
        model, faces.images, faces.visible, train, params=params, filling=filling, **options
    )


def aim(
    known: Tensor, inferred: propagation.Propagation | None, params: AlternationParams
) -> tuple[Tensor, Tensor]:
    """Targets and their weights in the loss, (T, A) each: missing labels filled, true ones kept.

    `targets: hard` takes the inferred label, as the paper does, `soft` the posterior itself.
    known: (T, A) int8, -1 where missing; inferred: None fills nothing.
    """
    if inferred is None:
        return known.float(), torch.ones(known.shape)
    hard = inferred.labels.float()
    filled = hard if params.targets == "hard" else inferred.posterior.where(hard >= 0, -1)
    weights = torch.where(known < 0, params.pseudo_weight, 1.0)
    return torch.where(known < 0, filled, known.float()), weights


def table(rounds: list[Round]) -> pd.DataFrame:
    """The trace of all rounds, one row per m.

    loss: of the refinement's last epoch, nats per label; sweeps: of Algorithm 2; still moving:
    attributes that had not converged after the last sweep; flipped: share of the pseudo labels
    that differ from those of the round before, NaN in the first; positive: share that is 1.
    """
    return pd.DataFrame([each.trace for each in rounds]).set_index("m")


def _infer(
    model: DCN,
    pixels: Tensor,
    known: Tensor,
    calibration: Tensor,
    params: Params,
    m: int,
    filling: str,
    fabric: Fabric,
) -> propagation.Propagation | None:
    if filling == NOTHING:
        return None
    size, mirrored = params.model.size, None
    features, logits = training.extract(model, pixels, size=size, fabric=fabric)
    if filling in pseudo_labels.VIEWS:
        mirrored = training.extract(model, pixels, size=size, mirror=True, fabric=fabric)[1]
    task = pseudo_labels.Task(
        features,
        logits,
        model.heads.weight.detach().cpu(),
        known,
        calibration,
        params.propagation,
        mirrored,
        seed=params.seed + m - 1,
        device="auto" if device(params) == "cuda" else None,
    )
    return pseudo_labels.METHODS[filling](task)


def _round(
    m: int,
    logits: Tensor,
    known: Tensor,
    inferred: propagation.Propagation | None,
    history: pd.DataFrame,
    before: list[Round],
) -> Round:
    trace = {"m": m, "loss": float(history["loss"].iloc[-1])}
    if inferred is None:
        return Round(logits, known, known.float(), trace)
    missing, flipped = known < 0, math.nan
    if before:
        flipped = float((inferred.labels != before[-1].labels)[missing].float().mean())
    trace["sweeps"] = len(inferred.trace)
    trace["still moving"] = inferred.moving
    trace["flipped"] = flipped
    trace["positive"] = float((inferred.labels == 1)[missing].float().mean())
    return Round(logits, inferred.labels, inferred.posterior, trace)


# Resuming -----------------------------------------------------------------------------------------


def _files(
    folder: Path | None,
    model: DCN,
    data: list[Tensor],
    params: Params,
    filling: str,
    fabric: Fabric,
) -> list[Path]:
    """The file of every round; empty where none is kept."""
    if folder is None:
        return []
    settings = params.model_dump(mode="json", include={"seed", "model", "propagation", "stage2"})
    settings |= {"filling": filling, "precision": processes.precision(fabric)}
    first = checkpoints.named(folder / "round", model, data, settings, SOURCES)
    return [
        first.with_stem(f"{first.stem}-m{m:02d}") for m in range(1, params.stage2.iterations + 1)
    ]


def _save(path: Path, model: DCN, done: Round) -> None:
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    tensors |= {"logits": done.logits, "labels": done.labels, "posterior": done.posterior}
    checkpoints.write(path, tensors, done.trace)


def _resume(model: DCN, files: list[Path]) -> list[Round]:
    """The rounds that are stored; the network gets the weights of the last of them."""
    rounds: list[Round] = []
    for path in files:
        if not path.exists():
            break
        tensors, trace = checkpoints.read(path)
        model.load_state_dict(checkpoints.part(tensors, "model."))
        rounds.append(Round(tensors["logits"], tensors["labels"], tensors["posterior"], trace))
    return rounds
