"""Methods that the paper compares with: hand-made features with SVMs, and other ways to fill in
missing labels.

Features as published, with the publication at each function; a difference from it is named there.
"""

import functools
import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import sobel
from scipy.signal import convolve2d
from skimage.color import rgb2gray
from skimage.feature import canny, local_binary_pattern
from skimage.feature import hog as skimage_hog
from skimage.transform import resize
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.neighbors import kneighbors_graph
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC, LinearSVC
from torch import Tensor

from lib.data.pictures import central_box

SIDE = 64  # px, size of a face for HOG, PHOG and LPQ
FACE = (150, 110)  # px, height and width of the cropped face for LBP
CELLS = (7, 6)  # rows and columns of LBP's cells


def grey(images: Tensor) -> Iterator[np.ndarray]:
    """(N, 3, S, S) uint8 -> N pictures (S, S) in [0, 1], one at a time.

    All of the paper's faces as float64 would take 500 GB.
    """
    for image in images:
        yield rgb2gray(image.permute(1, 2, 0).numpy())


def small(images: Tensor) -> Iterator[np.ndarray]:
    """(N, 3, S, S) uint8 -> N grey pictures (64, 64) float32 in [0, 1]."""
    for picture in grey(images):
        picture = picture if len(picture) == SIDE else resize(picture, (SIDE, SIDE))
        yield picture.astype(np.float32)


def hog(images: Tensor) -> np.ndarray:
    """Histograms of oriented gradients (Dalal and Triggs 2005).

    9 unsigned orientations, cells of 8 px, overlapping blocks of 2 x 2 cells normalised by L2-Hys.
    scikit-image counts a gradient in one cell and one orientation, where the publication shares it
    among the nearest ones.

    (N, 3, S, S) uint8 -> (N, 1764) float32.
    """
    options = {"orientations": 9, "pixels_per_cell": (8, 8), "cells_per_block": (2, 2)}
    return np.stack([skimage_hog(p, **options).astype(np.float32) for p in small(images)])


def lbp(images: Tensor) -> np.ndarray:
    """Uniform local binary patterns (Shan, Gong and McOwan 2009: "LBPSVM" of Table 9).

    8 neighbours at radius 2; 59 codes: 58 uniform ones, and one for all others; their histograms
    in 6 x 7 cells of the cropped face, 110 x 150 px. The publication places the crop by the eyes;
    here it is the middle of the face box, as high as the box, in the same proportions.

    (N, 3, S, S) uint8 -> (N, 2478) float32.
    """
    rows = []
    for picture in grey(images):
        codes = local_binary_pattern(to_bytes(cropped(picture)), 8, 2, "nri_uniform").astype(int)
        rows.append(cell_histograms(codes, 59, CELLS))
    return np.stack(rows)


