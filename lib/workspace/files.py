"""Files that are written whole or not at all, reach the disk, and are verified when they are read.

Beside a sealed file `<name>` is `<name>.sum`: the size and SHA-256 of what was written last and of
a few versions before it, and what each was made from.
"""

import contextlib
import errno
import glob
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import psutil

VERSIONS = 4  # kept in a `.sum`: a kill between its writing and the file's leaves an older file


# Writing ------------------------------------------------------------------------------------------


def atomically(path: Path, write: Callable[[Path], Any]) -> Path:
    """Write through a temporary neighbour and rename, so `path` is whole or not there at all.

    It is on the disk when this returns, with the permissions that the umask gives. OSError in words
    where the disk is full. What a killed process left half written is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, glob.escape(path.name))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.touch()
        mode = part.stat().st_mode
        write(part)
        if part.stat().st_mode != mode:  # some writers make a file of their own, for its owner only
            part.chmod(stat.S_IMODE(mode))
        flush(part)
        os.replace(part, path)
        flush(path.parent)
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise full(path) from error
        raise
    finally:
        part.unlink(missing_ok=True)
    return path


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # some file systems flush no folders
            raise
    finally:
        os.close(handle)


def full(path: Path) -> OSError:
    """The error that says that a file does not fit on its disk."""
    words = f"no space left on the disk for {path}: free some and run again"
    return OSError(errno.ENOSPC, words)


def sweep(folder: Path, name: str = "*") -> None:
    """Remove what processes that no longer run left half written in a folder."""
    for part in folder.glob(f".{name}.*.part"):
        number = part.name.split(".")[-2]
        if number.isdigit() and int(number) != os.getpid() and not psutil.pid_exists(int(number)):
            part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> Path:
    text = json.dumps(value, indent=1, allow_nan=False, default=float) + "\n"
    return atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def save_array(path: Path, values: np.ndarray) -> None:
    """Save an array as an .npy file of exactly this name."""
    with path.open("wb") as file:
        np.save(file, values, allow_pickle=False)


def reserved(path: Path, shape: tuple[int, ...], dtype: Any = np.uint8) -> np.memmap:
    """A new .npy file of zeros to be written through memory, whose space on the disk is taken.

    OSError in words where the disk is too full: a memory map would end the process instead.
    """
    header = np.lib.format.header_data_from_array_1_0(np.empty(0, dtype)) | {"shape": shape}
    try:
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            count = int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize
            _take_space(file.fileno(), file.tell(), count)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise (full(path) if error.errno in (errno.ENOSPC, errno.EFBIG) else error) from None
    return np.lib.format.open_memmap(path, mode="r+")


def _take_space(handle: int, start: int, count: int) -> None:
    """Extend an open file by so many bytes of zeros, if the disk has space for them."""
    if not count:
        return
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, start, count)
        return
    zeros = bytes(1 << 24)  # macOS
    os.lseek(handle, start, os.SEEK_SET)
    while count:
        count -= os.write(handle, zeros[:count])


# Checksums ----------------------------------------------------------------------------------------


def seal(path: Path, write: Callable[[Path], Any], made: dict[str, Any] | None = None) -> Path:
    """As `atomically`, with the checksum beside the file; made: what it is made from."""

    def write_both(part: Path) -> None:
        write(part)
        write_json(beside(path), [_version(part, made), *versions(path)][:VERSIONS])

    return atomically(path, write_both)


def note(path: Path, made: dict[str, Any] | None = None) -> None:
    """Write the checksum of a file that is there and whole."""
    write_json(beside(path), [_version(path, made)])


def _version(path: Path, made: dict[str, Any] | None) -> dict[str, Any]:
    return {"sha256": checksum(path), "size": path.stat().st_size, "made": made or {}}


def verified(path: Path, todo: str) -> dict[str, Any]:
    """What a sealed file was made from. Errors end in `todo`: ValueError if it is damaged,
    FileNotFoundError if it is missing.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: {todo}")
    known = versions(path)
    if not known:
        raise ValueError(f"{path} is damaged (no checksum in {beside(path).name}): {todo}")
    size = path.stat().st_size
    if all(entry["size"] != size for entry in known):
        raise ValueError(f"{path} is damaged ({size} bytes, not {known[0]['size']}): {todo}")
    found = checksum(path)
    for entry in known:
        if entry["sha256"] == found:
            return dict(entry["made"])
    raise ValueError(f"{path} is damaged (its checksum differs): {todo}")


def versions(path: Path) -> list[dict[str, Any]]:
    """What is known of a sealed file, the latest first; nothing where the note is unreadable."""
    try:
        found = json.loads(beside(path).read_text(encoding="utf-8"))
        return [{name: entry[name] for name in ("sha256", "size", "made")} for entry in found]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def beside(path: Path) -> Path:
    """The checksum file of a sealed file."""
    return path.with_name(f"{path.name}.sum")


def remove(path: Path) -> None:
    """Remove a sealed file and its checksum."""
    path.unlink(missing_ok=True)
    beside(path).unlink(missing_ok=True)


def checksum(path: Path) -> str:
    """SHA-256 of a file, read a part at a time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """The content of a JSON file; ValueError that names it if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged ({error}): delete it and run the notebook that writes it again"
        ) from None


# Locks --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(path: Path, timeout: float = -1) -> Iterator[None]:
    """One process at a time; the lock ends with the process that holds it.

    timeout: seconds, negative: as long as it takes; filelock.Timeout afterwards. A file system that
    has no locks gets a file in place of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock: filelock.BaseFileLock = filelock.FileLock(path)
    try:
        lock.acquire(timeout)
    except filelock.Timeout:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP):
            raise
        lock = filelock.SoftFileLock(path.with_name(f"{path.name}.soft"))
        lock.acquire(timeout)
    try:
        yield
    finally:
        lock.release()
