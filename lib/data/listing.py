"""What a dataset's files list: one table for all sources, boxes, labels, and errors that say where.

Every error names the file, the line, the value and what to do.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

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
        words = "is listed twice; remove one of them"
        refuse(self.table, repeated, lambda row: f"{row['key']!r} {words}")


def check_keys(lists: Iterable[Listing]) -> None:
    """ValueError where two lists have a key in common; it names both files and lines."""
    table = pd.concat([no_rows().assign(key=""), *(each.table for each in lists)])
    again = table[table["key"].duplicated(keep=False)]
    if len(again):
        one, two = again[again["key"] == again["key"].iloc[0]].iloc[:2].itertuples()
        text = f"and {place(two.file, two.line)} have one key, {one.key!r}; rename a folder"
        raise ValueError(f"{place(one.file, one.line)} {text}")


# Errors -------------------------------------------------------------------------------------------


def fail(path: Path | str, line: int, problem: str, column: str = "") -> NoReturn:
    """Raise a ValueError that says in which file, line and column the problem is."""
    where = place(path, line) + (f", column {column!r}" if column else "")
    raise ValueError(f"{where}: {problem}")


def refuse(
    rows: pd.DataFrame,
    wrong: ArrayLike,
    problem: Callable[[pd.Series], str],
    column: str = "",
) -> None:
    """Fail with the first row that is wrong.

    rows: with `file` and `line`. wrong: (N,) bool. problem: what is wrong with a row, and what to
    do.
    """
    for _, row in rows[np.asarray(wrong, bool)][:1].iterrows():
        fail(row["file"], row["line"], problem(row), column)


def place(path: Path | str, line: int) -> str:
    """A row in words. Line 0 is the whole file; in a database, lines are numbers of faces."""
    word = "face" if _is_database(path) else "line"
    return f"{path}, {word} {line}" if line else str(path)


def removal(row: pd.Series) -> str:
    """How to take a row out of its source, in words; line 0 is the whole file."""
    if _is_database(row["file"]):
        return "remove its row from Faces"
    return "remove its line" if row["line"] else "remove it"


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
    rows: pd.DataFrame, wrong: ArrayLike, reason: str | Sequence[str]
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


def dropped_of(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Dropped rows of several sets as one table: set, file, line, reason."""
    tables = [part.assign(set=name) for name, part in parts.items()]
    table = pd.concat([no_rows().assign(set=""), *tables], ignore_index=True)
    return table[["set", *DROPPED]].astype({"line": np.int64})


def clamp(rows: pd.DataFrame, names: Sequence[str] = BOX) -> tuple[pd.DataFrame, int]:
    """Cut boxes to their pictures; returns the rows, and how many boxes reached beyond.

    names: the columns of x, y, w, h. ValueError for a box without area, below 2 px (given as shares
    of the picture?), or whose centre is outside its picture.
    """

    def says(words: str) -> Callable[[pd.Series], str]:
        return lambda row: (
            f"box {', '.join(f'{name} {row[name]:g}' for name in names)} "
            + words.format(removal=removal(row), width=row["width"], height=row["height"])
        )

    x, y, w, h = (rows[name].to_numpy(np.float64) for name in names)
    width, height = rows["width"].to_numpy(), rows["height"].to_numpy()
    centre_x, centre_y = x + w / 2, y + h / 2
    outside = (centre_x < 0) | (centre_y < 0) | (centre_x > width) | (centre_y > height)
    refuse(rows, ~((w > 0) & (h > 0)), says("has no area; fix it or {removal}"))
    refuse(
        rows, (w < 2) & (h < 2), says("is smaller than 2 px; give px, not shares of the picture")
    )
    other = "is outside its picture of {width} x {height} px: its centre reaches beyond the edge; "
    refuse(rows, outside, says(other + "is it another copy of the picture?"))
    left, top = x.clip(0), y.clip(0)
    right, bottom = np.minimum(x + w, width), np.minimum(y + h, height)
    beyond = (left > x) | (top > y) | (right < x + w) | (bottom < y + h)
    boxes = dict(zip(names, (left, top, right - left, bottom - top), strict=True))
    return rows.assign(**boxes), int(beyond.sum())


def with_labels(
    rows: pd.DataFrame, given: Mapping[str, ArrayLike], extra: Sequence[str] = ()
) -> pd.DataFrame:
    """`COLUMNS` and extra columns of the rows, and 24 labels: -1 in all that are not given."""
    empty = np.full(len(rows), MISSING, np.int8)
    filled = {name: np.asarray(given.get(name, empty), np.int8) for name in ATTRIBUTES}
    return rows[[*COLUMNS, *extra]].assign(**filled)
