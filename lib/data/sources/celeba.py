"""CelebA: `list_attr_celeba.txt`, `list_eval_partition.txt`, `identity_CelebA.txt`, aligned crops.

The lists are also read from the CSV edition of Kaggle, if `identity_CelebA.txt` is added to it.

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

MARKERS = ("list_attr_celeba.txt", "list_attr_celeba.csv")
COUNT = 202_599  # faces, Table 4
WIDTH, HEIGHT = 178, 218  # px
VALUES = {1: "", -1: ""}
PARTITIONS = {0: "train", 1: "valid", 2: "test"}


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Listing:
    """One row per face. Test faces are whole identities of the official test partition.

    ValueError where a list is cut short, the three lists do not name the same pictures, a value is
    none of 1 and -1, or a picture is not of the published size.
    """
    path = a_list(home, "list_attr_celeba")
    found = attribute_list(path)
    base = files.require(home, "img_align_celeba")
    identity = other_list(home, "identity_CelebA", "identity", found)
    official = other_list(home, "list_eval_partition", "partition", found) == 2
    given = {ours: found[theirs] == 1 for ours, theirs in CELEBA_NAMES.items()}
    found = found[["image_name", "file", "line"]].assign(
        key="celeba/" + found["image_name"],
        image=files.image_paths(found, "image_name", base),
        **dict(zip(listing.BOX, central_box(WIDTH, HEIGHT), strict=True)),
        identity=[f"celeba/{number}" for number in identity],
        source="celeba",
    )
    found = files.with_sizes(found, progress)
    other = (found["width"] != WIDTH) | (found["height"] != HEIGHT)
    words = f"px in place of {WIDTH} x {HEIGHT} ({other.sum():,} pictures are of another size)"
    listing.refuse(
        found,
        other,
        lambda row: (
            f"{row['image']} is {row['width']} x {row['height']} {words}; use the aligned "
            "pictures as published"
        ),
    )
    test = np.zeros(len(found), bool)
    count = splits.at_most_half(data.celeba.test, len(found))
    test[official] = splits.sample_groups(found["identity"][official], count, seed)
    found["split"] = np.where(test, "test", "train")
    table = listing.with_labels(found, given)
    return splits.limited(table, data.celeba.train, seed, total=len(found))


def attribute_list(path: Path) -> pd.DataFrame:
    """`image_name`, `file`, `line`, and the value (1 or -1) of every attribute."""
    lines = reading.lines(path)
    names, rows, first = from_csv(lines) if "," in lines[0] else published(path, lines)
    for name in CELEBA_NAMES.values():
        if name not in names:
            listing.fail(path, first - 1, f"attribute {name} is missing; copy the list again")
    if len(set(names)) < len(names):
        listing.fail(path, first - 1, "an attribute is there twice; copy the list again")
    found = reading.table(path, ["image_name", *names], rows, first)
    check_unique(found)
    return found.assign(**{name: reading.codes(found, name, VALUES) for name in names})


def published(path: Path, lines: list[str]) -> tuple[list[str], list[str], int]:
    """Attributes, rows, and the line of the first row of the list as CelebA's owners give it."""
    if set(CELEBA_NAMES.values()) <= set(lines[0].split()):
        text = "names the attributes; the published list has the count of faces above them"
        listing.fail(path, 1, f"{text}, by which a copy cut short is recognised; copy it again")
    announced, names = lines[0].strip(), lines[1].split() if len(lines) > 1 else []
    if not announced.isdigit():
        listing.fail(path, 1, f"{announced[:60]!r} is no count of faces; copy the list again")
    if int(announced) != len(lines) - 2 and set(CELEBA_NAMES.values()) <= set(names):
        text = f"announces {int(announced):,} faces, {len(lines) - 2:,} follow"
        listing.fail(path, 1, f"{text}; the copy is not whole")
    return names, lines[2:], 3


def from_csv(lines: list[str]) -> tuple[list[str], list[str], int]:
    """As `published`, from the CSV edition of Kaggle, which has a header and no count."""
    columns = [name.strip() for name in lines[0].split(",")]
    return columns[1:], [line.replace(",", " ") for line in lines[1:]], 2


def other_list(home: Path, name: str, column: str, found: pd.DataFrame) -> np.ndarray:
    """The whole number (N,) int64 that another list gives to each picture of the attribute list."""
    path = a_list(home, name)
    lines = reading.lines(path)
    skipped = int("," in lines[0] and reading.is_header(lines[0]))
    rows = [line.replace(",", " ") for line in lines] if "," in lines[0] else lines
    other = reading.table(path, ["image_name", column], rows[skipped:], 1 + skipped)
    check_unique(other)
    if column == "partition":
        values = reading.codes(other, column, PARTITIONS)
    else:
        values = reading.numbers(other, column, whole=True)
    attributes = Path(found["file"].iloc[0]).name
    lack = found["image_name"][~found["image_name"].isin(other["image_name"])]
    for picture in lack[:1]:
        listing.fail(path, 0, f"{picture}, which {attributes} lists, is missing; copy it again")
    extra = ~other["image_name"].isin(found["image_name"])
    words = f"is not in {attributes}: not whole"
    listing.refuse(other, extra, lambda row: f"{row['image_name']} {words}")
    return pd.Series(values, other["image_name"])[found["image_name"]].to_numpy()


def a_list(home: Path, name: str) -> Path:
    """A list as its owners publish it, or else in the CSV edition of Kaggle.

    ValueError where both are missing.
    """
    found = files.locate(home, f"{name}.txt") or files.locate(home, f"{name}.csv")
    if found is None and name.startswith("identity") and files.locate(home, MARKERS[1]):
        text = "this CSV edition of CelebA lacks it, and test people are chosen by it; add the file"
        listing.fail(home, 0, f"holds no {name}.txt: {text} from CelebA's own page (Anno)")
    return found or files.require(home, f"{name}.txt")


def check_unique(found: pd.DataFrame) -> None:
    words = "is there twice; remove one of them"
    twice = found["image_name"].duplicated()
    listing.refuse(found, twice, lambda row: f"{row['image_name']} {words}")
