"""Whole pictures with faces in them, such as the user's photographs.

A face detector from a library (OpenCV's cascades of Haar features, Viola and Jones 2001) finds the
faces of a photograph; its boxes, with the usual margin, become crops like those that the networks
were trained on.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from skimage.data import astronaut as astronaut_image
from torch import Tensor

from lib import vocabulary
from lib.data.faces import PairSet, spatial_cues
from lib.data.pictures import BROKEN, MARGIN, crop, open_picture
from lib.data.scenes import Scene
from lib.data.sources import manifest
from lib.workspace import atomically

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
LARGEST = 1600  # px, longer side of a photograph after loading
SMALLEST = 0.06  # of the shorter side: smaller faces are not searched
HAAR = Path(cv2.__file__).parent / "data"
CASCADES = ("haarcascade_frontalface_alt2.xml", "haarcascade_profileface.xml")


# The user's photographs ---------------------------------------------------------------------------


def photographs(folder: Path) -> dict[str, Tensor]:
    """Every photograph of a folder by its name, upright, at most `LARGEST` px long.

    Empty where there is no such folder. ValueError that names a file that is not a picture.
    """
    found = {}
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() not in ENDINGS:
            continue
        try:
            with open_picture(path) as picture:
                upright = ImageOps.exif_transpose(picture).convert("RGB")
        except BROKEN as error:
            raise ValueError(f"{path} cannot be read ({error}); replace or remove it") from None
        upright.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
        found[path.name] = tensor(upright)
    return found


def astronaut() -> Tensor:
    """The photograph that ships inside scikit-image: Eileen Collins, by NASA, public domain."""
    return torch.from_numpy(astronaut_image()).permute(2, 0, 1)


def tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


# Faces --------------------------------------------------------------------------------------------


def detect(image: Tensor) -> Scene:
    """Find the faces of a picture (3, H, W) uint8, from the front or from either side.

    A profile that overlaps a face already found is taken for the same face.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(image.permute(1, 2, 0).numpy()), cv2.COLOR_RGB2GRAY)
    frontal, profile = (cv2.CascadeClassifier(str(HAAR / name)) for name in CASCADES)
    width = grey.shape[1]
    mirrored = [(width - x - w, y, w, h) for x, y, w, h in search(profile, grey[:, ::-1])]
    found: list[tuple[int, ...]] = []
    for box in [*search(frontal, grey), *search(profile, grey), *mirrored]:
        if all(overlap(box, other) < 0.3 for other in found):
            found.append(box)
    return Scene(image, np.array(sorted(found), float).reshape(-1, 4))


def search(cascade: cv2.CascadeClassifier, grey: np.ndarray) -> list[tuple[int, ...]]:
    """Boxes that a cascade finds in a picture, the largest first."""
    smallest = max(20, round(SMALLEST * min(grey.shape)))
    boxes = cascade.detectMultiScale(
        np.ascontiguousarray(grey), scaleFactor=1.1, minNeighbors=5, minSize=(smallest, smallest)
    )
    return sorted((tuple(map(int, box)) for box in boxes), key=lambda box: (-box[2], box))


def overlap(one: Sequence[float], two: Sequence[float]) -> float:
    """Area that two boxes x, y, w, h share, over the smaller one's."""
    across = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    down = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    return max(0, across) * max(0, down) / min(one[2] * one[3], two[2] * two[3])


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

    A photograph that is no PNG has `.png` added to its name: anna.jpg and anna.png stay two.
    known: (name of the photograph, number of the face from the left) -> its identity and the
    attributes that are known; all others stay blank, which means missing.
    """
    lines = [[*manifest.COLUMNS, *vocabulary.ATTRIBUTES]]
    taken: set[str] = set()
    for name, scene in scenes.items():
        file = name if name.endswith(".png") else f"{name}.png"
        while file in taken:
            file = f"{file}.png"
        taken.add(file)
        picture = Image.fromarray(scene.image.permute(1, 2, 0).numpy())
        atomically(folder / file, partial(picture.save, format="PNG"))
        for number, box in enumerate(scene.boxes):
            given = dict((known or {}).get((name, number), {}))
            identity = str(given.pop("identity", ""))
            values = [str(given.get(attribute, "")) for attribute in vocabulary.ATTRIBUTES]
            places = [f"{value:g}" for value in box]
            lines.append([file, *places, identity, "train", folder.name, *values])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return atomically(folder / "faces.csv", lambda part: part.write_text(text.getvalue()))
