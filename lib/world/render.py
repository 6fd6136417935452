"""Latents to pictures: a few people at a time on each core, or many on a GPU."""

import dataclasses
import functools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import torch
import warp as wp
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from lib.world import capture, moments, wear
from lib.world.basis import BONES
from lib.world.body import (
    Body,
    body,
    bone_motions,
    detail_weights,
    landmark,
    rest_points,
    shape_weights,
)
from lib.world.casting import neighbours, vertex_normals
from lib.world.shading import Stage
from lib.world.surface import Look
from lib.world.tracing import People, Shape, photograph, pose

LOOK, STAGE = (np.dtype(struct.numpy_dtype()) for struct in (Look, Stage))


@dataclasses.dataclass
class Posed:
    """A chunk of people ready for the camera."""

    looks: np.ndarray  # (B,) of Look
    still: np.ndarray  # (B, P, 3) at rest
    turns: np.ndarray  # (B, J, 3, 3)
    shifts: np.ndarray  # (B, J, 3)
    worn: np.ndarray  # (B, parts) which parts of the mesh each person has
    lines: np.ndarray  # (B, 3, BINS)
    heads: np.ndarray  # (B, 3) middle of each posed head
    tall: np.ndarray  # (B,) height of each head, crown to chin


@functools.cache
def _rows(kind: str) -> dict[str, np.ndarray]:
    """Body and worn things as one mesh of P points."""
    own: Body = body(kind)
    worn, count = wear.template(), len(own.masks)
    extra = len(worn["points"])
    triangles = np.concatenate([own.triangles, worn["triangles"] + count]).astype(np.int32)
    parts = np.zeros(count + extra, np.int32)
    parts[triangles] = np.concatenate([own.parts, worn["parts"]])[:, None]
    head = np.zeros((extra, 4), np.int32) + BONES.index("head")
    return {
        "rest": np.concatenate([own.points[:count], worn["points"]]).astype(np.float32),
        "triangles": triangles,
        "parts": parts,
        "masks": np.concatenate([own.masks, np.zeros((extra, 4))]).astype(np.float32),
        "shade": np.concatenate([_open(own), np.ones(extra)]).astype(np.float32),
        "bones": np.concatenate([own.bones, head]),
        "weights": np.concatenate([own.weights, np.tile([1.0, 0, 0, 0], (extra, 1))]).astype(
            np.float32
        ),
    }


def _open(own: Body) -> np.ndarray:
    """(V,) the sky that vertices see; teeth and tongue as in an open mouth."""
    shade = own.shade.copy()
    shade[np.unique(own.triangles[(own.parts == 3) | (own.parts == 4)])] = 0.8
    eyes = np.unique(own.triangles[(own.parts == 1) | (own.parts == 2)])
    shade[eyes] = 0.3 + 0.7 * shade[eyes]
    return shade


class Studio:
    """Arrays on a device for chunks of at most `size` people of one kind of body."""

    def __init__(self, kind: str, size: int, device: str) -> None:
        rows = _rows(kind)
        self.device, self.corners = device, rows["triangles"]
        self.parts = rows["parts"][self.corners[:, 0]]
        points = len(rows["rest"])
        with wp.ScopedDevice(device):
            shape = Shape()
            for name, dtype in {
                "rest": wp.vec3,
                "parts": int,
                "masks": wp.vec4,
                "shade": float,
            }.items():
                setattr(shape, name, wp.array(rows[name], dtype=dtype))
            for name, dtype in {"bones": int, "weights": float}.items():
                setattr(shape, name, wp.array(rows[name], dtype=dtype, ndim=2))
            self.triangles = wp.array(rows["triangles"], dtype=int, ndim=2)
            self.ring = [wp.array(a, dtype=int) for a in neighbours(rows["triangles"], points)]
            self.posed = wp.array(np.tile(rows["rest"], (size, 1, 1)), dtype=wp.vec3, ndim=2)
            self.normals = wp.zeros((size, points), dtype=wp.vec3)
            self._normals(1)
            bare = np.arange(points) < len(body(kind).masks)
            shape.outward = wp.array(self.normals.numpy()[0] * bare[:, None], dtype=wp.vec3)
            self.people = People()
            self.people.shape, self.people.normals = shape, self.normals

    def _normals(self, count: int) -> None:
        wp.launch(
            vertex_normals,
            (count, self.normals.shape[1]),
            [self.posed, self.triangles, *self.ring, self.normals],
        )

    def seat(self, people: Posed) -> None:
        """Pose a chunk of people and build the tree of boxes of what each has on."""
        count = len(people.looks)
        with wp.ScopedDevice(self.device):
            self.people.looks = wp.array(people.looks, dtype=Look)
            self.people.lines = wp.array(people.lines, dtype=float, ndim=3)
            still = wp.array(people.still, dtype=wp.vec3, ndim=2)
            turns = wp.array(people.turns, dtype=wp.mat33, ndim=2)
            shifts = wp.array(people.shifts, dtype=wp.vec3, ndim=2)
            arrays = [self.people.shape, self.people.looks, still, turns, shifts, self.posed]
            wp.launch(pose, (count, still.shape[1]), arrays)
            self._normals(count)
            self.meshes = []
            for row, worn in enumerate(people.worn):
                corners = wp.array(self.corners[worn[self.parts]].ravel(), dtype=int)
                mesh = wp.Mesh(self.posed[row], corners, bvh_constructor="sah", bvh_leaf_size=4)
                self.meshes.append(mesh)
            self.people.meshes = wp.array([mesh.id for mesh in self.meshes], dtype=wp.uint64)

    def expose(self, stages: np.ndarray, height: int, width: int, many: int = 1) -> np.ndarray:
        """Linear light (B, height, width, 3) of pictures of `many` people, seated from `first` on."""
        with wp.ScopedDevice(self.device):
            light = wp.zeros((len(stages), height, width), dtype=wp.vec3)
            arrays = [self.people, wp.array(stages, dtype=Stage), many, light]
            wp.launch(photograph, light.shape, arrays)
            return light.numpy()


