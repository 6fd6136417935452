"""Latents to pictures: a few people at a time on each core, or many on a GPU."""

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import torch
import warp as wp
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from lib.workspace import machine
from lib.world import wear
from lib.world.basis import BONES, Basis
from lib.world.body import body, bone_motions, detail_weights, landmark, rest_points, shape_weights
from lib.world.capture import develop
from lib.world.casting import neighbours, vectors, vertex_normals
from lib.world.shading import LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, Stage
from lib.world.surface import Look
from lib.world.tracing import People, photograph, pose

LOOK, STAGE = (np.dtype(struct.numpy_dtype()) for struct in (Look, Stage))
HEAD = BONES.index("head")


@dataclasses.dataclass
class Posed:
    """A chunk of people ready for the camera."""

    looks: np.ndarray  # (B,) of Look
    still: np.ndarray  # (B, P, 3) at rest
    turns: np.ndarray  # (B, J, 3, 3)
    shifts: np.ndarray  # (B, J, 3)
    worn: np.ndarray  # (B, parts) which parts of the mesh each person has
    lines: np.ndarray  # (B, 3, BINS) as in `wear.lines`
    heads: np.ndarray  # (B, 3) middle of each posed head
    tall: np.ndarray  # (B,) height of each head, crown to chin


class Studio:
    """Arrays on a device for chunks of at most `size` people of one kind of body."""

    def __init__(self, kind: str, size: int, device: str) -> None:
        own, worn = body(kind), wear.template()
        bare, extra = len(own.masks), len(worn["points"])  # P = bare + extra points
        rest = np.concatenate([own.points[:bare], worn["points"]])
        head, alone = np.full((extra, 4), HEAD), np.tile([1.0, 0, 0, 0], (extra, 1))
        self.device = device
        self.corners = np.concatenate([own.triangles, worn["triangles"] + bare]).astype(np.int32)
        self.parts = np.concatenate([own.parts, worn["parts"]])  # of each triangle
        parts = np.zeros(bare + extra, np.int32)
        parts[self.corners] = self.parts[:, None]
        with wp.ScopedDevice(device):
            self.triangles = wp.array(self.corners, dtype=int, ndim=2)
            self.ring = [wp.array(a, dtype=int) for a in neighbours(self.corners, len(rest))]
            self.posed = vectors(np.tile(rest, (size, 1, 1)))
            self.normals = wp.zeros(self.posed.shape, dtype=wp.vec3)
            self._find_normals(1)
            people = self.people = People()
            people.rest, people.normals = vectors(rest), self.normals
            outward = self.normals.numpy()[0].copy()
            outward[bare:] = 0
            people.outward = vectors(outward)
            people.parts = wp.array(parts, dtype=int)
            people.masks = wp.array(np.pad(own.masks, [(0, extra), (0, 0)]), dtype=wp.vec4)
            people.shade = wp.array(np.append(_shade(own), np.ones(extra)), dtype=float)
            people.bones = wp.array(np.concatenate([own.bones, head]), dtype=int, ndim=2)
            people.weights = wp.array(np.concatenate([own.weights, alone]), dtype=float, ndim=2)

    def _find_normals(self, count: int) -> None:
        arrays = [self.posed, self.triangles, *self.ring, self.normals]
        wp.launch(vertex_normals, (count, self.normals.shape[1]), arrays)

    def seat(self, people: Posed) -> None:
        """Pose a chunk of people and build the tree of boxes of what each has on."""
        with wp.ScopedDevice(self.device):
            self.people.looks = wp.array(people.looks, dtype=Look)
            still, shifts = vectors(people.still), vectors(people.shifts)
            turns = wp.array(people.turns, dtype=wp.mat33, ndim=2)
            wp.launch(pose, still.shape, [self.people, still, turns, shifts, self.posed])
            self._find_normals(len(people.looks))
            self.meshes = []
            for row, worn in enumerate(people.worn):
                corners = wp.array(self.corners[worn[self.parts]].ravel(), dtype=int)
                mesh = wp.Mesh(self.posed[row], corners, bvh_constructor="sah", bvh_leaf_size=4)
                self.meshes.append(mesh)
            self.people.lines = wp.array(people.lines, dtype=float, ndim=3)
            self.people.meshes = wp.array([mesh.id for mesh in self.meshes], dtype=wp.uint64)

    def expose(self, stages: np.ndarray, height: int, width: int, many: int = 1) -> np.ndarray:
        """Linear light (B, height, width, 3) of pictures of `many` people each.

        stages: (B,) of Stage; its `first` is the row of a picture's first person in the chunk.
        """
        with wp.ScopedDevice(self.device):
            light = wp.zeros((len(stages), height, width), dtype=wp.vec3)
            arrays = [self.people, wp.array(stages, dtype=Stage), many, light]
            wp.launch(photograph, light.shape, arrays)
            return light.numpy()


