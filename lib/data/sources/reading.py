"""Text lists of the datasets: lines, fields, numbers, codes.

Every error names the file, the line, the value and what to do.
"""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.listing import fail, readable, refuse

# What is often saved in the place of a file, by its first bytes.
MISTAKEN = {
    b"<": "a web page",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a rar archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"%PDF": "a PDF",
    b"SQLite format": "a database",
    b"version https://git-lfs": "a pointer of Git LFS",
    b'{"': "a message in JSON",
}
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")


def mistaken(data: bytes) -> str:
    """What else a file is than a list or a picture, in words; empty if that is not obvious.

    data: the file, or its first bytes. Of a web page its title is named, which often is an error.
    """
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = next((words for mark, words in MISTAKEN.items() if start.startswith(mark)), "")
    title = re.search(rb"<title[^>]*>\s*([^<]{1,100})", start, re.IGNORECASE)
    shown = f" ({title[1].decode(errors='replace').strip()!r})" if title and "web" in kind else ""
    todo = "unpack it there" if "archive" in kind else "download it again"
    return f"is {kind}{shown}; {todo}" if kind else ""


def lines(path: Path, origin: str = "copy it from the dataset") -> list[str]:
    """The lines of a UTF-8 list, with or without a byte order mark, whatever their line ends.

    origin: where a missing list comes from, in words. ValueError where the file does not exist,
    cannot be read, is empty or is not such text; what is often saved in its place is named.
    """
    with readable(path):
        if not path.is_file():
            fail(path, 0, f"does not exist; {origin}")
        data = path.read_bytes()
    if other := mistaken(data):
        fail(path, 0, other)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        fail(path, 0, "is UTF-16; save it as UTF-8")
    if b"\0" in data:
        fail(path, data[: data.index(b"\0")].count(b"\n") + 1, "holds binary data; copy it again")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fail(path, line, f"byte {error.start} is not UTF-8; save it as UTF-8")
    found = re.split(r"\r\n|\r|\n", text)
    while found and not found[-1].strip():
        found.pop()
    if not found:
        fail(path, 0, "is empty; copy it again")
    return found


def table(
    path: Path, columns: Sequence[str], rows: Sequence[str] | None = None, first: int = 1
) -> pd.DataFrame:
    """Fields separated by white space as strings, one row per line; `file` and `line` are added.

    rows: lines of the file from number `first` on (default: all of it). ValueError as of `lines`,
    and where a line has another count of fields.
    """
    rows = lines(path) if rows is None else rows
    if not rows:
        fail(path, 0, "lists nothing; copy it again")
    if is_header(rows[0]):
        fail(path, first, f"{rows[0][:60]!r} is a header; the published list has none, remove it")
    for number, line in enumerate(rows, first):
        count = len(line.split())
        if count != len(columns):
            if line.count(",") == len(columns) - 1 > 0:
                fail(path, number, "has commas: another edition of the list; use the published one")
            wanted = f"{len(columns)}: {' '.join(columns[:8])}{' …' * (len(columns) > 8)}"
            fail(path, number, f"{count} fields in place of {wanted}; fix or copy the list again")
    parsed = pd.read_csv(
        io.StringIO("\n".join(rows)), sep=r"\s+", header=None, names=list(columns), dtype=str,
        na_filter=False, quoting=3, skip_blank_lines=False,
    )  # fmt: skip
    return parsed.assign(file=str(path), line=np.arange(first, first + len(rows)))


def is_header(line: str) -> bool:
    """Whether a line names columns: several words, none of them a number or a picture."""
    words = re.split(r"[\s,;]+", line.strip())
    if len(words) < 2 or words[0].lower().endswith(PICTURES):
        return False
    return bool(pd.to_numeric(pd.Series(words), errors="coerce").isna().all())


def numbers(rows: pd.DataFrame, column: str, *, whole: bool = False) -> np.ndarray:
    """A column of a `table` as (N,) float64, or as int64 where they must be whole numbers."""
    values = pd.to_numeric(rows[column], errors="coerce").to_numpy(np.float64)
    wrong = ~np.isfinite(values) | (whole & (values != np.round(values)))
    kind = "a whole number" if whole else "a finite number"
    refuse(rows, wrong, lambda row: f"{column} is {str(row[column])!r}, not {kind}; fix it")
    return values.astype(np.int64) if whole else values


def codes(rows: pd.DataFrame, column: str, allowed: Mapping[int, str]) -> np.ndarray:
    """A column of whole numbers, (N,) int64, that must be keys of `allowed` (code -> meaning)."""
    values = numbers(rows, column, whole=True)
    known = ", ".join(f"{code} {meaning}".strip() for code, meaning in allowed.items())
    wrong = ~np.isin(values, list(allowed))
    refuse(rows, wrong, lambda row: f"{column} is {row[column]}; allowed are {known}")
    return values
