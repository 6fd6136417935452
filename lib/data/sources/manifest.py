"""The user's own faces: a folder of pictures and a `faces.csv` beside them.

    image,x,y,w,h,identity,split,source,gender,left_profile, ... ,mustache
    party/anna.jpg,120,80,64,64,anna,train,album,0,,,,,,,,,1,,,,,,,1,,,,,,,

`image` is relative to the CSV. A blank box means that the picture is a crop already: the square in
its middle is taken, without a margin. A label is 1, 0, or blank where it is not known (-1 as well;
pandas' `1.0`, `True` and `NaN` are read too). A blank identity means a person of their own; `split`
is train or test (blank: train). Attribute columns may be left out as a whole. Bad rows are errors,
never skipped.
"""

import csv
import difflib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import listing
from lib.data.listing import BOX, Listing
from lib.data.pictures import BROKEN, central_box, open_picture, upright_size
from lib.data.sources import files, reading
from lib.vocabulary import ATTRIBUTES, SOURCE_NAMES

COLUMNS = ("image", *BOX, "identity", "split", "source")
BLANK = ("nan", "NaN", "<NA>", "None")  # as pandas writes what is missing
LABELS = {"": -1, "-1": -1, "0": 0, "1": 1, "-1.0": -1, "0.0": 0, "1.0": 1, "False": 0, "True": 1}
TAKEN = {word.casefold() for pair in SOURCE_NAMES.items() for word in pair}
# Lists of other kinds, by a column that only they have.
OTHER_LISTS = {
    "5_o_Clock_Shadow": "is CelebA's list (the CSV edition of Kaggle); put it under data/celeba",
    "pixels": "is a list of pixels (as FER2013's); save the pictures as files and list their names",
}


def read(path: Path, name: str = "") -> Listing:
    """Every face of a manifest, boxes cut to their pictures; keys begin with `name`.

    Boxes refer to the picture as it is meant to be seen, turned as its camera noted. ValueError
    that names file, line, column and value of the first row that is wrong.
    """
    given = table(path)
    pictures = [picture(path, *row) for row in zip(given["line"], given["image"], strict=True)]
    sizes = pd.DataFrame(pictures, columns=["image", "width", "height"])
    todo = "; use train, test, or leave it blank"
    refuse(given, "split", ~given["split"].isin(["", "train", "test"]), todo)
    taken = given["source"].str.casefold().isin(TAKEN)
    refuse(given, "source", taken, " is a dataset's name; give your faces another")
    todo = "; use 1, 0, or blank where it is not known"
    for column in ATTRIBUTES:
        refuse(given, column, ~given[column].isin(list(LABELS)), todo)
    key = f"{name or path.parent.name}/" + given["image"] + "#" + given["line"].astype(str)
    found = given.assign(
        key=key,
        identity=given["identity"].where(given["identity"] != "", key),
        split=given["split"].replace("", "train"),
        source=given["source"].replace("", "manifest"),
        **boxes(given, sizes),
        **sizes,
    )
    found = listing.with_labels(found, {name: found[name].map(LABELS) for name in ATTRIBUTES})
    clamped, beyond = listing.clamp(found)
    check_labels([clamped])
    remarks = {
        "boxes cut to the picture": beyond,
        "labels of -1 are taken for unknown; write 0 where they mean no": int(
            given[list(ATTRIBUTES)].isin(["-1", "-1.0"]).to_numpy().sum()
        ),
    }
    return Listing(clamped, listing.no_rows(), len(given), remarks)


def rows(path: Path) -> pd.DataFrame:
    """One row per face: key, image (absolute), x y w h (px), identity, split, source, 24 labels."""
    return read(path).table


def read_all(paths: Sequence[Path]) -> list[Listing]:
    """Several manifests; keys begin with the name of the folder, or what tells them apart.

    ValueError where one is listed twice, and where two give one box contrary labels.
    """
    found = [read(path, name) for path, name in zip(paths, names(paths), strict=True)]
    check_labels([each.table for each in found])
    return found


def names(paths: Sequence[Path]) -> list[str]:
    """A name for each manifest: its folder, or with more of its path where these are the same.

    ValueError where a manifest is listed twice.
    """
    real = [os.path.realpath(path) for path in paths]
    for place, path in enumerate(real):
        if path in real[:place]:
            first = paths[real.index(path)]
            raise ValueError(f"{paths[place]} and {first} are one manifest; list it once")
    parts = [path.absolute().parts for path in paths]
    found, depth = [each[-2] for each in parts], 2
    while len(set(found)) < len(found) or TAKEN & {name.split("/")[0] for name in found}:
        found = ["/".join(each[-depth:]) for each in parts]
        depth += 1
    return found


