"""AFLW: `aflw.sqlite` and the pictures in `flickr/`.

Angles are in radians and some are beyond a whole turn. A face may have several rows of a table
(one per kind of annotation), or none. Sex is `m`, `f`, or not known.
"""

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import listing, splits
from lib.data.listing import Listing
from lib.data.sources import files, reading
from lib.params import DataParams
from lib.vocabulary import POSES

MARKERS = ("aflw.sqlite",)
COUNT = 24_386  # faces, Table 4
UNREADABLE = 1  # pictures of the published set that no program opens
TABLES = {
    "Faces": ("face_id", "file_id"),
    "FaceImages": ("file_id", "filepath"),
    "FaceRect": ("face_id", "x", "y", "w", "h", "annot_type_id"),
    "FacePose": ("face_id", "roll", "pitch", "yaw", "annot_type_id"),
    "FaceMetaData": ("face_id", "sex", "annot_type_id"),
}
LANDMARKS = ("face_id", "feature_id", "x")
NOSE, EYES_AND_EARS = 15, (8, 11, 13, 17)  # feature_id of the tip; of middles of eyes, and ears
TURNED, ENOUGH = 20, 20  # degrees of yaw from which the nose's side is clear; faces to judge by
STEPS = 20  # million instructions of SQLite for a table; AFLW's largest needs about three
SEX = {"m": 1, "f": 0}
ANGLES = ("roll", "pitch", "yaw")


def rows(home: Path, data: DataParams, *, seed: int, progress: bool = True) -> Listing:
    """One row per face with a box; `line` is its face_id. Splits go by picture.

    Faces turned by more than 90 degrees in any of yaw, pitch and roll keep their sex, but their
    pose is missing: the fit of the head failed there. ValueError where database or pictures are
    wrong.
    """
    path = files.require(home, MARKERS[0])
    found = joined(path)
    total, base = len(found), files.require(home, "flickr")
    found, boxless = listing.drop(found, found["FaceRect"] != "both", "no box (FaceRect)")
    if not len(found):
        listing.fail(path, 0, "no face has a box (FaceRect); copy the database again")
    for name in listing.BOX:
        found[name] = reading.numbers(found, name)
    for name in ANGLES:
        found[name] = pose_angles(found, name)
    found["image"] = files.image_paths(found, "filepath", base)
    found = files.with_sizes(found, progress, UNREADABLE)
    found, unreadable = listing.drop(found, found["width"] == 0, "unreadable picture")
    found, clamped = listing.clamp(found)
    given, remarks = attributes(found, data)
    remarks = {"boxes cut to the picture": clamped} | remarks | check_side(found, data.yaw_sign)
    count = splits.at_most_half(data.aflw.test, len(found))
    test = splits.sample_groups(found["identity"], count, seed)
    found["split"] = np.where(test, "test", "train")
    table, gone = listing.with_labels(found, given), [boxless, unreadable]
    return splits.limited(table, data.aflw.train, seed, total=total, dropped=gone, remarks=remarks)


def joined(path: Path) -> pd.DataFrame:
    """Every face with its picture, and what is known of box, pose and sex (NaN where nothing)."""
    tables = query(path)
    for name, key in (("Faces", "face_id"), ("FaceImages", "file_id")):
        twice = tables[name][key].duplicated()
        for value in tables[name][key][twice][:1]:
            listing.fail(path, 0, f"{key} {value} is there twice; remove one row")
    found = tables["Faces"].merge(tables["FaceImages"], on="file_id", how="left")
    found = found.assign(source="aflw", file=str(path), line=found["face_id"])
    words = "has no row in FaceImages; copy the database again"
    lost = found["filepath"].isna()
    listing.refuse(found, lost, lambda row: f"file_id {row['file_id']!r} {words}")
    for name in ("FaceRect", "FacePose", "FaceMetaData"):
        first = tables[name].sort_values(["face_id", "annot_type_id"], kind="stable")
        first = first[first["sex"].isin(SEX)] if name == "FaceMetaData" else first
        first = first.drop_duplicates("face_id").drop(columns="annot_type_id")
        found = found.merge(first, on="face_id", how="left", indicator=name)
    points = tables.get("FeatureCoords", pd.DataFrame(columns=list(LANDMARKS)))
    return found.assign(
        nose=found["face_id"].map(nose_offsets(points)),
        key="aflw/" + found["face_id"].astype(str),
        identity="aflw/" + found["filepath"].astype(str),
    )


