"""From a picture and a box to the pixels of a square crop; safe with pictures of any origin.

Without torch, so that the processes that cut crops in parallel start quickly.
"""

import hashlib
import io
import os
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from PIL import ExifTags, Image, ImageOps

MARGIN = 0.25  # of the box, added on every side: hair, chin and ears belong to the face
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # nothing that runs code
ON_THEIR_SIDE = (5, 6, 7, 8)  # orientations noted by cameras
BITS, PHOTOMETRIC = 258, 262  # tags of TIFF
# What Pillow and its decoders raise on damaged files.
BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, OverflowError),
    *(struct.error, zlib.error, MemoryError),
    *(Image.DecompressionBombWarning, Image.DecompressionBombError),
)
Box = tuple[float, float, float, float]  # x, y, w, h in px


def square(box: Box) -> tuple[int, int, int, int]:
    """The square around a box with its margin, as left, top, right, bottom px."""
    x, y, w, h = box
    side = max(w, h) * (1 + 2 * MARGIN)
    left, top = x + w / 2 - side / 2, y + h / 2 - side / 2
    return round(left), round(top), round(left) + round(side), round(top) + round(side)


def central_box(width: float, height: float) -> Box:
    """The box of a face in a picture that was cut out around it.

    With its margin it becomes the largest square in the middle of the picture.
    """
    side = min(width, height) / (1 + 2 * MARGIN)
    return (width - side) / 2, (height - side) / 2, side, side


def crop(picture: Image.Image, box: Box, size: int) -> np.ndarray:
    """A face as (3, size, size) uint8 RGB; what is outside the picture repeats its edge.

    The box refers to the picture as it is stored, not as its camera noted.
    """
    picture = decoded(picture, upright=False)
    left, top, right, bottom = square(box)
    inside = (max(left, 0), max(top, 0), min(right, picture.width), min(bottom, picture.height))
    part = picture.crop(inside)
    if inside != (left, top, right, bottom):
        gaps = ((inside[1] - top, bottom - inside[3]), (inside[0] - left, right - inside[2]))
        part = Image.fromarray(np.pad(np.asarray(part), (*gaps, (0, 0)), mode="edge"))
    resized = part.resize((size, size), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))


def open_picture(content: str | Path | bytes) -> Image.Image:
    """A picture whose header has been read, from a path or from a file's bytes.

    One of `BROKEN` for what is no picture, or so large that it may be a decompression bomb.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        stream = io.BytesIO(content) if isinstance(content, bytes) else content
        return Image.open(stream, formats=FORMATS)


def decoded(picture: Image.Image, *, upright: bool = True) -> Image.Image:
    """A whole picture in 8-bit RGB, by default turned as its camera noted.

    Greys of up to 16 bits are scaled to 8. ValueError for 32-bit numbers, whose white is not known.
    """
    white = _white(picture)
    inverted = (
        getattr(picture, "tag_v2", {}).get(PHOTOMETRIC) == 0
    )  # Pillow undoes it in 8 bits alone
    turned = ImageOps.exif_transpose(picture) if upright else picture
    if white:
        greys = np.rint(np.asarray(turned).clip(0, white) * (255 / white)).astype(np.uint8)
        turned = Image.fromarray(255 - greys if inverted else greys)
    return turned.convert("RGB")


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height, px, once turned as its camera noted; from the header.

    Pillow itself turns TIFFs, and gives their size as turned.
    """
    width, height = picture.size
    on_its_side = picture.getexif().get(ExifTags.Base.Orientation) in ON_THEIR_SIDE
    return (height, width) if on_its_side and picture.format != "TIFF" else (width, height)


def _white(picture: Image.Image) -> int:
    """The largest grey of a picture with more than 8 bits; 0 for all that Pillow itself scales."""
    if picture.mode.startswith("I;16"):
        return 2 ** getattr(picture, "tag_v2", {}).get(BITS, (16,))[0] - 1
    if picture.mode == "I" and picture.format in ("PNG", "PPM"):
        return 2**16 - 1
    if picture.mode in ("I", "F"):
        raise ValueError("its 32-bit numbers have no known white; save it with 8 or 16 bits")
    return 0


def perceptual_hash(image: np.ndarray) -> int:
    """64 bits of a crop (3, S, S) that are nearly the same for nearly the same picture."""
    bits = imagehash.phash(Image.fromarray(image.transpose(1, 2, 0))).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


# Many crops into one file -------------------------------------------------------------------------


@dataclass(frozen=True)
class Cut:
    """One row's crop: what was found in its file, and what is wrong with it if anything."""

    row: int
    content: bytes = b""  # digest of the whole file, 16 bytes
    phash: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Options:
    """How crops are cut: side (px), turned as the camera noted."""

    size: int
    upright: bool = False


@dataclass(frozen=True)
class Job:
    """Rows to cut into an existing .npy file of crops.

    rows: (row, path, box, (width, height) of the picture as the list has it).
    """

    target: str
    offset: int  # bytes before the first crop
    options: Options
    rows: tuple[tuple[int, str, Box, tuple[int, int]], ...]


def cut(job: Job) -> list[Cut]:
    """Cut every row of a job and write it to its place; the crops are on disk before it returns.

    Consecutive faces of one picture share its decoding.
    """
    done, held = [], ""
    file = os.open(job.target, os.O_WRONLY)
    try:
        for row, path, box, expected in job.rows:
            try:
                if path != held:
                    picture, content = _decoded(path, expected, job.options.upright)
                    held = path
                image = crop(picture, box, job.options.size)
            except BROKEN as error:
                done.append(Cut(row, problem=f"{path} cannot be read ({error})"))
                held = ""
                continue
            os.pwrite(file, image.tobytes(), job.offset + row * image.nbytes)
            done.append(Cut(row, content, perceptual_hash(image)))
        os.fsync(file)
    finally:
        os.close(file)
    return done


def _decoded(path: str, expected: tuple[int, int], upright: bool) -> tuple[Image.Image, bytes]:
    """The whole picture in RGB and the digest of its file; ValueError where its size is another."""
    data = Path(path).read_bytes()
    with open_picture(data) as picture:
        turned = decoded(picture, upright=upright)
    if turned.size != tuple(expected):
        sizes = "{} x {} px in place of {} x {}".format(*turned.size, *expected)
        raise ValueError(f"{sizes}: the boxes belong to another copy of it")
    return turned, hashlib.sha256(data).digest()[:16]
