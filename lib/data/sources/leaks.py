"""What must not stand on both sides of a split: people, files, and pictures that look alike.

What is found is removed from training, never from test.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
from torch import Tensor
from torch.nn import functional

BANDS = 5  # of the 64 bits; hashes that differ in fewer bits than there are bands share a band
NEAR = 4  # bits
ALIKE = 0.98  # correlation of two crops, grey and shrunk, that are taken for one picture
SIDE = 32  # px of the shrunk crops
COLUMNS = ("what", "train", "test", "train_key", "test_key")


def find(table: pd.DataFrame, images: Tensor) -> pd.DataFrame:
    """Training faces that a test face gives away; one row each, by the first reason that applies.

    table: `split`, `identity`, `key`, `content` (digest of the picture's file) and `look`
    (perceptual hash, uint64; 0 where unknown). images: (N, 3, S, S) uint8, read where looks agree.
    Returns `what` and the places and keys of both faces.
    """
    train, test = (np.flatnonzero(table["split"] == side) for side in ("train", "test"))
    found = [
        same(table["identity"], train, test).assign(what="the same person or picture"),
        same(table["content"], train, test).assign(what="a picture alike to the byte"),
        similar(table["look"].to_numpy(np.uint64), train, test, images).assign(
            what="nearly the same picture"
        ),
    ]
    leaks = pd.concat(found, ignore_index=True).drop_duplicates("train")
    keys = table["key"].to_numpy()
    leaks = leaks.astype({"train": np.int64, "test": np.int64})
    return leaks.assign(train_key=keys[leaks["train"]], test_key=keys[leaks["test"]])[list(COLUMNS)]


def same(values: pd.Series, train: np.ndarray, test: np.ndarray) -> pd.DataFrame:
    """Training places whose value also stands in test, each with one test place."""
    there = pd.Series(test, values.to_numpy()[test]).groupby(level=0).first()
    matched = values.iloc[train].map(there)
    matched.index = train
    matched = matched[(values.iloc[train] != "").to_numpy()].dropna()
    return pd.DataFrame({"train": matched.index, "test": matched.to_numpy()})


def similar(look: np.ndarray, train: np.ndarray, test: np.ndarray, images: Tensor) -> pd.DataFrame:
    """Training places that look like a test place: near hashes, confirmed on the crops.

    Only pairs that share a band of bits are compared, so no table of all pairs is ever made.
    """
    train, test = train[look[train] > 0], test[look[test] > 0]
    pairs = candidates(look, train, test)
    if len(pairs):
        seen = {place: thumbnail(images[int(place)]) for place in np.unique(pairs)}
        alike = [float(seen[a] @ seen[b]) >= ALIKE for a, b in pairs]
        pairs = pairs[alike]
    return pd.DataFrame(pairs, columns=["train", "test"])


def candidates(look: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """(P, 2) places of training and test whose hashes differ by at most `NEAR` bits."""
    edges, found = np.linspace(0, 64, BANDS + 1).astype(int), []
    for low, high in pairwise(edges):
        band = (look >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        order = train[np.argsort(band[train], kind="stable")]
        starts = np.searchsorted(band[order], band[test], "left")
        ends = np.searchsorted(band[order], band[test], "right")
        for place, start, end in zip(test, starts, ends, strict=True):
            others = order[start:end]
            near = others[np.bitwise_count(look[others] ^ look[place]) <= NEAR]
            found += [(other, place) for other in near]
    return np.array(sorted(set(found)), np.int64).reshape(-1, 2)


def thumbnail(crop: Tensor) -> Tensor:
    """A crop as a unit vector: grey, shrunk, without its mean; products are correlations."""
    grey = crop.float().mean(0, keepdim=True)[None]
    small = functional.interpolate(grey, size=(SIDE, SIDE), mode="bilinear", antialias=True)
    centred = (small - small.mean()).flatten()
    return centred / centred.norm().clamp(min=1e-6)
