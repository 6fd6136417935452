"""A dataset's files on disk: folders found, names in lists resolved, headers of pictures read.

Names in lists never lead outside the folder that they are relative to. Every error names the file,
the line, the value and the mend.
"""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import pandas as pd
from tqdm import tqdm

from lib.data.sources import lists
from lib.data.sources.cutting import BROKEN, opened

STRAY = {"Thumbs.db", "desktop.ini"}


def locate(home: Path, name: str, depth: int = 3) -> Path | None:
    """A file or folder of that name in a dataset's folder, nearest to the top.

    Of a folder that holds nothing but a folder of its own name, as a zip unpacked into its own name
    leaves it, the inner one. ValueError where two stand equally near.
    """
    for level in range(depth):
        found = sorted(home.glob("/".join(["*"] * level + [name])))
        if len(found) > 1:
            both = " and ".join(str(path) for path in found[:2])
            raise ValueError(f"{home} holds two copies of {name}: {both}; remove one")
        if found:
            return innermost(found[0])
    return None


def innermost(path: Path) -> Path:
    inner = path / path.name
    with lists.readable(path):
        if not inner.is_dir():
            return path
        alone = all(other == inner or is_stray(other.name) for other in path.iterdir())
    return innermost(inner) if alone else path


def needed(home: Path, name: str) -> Path:
    """As `locate`; ValueError where it is missing."""
    found = locate(home, name)
    if found is None:
        near = ", ".join(sorted(path.name for path in home.iterdir())[:8]) or "nothing"
        raise ValueError(f"{home} holds no {name} (but {near}); copy the dataset whole")
    return found


def files(base: Path) -> set[str]:
    """Names, relative to a folder, of the files that really lie below it.

    The folder itself may be a link. Below it, a folder that cannot be read and a link that leads to
    no file inside are a ValueError: what is behind them would be lost without a word.
    """
    found, todo, real = set(), [str(base)], os.path.realpath(base)
    while todo:
        with lists.readable(folder := todo.pop()), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink() and not (_within(entry.path, real) and entry.is_file()):
                    text = f"is a link to no file inside {base}; put what it means there"
                    lists.fail(entry.path, 0, text)
                if entry.is_dir():
                    todo.append(entry.path)
                elif entry.is_file():
                    found.add(os.path.relpath(entry.path, base))
    return found


def _within(path: str, real: str) -> bool:
    return os.path.realpath(path).startswith(real + os.sep)


def images(path: Path, rows: pd.DataFrame, column: str, base: Path) -> list[str]:
    """Absolute paths of the pictures that a list names relative to `base`.

    ValueError where a name leads outside the folder or its picture is missing, and as `files`.
    """
    there, missing = files(base), []
    for name, line in zip(rows[column], rows["line"], strict=True):
        pure = PurePosixPath(name)
        outside = pure.is_absolute() or PureWindowsPath(name).is_absolute() or "\\" in name
        if outside or ".." in pure.parts or not pure.parts:
            lists.fail(path, line, f"{name!r} is no name inside {base}; mend the list")
        if str(pure) not in there:
            missing.append((line, name))
    if missing:
        line, name = missing[0]
        rest = f" ({len(missing) - 1:,} more)" if len(missing) > 1 else ""
        mend = f"copy it, or {lists.removal(path, line)}"
        lists.fail(path, line, f"picture {name!r} is not in {base}{rest}; {mend}")
    return [str(base / name) for name in rows[column]]


def picture_sizes(paths: Sequence[str], progress: bool = True, what: str = "") -> tuple[dict, dict]:
    """(width, height) by path from the headers alone, and what is wrong with the unreadable."""
    sizes, broken = {}, {}
    for path in tqdm(dict.fromkeys(paths), f"{what} pictures", disable=not progress, unit=" files"):
        try:
            with opened(path) as picture:
                sizes[path] = picture.size
        except BROKEN as error:
            broken[path] = str(error).replace(repr(path), "the file")
    return sizes, broken


def sized(rows: pd.DataFrame, progress: bool = True, forgive: int = 0) -> pd.DataFrame:
    """Rows with `width` and `height` of their pictures, from the headers.

    Rows of unreadable pictures come back with 0 and 0 if these are at most `forgive`.
    """
    paths = rows["image"].tolist()
    sizes, broken = picture_sizes(paths, progress, str(rows["source"].iloc[0]))
    if len(broken) > forgive:
        worst = rows[rows["image"].isin(list(broken))].iloc[0]
        file, line, picture = worst["file"], worst["line"], worst["image"]
        what = "cannot be read" if picture == file else f"{picture} cannot be read"
        more = f" ({len(broken) - 1:,} more pictures)" if len(broken) > 1 else ""
        mend = f"copy it again or {lists.removal(file, line)}"
        lists.fail(file, line, f"{what}: {broken[picture]}{more}; {mend}")
    found = [sizes.get(path, (0, 0)) for path in paths]
    return rows.assign(width=[w for w, _ in found], height=[h for _, h in found])


def is_stray(name: str) -> bool:
    """Files that systems leave in folders: hidden ones, thumbnails."""
    return name.startswith(".") or name in STRAY
