"""Training and test: which faces test, and which training faces a test face gives away.

Whole identities test, chosen by a hash of their names, so that the choice is the same whatever the
order of a list and whatever else is in it.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import pandas as pd
from torch import Tensor
from torch.nn import functional

from lib.data import listing
from lib.data.listing import Listing

BANDS = 5  # of the 64 bits; hashes that differ in fewer bits than there are bands share a band
NEAR = 4  # bits
ALIKE = 0.98  # correlation of two crops, grey and shrunk, that are taken for one picture
SIDE = 32  # px of the shrunk crops
LEAK = ("what", "train", "test", "train_key", "test_key")


# Which faces test ---------------------------------------------------------------------------------


def at_most_half(count: int, rows: int) -> int:
    """So many of a set's rows may test: of a partial copy, half are left to train on."""
    return min(count, rows // 2)


def sample_groups(names: pd.Series, count: int, seed: int) -> np.ndarray:
    """Mask (N,) of at most `count` rows in whole groups; a group that does not fit is left out.

    names: the group (identity, picture) of each row.
    """
    sizes, chosen, left = names.value_counts(), [], count
    for name in _shuffled(names, seed):
        if sizes[name] <= left:
            chosen.append(name)
            left -= sizes[name]
        if not left:
            break
    return names.isin(chosen).to_numpy()


def sample_balanced(
    names: pd.Series, classes: np.ndarray, kinds: int, each: int, seed: int
) -> np.ndarray:
    """Mask (N,) of whole groups with equally many rows, at most `each`, of classes 0 … kinds - 1.

    The rarest class is filled first. Where a class cannot reach `each`, all stop there.
    """
    found = pd.crosstab(names, classes).reindex(columns=range(kinds), fill_value=0)
    content = dict(zip(found.index, found.to_numpy(), strict=True))
    order, rarest_first = _shuffled(names, seed), np.argsort(found.sum().to_numpy(), kind="stable")
    while each:
        chosen: set[str] = set()
        counts = np.zeros(kinds, np.int64)
        for kind in rarest_first:
            for name in order:
                if counts[kind] == each:
                    break
                fits = content[name][kind] and (counts + content[name] <= each).all()
                if fits and name not in chosen:
                    chosen.add(name)
                    counts += content[name]
        if counts.min() == each:
            return names.isin(chosen).to_numpy()
        each = int(counts.min())
    return np.zeros(len(names), bool)


def limited(
    table: pd.DataFrame,
    limit: int,
    seed: int,
    *,
    total: int,
    dropped: Sequence[pd.DataFrame] = (),
    remarks: dict[str, int] | None = None,
) -> Listing:
    """A listing with at most `limit` training rows (0: all) in whole identities.

    total: rows of the source, of which those in `dropped` are not in the table.
    """
    train, rest = (table["split"] == "train").to_numpy(), listing.no_rows()
    if limit and train.sum() > limit:
        beyond = train.copy()
        beyond[train] = ~sample_groups(table["identity"][train], limit, seed)
        reason = f"beyond the {limit} training rows of data.{table['source'].iloc[0]}.train"
        table, rest = listing.drop(table, beyond, reason)
    return Listing(table, pd.concat([*dropped, rest], ignore_index=True), total, remarks or {})


def _shuffled(names: pd.Series, seed: int) -> list[str]:
    """The distinct names in an order that depends on names and seed only."""
    return sorted(
        names.unique(), key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest()
    )


# Leaks --------------------------------------------------------------------------------------------


class Images(Protocol):
    """Crops by their place: `images[k]` is (3, S, S) uint8."""

    def __getitem__(self, place: int, /) -> Tensor: ...


def find_leaks(table: pd.DataFrame, images: Images) -> pd.DataFrame:
    """Training faces that a test face gives away; one row each, by the first reason that applies.

    table: `split`, `identity`, `key`, `content` (digest of the picture's file) and `phash`
        (perceptual hash, uint64; 0 where unknown).
    images: the crops, read only where hashes are near.
    Returns `LEAK`: what they share, places (int64) and keys of both faces.
    """
    train, test = (np.flatnonzero(table["split"] == side) for side in ("train", "test"))
    found = {
        "the same person or picture": _same(table["identity"], train, test),
        "an identical file": _same(table["content"], train, test),
        "nearly the same picture": _similar(
            table["phash"].to_numpy(np.uint64), train, test, images
        ),
    }
    parts = [part.assign(what=what) for what, part in found.items()]
    leaks = pd.concat(parts, ignore_index=True).drop_duplicates("train")
    keys = table["key"].to_numpy()
    leaks = leaks.astype({"train": np.int64, "test": np.int64})
    return leaks.assign(train_key=keys[leaks["train"]], test_key=keys[leaks["test"]])[list(LEAK)]


def _same(values: pd.Series, train: np.ndarray, test: np.ndarray) -> pd.DataFrame:
    """Training places whose value is also in test, each with one test place; blank is unknown."""
    there = pd.Series(test, values.to_numpy()[test]).groupby(level=0).first()
    matched = values.iloc[train].map(there)
    matched.index = train
    matched = matched[(values.iloc[train] != "").to_numpy()].dropna()
    return pd.DataFrame({"train": matched.index, "test": matched.to_numpy()})


def _similar(
    phash: np.ndarray, train: np.ndarray, test: np.ndarray, images: Images
) -> pd.DataFrame:
    """Training places that look like a test place: near hashes, confirmed on the crops."""
    train, test = train[phash[train] > 0], test[phash[test] > 0]
    pairs = near_hashes(phash, train, test)
    if len(pairs):
        seen = {place: _thumbnail(images[int(place)]) for place in np.unique(pairs)}
        alike = [float(seen[a] @ seen[b]) >= ALIKE for a, b in pairs]
        pairs = pairs[alike]
    return pd.DataFrame(pairs, columns=["train", "test"])


def near_hashes(phash: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """(P, 2) places of training and test whose hashes (uint64) differ by at most `NEAR` bits.

    Only pairs that share a band of bits are compared, so that no table of all pairs is made.
    """
    edges, found = np.linspace(0, 64, BANDS + 1).astype(int), []
    for low, high in pairwise(edges):
        band = (phash >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        order = train[np.argsort(band[train], kind="stable")]
        starts = np.searchsorted(band[order], band[test], "left")
        ends = np.searchsorted(band[order], band[test], "right")
        for place, start, end in zip(test, starts, ends, strict=True):
            others = order[start:end]
            near = others[np.bitwise_count(phash[others] ^ phash[place]) <= NEAR]
            found += [(other, place) for other in near]
    return np.array(sorted(set(found)), np.int64).reshape(-1, 2)


def _thumbnail(image: Tensor) -> Tensor:
    """A crop as a unit vector: grey, shrunk, without its mean; products are correlations."""
    grey = image.float().mean(0, keepdim=True)[None]
    small = functional.interpolate(grey, size=(SIDE, SIDE), mode="bilinear", antialias=True)
    centred = (small - small.mean()).flatten()
    return centred / centred.norm().clamp(min=1e-6)