_LOCAL, _LOCK = threading.local(), threading.Lock()


def studio(kind: str, size: int, device: str) -> Studio:
    """This thread's studio; made at first use."""
    key = (kind, size, device)
    made = _LOCAL.__dict__.setdefault("studios", {})
    if key not in made:
        with _LOCK:  # kernels are compiled once, not by each thread
            wp.force_load(device, [photograph.module])
            made[key] = Studio(*key)
    return made[key]


def prepare(p: pd.DataFrame, kind: str, chunk: int = 8) -> Posed:
    """Shape, dress and pose the people of a table; a chunk is padded so that sums are the same.

    `hand_side` (1 left, -1 right) and `hand_x`, `hand_y`, `hand_z` put a hand where `hand` is 1: an
    offset from the head's middle in halves of its height, in the world's axes.
    """
    count = len(p)
    shapes, details = shape_weights(p), detail_weights(p)
    pad = [(0, max(chunk - count, 0)), (0, 0)]
    points = rest_points(kind, np.pad(shapes, pad), np.pad(details, pad))[:count]
    joints = points[:, -len(BONES) :].astype(np.float64)
    crown, chin = points[:, landmark(kind, 0, 8.49, 0.35)], points[:, landmark(kind, 0, 6.2, 1.42)]
    head = BONES.index("head")
    middle = (crown + chin) / 2 * np.array([1, 1, 0]) + np.array([0, 0, 0.65])
    turns, shifts = bone_motions(p, joints, middle, crown[:, 1] - chin[:, 1])
    looks, ends = _filled(LOOK, p), wear.lines(p)
    looks["up"], looks["front"] = turns[:, head, :, 1], turns[:, head, :, 2]
    return Posed(
        looks=looks,
        still=np.concatenate(
            [points[:, : -len(BONES)], wear.put_on(p, points, kind, ends)], 1
        ).astype(np.float32),
        turns=turns,
        shifts=shifts,
        worn=wear.worn(p),
        lines=ends,
        heads=np.einsum("nij,nj->ni", turns[:, head], middle) + shifts[:, head],
        tall=crown[:, 1] - chin[:, 1],
    )


def _records(p: pd.DataFrame) -> np.ndarray:
    """(N,) records of a table's numbers."""
    numbers = p.select_dtypes("number").astype(np.float32)
    return numbers.to_records(index=False)


def _filled(kind: np.dtype, p: pd.DataFrame) -> np.ndarray:
    """Records of a struct from columns of the same names; a vector is three columns _r, _g, _b."""
    out = np.zeros(len(p), kind)
    for name in kind.names:
        if name in p:
            out[name] = p[name].to_numpy()
        elif f"{name}_r" in p:
            out[name] = p[[f"{name}_{c}" for c in "rgb"]].to_numpy()
    return out


