"""SFEW 2.0: aligned faces in folders named after their expression.

`Train_Aligned_Faces/<Class>/*.png` and `Val_Aligned_Faces_new/<Class>/*.png`; some copies have
`Train/<Class>` and `Val/<Class>`. The test part's labels are not public: the validation part tests.
"""

from pathlib import Path

import pandas as pd

from lib.data import listing, splits
from lib.data.listing import Listing
from lib.data.pictures import central_box
from lib.data.sources import files
from lib.params import DataParams
from lib.vocabulary import EXPRESSIONS

COUNT = 1_291  # aligned faces with public labels (of the 1,635 pictures in Table 1)
FOLDERS = {"train": ("Train_Aligned_Faces", "Train"), "test": ("Val_Aligned_Faces_new", "Val")}
MARKERS = FOLDERS["train"]
CLASSES = {name.capitalize(): name for name in EXPRESSIONS}
SUFFIXES = (".png", ".jpg", ".jpeg")


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Listing:
    """One row per picture; `identity` is the clip that it is a frame of.

    ValueError where a part has no pictures, a class folder is missing or unknown, or a picture is a
    whole film frame.
    """
    found = pd.concat([part(home, split) for split in FOLDERS], ignore_index=True)
    total = len(found)
    found, gone = listing.drop(found, ~found["file"].map(is_picture), "no picture")
    found = files.with_sizes(found, progress)
    text = f"is a whole film frame; use the aligned faces, {FOLDERS['train'][0]}"
    frames = found["width"] > found["height"]
    listing.refuse(found, frames, lambda row: f"{row['width']} x {row['height']} px {text}")
    boxes = [central_box(w, h) for w, h in zip(found["width"], found["height"], strict=True)]
    found[list(listing.BOX)] = pd.DataFrame(boxes, index=found.index)
    table = listing.with_labels(found, {name: found["expression"] == name for name in EXPRESSIONS})
    return splits.limited(table, data.sfew.train, seed, total=total, dropped=[gone])


def part(home: Path, split: str) -> pd.DataFrame:
    """Every file in the class folders of one split.

    ValueError where a picture is outside the class folders, or there is none.
    """
    bases = [base for name in FOLDERS[split] if (base := files.locate(home, name))]
    if not bases:
        listing.fail(home, 0, f"holds no {FOLDERS[split][0]}; copy the dataset whole")
    base = bases[0]
    names = files.listed(base)
    folders = {path.name for path in base.iterdir() if path.is_dir() and path.name[0] != "."}
    for name in sorted(folders - set(CLASSES)):
        listing.fail(base, 0, f"class {name!r} is unknown; known are {', '.join(CLASSES)}")
    for name in sorted(set(CLASSES) - folders):
        listing.fail(base, 0, f"class folder {name} is missing; copy the dataset whole")
    if not any(map(is_picture, names)):
        listing.fail(base, 0, "holds no pictures; copy the dataset whole")
    table = []
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder not in CLASSES and is_picture(name):
            listing.fail(base / name, 0, f"is in no class folder of {base}; move or remove it")
        clip = file.rpartition("_")[0] or file
        table.append((name, f"sfew/{clip}", CLASSES.get(folder, "")))
    found = pd.DataFrame(table, columns=["name", "identity", "expression"])
    paths = f"{base}/" + found["name"]
    key = f"sfew/{base.name}/" + found["name"]
    return found.assign(key=key, image=paths, file=paths, line=0, split=split, source="sfew")


def is_picture(path: str) -> bool:
    return not files.is_system_file(path) and path.lower().endswith(SUFFIXES)