def _shade(own: Basis) -> np.ndarray:
    """(V,) the sky that vertices see; teeth and tongue as in an open mouth."""
    shade = own.shade.copy()
    shade[np.unique(own.triangles[np.isin(own.parts, (TEETH, TONGUE))])] = 0.8
    eyes = np.unique(own.triangles[np.isin(own.parts, (LEFT_EYE, RIGHT_EYE))])
    shade[eyes] = 0.3 + 0.7 * shade[eyes]
    return shade


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


def prepare(p: pd.DataFrame, kind: str, chunk: int) -> Posed:
    """Shape, dress and pose the people of a table; a chunk is padded so that sums are the same.

    Where `hand` is 1, or 2 for one that points, `hand_side` (1 left, -1 right) and `hand_x`,
    `hand_y`, `hand_z` put a hand at an offset from the head's middle: halves of its height, in the
    world's axes.
    """
    count, pad = len(p), [(0, max(chunk - len(p), 0)), (0, 0)]
    weights = np.pad(shape_weights(p), pad), np.pad(detail_weights(p), pad)
    points = rest_points(kind, *weights)[:count]
    joints = points[:, -len(BONES) :].astype(np.float64)
    crown, chin = points[:, landmark(kind, 0, 8.49, 0.35)], points[:, landmark(kind, 0, 6.2, 1.42)]
    middle = (crown + chin) / 2 * np.array([1, 1, 0]) + np.array([0, 0, 0.65])
    tall = crown[:, 1] - chin[:, 1]
    turns, shifts = bone_motions(p, joints, middle, tall)
    looks, lines = _filled(LOOK, p), wear.lines(p)
    looks["up"], looks["front"] = turns[:, HEAD, :, 1], turns[:, HEAD, :, 2]
    still = np.concatenate([points[:, : -len(BONES)], wear.put_on(p, points, kind, lines)], 1)
    heads = np.einsum("nij,nj->ni", turns[:, HEAD], middle) + shifts[:, HEAD]
    return Posed(looks, still.astype(np.float32), turns, shifts, wear.worn(p), lines, heads, tall)


def _filled(kind: np.dtype, p: pd.DataFrame) -> np.ndarray:
    """Records of a struct from columns of the same names; a vector is three columns _r, _g, _b."""
    out = np.zeros(len(p), kind)
    for name in kind.names or ():
        if name in p:
            out[name] = p[name].to_numpy()
        elif f"{name}_r" in p:
            out[name] = p[[f"{name}_{c}" for c in "rgb"]].to_numpy()
    return out


