"""How hard the embedded world is, measured by hand-made features alone.

The paper says what hand-made features reach on the real datasets. The captures of the world
(`lib.world.moments`: light, blur, noise, compression, pose, occlusion, intensity) and its
annotators' errors are set such that the same features reach about the same here. Seeds from `SEED`
on are kept for this; no network and no claim of the paper takes part.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from torch import Tensor

from lib import vocabulary, world
from lib.evaluation import metrics
from lib.evaluation.baselines import fit_expressions, fit_svms, hog, lbp, phog_lpq
from lib.evaluation.claims import reported
from lib.evaluation.probes import REAL_SHARES
from lib.world.scenes import PARTS, pairs

SEED = 9000
SIZE = 64  # px


class Measure(NamedTuple):
    """One measure in per cent: ours, the paper's or the real dataset's, and the range wanted."""

    measure: str
    ours: float
    paper: float
    low: float
    high: float


def measure(faces: int = 1500, *, progress: bool = False) -> pd.DataFrame:
    """Every measure of the calibration; columns measure, ours, paper, low, high (per cent).

    faces: of each source (of CK+: at the peak), and pairs; three quarters are for training.
    progress: show a bar while faces are rendered.
    """
    rows = attributes(faces, progress)
    rows += [film_stills(faces, progress), lab_frames(faces // 9, progress)]
    rows += [movie_pairs(faces, progress), *frequencies()]
    return pd.DataFrame(rows).round(1)


def attributes(count: int, progress: bool = False) -> list[Measure]:
    """HOG and linear SVMs on the attributes that each source labels: balanced accuracy."""
    scores = []
    cut = count * 3 // 4 // 4 * 4  # CelebA's people come in fours
    for source in vocabulary.FACE_SOURCES:
        made = world.faces(source, range(count), seed=SEED, size=SIZE, progress=progress)
        scores.append(_balanced(hog(made.images), made.labels, cut))
    each = pd.DataFrame(scores, columns=list(vocabulary.ATTRIBUTES)).mean()  # over sources
    published = reported("table05").T["HOG+SVM"]
    rows = [Measure("24 attributes, HOG+SVM", float(each.mean()), 71.0, 67.0, 75.0)]
    for group, names in vocabulary.GROUPS.items():
        value, titles = float(each[list(names)].mean()), [vocabulary.title(name) for name in names]
        paper = round(float(published[titles].mean()), 1)
        rows.append(Measure(f"{group}, HOG+SVM", value, paper, paper - 7, paper + 7))
    return rows


def film_stills(count: int, progress: bool = False) -> Measure:
    """PHOG+LPQ and an RBF SVM on seven expressions: accuracy, no person in both parts."""
    made = world.faces("sfew", range(count), seed=SEED + 1, size=SIZE, progress=progress)
    columns = vocabulary.columns(vocabulary.EXPRESSIONS)
    classes = made.labels[:, columns].numpy().argmax(1)
    right = _recognised(phog_lpq(made.images), classes, made.table["identity"], 0.6)
    return Measure("film stills, PHOG+LPQ", right, 35.9, 30.0, 42.0)


def lab_frames(subjects: int, progress: bool = False) -> Measure:
    """LBP and an RBF SVM on six expressions at the peak: accuracy, no subject in both parts."""
    frames = np.arange(subjects * world.SEQUENCES * world.FRAMES)
    peak = frames[frames % world.FRAMES >= world.FRAMES - 3]
    made = world.faces("ckplus", peak, seed=SEED + 2, size=SIZE, progress=progress)
    classes = made.table["emotion"].astype("category").cat.codes.to_numpy()
    right = _recognised(lbp(made.images), classes, made.table["identity"], 0.75)
    return Measure("lab frames, LBP+SVM", right, 95.1, 85.0, 97.0)


def movie_pairs(count: int, progress: bool = False) -> Measure:
    """HOG of both faces and linear SVMs on eight traits of the movie part: balanced accuracy.

    Rare traits make this measure uncertain, so that each quarter of the couples is tested in turn.
    """
    made = world.relation("movie", range(count), seed=SEED + 3, size=SIZE, progress=progress)
    features = np.hstack([hog(made.left), hog(made.right)])
    quarter = count // 4 // 2 * 2  # couples come in twos
    found = []
    for turn in range(4):
        order = np.roll(np.arange(4 * quarter), turn * quarter)
        found.append(_balanced(features[order], made.labels[order], 3 * quarter))
    return Measure("movie pairs, HOG+SVM", float(np.nanmean(found)), 59.2, 55.0, 64.0)


def frequencies(count: int = 4000) -> list[Measure]:
    """Shares of faces and pairs with an attribute or trait, and Fleiss' kappa; no pictures."""
    given = world.annotations("celeba", range(0, 4 * count, 4), seed=SEED).mean(0)
    voted = pd.concat([pairs(part, range(0, count, 2), seed=SEED)[2] for part in PARTS])
    celeba, pair_counts = REAL_SHARES["celeba"].dropna(), reported("table10")
    positive = pair_counts.filter(like="#positive").sum(axis=1) / pair_counts.sum(axis=1)
    rows = []
    for name, share in [*celeba.items(), *positive.items()]:
        ours = voted[name].mean() if name in voted else given[vocabulary.column(str(name))]
        real = float(np.round(100 * share, 1))
        ends = real * 2 / 3, min(real * 4 / 3, 100)
        title = f"frequency of {vocabulary.positive(str(name))}"
        rows.append(Measure(title, 100 * float(ours), real, *ends))
    agreed = np.mean(
        [metrics.fleiss_kappa(voted[f"votes_{name}"].to_numpy()) for name in vocabulary.TRAITS]
    )
    return [*rows, Measure("Fleiss' kappa", 100 * float(agreed), 62.0, 55.0, 69.0)]


def _balanced(features: np.ndarray, labels: Tensor, cut: int) -> np.ndarray:
    """Balanced accuracy (per cent) of each label on the rows from `cut` on, (A,); NaN where a label
    is missing or has one class only."""
    machines = fit_svms(features[:cut], labels[:cut])
    found = metrics.per_attribute(labels[cut:], machines.scores(features[cut:]), threshold=0)
    learnt = [machine is not None for machine in machines.machines]
    return np.where(learnt, 100 * found, np.nan)


def _recognised(
    features: np.ndarray, classes: np.ndarray, people: pd.Series, share: float
) -> float:
    """Per cent right on the last people, after training on the first `share` of them."""
    names = people.unique()
    first = people.isin(names[: int(share * len(names))]).to_numpy()
    machine = fit_expressions(features[first], classes[first], people=people[first].to_numpy())
    return 100 * float((machine.predict(features[~first]) == classes[~first]).mean())
