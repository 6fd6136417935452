"""What the paper compares with, on libraries: hand-made features with SVMs, and other ways to
fill in missing labels."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import convolve2d
from skimage.color import rgb2gray
from skimage.feature import hog as skimage_hog
from skimage.feature import local_binary_pattern
from skimage.transform import resize
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC, LinearSVC
from torch import Tensor

SIDE = 64  # px, to which every face is brought before its features are taken


def grey(images: Tensor) -> Iterator[np.ndarray]:
    """(N, 3, S, S) uint8 -> N pictures (64, 64) float32 in [0, 1].

    One at a time: as float64, the paper's faces would take 500 GB.
    """
    for image in images:
        picture = rgb2gray(image.permute(1, 2, 0).numpy())  # (S, S)
        picture = picture if len(picture) == SIDE else resize(picture, (SIDE, SIDE))
        yield picture.astype(np.float32)


def hog(images: Tensor) -> np.ndarray:
    """Histograms of oriented gradients: 9 orientations, cells of 8 px, blocks of 2 x 2 cells.

    (N, 3, S, S) uint8 -> (N, 1764) float32.
    """
    options = {"orientations": 9, "pixels_per_cell": (8, 8), "cells_per_block": (2, 2)}
    return np.stack([skimage_hog(p, **options).astype(np.float32) for p in grey(images)])


def lbp(images: Tensor, cells: int = 4) -> np.ndarray:
    """Histograms of uniform local binary patterns (8 neighbours, radius 1) in cells x cells.

    (N, 3, S, S) uint8 -> (N, 10 cells^2) float32.
    """
    rows = []
    for picture in grey(images):
        codes = local_binary_pattern((picture * 255).astype(np.uint8), 8, 1, "uniform").astype(int)
        rows.append(cell_histograms(codes, 10, cells))
    return np.stack(rows)


def phog(images: Tensor, levels: int = 3) -> np.ndarray:
    """Pyramid of HOG: 8 orientations over 1, 2 x 2 and 4 x 4 cells; -> (N, 168) float32."""
    cells = [(SIDE // 2**level,) * 2 for level in range(levels)]
    options = {"orientations": 8, "cells_per_block": (1, 1)}
    rows = []
    for picture in grey(images):
        parts = [skimage_hog(picture, pixels_per_cell=cell, **options) for cell in cells]
        rows.append(np.concatenate(parts).astype(np.float32))
    return np.stack(rows)


def lpq(images: Tensor, window: int = 7, cells: int = 4) -> np.ndarray:
    """Local phase quantisation (Ojansivu and Heikkila 2008): signs of four low frequencies.

    (N, 3, S, S) uint8 -> (N, 256 cells^2) float32, histograms of the 8-bit codes.
    """
    place = np.arange(window) - window // 2
    wave = np.exp(-2j * np.pi * place / window)
    flat = np.ones(window)
    filters = [(flat, wave), (wave, flat), (wave, wave), (wave, wave.conj())]  # (rows, columns)
    rows = []
    for picture in grey(images):
        codes = np.zeros((SIDE - window + 1,) * 2, dtype=int)
        for bit, (down, across) in enumerate(filters):
            answer = convolve2d(convolve2d(picture, down[:, None], "valid"), across[None], "valid")
            codes += (answer.real > 0) * 4**bit + (answer.imag > 0) * 2 * 4**bit
        rows.append(cell_histograms(codes, 256, cells))
    return np.stack(rows)


def phog_lpq(images: Tensor) -> np.ndarray:
    """Both, "concatenated to form the feature of a face" (Section 6.1): (N, 4264) float32."""
    return np.concatenate([phog(images), lpq(images)], 1)


def cell_histograms(codes: np.ndarray, values: int, cells: int) -> np.ndarray:
    """Share of each code in each of cells x cells parts of a picture of codes."""
    parts = [p for band in np.array_split(codes, cells) for p in np.array_split(band, cells, 1)]
    return np.concatenate(
        [np.bincount(part.ravel(), minlength=values) / part.size for part in parts]
    ).astype(np.float32)


@dataclass(frozen=True)
class SVMs:
    """One linear SVM per attribute; None where training knew a single class."""

    machines: tuple[Pipeline | None, ...]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Decision values (N, A), positive where the attribute is; 0 where nothing was learnt."""
        zeros = np.zeros(len(features))
        columns = [m.decision_function(features) if m else zeros for m in self.machines]
        return np.stack(columns, 1)


