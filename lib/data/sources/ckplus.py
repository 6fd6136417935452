"""CK+: `cohn-kanade-images/S005/001/S005_001_00000011.png` and `Emotion/S005/001/*_emotion.txt`.

The protocol of Section 6.1: the last three frames of a labelled sequence carry its label, the first
one is neutral; folds by subject.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.data import listing
from lib.data.listing import Listing
from lib.data.pictures import central_box
from lib.data.sources import files, reading
from lib.params import DataParams
from lib.vocabulary import EXPRESSIONS

MARKERS = ("cohn-kanade-images",)
EDITIONS = {  # what is found in the folder of other editions, which cannot stand in for it
    name: "CK+48, small crops of peak frames: it lacks the neutral frames that the protocol needs; "
    "ask for CK+ itself, or name these crops in a manifest"
    for name in ("CK+48", "contempt", "ckextended.csv")
}
COUNT = 1_308  # pictures of the protocol, Section 6.1 (of 327 labelled sequences)
FRAME = r"^(?P<subject>S\d+)/(?P<take>\d+)/\1_\2_(?P<frame>\d+)\.png\Z"
CODES = {
    **{0: "neutral", 1: "angry", 2: "contempt", 3: "disgust"},
    **{4: "fear", 5: "happy", 6: "sad", 7: "surprise"},
}
POINTS = 68  # landmarks of a face
BEGIN = 3  # a sequence whose lowest number is above this lacks its beginning
SHORT = "its sequence has fewer than four frames"
HEADLESS = "its sequence lacks its first frame, the neutral one"
CONTEMPT = "contempt is none of the seven expressions"


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Listing:
    """One row per frame of the protocol; the other frames are dropped with their reason.

    `identity` and `subject` name the person. Where there is a folder `Landmarks/`, boxes are
    drawn around its points; elsewhere the middle of the picture is taken. ValueError where labels,
    names or pictures are wrong.
    """
    base, labelled = files.require(home, MARKERS[0]), files.require(home, "Emotion")
    found, stray = frames(base)
    total = len(found) + len(stray)
    codes = emotions(labelled, set(found["sequence"]))
    found, dropped = protocol(found, codes)
    if not len(found):
        listing.fail(labelled, 0, why_none(dropped, codes))
    counted = len(found) + int((dropped["reason"] == CONTEMPT).sum())  # the paper's pictures
    capped = data.ckplus.train
    subjects = sorted(found["subject"].unique())[: capped or None]
    beyond = ~found["subject"].isin(subjects)
    reason = f"beyond the {capped} subjects of data.ckplus.train"
    found, rest = listing.drop(found, beyond, reason)
    found, points = boxes(files.with_sizes(found, progress), files.locate(home, "Landmarks"))
    found, _ = listing.clamp(found)
    given = {name: found["expression"] == name for name in EXPRESSIONS}
    table = listing.with_labels(found, given, ("subject", "sequence", "frame"))
    gone = pd.concat([stray, dropped, rest], ignore_index=True)
    remarks = {"box from the middle of the picture: no landmarks": len(table) - points}
    return Listing(table, gone, total, remarks, counted)


def frames(base: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every frame with its subject, sequence and number; and the stray files."""
    found = pd.DataFrame({"name": files.listed(base), "line": 0})
    found["file"] = f"{base}/" + found["name"]
    found, stray = listing.drop(found, found["name"].map(files.is_system_file), "no picture")
    if not len(found):
        listing.fail(base, 0, "holds no frames; copy the dataset whole")
    found = found.join(found["name"].str.extract(FRAME))
    words = "is no frame S<subject>_<sequence>_<frame>.png in its own folder"
    listing.refuse(found, found["frame"].isna(), lambda row: words)
    found = found.assign(
        key="ckplus/" + found["name"],
        image=found["file"],
        identity="ckplus/" + found["subject"],
        sequence=found["subject"] + "/" + found["take"],
        frame=found["frame"].astype(np.int64),
        source="ckplus",
        split="train",
    )
    return found.sort_values(["sequence", "frame"], ignore_index=True), stray


def emotions(base: Path, sequences: set[str]) -> dict[str, str]:
    """Expression of each labelled sequence; folders of the others are missing or empty."""
    found: dict[str, str] = {}
    for name in files.listed(base):
        path, sequence = base / name, name.rpartition("/")[0]
        if files.is_system_file(path):
            continue
        if not path.name.endswith("_emotion.txt"):
            listing.fail(path, 0, "is no *_emotion.txt; remove it")
        if sequence not in sequences:
            listing.fail(path, 0, f"labels sequence {sequence!r}, which has no pictures; copy them")
        if sequence in found:
            listing.fail(path, 0, f"sequence {sequence} has a second label; remove one")
        value = reading.table(path, ["emotion"])
        if len(value) > 1:
            listing.fail(path, 2, "a second value; a label is one number")
        found[sequence] = CODES[int(reading.codes(value, "emotion", CODES)[0])]
    return found


def protocol(found: pd.DataFrame, codes: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """First and last three frames of labelled sequences with their expression; the rest dropped."""
    group = found.groupby("sequence")
    number, length = group.cumcount(), group["frame"].transform("size")
    expression = found["sequence"].map(lambda name: codes.get(name, ""))
    found["expression"] = np.where(number == 0, "neutral", expression)
    rules: dict[str, Any] = {
        "its sequence is not labelled": expression == "",
        SHORT: length < 4,
        HEADLESS: group["frame"].transform("min") > BEGIN,
        "neither the first nor one of the last three frames": (number > 0) & (number < length - 3),
        CONTEMPT: found["expression"] == "contempt",
    }
    reasons = np.select(list(rules.values()), list(rules), "")
    return listing.drop(found, reasons != "", reasons[reasons != ""])


def why_none(dropped: pd.DataFrame, codes: dict[str, str]) -> str:
    """Why no frame of a copy is one of the protocol, in words."""
    if not codes:
        return "labels no sequence; copy the dataset whole"
    cut = dropped[dropped["reason"].isin((SHORT, HEADLESS))]
    if not len(cut):
        return f"labels no sequence but of contempt ({CONTEMPT}); copy the dataset whole"
    text = "no labelled sequence has four frames, its first one among them"
    peaks = "a copy with peak frames alone lacks the neutral ones"
    return f"{text} (as that of {cut['file'].iloc[0]}): {peaks}; copy whole sequences"


def boxes(found: pd.DataFrame, landmarks: Path | None) -> tuple[pd.DataFrame, int]:
    """Boxes around the landmarks where there are any, and how many these are."""
    table, count = [], 0
    columns = [found[name] for name in ("sequence", "image", "width", "height")]
    for sequence, image, width, height in zip(*columns, strict=True):
        name = Path(sequence, f"{Path(image).stem}_landmarks.txt")
        if landmarks is None or not (landmarks / name).is_file():
            table.append(central_box(width, height))
            continue
        path = landmarks / name
        points = reading.table(path, ["x", "y"])
        if len(points) != POINTS:
            listing.fail(path, 0, f"{len(points)} points in place of {POINTS}; copy it again")
        x, y = (reading.numbers(points, axis) for axis in ("x", "y"))
        table.append((x.min(), y.min(), np.ptp(x), np.ptp(y)))
        count += 1
    return found.assign(**pd.DataFrame(table, columns=listing.BOX, index=found.index)), count
