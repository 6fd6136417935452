"""A dataset's files on disk: folders found, names in lists resolved, sizes of pictures read.

Names in lists never lead outside the folder that they are relative to. Every error names the file,
the line, the value and what to do.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import pandas as pd
from tqdm import tqdm

from lib.data import listing
from lib.data.pictures import BROKEN, open_picture
from lib.data.sources import reading

SYSTEM_FILES = {"Thumbs.db", "desktop.ini"}


def locate(home: Path, name: str, depth: int = 3) -> Path | None:
    """A file or folder of that name in a dataset's folder, the one nearest to the top.

    Where a folder holds nothing but a folder of its own name (a zip unpacked into its own name),
    the inner one. ValueError where two are equally near.
    """
    for level in range(depth):
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
        alone = all(other == inner or is_system_file(other.name) for other in path.iterdir())
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
                if entry.is_symlink() and not (_is_within(entry.path, real) and entry.is_file()):
                    text = f"is a link to no file inside {base}; put the file itself there"
                    listing.fail(entry.path, 0, text)
                if entry.is_dir():
                    todo.append(entry.path)
                elif entry.is_file():
                    found.add(os.path.relpath(entry.path, base))
    return found


def _is_within(path: str, real: str) -> bool:
    return os.path.realpath(path).startswith(real + os.sep)


def image_paths(path: Path, rows: pd.DataFrame, column: str, base: Path) -> list[str]:
    """Absolute paths of the pictures that a list names relative to `base`.

    ValueError where a name leads outside the folder or its picture is missing, and as `below`.
    """
    there, missing = below(base), []
    for name, line in zip(rows[column], rows["line"], strict=True):
        pure = PurePosixPath(name)
        outside = pure.is_absolute() or PureWindowsPath(name).is_absolute() or "\\" in name
        if outside or ".." in pure.parts or not pure.parts:
            listing.fail(path, line, f"{name!r} is no name inside {base}; fix the list")
        if str(pure) not in there:
            missing.append((line, name))
    if missing:
        line, name = missing[0]
        rest = f" ({len(missing) - 1:,} more)" if len(missing) > 1 else ""
        todo = f"copy it, or {listing.removal(path, line)}"
        listing.fail(path, line, f"picture {name!r} is not in {base}{rest}; {todo}")
    return [str(base / name) for name in rows[column]]


def with_sizes(rows: pd.DataFrame, progress: bool = True, unreadable: int = 0) -> pd.DataFrame:
    """The rows with `width` and `height` (px) of their pictures, from the headers alone.

    unreadable: so many pictures may be unreadable; their rows get 0 and 0. ValueError beyond that.
    """
    paths = rows["image"].tolist()
    sizes, broken = _sizes(paths, progress, str(rows["source"].iloc[0]))
    if len(broken) > unreadable:
        worst = rows[rows["image"].isin(list(broken))].iloc[0]
        file, line, picture = worst["file"], worst["line"], worst["image"]
        what = "cannot be read" if picture == file else f"{picture} cannot be read"
        more = f" ({len(broken) - 1:,} more pictures)" if len(broken) > 1 else ""
        todo = f"copy it again or {listing.removal(file, line)}"
        listing.fail(file, line, f"{what}: {broken[picture]}{more}; {todo}")
    found = [sizes.get(path, (0, 0)) for path in paths]
    return rows.assign(width=[w for w, _ in found], height=[h for _, h in found])


def _sizes(
    paths: Sequence[str], progress: bool, source: str
) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """(width, height) by path, and what is wrong with each unreadable picture."""
    sizes, broken = {}, {}
    bar = tqdm(dict.fromkeys(paths), f"{source} pictures", disable=not progress, unit=" files")
    for path in bar:
        try:
            with open_picture(path) as picture:
                sizes[path] = picture.size
        except BROKEN as error:
            broken[path] = why_unreadable(path, error)
    return sizes, broken


def why_unreadable(path: str, error: Exception) -> str:
    """What is wrong with a picture: what else the file is, or what the decoder says."""
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        if other := reading.mistaken(file.read(4096)):
            return other
    return str(error).replace(repr(path), "the file")


def is_system_file(name: str) -> bool:
    """Whether a file is one that systems leave in folders: hidden ones, thumbnails."""
    return name.startswith(".") or name in SYSTEM_FILES
