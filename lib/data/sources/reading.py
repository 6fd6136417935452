"""Text lists of the datasets: lines, fields, numbers, codes.

Every error names the file, the line, the value and what to do.
"""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.listing import fail, readable


def lines(path: Path, origin: str = "copy it from the dataset") -> list[str]:
    """The lines of a UTF-8 list, with or without a byte order mark, whatever their line ends.

    origin: where a missing list comes from, in words. ValueError where the file does not exist,
    cannot be read, is empty or is not such text.
    """
    with readable(path):
        if not path.is_file():
            fail(path, 0, f"does not exist; {origin}")
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
    found = re.split(r"\r\n|\r|\n", text)
    while found and not found[-1].strip():
        found.pop()
    if not found:
        fail(path, 0, "is empty; copy it again")
    return found


def table(path: Path, rows: Sequence[str], columns: Sequence[str], first: int = 1) -> pd.DataFrame:
    """Fields separated by white space as strings, one row per line; column `line` is added.

    first: number of rows[0] in the file. ValueError where a line has another count of fields.
    """
    if not rows:
        fail(path, 0, "lists nothing; copy it again")
    for number, line in enumerate(rows, first):
        count = len(line.split())
        if count != len(columns):
            wanted = f"{len(columns)}: {' '.join(columns[:8])}{' …' * (len(columns) > 8)}"
            fail(path, number, f"{count} fields in place of {wanted}; fix or copy the list again")
    parsed = pd.read_csv(
        io.StringIO("\n".join(rows)), sep=r"\s+", header=None, names=list(columns), dtype=str,
        na_filter=False, quoting=3, skip_blank_lines=False,
    )  # fmt: skip
    return parsed.assign(line=np.arange(first, first + len(rows)))


def numbers(path: Path, rows: pd.DataFrame, column: str, *, whole: bool = False) -> np.ndarray:
    """A column of strings as float64, or as int64 where they must be whole numbers."""
    values = pd.to_numeric(rows[column], errors="coerce").to_numpy(np.float64)
    wrong = ~np.isfinite(values) | (whole & (values != np.round(values)))
    if wrong.any():
        row = rows[wrong].iloc[0]
        kind = "a whole number" if whole else "a finite number"
        fail(path, row["line"], f"{column} is {str(row[column])!r}, not {kind}; fix it")
    return values.astype(np.int64) if whole else values


def codes(path: Path, rows: pd.DataFrame, column: str, allowed: Mapping[int, str]) -> np.ndarray:
    """A column of whole numbers, (N,) int64, that must be keys of `allowed` (code -> meaning)."""
    values = numbers(path, rows, column, whole=True)
    wrong = ~np.isin(values, list(allowed))
    if wrong.any():
        row, known = rows[wrong].iloc[0], ", ".join(f"{k} {v}".strip() for k, v in allowed.items())
        fail(path, row["line"], f"{column} is {row[column]}; allowed are {known}")
    return values
