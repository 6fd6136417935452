"""The interpersonal relation dataset: `training.txt`, `testing.txt`, and the pictures in `img/`.

A line is a pair: name, box of the left face, box of the right face, eight traits. The order of the
traits is not documented: in a whole file it follows from the counts of Table 10, for other copies
from the parameter `data.relation_columns`, or else it is that of the public evaluation script.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import listing, splits
from lib.data.listing import Listing
from lib.data.sources import files, reading
from lib.params import DataParams
from lib.provenance import ROOT
from lib.vocabulary import TRAITS

MARKER = "training.txt"
COUNT = 8_016  # pairs, Section 3.2
TABLE10 = ROOT / "params" / "reported" / "table10.csv"
FILES = {"train": "training.txt", "test": "testing.txt"}
WORDS = {"train": "training", "test": "testing"}  # in Table 10
# The order of the set's public evaluation script.
USUAL = (
    *("dominant", "assured", "demonstrative", "involved"),
    *("friendly", "warm", "trusting", "competitive"),
)
SIDES = {"left": ("x1", "y1", "w1", "h1"), "right": ("x2", "y2", "w2", "h2")}
FIELDS = ("name", *SIDES["left"], *SIDES["right"], *(f"t{i}" for i in range(1, 9)))
VALUES = {1: "positive", 0: "negative", -1: "negative"}
LEFT, RIGHT = ([f"{side}_{name}" for name in listing.BOX] for side in ("left", "right"))


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Listing:
    """One row per pair: both boxes, the eight traits, `part` (`web` or `movie`).

    The people's names are not given, so `identity` is the picture. ValueError where lists, boxes,
    values or pictures are wrong, or the order of the traits contradicts Table 10.
    """
    parts = {split: part(home, split) for split in FILES}
    order, how = column_order(parts, data)
    found = pd.concat([frame for frame, _ in parts.values()], ignore_index=True)
    traits = np.concatenate([values for _, values in parts.values()])
    found = files.with_sizes(found, progress)
    found, left = listing.clamp(found, LEFT)
    found, right = listing.clamp(found, RIGHT)
    found, swapped = left_first(found)
    found["part"] = movies(found, data.movie_list)
    table = found.assign(**{name: traits[:, place] for place, name in enumerate(order)})
    kept, dropped = splits.limit_training(table, data.relation.train, seed)
    remarks = {how: len(TRAITS), "boxes cut to the picture": left + right}
    return Listing(kept, dropped, len(table), remarks | {"pairs put in order left, right": swapped})


def part(home: Path, split: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The pairs of one list, and their traits (N, 8) in the file's own order, int8."""
    path = files.require(home, FILES[split])
    found = reading.table(path, reading.lines(path), FIELDS)
    traits = np.column_stack([reading.codes(path, found, name, VALUES) == 1 for name in FIELDS[9:]])
    boxes = {
        f"{side}_{name}": reading.numbers(path, found, field)
        for side, fields in SIDES.items()
        for name, field in zip(listing.BOX, fields, strict=True)
    }
    places = found[list(FIELDS[:9])].agg(" ".join, axis=1)
    table = pd.DataFrame(
        {
            "key": f"relation/{split}/" + places,
            "image": files.image_paths(path, found, "name", files.require(home, "img")),
            **boxes,
            "name": found["name"],
            "identity": "relation/" + found["name"],
            "split": split,
            "source": "relation",
            "file": str(path),
            "line": found["line"],
        }
    )
    return table, traits.astype(np.int8)


def column_order(parts: dict, data: DataParams) -> tuple[tuple[str, ...], str]:
    """The trait of each column, and in words how it was found.

    By the counts of Table 10 where a list is whole: the eight traits of each part have distinct
    counts. Else from `data.relation_columns`, or else `USUAL`. ValueError where two of these
    contradict each other, or a whole list has counts that Table 10 does not.
    """
    given = data.relation_columns
    if given and sorted(given) != sorted(TRAITS):
        raise ValueError(
            f"data.relation_columns: {', '.join(given)} are not the eight traits "
            f"{', '.join(TRAITS)}"
        )
    published = pd.read_csv(TABLE10, index_col=0)
    sums = {
        split: parts[split][1].sum(0)
        for split, size in sizes(published).items()
        if len(parts[split][1]) == size
    }
    likely = {split: match_or_none(counts, published, split) for split, counts in sums.items()}
    orders = {order for order in likely.values() if order}
    if len(orders) > 1 or (given and orders - {given}):
        found = "; ".join(f"{FILES[k]}: {', '.join(v)}" for k, v in likely.items() if v)
        raise ValueError(
            f"data.relation_columns: {', '.join(given) or 'none'} contradicts Table 10, by whose "
            f"counts the columns are {found}; remove the parameter, or copy the lists again"
        )
    if not given and orders:
        whole = " and ".join(FILES[split] for split in likely if likely[split])
        order = orders.pop()
        return order, f"columns by Table 10 and the whole {whole}: {', '.join(order)}"
    if not given:
        for split, counts in sums.items():
            match(counts, published, split)  # says which column is another
        return USUAL, f"columns in the order of the public evaluation script: {', '.join(USUAL)}"
    return given, f"columns by data.relation_columns: {', '.join(given)}"


def sizes(published: pd.DataFrame) -> dict[str, int]:
    """Pairs in each split, from any row of Table 10."""
    row = published.iloc[0]
    return {
        split: int(row[f"{word} #positive"] + row[f"{word} #negative"])
        for split, word in WORDS.items()
    }


def match(counts: np.ndarray, published: pd.DataFrame, split: str) -> tuple[str, ...]:
    """The trait of each column by its positives (8,) in a split.

    ValueError where a column has a count that Table 10 does not know, or two have the same.
    """
    known = {
        int(count): str(name) for name, count in published[f"{WORDS[split]} #positive"].items()
    }
    for place, count in enumerate(counts.tolist(), 1):
        if count not in known or (counts == count).sum() > 1:
            raise ValueError(
                f"trait column {place} has {count} positives in {FILES[split]}, which Table 10 "
                "gives for no trait, or two have; give the order in data.relation_columns"
            )
    return tuple(known[count] for count in counts.tolist())


def match_or_none(
    counts: np.ndarray, published: pd.DataFrame, split: str
) -> tuple[str, ...] | None:
    """As `match`; None where the counts are not those of Table 10."""
    try:
        return match(counts, published, split)
    except ValueError:
        return None


def left_first(found: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Pairs with the face first that is further left; and how many were swapped."""
    middle = [found[f"{side}_x"] + found[f"{side}_w"] / 2 for side in ("left", "right")]
    wrong = (middle[0] > middle[1]).to_numpy()
    boxes = found[[*LEFT, *RIGHT]].to_numpy()
    turned = found[[*RIGHT, *LEFT]].to_numpy()
    boxes = np.where(wrong[:, None], turned, boxes)
    return found.assign(**dict(zip([*LEFT, *RIGHT], boxes.T, strict=True))), int(wrong.sum())


def movies(found: pd.DataFrame, name: str) -> np.ndarray:
    """`movie` for the pictures that the file `data.movie_list` names, else `web`."""
    if not name:
        return np.full(len(found), "web")
    path = ROOT / name
    listed = reading.table(path, reading.lines(path), ["name"])
    unknown = ~listed["name"].isin(found["name"])
    if unknown.any():
        row = listed[unknown].iloc[0]
        listing.fail(path, row["line"], f"{row['name']!r} is no picture of the relation dataset")
    return np.where(found["name"].isin(listed["name"]), "movie", "web")