def stage_of(p: pd.DataFrame) -> np.ndarray:
    """(N,) light and backdrop of pictures, from latents; the camera is still to be placed."""
    out = _filled(STAGE, p)
    out["window"] = (0, 0, 1, 1)
    key = np.stack([p.light_x, p.light_y, np.ones(len(p))], 1)
    out["lamp"] = key / np.linalg.norm(key, axis=1, keepdims=True)
    mirrored = np.ones((len(p), 3))
    mirrored[:, 0] = np.sign(p.light_x)
    out["fill"] = np.array([-0.6, 0.25, 0.75]) * mirrored
    out["back"] = np.array([-0.7, 0.45, -0.55]) * mirrored
    warm, ambient, rim = (p[[name]].to_numpy() for name in ("warm", "ambient", "rim"))
    warm = warm * np.array([1.0, 0.1, -1.0])
    out["key_light"] = (1 + warm) * (1.75 - 1.35 * ambient)
    out["fill_light"] = (1 - 0.5 * warm) * ambient * 0.42
    out["sky"] = (1 - 0.6 * warm) * ambient * 0.95
    out["ground"] = (1 + 0.5 * warm) * ambient * 0.55 * np.array([1.0, 0.95, 0.9])
    out["rim_light"] = rim * np.array([1.6, 1.6, 1.7])
    return out


def developed(p: pd.DataFrame, light: np.ndarray, unit: float) -> torch.Tensor:
    """(B, 3, H, W) uint8 of linear light (B, H, W, 3); unit: px per px of a 64-px crop."""
    records = p.select_dtypes("number").astype(np.float32).to_records(index=False)
    made = [develop(one, row, unit) for one, row in zip(light, records, strict=True)]
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)


def draw(
    table: pd.DataFrame, *, size: int = 64, device: str = "cpu", progress: bool = True
) -> torch.Tensor:
    """One crop (3, size, size) uint8 for each row of latents; (N, 3, size, size) on the CPU."""
    if size < 16:
        raise ValueError(f"size must be at least 16 px, found {size}")
    chunk = chunk_of(device)

    def work(rows: slice) -> torch.Tensor:
        p = table.iloc[rows]
        raised = p.hand.to_numpy() > 0
        made = torch.empty(len(p), 3, size, size, dtype=torch.uint8)
        for kind, some in (("bust", ~raised), ("figure", raised)):  # a hand alone needs the arms
            if some.any():
                made[torch.from_numpy(some)] = _crops(p[some], kind, size, device, chunk)
        return made

    title = "rendering faces" if progress else None
    return in_chunks(work, (len(table), 3, size, size), chunk, title)


def _crops(p: pd.DataFrame, kind: str, size: int, device: str, chunk: int) -> torch.Tensor:
    people, renderer, stages = prepare(p, kind, chunk), studio(kind, chunk, device), stage_of(p)
    renderer.seat(people)
    half = people.tall / 2 / p.scale.to_numpy()
    stages["centre"] = people.heads - np.stack([p.shift_x * half, p.shift_y * half, 0 * half], 1)
    stages["tall"], stages["first"] = half, np.arange(len(p))
    return developed(p, renderer.expose(stages, size, size), size / 64)


def in_chunks(
    work: Callable[[slice], torch.Tensor], shape: tuple[int, ...], chunk: int, title: str | None
) -> torch.Tensor:
    """What `work` makes of slices of at most `chunk` rows, uint8 of a shape; a bar if titled."""
    out, count = torch.empty(shape, dtype=torch.uint8), shape[0]
    parts = [slice(start, min(start + chunk, count)) for start in range(0, count, chunk)]
    bar = tqdm(total=count, desc=title, unit="", disable=title is None, leave=False)
    cores, blas = machine.processors(), threadpool_limits(1, user_api="blas")
    with bar, blas, ThreadPoolExecutor(cores) as pool:
        for rows, made in zip(parts, pool.map(work, parts), strict=True):
            out[rows] = made
            bar.update(len(made))
    return out


def chunk_of(device: str) -> int:
    """How many people are posed and rendered at a time."""
    return 64 if torch.device(device).type == "cuda" else 16


def rows_of(table: pd.DataFrame, **values: float | np.ndarray | pd.Series) -> pd.DataFrame:
    """The same latents with some columns replaced: the same person otherwise posed, lit, aged."""
    unknown = [name for name in values if name not in table]
    if unknown:
        raise ValueError(f"no latent named {unknown[0]!r}; see the columns of the table")
    return table.assign(**values)
