"""SFEW 2.0: aligned faces in folders named after their expression.

`Train_Aligned_Faces/<Class>/*.png` and `Val_Aligned_Faces_new/<Class>/*.png`; some copies have
`Train/<Class>` and `Val/<Class>`. The test part's labels are not public: the validation part tests.
"""

from pathlib import Path

import pandas as pd

from lib.data.sources import disk, lists, splits
from lib.data.sources.cutting import inner
from lib.data.sources.lists import Rows
from lib.params import DataParams
from lib.vocabulary import EXPRESSIONS

COUNT = 1_291  # aligned faces with public labels (of the 1,635 pictures in Table 1)
FOLDERS = {"train": ("Train_Aligned_Faces", "Train"), "test": ("Val_Aligned_Faces_new", "Val")}
MARKER = FOLDERS["train"]
CLASSES = {name.capitalize(): name for name in EXPRESSIONS}
SUFFIXES = (".png", ".jpg", ".jpeg")


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Rows:
    """One row per picture; `identity` is the clip that it is a frame of.

    ValueError where a part has no pictures, a class folder is missing or unknown, or a picture is a
    whole film frame.
    """
    found = pd.concat([part(home, split) for split in FOLDERS], ignore_index=True)
    found, gone = lists.drop(found, ~found["file"].map(is_picture), "no picture")
    found = disk.sized(found, progress)
    frames = found["width"] > found["height"]
    if frames.any():
        row = found[frames].iloc[0]
        size = f"{row['width']} x {row['height']} px"
        text = f"{size} is a whole film frame; use the aligned faces, {FOLDERS['train'][0]}"
        lists.fail(row["image"], 0, text)
    boxes = [inner(w, h) for w, h in zip(found["width"], found["height"], strict=True)]
    found[list(lists.BOX)] = pd.DataFrame(boxes, index=found.index)
    given = {name: found["expression"] == name for name in EXPRESSIONS}
    table = lists.labels(found[list(lists.COLUMNS)], given)
    kept, rest = splits.capped(table, data.sfew.train, seed)
    dropped = pd.concat([gone, rest], ignore_index=True)
    return Rows(kept, dropped, len(kept) + len(dropped))


def part(home: Path, split: str) -> pd.DataFrame:
    """Every file in the class folders of one split.

    ValueError where a picture lies beside or below them, or none is there.
    """
    bases = [base for name in FOLDERS[split] if (base := disk.locate(home, name))]
    if not bases:
        lists.fail(home, 0, f"holds no {FOLDERS[split][0]}; copy the dataset whole")
    base, table = bases[0], []
    names = sorted(disk.files(base))
    folders = {path.name for path in base.iterdir() if path.is_dir() and path.name[0] != "."}
    for name in sorted(folders - set(CLASSES)):
        lists.fail(base, 0, f"class {name!r} is unknown; known are {', '.join(CLASSES)}")
    for name in sorted(set(CLASSES) - folders):
        lists.fail(base, 0, f"class folder {name} is missing; copy the dataset whole")
    if not any(map(is_picture, names)):
        lists.fail(base, 0, "holds no pictures; copy the dataset whole")
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder not in CLASSES and is_picture(name):
            lists.fail(base / name, 0, f"lies in no class folder of {base}; move or remove it")
        clip = file.rpartition("_")[0] or file
        row = {"key": f"sfew/{base.name}/{name}", "image": str(base / name), "split": split}
        row |= {"identity": f"sfew/{clip}", "source": "sfew", "file": str(base / name), "line": 0}
        table.append(row | {"expression": CLASSES.get(folder, "")})
    return pd.DataFrame(table)


def is_picture(path: str) -> bool:
    name = Path(path).name
    return not disk.is_stray(name) and name.lower().endswith(SUFFIXES)