def check_labels(tables: Sequence[pd.DataFrame]) -> None:
    """ValueError where two rows give one box of one picture contrary labels."""
    if not tables:
        return
    together = pd.concat(tables, ignore_index=True)
    again = together[together.duplicated(["image", *BOX], keep=False)]
    for _, same in again.groupby(["image", *BOX]):
        labels = same[list(ATTRIBUTES)]
        contrary = (labels == 0).any() & (labels == 1).any()
        if contrary.any():
            column = contrary.index[contrary][0]
            pair = pd.concat([same[same[column] == value][:1] for value in (0, 1)]).sort_index()
            one, two = map(listing.place, pair["file"], pair["line"])
            raise ValueError(f"{one} and {two} label one box {column!r} contrarily; remove one")


def table(path: Path) -> pd.DataFrame:
    """The rows of a CSV that are not blank, as strings: every column that a manifest may have,
    blank where it is not given, and `file` and `line`.

    ValueError as of `reading.lines`, and where quotes, header or fields are wrong.
    """
    text = reading.lines(path, "write a faces.csv, see lib/data/sources/manifest.py")
    lines = csv.reader(text, strict=True)
    try:
        (first, header), *found = [
            (lines.line_num, ["" if value.strip() in BLANK else value.strip() for value in line])
            for line in lines
            if line
        ]
    except csv.Error as error:
        listing.fail(path, lines.line_num, f"{error}; fix its quotes")
    check_header(path, first, header)
    for number, values in found:
        if len(values) != len(header):
            listing.fail(path, number, f"{len(values)} values for {len(header)} columns")
    if not found:
        listing.fail(path, 0, "no faces; write one line per face below the header")
    given = pd.DataFrame([values for _, values in found], columns=header, dtype=str)
    given = given.reindex(columns=[*COLUMNS, *ATTRIBUTES], fill_value="")
    return given.assign(file=str(path), line=[number for number, _ in found])


def check_header(path: Path, number: int, header: list[str]) -> None:
    known = (*COLUMNS, *ATTRIBUTES)
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            listing.fail(
                path, number, f"is separated by {word}; save it with commas between columns"
            )
    for column, words in OTHER_LISTS.items():
        if column in header:
            listing.fail(path, number, words)
    for name in header:
        if not name:
            listing.fail(path, number, "a column has no name (pandas: to_csv with index=False)")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            listing.fail(path, number, f"unknown column {name!r}; {hint}")
        if header.count(name) > 1:
            listing.fail(path, number, f"column {name!r} is there twice; remove one")
    if "image" not in header:
        listing.fail(path, number, "column 'image' is missing; add it")
    if 0 < sum(name in header for name in BOX) < 4:
        listing.fail(path, number, "a box needs all of x, y, w, h, or none")


def refuse(given: pd.DataFrame, column: str, wrong: pd.Series, words: str) -> None:
    """Fail with the first wrong value of a column."""
    listing.refuse(given, wrong, lambda row: f"{row[column]!r}{words}", column)


def picture(path: Path, number: int, name: str) -> tuple[str, int, int]:
    """Absolute path, and width and height in px, upright, of a picture in the folder of the CSV.

    The size is read from the header, so that no huge picture is decoded.
    """
    folder = path.parent.absolute()
    inside = Path(os.path.normpath(folder / name))
    if "\\" in name:
        listing.fail(path, number, f"{name!r} has back slashes; write / between folders", "image")
    if not name or not inside.is_relative_to(folder):
        listing.fail(path, number, f"{name!r} is not a file inside {path.parent}", "image")
    for part in [inside, *inside.parents][: -len(folder.parts)]:
        if part.is_symlink() and not part.resolve().is_relative_to(folder.resolve()):
            text = f"{part} is a link to {part.resolve()}, outside {path.parent}"
            listing.fail(path, number, f"{text}; put the files themselves there", "image")
    image = (folder / name).resolve()
    if not image.is_file():
        text = f"{image} does not exist; fix the name or remove the line"
        listing.fail(path, number, text, "image")
    try:
        with open_picture(image) as opened:
            return str(image), *upright_size(opened)
    except BROKEN as error:
        text = f"{image} cannot be read ({files.why_unreadable(str(image), error)})"
        listing.fail(path, number, f"{text}; replace the file", "image")


def boxes(given: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """x, y, w, h in px; where all four are blank, the middle of the picture without a margin."""
    blank = (given[list(BOX)] == "").all(axis=1)
    middle = [central_box(*size) for size in zip(sizes["width"], sizes["height"], strict=True)]
    found = pd.DataFrame(middle, columns=list(BOX))
    for name in BOX:
        values = pd.to_numeric(given[name], errors="coerce")
        refuse(given, name, values.isna() & ~blank, " is not a number; give px or blank all four")
        refuse(given, name, np.isinf(values), " is not finite; give px")
        found[name] = values.where(~blank, found[name])
    return found
