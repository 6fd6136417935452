# ruff: noqa: UP018  (a kernel needs float() where a loop changes a number)
"""Warp with its kernels cached; normals, rays into a mesh, and the share of open sky."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import warp as wp


def cache_folder() -> Path:
    """The folder of the basis and compiled kernels: `WORLD_CACHE`, else build/cache/world here.

    Where that cannot be written to, a folder of the user's own below the system's temporary one.
    """
    home = os.environ.get("WORLD_CACHE")
    folder = Path(home) if home else Path(__file__).parents[2] / "build" / "cache" / "world"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if os.access(folder, os.W_OK):
        return folder
    spare = Path(tempfile.gettempdir()) / f"world-{os.getuid()}"
    spare.mkdir(exist_ok=True)
    return spare


@contextlib.contextmanager
def no_notes() -> Iterator[None]:
    """Drop what native code writes to standard error: warp has no setting for its note "no GPU"."""
    error = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(error, 2)
        os.close(error)


wp.config.log_level = wp.LOG_ERROR
wp.config.enable_backward = False
wp.config.kernel_cache_dir = str(cache_folder() / "kernels")
with contextlib.nullcontext() if torch.cuda.is_available() else no_notes():
    wp.init()


@wp.kernel
def vertex_normals(
    posed: wp.array2d(dtype=wp.vec3),  # (B, P)
    triangles: wp.array2d(dtype=int),  # (T, 3)
    starts: wp.array(dtype=int),  # (P + 1,) where a vertex's triangles begin in `around`
    around: wp.array(dtype=int),
    normals: wp.array2d(dtype=wp.vec3),  # (B, P) out
) -> None:
    """Normals of vertices: the mean of their triangles' normals, weighted by area."""
    row, point = wp.tid()
    total = wp.vec3()
    for k in range(starts[point], starts[point + 1]):
        face = around[k]
        a = posed[row, triangles[face, 0]]
        total += wp.cross(posed[row, triangles[face, 1]] - a, posed[row, triangles[face, 2]] - a)
    normals[row, point] = wp.normalize(total)


@wp.kernel
def sky_seen(
    mesh: wp.uint64, points: wp.array(dtype=wp.vec3), normals: wp.array(dtype=wp.vec3),
    rays: wp.array(dtype=wp.vec3), reach: float, seen: wp.array(dtype=float),
) -> None:  # fmt: skip
    """Share of the rays above each point's surface, by cosine, that meet nothing within `reach`."""
    point = wp.tid()
    normal = normals[point]
    free, total = float(0.0), float(0.0)
    for k in range(rays.shape[0]):
        cosine = wp.dot(rays[k], normal)
        if cosine > 0.05:
            total += cosine
            start = points[point] + normal * 0.01 + rays[k] * 0.01
            if not wp.mesh_query_ray_anyhit(mesh, start, rays[k], reach):
                free += cosine
    seen[point] = free / wp.max(total, 1.0e-3)


@wp.kernel
def first_hit(
    mesh: wp.uint64, starts: wp.array(dtype=wp.vec3), rays: wp.array(dtype=wp.vec3),
    face: wp.array(dtype=int), weights: wp.array(dtype=wp.vec3),
) -> None:  # fmt: skip
    """The first triangle on each ray and the weights of its corners there; 0 where none is."""
    ray = wp.tid()
    query = wp.mesh_query_ray(mesh, starts[ray], rays[ray], 100.0)
    if query.result:
        face[ray] = query.face
        weights[ray] = wp.vec3(query.u, query.v, 1.0 - query.u - query.v)


def vectors(values: np.ndarray) -> wp.array:
    """(N, 3) or (B, N, 3) as an array of vectors on the current device."""
    return wp.array(np.ascontiguousarray(values, np.float32), dtype=wp.vec3, ndim=values.ndim - 1)


def cast(
    points: np.ndarray, triangles: np.ndarray, starts: np.ndarray, rays: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Corners (N, 3) of the triangle that each ray meets first, and their weights there (N, 3)."""
    with wp.ScopedDevice("cpu"):
        mesh = wp.Mesh(vectors(points), wp.array(triangles.ravel(), dtype=int))
        face, weights = wp.zeros(len(rays), dtype=int), wp.zeros(len(rays), dtype=wp.vec3)
        arrays = [mesh.id, vectors(starts), vectors(rays), face, weights]
        wp.launch(first_hit, len(rays), arrays)
        return triangles[face.numpy()], weights.numpy()


def neighbours(triangles: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each vertex's triangles begin (count + 1,) and the triangles (3 T,), in that order."""
    corners = triangles.reshape(-1)
    order = np.argsort(corners, kind="stable")
    starts = np.searchsorted(corners[order], np.arange(count + 1))
    return starts.astype(np.int32), (order // 3).astype(np.int32)


def open_sky(
    points: np.ndarray, triangles: np.ndarray, reach: float = 0.35, rays: int = 96
) -> np.ndarray:
    """(V,) share of a vertex's sky, by cosine, that the mesh leaves open within `reach` dm."""
    index = np.arange(rays) + 0.5
    height, turn = 1 - 2 * index / rays, np.pi * (1 + 5**0.5) * index
    flat = np.sqrt(1 - height**2)
    sphere = np.stack([flat * np.cos(turn), height, flat * np.sin(turn)], 1)
    with wp.ScopedDevice("cpu"):
        mesh = wp.Mesh(vectors(points), wp.array(triangles.reshape(-1), dtype=int))
        ring = [wp.array(a, dtype=int) for a in neighbours(triangles, len(points))]
        found, seen = wp.zeros((1, len(points)), dtype=wp.vec3), wp.zeros(len(points), dtype=float)
        table = wp.array(triangles, dtype=int, ndim=2)
        wp.launch(vertex_normals, found.shape, [vectors(points[None]), table, *ring, found])
        normals = found.numpy()[0]
        normals[np.abs(normals).sum(1) < 0.5] = (0, 0, 1)  # vertices that no triangle uses
        arrays = [mesh.id, vectors(points), vectors(normals), vectors(sphere), reach, seen]
        wp.launch(sky_seen, len(points), arrays)
        return seen.numpy()
