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

    Where an expression has too few, none test. ValueError where the list, a box or a picture is
    wrong.
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
    if data.expw.test < len(CODES):
        text = f"no test part of {data.expw.test} faces with every expression can be made of it"
        listing.fail(path, 0, f"{text}; set data.expw.test to {len(CODES)} or more")
    each = splits.at_most_half(data.expw.test, len(table)) // len(CODES)
    test = splits.sample_balanced(table["identity"], expression, len(CODES), each, seed)
    table["split"] = np.where(test, "test", "train")
    given = {kind: expression == code for code, kind in CODES.items()}
    kept, dropped = splits.limit_training(listing.with_labels(table, given), data.expw.train, seed)
    return Listing(kept, dropped, len(table), {"boxes cut to the picture": clamped})
