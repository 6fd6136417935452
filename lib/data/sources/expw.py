"""ExpW: `label.lst` and the pictures in `origin/` (some copies: `image/origin/`).

A line is one face: image name, face number, box as top, left, **right, bottom**, confidence of the
detector, expression. Names repeat, so the key is (name, number), and splits go by picture.
"""

from pathlib import Path

import numpy as np

from lib.data import listing, splits
from lib.data.listing import Listing
from lib.data.sources import files, reading
from lib.params import DataParams
from lib.vocabulary import EXPRESSIONS

MARKERS = ("label.lst",)
COUNT = 91_793  # faces, Table 1
FIELDS = ("image_name", "face_id", "top", "left", "right", "bottom", "confidence", "label")
CODES = dict(enumerate(EXPRESSIONS))  # ExpW's code book is the order of the vocabulary


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Listing:
    """One row per face. The test part holds equally many faces of each expression (Section 6.1).

    Where an expression has too few, none test. ValueError where the list, a box or a picture is
    wrong.
    """
    path = files.require(home, MARKERS[0])
    found = reading.table(path, FIELDS)
    expression = reading.codes(found, "label", CODES)
    number = reading.numbers(found, "face_id", whole=True).astype(str)
    reading.numbers(found, "confidence")
    top, left, right, bottom = (reading.numbers(found, name) for name in FIELDS[2:6])
    name = found["image_name"]
    found = found.assign(
        key="expw/" + name + "#" + number,
        image=files.image_paths(found, "image_name", files.require(home, "origin")),
        **{"x": left, "y": top, "w": right - left, "h": bottom - top},
        identity="expw/" + name,
        source="expw",
    )
    found, clamped = listing.clamp(files.with_sizes(found, progress))
    if data.expw.test < len(CODES):
        text = f"no test part of {data.expw.test} faces with every expression can be made of it"
        listing.fail(path, 0, f"{text}; set data.expw.test to {len(CODES)} or more")
    each = splits.at_most_half(data.expw.test, len(found)) // len(CODES)
    test = splits.sample_balanced(found["identity"], expression, len(CODES), each, seed)
    found["split"] = np.where(test, "test", "train")
    table = listing.with_labels(found, {kind: expression == code for code, kind in CODES.items()})
    remarks = {"boxes cut to the picture": clamped}
    return splits.limited(table, data.expw.train, seed, total=len(found), remarks=remarks)
