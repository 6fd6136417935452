"""What the readers of all datasets share: text lists, boxes, labels, and their table.

Every error names the file, the line, the value and the mend.
"""

import contextlib
import io
import re
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
class Rows:
    """What a dataset's files hold: every row of the source is kept or dropped.

    table: one row per kept face (or pair), columns `COLUMNS` and the 24 attributes in {-1, 0, 1}.
    dropped: `file`, `line` (0: the file as a whole) and `reason` of every other row.
    total: rows of the source. remarks: what was put right or left missing, and how often.
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
        twice = self.table["key"].duplicated()
        if twice.any():
            row = self.table[twice].iloc[0]
            fail(row["file"], row["line"], f"{row['key']!r} stands twice; remove one of them")


def fail(path: Path | str, line: int, problem: str) -> NoReturn:
    """ValueError that says where."""
    raise ValueError(f"{place(path, line)}: {problem}")


def place(path: Path | str, line: int) -> str:
    """A row in words: line 0 is the file as a whole, a database has faces for lines."""
    word = "face" if is_database(path) else "line"
    return f"{path}, {word} {line}" if line else str(path)


def removal(path: Path | str, line: int) -> str:
    """In words, how a row is taken out of its source; line 0 is the file as a whole."""
    if is_database(path):
        return "remove its row from Faces"
    return "remove its line" if line else "remove it"


def is_database(path: Path | str) -> bool:
    return str(path).endswith(".sqlite")


@contextlib.contextmanager
def readable(path: Path | str) -> Iterator[None]:
    """Turns the system's refusal to read a file or folder into a ValueError that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        text = f"cannot be read ({reason}); give yourself permission, or copy it again"
        fail(error.filename or path, 0, text)


# Text ---------------------------------------------------------------------------------------------


def read(path: Path, source: str = "copy it from the dataset") -> list[str]:
    """The lines of a list in UTF-8, with or without a byte order mark, whatever their ends.

    source: in words, where a missing one comes from. ValueError where it does not exist, cannot be
        read, is empty or is no such text.
    """
    with readable(path):
        if not path.is_file():
            fail(path, 0, f"does not exist; {source}")
        data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        fail(path, 0, "is UTF-16; save it as UTF-8")
    if b"\0" in data:
        fail(path, data[: data.index(b"\0")].count(b"\n") + 1, "holds binary data; copy it again")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fail(path, line, f"byte {error.start} is not UTF-8; save it as UTF-8")
    lines = re.split(r"\r\n|\r|\n", text)
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        fail(path, 0, "is empty; copy it again")
    return lines


def table(path: Path, lines: Sequence[str], columns: Sequence[str], first: int = 1) -> pd.DataFrame:
    """White-space separated fields as strings, one row per line; `first`: number of lines[0].

    Column `line` is added.
    """
    if not lines:
        fail(path, 0, "lists nothing; copy it again")
    for number, line in enumerate(lines, first):
        count = len(line.split())
        if count != len(columns):
            wanted = f"{len(columns)}: {' '.join(columns[:8])}{' …' * (len(columns) > 8)}"
            fail(path, number, f"{count} fields in place of {wanted}; mend or copy the list again")
    parsed = pd.read_csv(
        io.StringIO("\n".join(lines)), sep=r"\s+", header=None, names=list(columns), dtype=str,
        na_filter=False, quoting=3, skip_blank_lines=False,
    )  # fmt: skip
    return parsed.assign(line=np.arange(first, first + len(lines)))


def numbers(path: Path, rows: pd.DataFrame, column: str, *, whole: bool = False) -> np.ndarray:
    """A column of strings as float64, or int64 where they must be whole numbers."""
    values = pd.to_numeric(rows[column], errors="coerce").to_numpy(np.float64)
    wrong = ~np.isfinite(values) | (whole & (values != np.round(values)))
    if wrong.any():
        row = rows[wrong].iloc[0]
        kind = "a whole number" if whole else "a finite number"
        fail(path, row["line"], f"{column} is {str(row[column])!r}, not {kind}; mend it")
    return values.astype(np.int64) if whole else values


def codes(path: Path, rows: pd.DataFrame, column: str, allowed: Mapping[int, str]) -> np.ndarray:
    """A column of whole numbers that the code book knows; allowed: code -> what it means."""
    values = numbers(path, rows, column, whole=True)
    wrong = ~np.isin(values, list(allowed))
    if wrong.any():
        row, known = rows[wrong].iloc[0], ", ".join(f"{k} {v}".strip() for k, v in allowed.items())
        fail(path, row["line"], f"{column} is {row[column]}; the code book has {known}")
    return values


# Boxes and labels ---------------------------------------------------------------------------------


def clamp(rows: pd.DataFrame, names: Sequence[str] = BOX) -> tuple[pd.DataFrame, int]:
    """Boxes x, y, w, h cut to their pictures, and how many reached beyond.

    ValueError for a box without area, or whose middle lies outside its picture.
    """
    x, y, w, h = (rows[name].to_numpy(np.float64) for name in names)
    width, height = rows["width"].to_numpy(), rows["height"].to_numpy()
    flat = ~((w > 0) & (h > 0))
    middle = (x + w / 2 < 0) | (y + h / 2 < 0) | (x + w / 2 > width) | (y + h / 2 > height)
    if flat.any():
        row = rows[flat].iloc[0]
        mend = f"mend it or {removal(row['file'], row['line'])}"
        fail(row["file"], row["line"], f"{boxed(row, names)} has no area; {mend}")
    if middle.any():
        row = rows[middle].iloc[0]
        size = f"{row['width']} x {row['height']} px"
        text = f"lies outside its picture of {size}; is it another copy of the picture?"
        fail(row["file"], row["line"], f"{boxed(row, names)} {text}")
    left, top = x.clip(0), y.clip(0)
    right, bottom = np.minimum(x + w, width), np.minimum(y + h, height)
    beyond = (left > x) | (top > y) | (right < x + w) | (bottom < y + h)
    boxes = dict(zip(names, (left, top, right - left, bottom - top), strict=True))
    return rows.assign(**boxes), int(beyond.sum())


def boxed(row: pd.Series, names: Sequence[str]) -> str:
    """A box in words."""
    return "box " + ", ".join(f"{name} {row[name]:g}" for name in names)


def labels(rows: pd.DataFrame, given: Mapping[str, Iterable[int]]) -> pd.DataFrame:
    """The rows with 24 label columns, -1 in all that are not given."""
    empty = np.full(len(rows), MISSING, np.int8)
    filled = {name: np.asarray(given.get(name, empty), np.int8) for name in ATTRIBUTES}
    return pd.concat([rows, pd.DataFrame(filled, index=rows.index)], axis=1)


def drop(rows: pd.DataFrame, wrong: np.ndarray, reason: str | Sequence[str]) -> tuple:
    """The rows without the wrong ones, and those as (file, line, reason)."""
    wrong = np.asarray(wrong, bool)
    gone = rows.loc[wrong, ["file", "line"]].reset_index(drop=True)
    return rows[~wrong].reset_index(drop=True), gone.assign(reason=reason)[list(DROPPED)]


def nothing() -> pd.DataFrame:
    """No dropped row."""
    return pd.DataFrame({"file": [], "line": np.array([], np.int64), "reason": []})
