"""The data of the site's page to play with: some training faces, and how labels reach them.

Everything is computed from the artifacts of notebooks 01 to 03 of a profile. The page is static and
opens from a folder, where a browser reads no JSON: the data are a script, the faces two pictures.
"""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy.optimize import linear_sum_assignment
from sklearn.manifold import TSNE
from torch import Tensor

from lib import propagation, vocabulary
from lib.data import heldout
from lib.data.faces import FaceSet
from lib.experiments import variants
from lib.params import PropagationParams
from lib.propagation import NeighbourGraph
from lib.workspace import Workspace

NEEDED = ("01_faces/table.parquet", "02_features/keys.parquet", "02_dcn.safetensors")
FACES, COLUMNS = 300, 20  # on the map
LARGE, SMALL = 72, 36  # px, faces on the map and those that are only neighbours
HEAVIEST = 1_900_000  # bytes of both pictures; with the numbers the page stays below 3 MB
TERMS = ("unary", "prior", "pairwise")


@dataclass(frozen=True)
class Task:
    """What is propagated: all training faces, and which of them the page shows.

    shown: the faces on the map, in the order of its cells, then neighbours that are not on it.
    """

    faces: FaceSet
    features: Tensor
    weights: Tensor
    graph: NeighbourGraph
    shown: Tensor
    on_map: int
    cells: list[int]


def write(work: Workspace, folder: Path) -> bool:
    """Write `data.js`, `faces.jpg` and `neighbours.jpg`; False where an artifact is missing."""
    wanted = [work.root / "artifacts" / name for name in (*NEEDED, f"{variants.FILE}.json")]
    if absent := [str(path) for path in wanted if not path.exists()]:
        print(f"the page Explore is left out: no {absent[0]} (run notebooks 01 to 03)")
        return False
    folder.mkdir(parents=True, exist_ok=True)
    task = prepare(work)
    large, small = task.shown[: task.on_map], task.shown[task.on_map :]
    for quality in (80, 65, 50, 35):
        pictures = {
            "faces.jpg": sprite(task.faces.images[large], LARGE, quality),
            "neighbours.jpg": sprite(task.faces.images[small], SMALL, quality),
        }
        if sum(map(len, pictures.values())) <= HEAVIEST:
            break
    for name, picture in pictures.items():
        (folder / name).write_bytes(picture)
    data = json.dumps(described(work, task), separators=(",", ":"))
    (folder / "data.js").write_text(f"window.EXPLORE={data};\n")
    return True


def prepare(work: Workspace) -> Task:
    """Load what notebooks 01 to 03 left, and choose and lay out the faces."""
    faces = FaceSet.load(work.existing("artifacts", "01_faces")).where(split="train")
    features = work.load_rows("02_features", list(faces.table["key"]))["features"]
    weights = work.load_tensors("02_dcn")["heads.weight"]
    widest = max(each.neighbours for each in compared(work).values())
    graph = propagation.neighbours(features, widest)
    chosen = evenly(faces.table["source"], FACES, work.params.seed)
    cells = mosaic(features[chosen], COLUMNS, work.params.seed)
    chosen = chosen[np.argsort(cells)]
    near = graph.nearest(work.params.propagation.neighbours).index[chosen].unique()
    others = near[~torch.isin(near, chosen)]
    shown = torch.cat([chosen, others])
    return Task(faces, features, weights, graph, shown, len(chosen), sorted(cells.tolist()))


def compared(work: Workspace) -> dict[str, PropagationParams]:
    """The variants of Algorithm 2 on the page by name: literal, and last the one used."""
    tried = variants.tried(work.params.propagation)
    note = work.load_json(variants.FILE)
    named = {"literal": tried[variants.LITERAL]}
    used = PropagationParams.model_validate(note["propagation"])
    return {name: each for name, each in named.items() if each != used} | {note["name"]: used}


def evenly(source: pd.Series, count: int, seed: int) -> Tensor:
    """About `count` rows, the same number of each source as far as there are, in random order."""
    order = np.random.default_rng(seed).permutation(len(source))
    rank = source.iloc[order].groupby(source.iloc[order]).cumcount().to_numpy()
    return torch.from_numpy(order[np.argsort(rank, kind="stable")][:count].copy())