def cropped(picture: np.ndarray) -> np.ndarray:
    """The face without its margin: grey (S, S) -> (150, 110), in the proportions of `FACE`."""
    left, top, side, _ = central_box(*picture.shape)
    width = side * FACE[1] / FACE[0]
    left += (side - width) / 2
    rows, columns = slice(round(top), round(top + side)), slice(round(left), round(left + width))
    return resize(picture[rows, columns], FACE)


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Grey levels in [0, 1] as whole numbers from 0 to 255."""
    return (255 * picture).round().astype(np.uint8)


def phog(images: Tensor) -> np.ndarray:
    """Pyramid of histograms of oriented gradients (Bosch, Zisserman and Munoz 2007).

    Sobel gradients on Canny edges, weighted by their magnitude, in 8 orientations of 360 degrees
    over 1, 2 x 2, 4 x 4 and 8 x 8 cells; the whole vector sums to 1. Settings of the authors'
    program and of Dhall et al. (2011), whose PHOG+LPQ is in Table 8.

    (N, 3, S, S) uint8 -> (N, 680) float32; zeros for a picture without edges.
    """
    rows = []
    for picture in small(images):
        across, down = sobel(picture, 1), sobel(picture, 0)
        weight = np.hypot(across, down) * canny(picture)
        angle = np.arctan2(down, across) % (2 * np.pi)
        place = np.minimum((angle * 8 / (2 * np.pi)).astype(int), 7)
        parts = [
            np.bincount(place[cell].ravel(), weight[cell].ravel(), 8)
            for side in (1, 2, 4, 8)
            for cell in cells(picture.shape, (side, side))
        ]
        row = np.concatenate(parts)
        rows.append((row / max(row.sum(), 1e-12)).astype(np.float32))
    return np.stack(rows)


def lpq(images: Tensor, window: int = 7, grid: int = 4) -> np.ndarray:
    """Local phase quantisation (Ojansivu and Heikkila 2008).

    Signs of the real and imaginary parts of four low frequencies in windows of 7 x 7 px, made
    uncorrelated first (`lpq_filters`): 256 codes. Their histograms in 4 x 4 cells, as is usual for
    faces; the publication, on textures, has one histogram.

    (N, 3, S, S) uint8 -> (N, 4096) float32.
    """
    filters = lpq_filters(window)
    rows = []
    for picture in small(images):
        answers = [convolve2d(picture, each[::-1, ::-1], "valid") for each in filters]
        codes = sum((answer > 0).astype(int) << bit for bit, answer in enumerate(answers))
        rows.append(cell_histograms(codes, 256, (grid, grid)))
    return np.stack(rows)


@functools.cache
def lpq_filters(window: int, correlation: float = 0.9) -> np.ndarray:
    """Filters (8, window, window) of four frequencies, decorrelated.

    Frequencies (0, 1), (1, 0), (1, 1), (1, -1) over the window, first real, then imaginary parts.
    Pixels are taken to be correlated by 0.9 to the power of their distance; the filters are turned
    (by a singular value decomposition of the answers' covariance) so that their answers are not.
    """
    place = np.arange(window) - window // 2
    points = np.stack(np.meshgrid(place, place, indexing="ij"), -1).reshape(-1, 2)  # (M, 2)
    frequencies = np.array([(0, 1), (1, 0), (1, 1), (1, -1)]) / window
    waves = np.exp(-2j * np.pi * frequencies @ points.T)  # (4, M)
    parts = np.concatenate([waves.real, waves.imag])  # (8, M)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)  # (M, M)
    covariance = parts @ correlation**distance @ parts.T  # (8, 8)
    unequal = 1 + 1e-6 * np.arange(8)[::-1]  # equal singular values would leave the turn open
    turn = np.linalg.svd(covariance * np.outer(unequal, unequal))[2]
    turn *= np.sign(turn[np.arange(8), np.abs(turn).argmax(1)])[:, None]
    return (turn @ parts).reshape(-1, window, window)


def phog_lpq(images: Tensor) -> np.ndarray:
    """Both, "concatenated to form the feature of a face" (Section 6.1): (N, 4776) float32."""
    return np.concatenate([phog(images), lpq(images)], 1)


def cells(shape: tuple[int, ...], grid: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    """The cells of a picture, row by row, as slices; their sides differ by 1 px at most."""
    (height, width), (rows, columns) = shape, grid
    for top, bottom in itertools.pairwise(-(-k * height // rows) for k in range(rows + 1)):
        for left, right in itertools.pairwise(-(-k * width // columns) for k in range(columns + 1)):
            yield slice(top, bottom), slice(left, right)


def cell_histograms(codes: np.ndarray, values: int, grid: tuple[int, int]) -> np.ndarray:
    """Share of each of the codes 0 to values - 1 in each cell: (H, W) -> (cells * values,)."""
    parts = [codes[cell] for cell in cells(codes.shape, grid)]
    shares = [np.bincount(part.ravel(), minlength=values) / part.size for part in parts]
    return np.concatenate(shares).astype(np.float32)


# Support vector machines --------------------------------------------------------------------------


@dataclass(frozen=True)
class SVMs:
    """One linear SVM per attribute; None where training had labels of one class only."""

    machines: tuple[Pipeline | None, ...]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Features (N, F) -> decision values (N, A), positive where an attribute is present.

        0 for an attribute without an SVM.
        """
        zeros = np.zeros(len(features))
        columns = [m.decision_function(features) if m else zeros for m in self.machines]
        return np.stack(columns, 1)


def fit_svms(features: np.ndarray, labels: Tensor | np.ndarray, *, seed: int = 0) -> SVMs:
    """One linear SVM per attribute, on the faces that carry its label.

    "we adjusted the weight of each class as inversely proportional to the class frequency"
    (Section 6.1). features: (N, F), standardised here; labels: (N, A) in {-1 missing, 0, 1}.
    """
    machines: list[Pipeline | None] = []
    for column in np.asarray(labels).T:
        known = column >= 0
        if len(np.unique(column[known])) < 2:
            machines.append(None)
            continue
        machine = LinearSVC(C=1e-3, class_weight="balanced", random_state=seed)
        pipeline = make_pipeline(StandardScaler(), machine)
        machines.append(pipeline.fit(features[known], column[known]))
    return SVMs(tuple(machines))


def fit_expressions(
    features: np.ndarray, classes: np.ndarray, *, people: np.ndarray | None = None, seed: int = 0
) -> Pipeline:
    """An RBF SVM that recognises one of several expressions.

    C and the kernel's width have the best balanced accuracy in three folds of these faces, no
    person in two of them; with fewer than three people they are fixed. features: (N, F),
    standardised here. classes: (N,) whole numbers. people: (N,); None: each face another one.
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
    graph = kneighbors_graph(points, min(neighbours, len(points)), include_self=True)
    for a in range(labels.shape[1]):
        if not {0, 1} <= set(np.unique(known[:, a])):
            continue
        spreading = LabelSpreading(lambda *_: graph, tol=1e-12, max_iter=1000)
        spreading.fit(points, known[:, a])
        shares = spreading.label_distributions_  # (N, 2), both 0 where nothing arrived
        posterior[:, a] = torch.from_numpy(np.where(shares.sum(1) > 0, shares[:, 1], 0.5))
    return posterior
