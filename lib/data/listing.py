"""What a dataset's files list: one table for all sources, boxes, labels, and errors that say where.

Every error names the file, the line, the value and what to do.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd

from lib.vocabulary import ATTRIBUTES, MISSING

BOX = ("x", "y", "w", "h")
COLUMNS = ("key", "image", *BOX, "width", "height", "identity", "split", "source", "file", "line")
DROPPED = ("file", "line", "reason")


@dataclass(frozen=True)
class Listing:
    """Every row of a dataset's files, kept or dropped.

    table: one row per kept face or pair: `COLUMNS`, and the 24 attributes in {-1, 0, 1} (of pairs
        the eight traits).
    dropped: `file`, `line` (0: the whole file) and `reason` of every other row.
    total: rows of the source.
    remarks: what was corrected or left missing -> how often.
    counted: rows of the kind that the paper counts, if these are not all rows of the source.
    """

    table: pd.DataFrame
    dropped: pd.DataFrame
    total: int
    remarks: dict[str, int] = field(default_factory=dict)
    counted: int | None = None

    def __post_init__(self) -> None:
        kept, dropped = len(self.table), len(self.dropped)
        if kept + dropped != self.total:
            raise ValueError(f"{kept} rows kept and {dropped} dropped are not {self.total} rows")
        repeated = self.table["key"].duplicated()
        if repeated.any():
            row = self.table[repeated].iloc[0]
            fail(row["file"], row["line"], f"{row['key']!r} is listed twice; remove one of them")


def check_keys(lists: Iterable[Listing]) -> None:
    """ValueError where two lists have a key in common; it names both files and lines."""
    table = pd.concat([no_rows().assign(key=""), *(each.table for each in lists)])
    again = table[table["key"].duplicated(keep=False)]
    if len(again):
        one, two = again[again["key"] == again["key"].iloc[0]].iloc[:2].itertuples()
        text = f"and {place(two.file, two.line)} have one key, {one.key!r}; rename a folder"
        raise ValueError(f"{place(one.file, one.line)} {text}")


# Errors -------------------------------------------------------------------------------------------


def fail(path: Path | str, line: int, problem: str) -> NoReturn:
    """Raise a ValueError that says in which file and line the problem is."""
    raise ValueError(f"{place(path, line)}: {problem}")


def place(path: Path | str, line: int) -> str:
    """A row in words. Line 0 is the whole file; in a database, lines are numbers of faces."""
    word = "face" if _is_database(path) else "line"
    return f"{path}, {word} {line}" if line else str(path)


def removal(path: Path | str, line: int) -> str:
    """How to take a row out of its source, in words; line 0 is the whole file."""
    if _is_database(path):
        return "remove its row from Faces"
    return "remove its line" if line else "remove it"


def _is_database(path: Path | str) -> bool:
    return str(path).endswith(".sqlite")


@contextlib.contextmanager
def readable(path: Path | str) -> Iterator[None]:
    """Turn a system error about a file or folder into a ValueError that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        text = f"cannot be read ({reason}); give yourself permission, or copy it again"
        fail(error.filename or path, 0, text)


# Rows ---------------------------------------------------------------------------------------------


def drop(
    rows: pd.DataFrame, wrong: np.ndarray | pd.Series, reason: str | Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows without the wrong ones, and the wrong ones as `DROPPED` rows.

    wrong: (N,) bool; reason: one for all, or one for each wrong row.
    """
    mask = np.asarray(wrong, bool)
    return rows[~mask].reset_index(drop=True), as_dropped(rows[mask], reason)


def as_dropped(rows: pd.DataFrame, reason: str | Sequence[str]) -> pd.DataFrame:
    """Rows as dropped ones: file, line, reason."""
    return rows[["file", "line"]].reset_index(drop=True).assign(reason=reason)[list(DROPPED)]


def no_rows() -> pd.DataFrame:
    """A table of dropped rows that has none."""
    return pd.DataFrame({"file": [], "line": np.array([], np.int64), "reason": []})


def clamp(rows: pd.DataFrame, names: Sequence[str] = BOX) -> tuple[pd.DataFrame, int]:
    """Cut boxes to their pictures; returns the rows, and how many boxes reached beyond.

    names: the columns of x, y, w, h. ValueError for a box without area, below 2 px (given as shares
    of the picture?), or whose centre is outside its picture.
    """
    x, y, w, h = (rows[name].to_numpy(np.float64) for name in names)
    width, height = rows["width"].to_numpy(), rows["height"].to_numpy()
    centre_x, centre_y = x + w / 2, y + h / 2
    outside = (centre_x < 0) | (centre_y < 0) | (centre_x > width) | (centre_y > height)
    _refuse(rows, names, ~((w > 0) & (h > 0)), "has no area; fix it or {removal}")
    shares = "is smaller than 2 px; give px, not shares of the picture"
    _refuse(rows, names, (w < 2) & (h < 2), shares)
    other = "is outside its picture of {width} x {height} px: its centre reaches beyond the edge; "
    _refuse(rows, names, outside, other + "is it another copy of the picture?")
    left, top = x.clip(0), y.clip(0)
    right, bottom = np.minimum(x + w, width), np.minimum(y + h, height)
    beyond = (left > x) | (top > y) | (right < x + w) | (bottom < y + h)
    boxes = dict(zip(names, (left, top, right - left, bottom - top), strict=True))
    return rows.assign(**boxes), int(beyond.sum())


def _refuse(rows: pd.DataFrame, names: Sequence[str], wrong: np.ndarray, problem: str) -> None:
    """Fail with the first box that is wrong."""
    if not wrong.any():
        return
    row = rows[wrong].iloc[0]
    box = ", ".join(f"{name} {row[name]:g}" for name in names)
    size = {"width": row["width"], "height": row["height"]}
    words = problem.format(removal=removal(row["file"], row["line"]), **size)
    fail(row["file"], row["line"], f"box {box} {words}")


def with_labels(rows: pd.DataFrame, given: Mapping[str, Iterable[int]]) -> pd.DataFrame:
    """The rows with 24 label columns, -1 in all that are not given."""
    empty = np.full(len(rows), MISSING, np.int8)
    filled = {name: np.asarray(given.get(name, empty), np.int8) for name in ATTRIBUTES}
    return pd.concat([rows, pd.DataFrame(filled, index=rows.index)], axis=1)
