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
from typing import NoReturn

import numpy as np
import pandas as pd

from lib.data import listing
from lib.data.listing import Listing
from lib.data.pictures import BROKEN, central_box, open_picture, upright_size
from lib.data.sources import files, reading
from lib.vocabulary import ATTRIBUTES, SOURCE_NAMES

BOX = ("x", "y", "w", "h")
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
    (first, header), *lines = records(path)
    check_header(path, first, header)
    table, unknown = [], 0
    for number, values in lines:
        if len(values) != len(header):
            fail(path, number, "", f"{len(values)} values for {len(header)} columns")
        face = dict(zip(header, values, strict=True))
        unknown += sum(face.get(column, "").startswith("-1") for column in ATTRIBUTES)
        table.append(row(path, number, face, name or path.parent.name))
    if not table:
        raise ValueError(f"{path}: no faces; write one line per face below the header")
    clamped, beyond = listing.clamp(pd.DataFrame(table))
    check_labels([clamped])
    remarks = {
        "boxes cut to the picture": beyond,
        "labels of -1 are taken for unknown; write 0 where they mean no": unknown,
    }
    return Listing(clamped, listing.no_rows(), len(clamped), remarks)


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


def records(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV that are not blank, each with the number of its line in the file.

    ValueError as of `reading.lines`, and where quotes or fields are no CSV.
    """
    text = reading.lines(path, "write a faces.csv, see lib/data/sources/manifest.py")
    lines = csv.reader(text, strict=True)
    try:
        return [
            (lines.line_num, ["" if value.strip() in BLANK else value.strip() for value in line])
            for line in lines
            if line
        ]
    except csv.Error as error:
        fail(path, lines.line_num, "", f"{error}; fix its quotes")


def check_header(path: Path, number: int, header: list[str]) -> None:
    known = (*COLUMNS, *ATTRIBUTES)
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            fail(path, number, "", f"is separated by {word}; save it with commas between columns")
    for column, words in OTHER_LISTS.items():
        if column in header:
            fail(path, number, "", words)
    for name in header:
        if not name:
            fail(path, number, "", "a column has no name (pandas: to_csv with index=False)")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            fail(path, number, "", f"unknown column {name!r}; {hint}")
        if header.count(name) > 1:
            fail(path, number, "", f"column {name!r} is there twice; remove one")
    if "image" not in header:
        fail(path, number, "", "column 'image' is missing; add it")
    if 0 < sum(name in header for name in BOX) < 4:
        fail(path, number, "", "a box needs all of x, y, w, h, or none")


def row(path: Path, number: int, values: dict[str, str], name: str) -> dict:
    """One checked face."""
    image = picture(path, number, values["image"])
    width, height = picture_size(path, number, image)
    split = values.get("split") or "train"
    if split not in ("train", "test"):
        fail(path, number, "split", f"{split!r}; use train, test, or leave it blank")
    source = values.get("source") or "manifest"
    if source.casefold() in TAKEN:
        fail(path, number, "source", f"{source!r} is a dataset's name; give your faces another")
    key = f"{name}/{values['image']}#{number}"
    face = {
        **{"key": key, "image": str(image)},
        **box(path, number, values, width, height),
        **{"width": width, "height": height, "file": str(path), "line": number},
        **{"identity": values.get("identity") or key, "split": split, "source": source},
    }
    return face | {each: label(path, number, each, values.get(each, "")) for each in ATTRIBUTES}


def picture(path: Path, number: int, name: str) -> Path:
    """The absolute path of a picture, which must be in the folder of the CSV."""
    base, image = path.parent.resolve(), path.parent / name
    if "\\" in name:
        fail(path, number, "image", f"{name!r} has back slashes; write / between folders")
    inside = Path(os.path.normpath(path.parent.absolute() / name))
    if not name or not inside.is_relative_to(path.parent.absolute()):
        fail(path, number, "image", f"{name!r} is not a file inside {path.parent}")
    for part in [inside, *inside.parents]:
        if part == path.parent.absolute():
            break
        if part.is_symlink() and not part.resolve().is_relative_to(base):
            text = f"{part} is a link to {part.resolve()}, outside {path.parent}"
            fail(path, number, "image", f"{text}; put the files themselves there")
    return image.resolve()


def picture_size(path: Path, number: int, image: Path) -> tuple[int, int]:
    """Width and height in px, upright; from the header, so that no huge picture is decoded."""
    if not image.is_file():
        fail(path, number, "image", f"{image} does not exist; fix the name or remove the line")
    try:
        with open_picture(image) as opened:
            return upright_size(opened)
    except BROKEN as error:
        text = files.why_unreadable(str(image), error)
        fail(path, number, "image", f"{image} cannot be read ({text}); replace the file")


def box(path: Path, number: int, values: dict[str, str], width: int, height: int) -> dict:
    """x, y, w, h in px; where all four are blank, the middle of the picture without a margin."""
    texts = [values.get(name, "") for name in BOX]
    if not any(texts):
        return dict(zip(BOX, central_box(width, height), strict=True))
    found = {}
    for name, text in zip(BOX, texts, strict=True):
        try:
            found[name] = float(text)
        except ValueError:
            fail(path, number, name, f"{text!r} is not a number; give px or blank all four")
        if not np.isfinite(found[name]):
            fail(path, number, name, f"{text!r} is not finite; give px")
    return found


def label(path: Path, number: int, name: str, text: str) -> int:
    if text not in LABELS:
        fail(path, number, name, f"{text!r}; use 1, 0, or blank where it is not known")
    return LABELS[text]


def fail(path: Path, number: int, column: str, problem: str) -> NoReturn:
    where = listing.place(path, number) + (f", column {column!r}" if column else "")
    raise ValueError(f"{where}: {problem}")