def stage_of(p: pd.DataFrame) -> np.ndarray:
    """(N,) light and backdrop of pictures, from latents; the camera is still to be placed."""
    out = _filled(STAGE, p)
    out["window"] = (0, 0, 1, 1)
    key = np.stack([p.light_x, p.light_y, 1.0 + 0 * p.light_x], 1)
    out["lamp"] = key / np.linalg.norm(key, axis=1, keepdims=True)
    out["fill"] = np.array([-0.6, 0.25, 0.75]) * np.stack(
        [np.sign(p.light_x), 0 * p.light_x + 1, 0 * p.light_x + 1], 1
    )
    out["back"] = np.stack(
        [-0.7 * np.sign(p.light_x), 0.45 + 0 * p.light_x, -0.55 + 0 * p.light_x], 1
    )
    warm = p.warm.to_numpy()[:, None] * np.array([1.0, 0.1, -1.0])
    ambient = p.ambient.to_numpy()[:, None]
    out["key_light"] = (1 + warm) * (1.75 - 1.35 * ambient)
    out["fill_light"] = (1 - 0.5 * warm) * ambient * 0.42
    out["sky"] = (1 - 0.6 * warm) * ambient * 0.95
    out["ground"] = (1 + 0.5 * warm) * ambient * 0.55 * np.array([1.0, 0.95, 0.9])
    out["rim_light"] = p.rim.to_numpy()[:, None] * np.array([1.6, 1.6, 1.7])
    return out


def faces_of(p: pd.DataFrame, size: int, device: str, chunk: int) -> torch.Tensor:
    """(B, 3, size, size) uint8 of at most `chunk` faces."""
    raised = p.hand.to_numpy() > 0
    out = torch.empty(len(p), 3, size, size, dtype=torch.uint8)
    for kind, rows in (("bust", ~raised), ("figure", raised)):
        if rows.any():
            out[torch.from_numpy(rows)] = _crops(p[rows], kind, size, device, chunk)
    return out


def _crops(p: pd.DataFrame, kind: str, size: int, device: str, chunk: int) -> torch.Tensor:
    people, room, stages = prepare(p, kind, chunk), studio(kind, chunk, device), stage_of(p)
    room.seat(people)
    half = people.tall / 2 / p.scale.to_numpy()
    stages["centre"] = people.heads - np.stack([p.shift_x * half, p.shift_y * half, 0 * half], 1)
    stages["tall"], stages["first"] = half, np.arange(len(p))
    return developed(p, room.expose(stages, size, size), size / 64)


def developed(p: pd.DataFrame, light: np.ndarray, unit: float) -> torch.Tensor:
    """(B, 3, H, W) uint8 of linear light (B, H, W, 3), picture by picture."""
    made = [capture.develop(one, row, unit) for one, row in zip(light, _records(p), strict=True)]
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)


def draw(
    table: pd.DataFrame, *, size: int = 64, device: str = "cpu", progress: bool = True
) -> torch.Tensor:
    """One crop (3, size, size) uint8 for each row of latents; (N, 3, size, size) on the CPU."""
    if size < 16:
        raise ValueError(f"size must be at least 16 px, found {size}")
    chunk = chunk_of(device)
    pictures = torch.empty(len(table), 3, size, size, dtype=torch.uint8)
    made = in_chunks(lambda rows: faces_of(table.iloc[rows], size, device, chunk), len(table), chunk, device,
                     "rendering faces" if progress else None)  # fmt: skip
    for rows, faces in made:
        pictures[rows] = faces
    return pictures


def in_chunks(
    work: Callable[[slice], torch.Tensor], count: int, chunk: int, device: str, title: str | None
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Slices of at most `chunk` rows and what `work` makes of them, in order, with a bar if titled."""
    parts = [slice(start, min(start + chunk, count)) for start in range(0, count, chunk)]
    bar = tqdm(total=count, desc=title, unit="", disable=title is None, leave=False)
    cores = len(os.sched_getaffinity(0))
    with bar, threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores) as pool:
        for rows, pictures in zip(parts, pool.map(work, parts), strict=True):
            yield rows, pictures
            bar.update(rows.stop - rows.start)


def chunk_of(device: str) -> int:
    return 64 if is_gpu(device) else 16


def is_gpu(device: str) -> bool:
    return torch.device(device).type == "cuda"


def rows_of(table: pd.DataFrame, **values: float | np.ndarray) -> pd.DataFrame:
    """The same latents with some columns replaced: the same person otherwise posed, lit, aged."""
    unknown = [name for name in values if name not in table]
    if unknown:
        raise ValueError(f"no latent named {unknown[0]!r}; see the columns of the table")
    return table.assign(**values)