def query(path: Path) -> dict[str, pd.DataFrame]:
    """The tables that are read, unchanged; ValueError where the file is no such database."""
    with listing.readable(path), path.open("rb") as file:  # SQLite does not say why it cannot
        other = reading.mistaken(file.read(4096))
    if other and "database" not in other:
        listing.fail(path, 0, other)
    try:
        source = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(source, uri=True)) as base:
            tables = {name: one_table(base, name, columns) for name, columns in TABLES.items()}
            there = "SELECT 1 FROM sqlite_master WHERE name = 'FeatureCoords'"
            if base.execute(there).fetchone():
                tables["FeatureCoords"] = one_table(base, "FeatureCoords", LANDMARKS)
    except (sqlite3.DatabaseError, pd.errors.DatabaseError) as error:
        reason = str(error).splitlines()[-1].split(": ", 1)[-1]
        reason = reason.replace("interrupted", "a table or view does not end")
        listing.fail(path, 0, f"is not AFLW's database ({reason}); copy it again")
    if not len(tables["Faces"]):
        listing.fail(path, 0, "table Faces is empty; copy the database again")
    return tables


def one_table(base: sqlite3.Connection, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """A table's columns; sqlite3.OperationalError where it takes more than `STEPS` to read."""
    left = iter(range(STEPS))
    base.set_progress_handler(lambda: next(left, None) is None, 1_000_000)
    return pd.read_sql_query(f"SELECT {', '.join(columns)} FROM {name}", base)


def pose_angles(found: pd.DataFrame, name: str) -> np.ndarray:
    """An angle (N,) in degrees, -180 to 180; NaN where the face has no row of poses."""
    angles = np.full(len(found), np.nan)
    there = (found["FacePose"] == "both").to_numpy()
    angles[there] = reading.numbers(found[there], name)
    return np.degrees((angles + np.pi) % (2 * np.pi) - np.pi)


def nose_offsets(points: pd.DataFrame) -> pd.Series:
    """By face_id, how far (px) the nose is right of the middle of the eyes and ears that are seen.

    points: rows of `LANDMARKS`. Negative where a face turns to the picture's left.
    """
    places = points.drop_duplicates(["face_id", "feature_id"])
    places = places.assign(x=pd.to_numeric(places["x"], errors="coerce"))
    x = places.pivot(index="face_id", columns="feature_id", values="x")
    x = x.reindex(columns=[NOSE, *EYES_AND_EARS])
    x = x.where(x >= 0)  # -1: not seen
    return x[NOSE] - x[list(EYES_AND_EARS)].mean(axis=1)


def check_side(found: pd.DataFrame, sign: int) -> dict[str, int]:
    """How many turned faces have their nose on the other side than their yaw says.

    ValueError where most have: then left and right are exchanged.
    """
    yaw, nose = found["yaw"] * sign, found["nose"]
    clear = (found[list(ANGLES)].abs() <= 90).all(axis=1) & (yaw.abs() >= TURNED) & nose.notna()
    differ = int((np.sign(nose[clear]) != np.sign(yaw[clear])).sum())
    if clear.sum() >= ENOUGH and differ > clear.sum() / 2:
        text = f"with data.yaw_sign: {sign}, {differ:,} of {clear.sum():,} turned faces have their"
        todo = f"nose on the other side; set data.yaw_sign: {-sign}"
        listing.fail(found["file"].iloc[0], 0, f"{text} {todo}")
    return {f"nose on the other side than the yaw says, of {clear.sum():,}": differ}


def attributes(
    found: pd.DataFrame, data: DataParams
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Labels of sex and pose, -1 where missing, and how many poses are missing and why."""
    sex = found["sex"].map(SEX).fillna(-1).to_numpy(np.int8)
    angles = found[list(ANGLES)].to_numpy()
    absent = np.isnan(angles).any(1)
    beyond = ~absent & (np.abs(angles) > 90).any(1)
    poses = np.digitize(np.nan_to_num(angles[:, 2]) * data.yaw_sign, data.yaw_bins)
    known = ~(absent | beyond)
    given = {name: np.where(known, poses == place, -1) for place, name in enumerate(POSES)}
    remarks = {
        "pose left missing: no row in FacePose": int(absent.sum()),
        "pose left missing: beyond 90 degrees": int(beyond.sum()),
        "sex left missing: neither m nor f": int((sex < 0).sum()),
    }
    return {"gender": sex, **given}, remarks
