"""Accuracy by number of training faces (notebook 02b): methods that learn from parts of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lib.data import heldout
from lib.data.faces import FaceSet
from lib.evaluation import baselines, metrics, results
from lib.evaluation.judging import AUC, PAPER, Judge
from lib.experiments import networks
from lib.params import Params

HOG_SVM, NETWORK, REMOVED = "HOG+SVM", "Baseline DCN", "Baseline DCN, prior removed"
FACES = "training faces"  # metric of the two numbers between which `gains` compares
Curve = dict[int, dict[str, Tensor]]  # number of training faces -> method -> logits (N, A)


def part(table: pd.DataFrame, count: int, *, seed: int = 0) -> Tensor:
    """Indices (count,) of some of the faces, ascending; a smaller part is in every larger one.

    table: a row per face with `source` and `identity`. The people of a source are in an order that
    depends on their names and the seed alone, the faces of a person one after another. A part takes
    the first faces of every source, in proportion to its share of all faces, to within a face or
    two. So it has all faces of a person, except of one person of each source at most.
    """
    names = table["identity"].astype(str)
    order = {name: heldout.hash_uniform(f"{seed}/part/{name}") for name in names.unique()}
    source = table["source"].astype(str)
    place = names.map(order).groupby(source).rank(method="first")  # 1, 2, ... in each source
    share = (place - 0.5) / source.groupby(source).transform("size")
    first = np.argsort(share.to_numpy(), kind="stable")[:count]
    return torch.from_numpy(np.sort(first))


def smaller(counts: tuple[int, ...], faces: int) -> list[int]:
    """The counts below the number of faces, ascending."""
    return sorted({count for count in counts if count < faces})


def run(
    train: FaceSet,
    test: FaceSet,
    whole: Tensor,
    params: Params,
    *,
    folder: Path | None = None,
    fabric: Fabric | None = None,
) -> Curve:
    """Logits of the test faces by number of training faces, ascending, and method.

    For each of `evaluation.learning_curve` a network and SVMs learn from that `part` of the faces;
    from all of them the SVMs alone, since that network is there. Every network begins with the same
    weights and has the recipe of stage 1, so fewer faces are also fewer steps. Prints a line for
    each number of faces.

    whole: logits (N, A) of the test faces by the network that learned from all training faces.
    folder: where the states of the trainings are kept, from which a killed run continues; None
    keeps none. fabric: None is one process in float32. ValueError where no labels are held out.
    """
    visible = train.visible
    if visible is None:
        raise ValueError("no labels are held out yet: run notebook 01")
    learned, seen = baselines.hog(train.images), baselines.hog(test.images)
    curve: Curve = {}
    for count in [*smaller(params.evaluation.learning_curve, len(train)), len(train)]:
        index = part(train.table, count, seed=params.seed)
        machines = baselines.fit_svms(learned[index.numpy()], visible[index], seed=params.seed)
        logits = whole
        if count < len(train):
            model, place = networks.dcn(params), folder and folder / f"faces{count}"
            options = {"fabric": fabric, "checkpoint": place, "description": None}
            networks.fit(
                model, train.images[index], visible[index], params.stage1, params, **options
            )
            logits = networks.logits(model, test.images, params, fabric)
        curve[count] = {
            HOG_SVM: torch.from_numpy(machines.scores(seen)).float(),
            NETWORK: logits,
            REMOVED: metrics.prior_removed(logits, metrics.class_frequency(visible[index])),
        }
        print(f"{count:,} faces: trained and measured", flush=True)
    return curve


def rows(curve: Curve, judge: Judge) -> pd.DataFrame:
    """Rows of the long results table: the average of the attributes, subset e.g. `"2500 faces"`.

    Balanced accuracy at 0.5 of all methods, then ROC AUC, which removing the prior cannot change,
    of the others.
    """
    found = []
    for metric, methods in ((PAPER, (HOG_SVM, NETWORK, REMOVED)), (AUC, (HOG_SVM, NETWORK))):
        for count, logits in curve.items():
            scores = {method: logits[method].sigmoid() for method in methods}
            found.append(judge.rows(scores, (metric,), {_subset(count): judge.names}))
    return pd.concat(found, ignore_index=True)


def table(curve: Curve, measured: pd.DataFrame) -> pd.DataFrame:
    """What `rows` gave as value, low and high by metric, method and number of faces."""
    faces = measured["subset"].map({_subset(count): count for count in curve})
    keys = ["metric", "method", "faces"]
    return measured.assign(faces=faces).set_index(keys)[["value", "low", "high"]]


def gains(curve: Curve, judge: Judge) -> pd.DataFrame:
    """Rows of the long results table: ROC AUC from all faces minus that from the fewest, and minus
    that from the next fewer, in points.

    The numbers of faces are in rows of their own. No rows where there is one number only.
    """
    *fewer, all_ = sorted(curve)
    if not fewer:
        return pd.DataFrame(columns=list(results.RESULTS))
    parts = {"fewest": fewer[0], "next fewer": fewer[-1], "all": all_}
    found = [results.rows(FACES, parts, by="subset", unit="count")]
    for method in (HOG_SVM, NETWORK):
        scores = {
            f"{method}, {part} faces": curve[count][method].sigmoid()
            for part, count in parts.items()
        }
        whole, *rest = reversed(scores)
        found.append(judge.difference_rows(scores, [(whole, part) for part in rest], (AUC,)))
    return pd.concat(found, ignore_index=True)


def _subset(count: int) -> str:
    return f"{count} faces"
