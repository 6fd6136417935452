"""Ways to fill in missing labels: the paper's propagation, variants of it, and other methods.

Notebook 03b compares them as labels, 04b by what a network learns from them. Each takes a `Task`
and gives labels and probabilities; labels of -1 are left out of training.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from torch import Tensor

from lib import propagation, vocabulary
from lib.data.faces import FaceSet
from lib.evaluation import baselines, bootstrap, metrics, results
from lib.experiments import variants
from lib.params import PropagationParams
from lib.propagation import Propagation, fitted


@dataclass(frozen=True)
class Task:
    """What is known when the missing labels of N faces are filled in.

    features (N, D), logits (N, A): of the network. weights (A, D): of its classifiers. labels
    (N, A) int8, -1 where missing. calibration (N, A) int8: labels that neither the network nor
    `labels` has; a few weights are fitted to them, none of them is spread. mirrored (N, A): the
    logits of the mirror images, left and right exchanged; None where no method needs them.
    """

    features: Tensor
    logits: Tensor
    weights: Tensor
    labels: Tensor
    calibration: Tensor
    params: PropagationParams
    mirrored: Tensor | None = None
    seed: int = 0
    device: str | None = None

    @property
    def both(self) -> Tensor:
        """The network's logits (N, A), averaged over a face and its mirror image."""
        return self.logits if self.mirrored is None else (self.logits + self.mirrored) / 2

    @cached_property
    def graph(self) -> propagation.NeighbourGraph:
        """The `params.neighbours` nearest faces of each."""
        return propagation.neighbours(self.features, self.params.neighbours, device=self.device)

    def propagate(self, **changes: object) -> Propagation:
        """Algorithm 2 with `params`, or with some of them changed."""
        params = self.params.model_copy(update=changes)
        return propagation.propagate(
            self.features,
            self.labels,
            self.weights,
            params=params,
            graph=self.graph if params.neighbours <= self.params.neighbours else None,
            seed=self.seed,
            device=self.device,
            logits=self.both,
            calibration=self.calibration,
        )

    def filled(self, probability: Tensor, labels: Tensor | None = None) -> Propagation:
        """Probabilities (N, A) of all faces, with the annotations in their place.

        labels: int8, -1 left out; None: 1 where the probability exceeds one half.
        """
        labels = (probability > 0.5).to(torch.int8) if labels is None else labels
        missing = self.labels < 0
        return Propagation(
            torch.where(missing, labels, self.labels),
            torch.where(missing, probability.float(), self.labels.float()),
            [],
        )


def literal(task: Task) -> Propagation:
    """The paper's own variant, with the neighbours and stopping rule of the profile."""
    return task.propagate(**variants.tried(task.params)[variants.LITERAL].model_dump())


def own(task: Task) -> Propagation:
    """The network's own output; hard, it is the pseudo label of Lee (2013)."""
    return task.filled(task.logits.sigmoid())


def mirrored(task: Task) -> Propagation:
    """The network's output for a face and for its mirror image, averaged."""
    return task.filled(task.both.sigmoid())


def aligned(task: Task) -> Propagation:
    """The network's own output, moved so that its mean over the faces without a label is the class
    frequency of those with one, attribute by attribute (as ReMixMatch, Berthelot et al. 2020)."""
    share, missing = frequency(task.labels), task.labels < 0
    low, high = torch.full_like(share, -30.0), torch.full_like(share, 30.0)
    for _ in range(40):  # bisection; the mean grows with the shift
        middle = (low + high) / 2
        mean = ((task.logits + middle).sigmoid() * missing).sum(0) / missing.sum(0).clamp(min=1)
        low, high = torch.where(mean < share, middle, low), torch.where(mean < share, high, middle)
    return task.filled((task.logits + low).sigmoid())


def confident(task: Task, kept: float = 0.5) -> Propagation:
    """The surest half of the network's own decisions, by class-aware thresholds (CAP, Xie et al.,
    NeurIPS 2023): of each attribute as large a share of positives and of negatives as their class
    has among the annotations, times `kept`. All others are left out."""
    share, labels = frequency(task.labels), torch.full_like(task.labels, -1)
    for a, column in enumerate(task.logits.T):
        missing = (task.labels[:, a] < 0).nonzero()[:, 0]
        ranked = missing[column[missing].argsort(descending=True)]
        top = round(float(share[a]) * kept * len(ranked))
        bottom = round(float(1 - share[a]) * kept * len(ranked))
        labels[ranked[:top], a] = 1
        labels[ranked[len(ranked) - bottom :], a] = 0
    return task.filled(task.logits.sigmoid(), labels)


def vote(task: Task) -> Propagation:
    """Share of positives among the nearest annotated faces."""
    k = task.params.neighbours
    return task.filled(propagation.vote(task.features, task.labels, k, device=task.device))


def spreading(task: Task) -> Propagation:
    """Label spreading (Zhou et al. 2004), scikit-learn's."""
    k = task.params.neighbours
    return task.filled(baselines.label_spreading(task.features, task.labels, k))


