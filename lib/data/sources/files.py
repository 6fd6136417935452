"""A dataset's files on disk: folders found, names in lists resolved, sizes of pictures read.

Names in lists never lead outside the folder that they are relative to. Every error names the file,
the line, the value and what to do.
"""

import contextlib
import os
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pandas as pd
from tqdm import tqdm

from lib.data import listing
from lib.data.pictures import BROKEN, open_picture
from lib.data.sources import reading

DEPTH = 3  # folders on the way to a file that is looked for
SYSTEM_FILES = {"Thumbs.db", "desktop.ini"}


def locate(home: Path, name: str) -> Path | None:
    """A file or folder of that name in a dataset's folder, the one nearest to the top.

    Where a folder holds nothing but a folder of its own name (a zip unpacked into its own name),
    the inner one. ValueError where two are equally near.
    """
    for level in range(DEPTH):
        found = sorted(home.glob("/".join(["*"] * level + [name])))
        if len(found) > 1:
            both = " and ".join(str(path) for path in found[:2])
            raise ValueError(f"{home} holds two copies of {name}: {both}; remove one")
        if found:
            return _innermost(found[0])
    return None


def _innermost(path: Path) -> Path:
    inner = path / path.name
    with listing.readable(path):
        if not inner.is_dir():
            return path
        alone = all(other == inner or is_system_file(other) for other in path.iterdir())
    return _innermost(inner) if alone else path


def require(home: Path, name: str) -> Path:
    """As `locate`; ValueError where it is missing."""
    found = locate(home, name)
    if found is None:
        near = ", ".join(sorted(path.name for path in home.iterdir())[:8]) or "nothing"
        raise ValueError(f"{home} holds no {name} (but {near}); copy the dataset whole")
    return found


def below(base: Path) -> set[str]:
    """Names, relative to a folder, of all files below it.

    The folder itself may be a link. Below it, a folder that cannot be read and a link that leads to
    no file inside are a ValueError: their files would be lost unnoticed.
    """
    found, todo, real = set(), [str(base)], os.path.realpath(base)
    while todo:
        with listing.readable(folder := todo.pop()), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink() and not (
                    os.path.realpath(entry.path).startswith(real + os.sep) and entry.is_file()
                ):
                    text = f"is a link to no file inside {base}; put the file itself there"
                    listing.fail(entry.path, 0, text)
                if entry.is_dir():
                    todo.append(entry.path)
                elif entry.is_file():
                    found.add(os.path.relpath(entry.path, base))
    return found


def listed(base: Path) -> list[str]:
    """As `below`, in order; ValueError where a name is not UTF-8, which no table could hold."""
    names = sorted(below(base))
    for name in names:
        if name != name.encode(errors="replace").decode():
            listing.fail(base, 0, f"the name of its file {name!r} is not UTF-8; rename it")
    return names


def image_paths(rows: pd.DataFrame, column: str, base: Path) -> list[str]:
    """Absolute paths of the pictures that a list names relative to `base`.

    ValueError where a name leads outside the folder or its picture is missing, and as `below`.
    """
    there, names = below(base), rows[column]
    outside = [not _is_inside(name) for name in names]
    listing.refuse(
        rows, outside, lambda row: f"{row[column]!r} is no name inside {base}; fix the list"
    )
    missing = np.array([str(PurePosixPath(name)) not in there for name in names], bool)
    more = f" ({missing.sum() - 1:,} more)" if missing.sum() > 1 else ""
    words = f"is not in {base}{more}; copy it, or"
    listing.refuse(
        rows, missing, lambda row: f"picture {row[column]!r} {words} {listing.removal(row)}"
    )
    return [str(base / name) for name in names]


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    absolute = path.is_absolute() or PureWindowsPath(name).is_absolute() or "\\" in name
    return bool(path.parts) and not absolute and ".." not in path.parts


def with_sizes(rows: pd.DataFrame, progress: bool = True, unreadable: int = 0) -> pd.DataFrame:
    """The rows with `width` and `height` (px) of their pictures, from the headers alone.

    unreadable: so many pictures may be unreadable; their rows get 0 and 0. ValueError beyond that.
    """
    sizes: dict[str, tuple[int, int]] = {}
    broken: dict[str, str] = {}
    title = f"{rows['source'].iloc[0]} pictures"
    for path in tqdm(rows["image"].unique(), title, disable=not progress, unit=" files"):
        try:
            with open_picture(path) as picture:
                sizes[path] = picture.size
        except BROKEN as error:
            broken[path] = why_unreadable(path, error)
    more = f" ({len(broken) - 1:,} more pictures)" if len(broken) > 1 else ""

    def says(row: pd.Series) -> str:
        name = "" if row["image"] == row["file"] else f"{row['image']} "
        what = f"{name}cannot be read: {broken[row['image']]}{more}"
        return f"{what}; copy it again or {listing.removal(row)}"

    if len(broken) > unreadable:
        listing.refuse(rows, rows["image"].isin(list(broken)), says)
    found = [sizes.get(path, (0, 0)) for path in rows["image"]]
    return rows.assign(width=[w for w, _ in found], height=[h for _, h in found])


def why_unreadable(path: str, error: Exception) -> str:
    """What is wrong with a picture: what else the file is, or what the decoder says."""
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        if other := reading.mistaken(file.read(4096)):
            return other
    return str(error).replace(repr(path), "the file")


def is_system_file(path: str | Path) -> bool:
    """Whether a file is one that systems leave in folders: hidden ones, thumbnails."""
    name = Path(path).name
    return name.startswith(".") or name in SYSTEM_FILES