def mosaic(features: Tensor, columns: int, seed: int) -> np.ndarray:
    """A cell of a grid for every face (N,), so that alike faces are close: t-SNE, then the
    assignment of points to cells with the smallest sum of squared distances."""
    count = len(features)
    rows = -(-count // columns)
    near = min(30.0, (count - 1) / 3)
    flat = TSNE(perplexity=near, init="pca", random_state=seed).fit_transform(features.numpy())
    ranked = flat.argsort(0).argsort(0) / max(count - 1, 1)  # spread evenly in both directions
    grid = np.stack(np.divmod(np.arange(rows * columns), columns)[::-1], 1) + 0.5
    grid = grid / (columns, rows)
    cost = ((ranked[:, None] - grid[None]) ** 2).sum(2)
    return linear_sum_assignment(cost)[1]


def sprite(images: Tensor, size: int, quality: int) -> bytes:
    """Faces (N, 3, S, S) uint8 as one JPEG, `COLUMNS` a row, each `size` pixels wide."""
    rows = max(1, -(-len(images) // COLUMNS))
    sheet = Image.new("RGB", (COLUMNS * size, rows * size))
    for place, image in enumerate(images):
        face = Image.fromarray(image.permute(1, 2, 0).numpy()).resize(
            (size, size), Image.Resampling.LANCZOS
        )
        sheet.paste(face, (place % COLUMNS * size, place // COLUMNS * size))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


def described(work: Workspace, task: Task) -> dict[str, Any]:
    """Everything the page shows, as JSON; arrays are base64 of their bytes, rows as in `shown`."""
    titles = [vocabulary.positive(name) for name in vocabulary.ATTRIBUTES]
    graph = task.graph.nearest(work.params.propagation.neighbours)
    place = {face: row for row, face in enumerate(task.shown.tolist())}
    near = graph.index[task.shown[: task.on_map]]
    truth = heldout.reference(task.faces)
    sources = list(dict.fromkeys(task.faces.table["source"]))
    origin = task.faces.table["source"].map(sources.index).to_numpy()[task.shown]
    return {
        "profile": work.params.profile,
        "columns": COLUMNS,
        "sizes": [LARGE, SMALL],
        "onMap": task.on_map,
        "cells": task.cells,
        "attributes": titles,
        "groups": {group: len(names) for group, names in vocabulary.GROUPS.items()},
        "sources": [vocabulary.title(name) for name in sources],
        "source": origin.tolist(),
        "hiddenTruth": task.faces.truth is not None,
        "neighbours": [[place[face] for face in row] for row in near.tolist()],
        "annotation": packed(seen(task)[task.shown].to(torch.int8)),
        "truth": packed(truth[task.shown].to(torch.int8)),
        "variants": [
            variant(task, name, each, work.params.seed) for name, each in compared(work).items()
        ],
    }


def variant(task: Task, name: str, params: PropagationParams, seed: int) -> dict[str, Any]:
    """One variant: the posterior of every sweep, and the weighted log-odds of the last one."""
    sweeps = list(history(task, params, seed))
    on_map = task.shown[: task.on_map]
    tie = propagation.affinity(task.graph.nearest(params.neighbours), symmetric=params.symmetric)
    posteriors = torch.stack([posterior[on_map] for posterior, _ in sweeps])
    last, terms = sweeps[-1]
    return {
        "name": name,
        "changed": params.model_dump(exclude_defaults=True, exclude={"choice"}, mode="json"),
        "sweeps": len(sweeps),
        "posterior": packed((255 * posteriors).round().to(torch.uint8)),
        "last": packed((255 * last[task.shown]).round().to(torch.uint8)),
        "terms": packed(terms[on_map].float()),
        "affinity": (1e4 * tie[on_map]).round().div(1e4).tolist(),
    }


def history(task: Task, params: PropagationParams, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Posterior (N, A) and weighted log-odds (N, A, 3) of every sweep, first of the initial vote.

    Those of a sweep follow from the labels after the one before (Eqn. 11).
    """
    visible, given = seen(task), (task.features, seen(task), task.weights)
    start = propagation.vote(task.features, visible, params.neighbours)
    labels = [torch.where(visible < 0, (start > 0.5).to(visible.dtype), visible)]
    propagation.propagate(
        *given,
        params=params,
        graph=task.graph,
        seed=seed,
        watch=lambda _, now, __: labels.append(now.clone()),
    )
    scale = (params.unary_weight, params.prior_weight, params.pairwise_weight)
    yield start, torch.zeros(*visible.shape, 3)
    for before in labels[:-1]:
        parts = propagation.terms(*given, before, task.graph, params)
        terms = torch.stack([w * part for w, part in zip(scale, parts, strict=True)], 2)
        posterior = torch.where(visible < 0, terms.sum(2).sigmoid(), visible.float())
        yield posterior, terms


def seen(task: Task) -> Tensor:
    """The labels (N, 24) that propagation sees."""
    visible = task.faces.visible
    return task.faces.labels if visible is None else visible


def packed(values: Tensor) -> str:
    """An array's bytes, little-endian, in base64."""
    return base64.b64encode(np.ascontiguousarray(values.numpy()).tobytes()).decode()
