"""The user's own faces: a folder of pictures and a `faces.csv` beside them.

    image,x,y,w,h,identity,split,source,gender,left_profile, ... ,mustache
    party/anna.jpg,120,80,64,64,anna,train,album,0,,,,,,,,,1,,,,,,,1,,,,,,,

`image` is relative to the CSV. A blank box means the whole picture; a blank label means missing;
a blank identity means a person of their own; `split` is train or test (blank: train).
Attribute columns may be left out as a whole. Bad rows are errors, never skipped.
"""

import csv
import difflib
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
from PIL import ExifTags

from lib.data import listing
from lib.data.pictures import BROKEN, open_picture
from lib.data.sources import reading
from lib.vocabulary import ATTRIBUTES

BOX = ("x", "y", "w", "h")
COLUMNS = ("image", *BOX, "identity", "split", "source")
TURNED = (5, 6, 7, 8)  # orientations in which a camera's picture is on its side


def rows(path: Path) -> pd.DataFrame:
    """One row per face: key, image (absolute), x y w h (px), identity, split, source, 24 labels.

    Boxes refer to the picture as it is meant to be seen, turned as its camera noted. ValueError
    that names file, line, column and value of the first row that is wrong.
    """
    (first, header), *lines = read(path)
    check_header(path, first, header)
    table = []
    for number, values in lines:
        if len(values) != len(header):
            fail(path, number, "", f"{len(values)} values for {len(header)} columns")
        table.append(row(path, number, dict(zip(header, values, strict=True))))
    if not table:
        raise ValueError(f"{path}: no faces; write one line per face below the header")
    return pd.DataFrame(table)


def read(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV that are not blank, each with the number of its line in the file.

    ValueError as of `reading.lines`, and where quotes or fields are no CSV.
    """
    text = reading.lines(path, "write a faces.csv, see lib/data/sources/manifest.py")
    lines = csv.reader(text, strict=True)
    try:
        return [(lines.line_num, [value.strip() for value in line]) for line in lines if line]
    except csv.Error as error:
        fail(path, lines.line_num, "", f"{error}; fix its quotes")


def check_header(path: Path, number: int, header: list[str]) -> None:
    known = (*COLUMNS, *ATTRIBUTES)
    for name in header:
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


def row(path: Path, number: int, values: dict[str, str]) -> dict:
    """One checked face."""
    image = (path.parent / values["image"]).resolve()
    if not values["image"] or not image.is_relative_to(path.parent.resolve()):
        fail(path, number, "image", f"{values['image']!r} is not a file inside {path.parent}")
    width, height = picture_size(path, number, image)
    split = values.get("split") or "train"
    if split not in ("train", "test"):
        fail(path, number, "split", f"{split!r}; use train, test, or leave it blank")
    face = {
        "key": f"{path.parent.name}/{values['image']}#{number}",
        "image": str(image),
        **box(path, number, values, width, height),
        **{"width": width, "height": height, "file": str(path), "line": number},
        "identity": values.get("identity") or f"{path}#{number}",
        "split": split,
        "source": values.get("source") or "manifest",
    }
    return face | {name: label(path, number, name, values.get(name, "")) for name in ATTRIBUTES}


def picture_size(path: Path, number: int, image: Path) -> tuple[int, int]:
    """Width and height in px, upright; from the header, so that no huge picture is decoded."""
    if not image.is_file():
        fail(path, number, "image", f"{image} does not exist; fix the name or remove the line")
    try:
        with open_picture(image) as picture:
            width, height = picture.size
            turned = picture.getexif().get(ExifTags.Base.Orientation) in TURNED
    except BROKEN as error:
        fail(path, number, "image", f"{image} cannot be read ({error}); replace the file")
    return (height, width) if turned else (width, height)


def box(path: Path, number: int, values: dict[str, str], width: int, height: int) -> dict:
    """x, y, w, h in px; the whole picture where all four are blank."""
    texts = [values.get(name, "") for name in BOX]
    if not any(texts):
        return {"x": 0.0, "y": 0.0, "w": float(width), "h": float(height)}
    found = {}
    for name, text in zip(BOX, texts, strict=True):
        try:
            found[name] = float(text)
        except ValueError:
            fail(path, number, name, f"{text!r} is not a number; give px or blank all four")
        if not np.isfinite(found[name]):
            fail(path, number, name, f"{text!r} is not finite; give px")
    if found["w"] <= 0 or found["h"] <= 0:
        name = "w" if found["w"] <= 0 else "h"
        fail(path, number, name, f"{found[name]:g}; a box is wider and higher than 0")
    outside = found["x"] >= width or found["y"] >= height
    if outside or found["x"] + found["w"] <= 0 or found["y"] + found["h"] <= 0:
        fail(path, number, "x", f"the box is outside the picture of {width} x {height} px")
    return found


def label(path: Path, number: int, name: str, text: str) -> int:
    if text not in ("", "0", "1"):
        fail(path, number, name, f"{text!r}; use 1, 0, or blank where it is not known")
    return int(text) if text else -1


def fail(path: Path, number: int, column: str, problem: str) -> NoReturn:
    where = listing.place(path, number) + (f", column {column!r}" if column else "")
    raise ValueError(f"{where}: {problem}")