def correct_and_smooth(task: Task, strength: float = 0.8, sweeps: int = 50) -> Propagation:
    """Correct and Smooth (Huang et al. 2021) of the network's own output on the graph of faces.

    First the errors on annotated faces are spread to all others, then the corrected probabilities
    and the annotations are smoothed; errors of annotated faces stay fixed ("FDiff-scale", scale 1).
    """
    known, truth = task.labels >= 0, task.labels.clamp(min=0).float()
    base = task.logits.sigmoid()
    fixed = torch.where(known, truth - base, 0)
    mean, symmetric = walks(task.graph)
    error = fixed
    for _ in range(sweeps):
        error = torch.where(known, fixed, strength * torch.from_numpy(mean @ error.numpy()))
    start = torch.where(known, truth, (base + error).clamp(0, 1))
    smooth = start
    for _ in range(sweeps):
        smooth = strength * torch.from_numpy(symmetric @ smooth.numpy()) + (1 - strength) * start
    return task.filled(smooth.clamp(0, 1))


def walks(graph: propagation.NeighbourGraph) -> tuple[sparse.csr_array, sparse.csr_array]:
    """D^-1 W and D^-1/2 W D^-1/2 (N, N) of the symmetric graph whose edges all weigh 1."""
    count, k = graph.index.shape
    rows, columns = np.repeat(np.arange(count), k), graph.index.cpu().numpy().ravel()
    edges = sparse.coo_array((np.ones(len(rows), np.float32), (rows, columns)), (count, count))
    edges = edges.tocsr().maximum(edges.T.tocsr())
    degree = np.maximum(edges.sum(1), 1)
    half = sparse.diags_array(degree**-0.5)
    return sparse.diags_array(1 / degree) @ edges, half @ edges @ half


def platt(task: Task) -> Propagation:
    """Propagation whose log-odds are scaled and shifted to fit the calibration labels (Platt)."""
    odds = task.propagate().posterior.clamp(1e-6, 1 - 1e-6).logit()
    weights = fitted.fit(odds[None], task.calibration)
    return task.filled((odds * weights[0] + weights[1]).sigmoid())


def frequency(labels: Tensor) -> Tensor:
    """Share of positives (A,) among the annotations (N, A); one half where there are none."""
    return torch.from_numpy(metrics.class_frequency(labels)).float().nan_to_num(0.5)


def new_positives(
    labels: Tensor,
    faces: FaceSet,
    attributes: Sequence[str],
    *,
    each: int = 4,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[dict[str, Tensor], pd.DataFrame]:
    """Faces that were given an attribute which no annotator judged (Fig. 6).

    labels: (N, A) after propagation. Returns for each attribute up to `each` of these faces, chosen
    at random, and a table of how many there are and how many are right in percent, with its 95 %
    interval (NaN where the truth is unknown).
    """
    chance, shown, counts = torch.Generator().manual_seed(seed), {}, {}
    for name in attributes:
        a = vocabulary.column(name)
        given = ((labels[:, a] == 1) & (faces.labels[:, a] < 0)).nonzero()[:, 0]
        shown[name] = given[torch.randperm(len(given), generator=chance)[:each]]
        counts[name] = {"given": len(given)} | dict.fromkeys(("right (%)", "low", "high"), math.nan)
        if faces.truth is not None and len(given):
            right = (faces.truth[given, a] == 1).numpy()
            ends = results.ends(bootstrap.share(right, resamples=resamples, seed=seed))
            counts[name] |= {"right (%)": ends.pop("value"), **ends}
    return shown, pd.DataFrame(counts).T


METHODS: dict[str, Callable[[Task], Propagation]] = {
    "propagation": Task.propagate,
    "literal": literal,
    "with class prior": lambda task: task.propagate(class_prior="frequency"),
    "Platt-scaled": platt,
    "fitted": lambda task: task.propagate(potentials="fitted"),
    "own output": own,
    "own output, mirrored": mirrored,
    "own output, aligned": aligned,
    "confident (CAP)": confident,
    "k-NN vote": vote,
    "label spreading": spreading,
    "Correct & Smooth": correct_and_smooth,
}

VIEWS = ("fitted", "own output, mirrored")  # they look at the mirror images too

# What networks are taught in notebook 04b: title -> (method, hard labels or probabilities).
TAUGHT: dict[str, tuple[str, str]] = {
    "literal, hard": ("literal", "hard"),
    "propagation, soft": ("propagation", "soft"),
    "class prior, hard": ("with class prior", "hard"),
    "Platt-scaled, soft": ("Platt-scaled", "soft"),
    "fitted, soft": ("fitted", "soft"),
    "own output, hard": ("own output", "hard"),
    "own output, soft": ("own output", "soft"),
    "own output, mirrored, soft": ("own output, mirrored", "soft"),
    "own output, aligned, soft": ("own output, aligned", "soft"),
    "confident (CAP), hard": ("confident (CAP)", "hard"),
    "k-NN vote, soft": ("k-NN vote", "soft"),
    "label spreading, soft": ("label spreading", "soft"),
    "Correct & Smooth, soft": ("Correct & Smooth", "soft"),
}