def fit_svms(
    features: np.ndarray, labels: Tensor | np.ndarray, *, strength: float = 1.0e-3, seed: int = 0
) -> SVMs:
    """Linear SVMs on (N, F) for labels (N, A) in {-1, 0, 1}; missing ones are left out.

    "we adjusted the weight of each class as inversely proportional to the class frequency"
    (Section 6.1). strength: C, small for standardised features.
    """
    machines = []
    for column in np.asarray(labels).T:
        known = column >= 0
        if len(np.unique(column[known])) < 2:
            machines.append(None)
            continue
        machine = LinearSVC(C=strength, class_weight="balanced", dual=True, random_state=seed)
        machines.append(
            make_pipeline(StandardScaler(), machine).fit(features[known], column[known])
        )
    return SVMs(tuple(machines))


def fit_expressions(
    features: np.ndarray, classes: np.ndarray, *, people: np.ndarray | None = None, seed: int = 0
) -> Pipeline:
    """A non-linear (RBF) SVM for one of several expressions: features (N, F), classes (N,).

    C and the kernel's width are those with the best balanced accuracy in three folds of these
    faces, in which nobody of `people` (N,) stands on both sides; fixed where there are fewer than
    three people.
    """
    people = np.arange(len(classes)) if people is None else people
    wide = 1 / features.shape[1]  # gamma of unit distance in standardised features
    machine = SVC(C=10.0, gamma=0.1 * wide, class_weight="balanced", random_state=seed)
    pipeline = make_pipeline(StandardScaler(), machine)
    if len(np.unique(people)) < 3:
        return pipeline.fit(features, classes)
    grid = {"svc__C": (1.0, 10.0, 100.0), "svc__gamma": (0.03 * wide, 0.1 * wide, wide)}
    folds = StratifiedGroupKFold(3).split(features, classes, people)
    search = GridSearchCV(pipeline, grid, scoring="balanced_accuracy", cv=list(folds))
    with warnings.catch_warnings():  # a fold of a few people may lack an expression
        warnings.filterwarnings("ignore", "y_pred contains classes")
        return search.fit(features, classes).best_estimator_


# Other ways to fill in missing labels -------------------------------------------------------------


def label_spreading(features: Tensor, labels: Tensor, neighbours: int = 10) -> Tensor:
    """scikit-learn's LabelSpreading on a nearest-neighbour graph, attribute by attribute.

    (N, D), (N, A) in {-1, 0, 1} -> (N, A) float32 share of the positive class; 0.5 where an
    attribute knows one class only, or no label reaches a face.
    """
    points, known = features.numpy(), labels.numpy()
    posterior = torch.full(labels.shape, 0.5)
    for a in range(labels.shape[1]):
        if not {0, 1} <= set(np.unique(known[:, a])):
            continue
        spreading = LabelSpreading(kernel="knn", n_neighbors=neighbours, tol=1e-12, max_iter=1000)
        spreading.fit(points, known[:, a])
        shares = spreading.label_distributions_  # (N, 2), both 0 where nothing arrived
        posterior[:, a] = torch.from_numpy(np.where(shares.sum(1) > 0, shares[:, 1], 0.5))
    return posterior


def lee(logits: Tensor, labels: Tensor) -> Tensor:
    """Lee's pseudo label (2013): the network's own decision where the annotation is missing.

    logits (N, A), labels (N, A) in {-1, 0, 1} -> (N, A) int8 in {0, 1}.
    """
    return torch.where(labels < 0, (logits > 0).to(torch.int8), labels)
