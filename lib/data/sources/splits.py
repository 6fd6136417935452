"""Who trains and who tests: whole identities, drawn by a hash of their names.

Drawing by name makes the choice the same whatever the order of a list and whatever else is in it.
"""

import hashlib

import numpy as np
import pandas as pd

from lib.data.sources import lists


def shuffled(names: pd.Series, seed: int) -> list[str]:
    """The distinct names in an order that depends on names and seed only."""
    return sorted(
        names.unique(), key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest()
    )


def groups(names: pd.Series, count: int, seed: int) -> np.ndarray:
    """Mask of at most `count` rows, whole groups only; a group that does not fit is passed over.

    names: the group (identity, picture) of each row.
    """
    sizes, chosen, left = names.value_counts(), [], count
    for name in shuffled(names, seed):
        if sizes[name] <= left:
            chosen.append(name)
            left -= sizes[name]
        if not left:
            break
    return names.isin(chosen).to_numpy()


def balanced(names: pd.Series, classes: np.ndarray, kinds: int, each: int, seed: int) -> np.ndarray:
    """Mask of whole groups that hold equally many rows, at most `each`, of classes 0 … kinds - 1.

    The rarest class chooses first. Where a class cannot reach `each`, all stop at what it reaches.
    """
    found = pd.crosstab(names, classes).reindex(columns=range(kinds), fill_value=0)
    content = dict(zip(found.index, found.to_numpy(), strict=True))
    order, rarest_first = shuffled(names, seed), np.argsort(found.sum().to_numpy(), kind="stable")
    while each:
        chosen, counts = set(), np.zeros(kinds, np.int64)
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


def capped(rows: pd.DataFrame, count: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """At most `count` training rows (0: all), whole identities; the rest as dropped."""
    train = (rows["split"] == "train").to_numpy()
    if not count or train.sum() <= count:
        return rows, lists.nothing()
    kept = groups(rows["identity"][train], count, seed)
    beyond = train.copy()
    beyond[train] = ~kept
    source = rows["source"].iloc[0]
    return lists.drop(rows, beyond, f"beyond the {count} training rows of data.{source}.train")
