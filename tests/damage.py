"""What can be wrong with a copy of a dataset: functions that damage one, given its folder."""

import contextlib
import functools
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

Break = Callable[[Path], object]


def put(name: str, content: bytes) -> Break:
    return lambda home: (home / name).write_bytes(content)


def gone(name: str) -> Break:
    def remove(home: Path) -> None:
        path = home / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def line(name: str, number: int, change: Callable[[str], str]) -> Break:
    """Change one line of a list, counted from 1."""

    def edit(home: Path) -> None:
        lines = (home / name).read_text().split("\n")
        lines[number - 1] = change(lines[number - 1])
        (home / name).write_text("\n".join(lines))

    return edit


def field(name: str, number: int, place: int, value: str) -> Break:
    """Change one field of one line."""

    def change(text: str) -> str:
        fields = text.split()
        fields[place] = value
        return " ".join(fields)

    return line(name, number, change)


def keep(name: str, count: int) -> Break:
    """Cut a list short."""
    return lambda home: (home / name).write_text(
        "\n".join((home / name).read_text().split("\n")[:count]) + "\n"
    )


def sql(statement: str) -> Break:
    def change(home: Path) -> None:
        with contextlib.closing(sqlite3.connect(home / "aflw.sqlite")) as base:
            base.executescript(statement)

    return change


def linked(name: str) -> Break:
    """A file or folder that is a link to one outside the dataset."""

    def change(home: Path) -> None:
        outside = home.parent / "outside" / Path(name).name
        outside.parent.mkdir()
        shutil.move(home / name, outside)
        (home / name).symlink_to(outside)

    return change


def dangling(name: str) -> Break:
    """A link in the place of a file, to where nothing is."""
    return lambda home: (home / name).unlink() or (home / name).symlink_to(home / "gone")


def emptied(name: str) -> Break:
    """Folders without the files that were in them."""
    return lambda home: [path.unlink() for path in list((home / name).rglob("*.*"))]


def resized(name: str, size: tuple[int, int]) -> Break:
    return lambda home: Image.new("RGB", size).save(home / name)


def cut(name: str) -> Break:
    """A picture whose end is missing: its header is whole."""
    return lambda home: (home / name).write_bytes((home / name).read_bytes()[:-300])


def moved(old: str, new: str, how: Callable) -> Break:
    def move(home: Path) -> None:
        (home / new).parent.mkdir(parents=True, exist_ok=True)
        how(home / old, home / new)

    return move


renamed = functools.partial(moved, how=shutil.move)
copied = functools.partial(moved, how=shutil.copy)


def bomb() -> bytes:
    """A PNG of a few bytes that claims 30,000 x 30,000 pixels."""
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
