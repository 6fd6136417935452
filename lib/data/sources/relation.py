"""The interpersonal relation dataset: `training.txt`, `testing.txt`, and the pictures in `img/`.

A line is a pair: name, box of the left face, box of the right face, eight traits. The order of the
traits is not documented: in a whole file it follows from the counts of Table 10, for other copies
from the parameter `data.relation_columns`, or else it is that of the public evaluation script.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import listing, splits
from lib.data.listing import Listing
from lib.data.sources import files, reading
from lib.params import DataParams
from lib.vocabulary import TRAITS
from lib.workspace.provenance import ROOT

MARKERS = ("training.txt",)
COUNT = 8_016  # pairs, Section 3.2
TABLE10 = ROOT / "params" / "reported" / "table10.csv"
WORDS = {"train": "training", "test": "testing"}  # in Table 10, and of the lists
# The order of the set's public evaluation script.
USUAL = (
    *("dominant", "assured", "demonstrative", "involved"),
    *("friendly", "warm", "trusting", "competitive"),
)
FIELDS = (
    *("name", "x1", "y1", "w1", "h1", "x2", "y2", "w2", "h2"),
    *("t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"),
)
VALUES = {1: "positive", 0: "negative", -1: "negative"}
LEFT, RIGHT = ([f"{side}_{name}" for name in listing.BOX] for side in ("left", "right"))
COLUMNS = (
    *("key", "image", *LEFT, *RIGHT, "name", "identity", "split", "source", "file", "line"),
    *("width", "height", "part"),
)


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Listing:
    """One row per pair: both boxes, the eight traits, `part` (`web` or `movie`).

    The people's names are not given, so `identity` is the picture. ValueError where lists, boxes,
    values or pictures are wrong, or the order of the traits contradicts Table 10.
    """
    parts = {split: part(home, split) for split in WORDS}
    places = list(FIELDS[9:])
    traits = {split: found[places].to_numpy() for split, found in parts.items()}
    order, how = column_order(traits, data.relation_columns)
    found = pd.concat(parts.values(), ignore_index=True)
    found = files.with_sizes(found, progress)
    found, left = listing.clamp(found, LEFT)
    found, right = listing.clamp(found, RIGHT)
    found, swapped = left_first(found)
    found["part"] = movies(found, data.movie_list)
    found = found.rename(columns=dict(zip(places, order, strict=True)))[[*COLUMNS, *order]]
    remarks = {
        how: len(TRAITS),
        "boxes cut to the picture": left + right,
        "pairs put in order left, right": swapped,
    }
    return splits.limited(found, data.relation.train, seed, total=len(found), remarks=remarks)


def part(home: Path, split: str) -> pd.DataFrame:
    """The pairs of one list; `t1` to `t8` are its trait columns in its own order, int8."""
    found = reading.table(files.require(home, f"{WORDS[split]}.txt"), FIELDS)
    traits = {name: reading.codes(found, name, VALUES) == 1 for name in FIELDS[9:]}
    places = zip([*LEFT, *RIGHT], FIELDS[1:9], strict=True)
    boxes = {name: reading.numbers(found, field) for name, field in places}
    return found.assign(
        key=f"relation/{split}/" + found[list(FIELDS[:9])].agg(" ".join, axis=1),
        image=files.image_paths(found, "name", files.require(home, "img")),
        **boxes,
        identity="relation/" + found["name"],
        split=split,
        source="relation",
        **{name: values.astype(np.int8) for name, values in traits.items()},
    )


def column_order(
    traits: Mapping[str, np.ndarray], given: tuple[str, ...]
) -> tuple[tuple[str, ...], str]:
    """The trait of each column, and in words how it was found.

    By the counts of Table 10 where a list is whole: the eight traits of each part have distinct
    counts. Else as given (`data.relation_columns`), or else `USUAL`. ValueError where two of these
    contradict each other, or a whole list has counts that Table 10 does not.

    traits: by split, (N, 8) in {0, 1}.
    """
    if given and sorted(given) != sorted(TRAITS):
        wrong, right = ", ".join(given), ", ".join(TRAITS)
        raise ValueError(f"data.relation_columns: {wrong} are not the eight traits {right}")
    published, likely, problems = pd.read_csv(TABLE10, index_col=0), {}, []
    for split, word in WORDS.items():
        positive, negative = published[f"{word} #positive"], published[f"{word} #negative"]
        known, counts = {count: str(name) for name, count in positive.items()}, traits[split].sum(0)
        if len(traits[split]) != positive.iloc[0] + negative.iloc[0]:
            continue
        odd = [k for k, n in enumerate(counts) if n not in known or (counts == n).sum() > 1]
        if odd:
            problems.append(
                f"trait column {odd[0] + 1} has {counts[odd[0]]} positives in {word}.txt, which "
                "Table 10 gives for no trait, or two have; give the order in data.relation_columns"
            )
        else:
            likely[f"{word}.txt"] = tuple(known[count] for count in counts)
    orders = set(likely.values())
    if len(orders) > 1 or (given and orders - {given}):
        found = "; ".join(f"{name}: {', '.join(order)}" for name, order in likely.items())
        raise ValueError(
            f"data.relation_columns: {', '.join(given) or 'none'} contradicts Table 10, by whose "
            f"counts the columns are {found}; remove the parameter, or copy the lists again"
        )
    if given:
        return given, f"columns by data.relation_columns: {', '.join(given)}"
    for order in orders:
        whole = " and ".join(likely)
        return order, f"columns by Table 10 and the whole {whole}: {', '.join(order)}"
    if problems:
        raise ValueError(problems[0])
    return USUAL, f"columns in the order of the public evaluation script: {', '.join(USUAL)}"


def left_first(found: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Pairs with the face first that is further left; and how many were swapped."""
    middle = [found[f"{side}_x"] + found[f"{side}_w"] / 2 for side in ("left", "right")]
    wrong = (middle[0] > middle[1]).to_numpy()
    found.loc[wrong, [*LEFT, *RIGHT]] = found.loc[wrong, [*RIGHT, *LEFT]].to_numpy()
    return found, int(wrong.sum())


def movies(found: pd.DataFrame, name: str) -> np.ndarray:
    """`movie` for the pictures that the file `data.movie_list` names, else `web`."""
    if not name:
        return np.full(len(found), "web")
    listed = reading.table(ROOT / name, ["name"])
    unknown = ~listed["name"].isin(found["name"])
    words = "is no picture of the relation dataset"
    listing.refuse(listed, unknown, lambda row: f"{row['name']!r} {words}")
    return np.where(found["name"].isin(listed["name"]), "movie", "web")
