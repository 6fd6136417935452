"""How hard the world is, measured by hand-made baselines alone.

    python -m lib.experiments.calibration --faces 1500 --out world_calibration.csv

The paper says what hand-made features reach on the real sets. The captures in `moments.SOURCES`
(light, blur, noise, compression, pose, occlusion, intensity) and the annotators' noise are set such
that the same features reach about the same here. Seeds from 9000 on are kept for this. No network
and no claim of the paper takes part.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from skimage.feature import local_binary_pattern
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from lib.evaluation.baselines import grey, hog, phog_lpq
from lib.vocabulary import ATTRIBUTES, EXPRESSIONS, GROUPS, TRAITS, column
from lib.world.moments import FRAMES, SEQUENCES
from lib.world.portraits import annotations, faces
from lib.world.relations import kappa
from lib.world.scenes import PARTS, pairs, relation

SEED = 9000
PAPER = {"attributes": 71.0, "gender": 83.2, "pose": 71.6, "expression": 64.5, "age": 77.1}
CELEBA = {  # per cent of CelebA's 202,599 faces, from its own file of attributes
    "gender": 41.7, "smiling": 48.2, "mouth_opened": 48.3, "narrow_eyes": 11.5, "young": 77.4,
    "goatee": 6.3, "no_beard": 83.5, "sideburns": 5.7, "five_oclock_shadow": 11.1, "gray_hair": 4.2,
    "bald": 2.2, "mustache": 4.2,
}  # fmt: skip
TABLE_10 = {  # per cent of the 8,016 pairs of training and test
    "dominant": 6.6, "competitive": 5.2, "trusting": 85.7, "warm": 84.7, "friendly": 93.1,
    "involved": 87.9, "demonstrative": 89.6, "assured": 90.0,
}  # fmt: skip


def svm(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, strength: float = 1e-3
) -> np.ndarray:
    """Labels of a linear SVM on standardised features, classes weighted by their frequency."""
    machine = LinearSVC(C=strength, class_weight="balanced", random_state=0)
    return make_pipeline(StandardScaler(), machine).fit(train, labels).predict(test)


def attributes(count: int) -> list[tuple]:
    """HOG and SVMs on the columns that each source labels: balanced accuracy by group."""
    scores: dict[str, list[float]] = {}
    for source in ("aflw", "celeba", "expw"):
        made = faces(source, range(count), seed=SEED, progress=False)
        features, labels = hog(made.images), made.labels.numpy()
        cut = count * 3 // 4 // 4 * 4  # CelebA's people come in fours
        for name in ATTRIBUTES:
            y = labels[:, column(name)]
            if (
                min(y[:cut].min(), y[cut:].min()) < 0
                or len(set(y[:cut])) < 2
                or len(set(y[cut:])) < 2
            ):
                continue
            found = svm(features[:cut], y[:cut], features[cut:])
            scores.setdefault(name, []).append(100 * balanced_accuracy_score(y[cut:], found))
    one = {name: np.mean(values) for name, values in scores.items()}
    rows = [
        ("24 attributes, HOG+SVM", np.mean(list(one.values())), PAPER["attributes"], 67.0, 75.0)
    ]
    for group, names in GROUPS.items():
        value = np.mean([one[name] for name in names if name in one])
        rows.append((f"{group}, HOG+SVM", value, PAPER[group], PAPER[group] - 7, PAPER[group] + 7))
    return rows


def film_stills(count: int) -> list[tuple]:
    """PHOG+LPQ and an RBF SVM on seven expressions, nobody in both halves."""
    made = faces("sfew", range(count), seed=SEED + 1, progress=False)
    features = phog_lpq(made.images)
    names = [column(name) for name in EXPRESSIONS]
    classes, cut = made.labels.numpy()[:, names].argmax(1), count * 3 // 5 // 5 * 5
    machine = make_pipeline(
        StandardScaler(), SVC(C=10, gamma=0.1 / features.shape[1], class_weight="balanced")
    )
    found = machine.fit(features[:cut], classes[:cut]).predict(features[cut:])
    return [("film stills, PHOG+LPQ", 100 * (found == classes[cut:]).mean(), 35.9, 30.0, 42.0)]


def uniform_lbp(images) -> np.ndarray:
    """LBP as Shan et al. use it: 59 uniform codes, radius 2, 7 x 6 cells of the cropped face."""
    rows = []
    for picture in grey(images):
        face = (picture[8:62, 9:55] * 255).astype(np.uint8)
        codes = local_binary_pattern(face, 8, 2, "nri_uniform").astype(int)
        cells = [c for band in np.array_split(codes, 7) for c in np.array_split(band, 6, 1)]
        rows.append(np.concatenate([np.bincount(c.ravel(), minlength=59) / c.size for c in cells]))
    return np.stack(rows)


def lab_frames(subjects: int) -> list[tuple]:
    """LBP and a linear SVM on six expressions at the peak, nobody in both parts."""
    index = [(s * SEQUENCES + q) * FRAMES + f for s in range(subjects) for q in range(SEQUENCES)
             for f in (FRAMES - 3, FRAMES - 2, FRAMES - 1)]  # fmt: skip
    made = faces("ckplus", index, seed=SEED + 2, progress=False)
    features, classes = uniform_lbp(made.images), made.table["emotion"].to_numpy()
    cut = subjects * 3 // 4 * SEQUENCES * 3
    found = svm(features[:cut], classes[:cut], features[cut:])
    return [("lab frames, LBP+SVM", 100 * (found == classes[cut:]).mean(), 95.1, 85.0, 97.0)]


def movie_pairs(count: int) -> list[tuple]:
    """HOG of both faces and SVMs on eight traits of the movie part; couples come in twos."""
    made = relation("movie", range(count), seed=SEED + 3, progress=False)
    features, labels = np.hstack([hog(made.left), hog(made.right)]), made.labels.numpy()
    cut, scores = count * 3 // 4 // 2 * 2, []
    for i, _ in enumerate(TRAITS):
        if len(set(labels[:cut, i])) == 2 and len(set(labels[cut:, i])) == 2:
            found = svm(features[:cut], labels[:cut, i], features[cut:])
            scores.append(100 * balanced_accuracy_score(labels[cut:, i], found))
    return [("pairs of the movie part, HOG+SVM", np.mean(scores), 59.2, 55.0, 64.0)]


def frequencies(count: int = 4000) -> list[tuple]:
    """Per cent of faces or pairs with an attribute or trait, which need no pictures."""
    given = 100 * annotations("celeba", range(0, 4 * count, 4), seed=SEED).mean(0)
    rows = [(f"frequency of {name}", given[column(name)], real, real * 2 / 3, real * 4 / 3)
            for name, real in CELEBA.items()]  # fmt: skip
    votes = [pairs(part, range(0, count, 2), seed=SEED)[2] for part in PARTS]
    whole = pd.concat(votes)
    rows += [(f"frequency of {name}", 100 * whole[name].mean(), real, real * 2 / 3, real * 4 / 3)
             for name, real in TABLE_10.items()]  # fmt: skip
    kappas = [kappa(whole[f"votes_{name}"].to_numpy()) for name in TRAITS]
    rows.append(("Fleiss' kappa", 100 * np.mean(kappas), 62.0, 55.0, 69.0))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=1500, help="faces or pairs of each measure")
    parser.add_argument("--out", type=Path, default=Path("world_calibration.csv"))
    asked = parser.parse_args()
    rows = []
    for part in (
        lambda: frequencies(),
        lambda: lab_frames(asked.faces // 9),
        lambda: film_stills(asked.faces),
        lambda: attributes(asked.faces),
        lambda: movie_pairs(asked.faces),
    ):
        rows += part()
        table = pd.DataFrame(rows, columns=["measure", "ours", "paper", "low", "high"]).round(1)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(asked.out, index=False)
    print(table.to_string())


if __name__ == "__main__":
    main()
