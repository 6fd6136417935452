"""CelebA: `list_attr_celeba.txt`, `list_eval_partition.txt`, `identity_CelebA.txt`, aligned crops.

`list_bbox_celeba.txt` refers to the pictures before alignment and is not read: the aligned pictures
have their face in the middle.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import listing, splits
from lib.data.listing import Listing
from lib.data.pictures import central_box
from lib.data.sources import files, reading
from lib.params import DataParams
from lib.vocabulary import CELEBA_NAMES

MARKER = "list_attr_celeba.txt"
COUNT = 202_599  # faces, Table 4
WIDTH, HEIGHT = 178, 218  # px
VALUES = {1: "", -1: ""}
PARTITIONS = {0: "train", 1: "valid", 2: "test"}


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Listing:
    """One row per face. Test faces are whole identities of the official test partition.

    ValueError where a list is cut short, the three lists do not name the same pictures, or a value
    is none of 1 and -1.
    """
    path = files.require(home, MARKER)
    found, attributes = attribute_list(path)
    base = files.require(home, "img_align_celeba")
    identity = other_list(home, "identity_CelebA.txt", "identity", found, path)
    partition = other_list(home, "list_eval_partition.txt", "partition", found, path)
    x, y, w, h = central_box(WIDTH, HEIGHT)
    table = pd.DataFrame(
        {
            "key": "celeba/" + found["image_name"],
            "image": files.image_paths(path, found, "image_name", base),
            **{"x": x, "y": y, "w": w, "h": h, "width": WIDTH, "height": HEIGHT},
            "identity": [f"celeba/{number}" for number in identity],
            "source": "celeba",
            "file": str(path),
            "line": found["line"],
        }
    )
    official = partition == 2
    test = np.zeros(len(table), bool)
    test[official] = splits.sample_groups(table["identity"][official], data.celeba.test, seed)
    table["split"] = np.where(test, "test", "train")
    given = {ours: attributes[theirs] == 1 for ours, theirs in CELEBA_NAMES.items()}
    kept, dropped = splits.limit_training(
        listing.with_labels(table, given), data.celeba.train, seed
    )
    return Listing(kept, dropped, len(table))


def attribute_list(path: Path) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Names and lines, and the values of every attribute."""
    lines = reading.lines(path)
    names = lines[1].split() if len(lines) > 1 else []
    for name in CELEBA_NAMES.values():
        if name not in names:
            listing.fail(path, 2, f"attribute {name} is missing; copy the list again")
    if len(set(names)) < len(names):
        listing.fail(path, 2, "an attribute is there twice; copy the list again")
    announced, follow = lines[0].strip(), len(lines) - 2
    if not announced.isdigit():
        listing.fail(path, 1, f"{announced!r} is no count of faces; copy the list again")
    found = reading.table(path, lines[2:], ["image_name", *names], first=3)
    if int(announced) != follow:
        text = f"announces {int(announced):,} faces, {follow:,} follow; the copy is not whole"
        listing.fail(path, 1, text)
    check_unique(path, found)
    return found, {name: reading.codes(path, found, name, VALUES) for name in names}


def other_list(
    home: Path, name: str, column: str, found: pd.DataFrame, attributes: Path
) -> np.ndarray:
    """The whole number (N,) int64 that another list gives to each picture of the attribute list."""
    path = files.require(home, name)
    other = reading.table(path, reading.lines(path), ["image_name", column])
    check_unique(path, other)
    if column == "partition":
        values = reading.codes(path, other, column, PARTITIONS)
    else:
        values = reading.numbers(path, other, column, whole=True)
    aligned = pd.Series(values, other["image_name"]).reindex(found["image_name"])
    if aligned.isna().any():
        lack = found["image_name"][aligned.isna().to_numpy()].iloc[0]
        listing.fail(path, 0, f"{lack}, which {attributes.name} lists, is missing; copy it again")
    if len(other) > len(found):
        extra = other[~other["image_name"].isin(found["image_name"])].iloc[0]
        listing.fail(
            path, extra["line"], f"{extra['image_name']} is not in {attributes.name}: not whole"
        )
    return aligned.to_numpy(np.int64)


def check_unique(path: Path, found: pd.DataFrame) -> None:
    twice = found["image_name"].duplicated()
    if twice.any():
        row = found[twice].iloc[0]
        listing.fail(path, row["line"], f"{row['image_name']} is there twice; remove one of them")
