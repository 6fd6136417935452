"""ExpW: `label.lst` and the pictures in `origin/` (some copies: `image/origin/`).

A line is one face: image name, face number, box as top, left, **right, bottom**, confidence of the
detector, expression. Names repeat, so the key is (name, number), and splits go by picture.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import listing, splits
from lib.data.listing import Listing
from lib.data.sources import files, reading
from lib.params import DataParams
from lib.vocabulary import EXPRESSIONS

MARKER = "label.lst"
COUNT = 91_793  # faces, Table 1
FIELDS = ("image_name", "face_id", "top", "left", "right", "bottom", "confidence", "label")
CODES = dict(enumerate(EXPRESSIONS))  # ExpW's code book is the order of the vocabulary


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Listing:
    """One row per face. The test part holds equally many faces of each expression (Section 6.1).

    ValueError where the list, a box or a picture is wrong, or a class cannot be tested.
    """
    path = files.require(home, MARKER)
    found = reading.table(path, reading.lines(path), FIELDS)
    expression = reading.codes(path, found, "label", CODES)
    number = reading.numbers(path, found, "face_id", whole=True)
    reading.numbers(path, found, "confidence")
    top, left, right, bottom = (reading.numbers(path, found, name) for name in FIELDS[2:6])
    base = files.require(home, "origin")
    name = found["image_name"]
    table = pd.DataFrame(
        {
            "key": [f"expw/{a}#{b}" for a, b in zip(name, number, strict=True)],
            "image": files.image_paths(path, found, "image_name", base),
            **{"x": left, "y": top, "w": right - left, "h": bottom - top},
            "identity": "expw/" + name,
            "source": "expw",
            "file": str(path),
            "line": found["line"],
        }
    )
    table, clamped = listing.clamp(files.with_sizes(table, progress))
    test = testing(table["identity"], expression, data.expw.test, seed, path)
    table["split"] = np.where(test, "test", "train")
    given = {kind: expression == code for code, kind in CODES.items()}
    kept, dropped = splits.limit_training(listing.with_labels(table, given), data.expw.train, seed)
    return Listing(kept, dropped, len(table), {"boxes cut to the picture": clamped})


def testing(
    pictures: pd.Series, expression: np.ndarray, count: int, seed: int, path: Path
) -> np.ndarray:
    """Mask of the test part: whole pictures, equally many faces of each expression."""
    each = count // len(CODES)
    test = splits.sample_balanced(pictures, expression, len(CODES), each, seed)
    if not test.any():
        counts = {kind: int((expression == code).sum()) for code, kind in CODES.items()}
        text = f"no test part of {count} faces with every expression can be made of {counts}"
        listing.fail(path, 0, text)
    return test
