# ruff: noqa: RUF046, E501  (kernels: float() declares what a loop changes)
"""Warp, quietly and with its kernels cached; skinning, normals and the share of open sky."""

import contextlib
import os
import tempfile
from pathlib import Path

import numpy as np
import warp as wp


def cache_folder() -> Path:
    """Where the basis and compiled kernels are kept: `WORLD_CACHE`, else build/cache of the project."""
    home = os.environ.get("WORLD_CACHE")
    folder = Path(home) if home else Path(__file__).parents[2] / "build" / "cache" / "world"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if os.access(folder, os.W_OK):
        return folder
    spare = Path(tempfile.gettempdir()) / f"world-{os.getuid()}"
    spare.mkdir(exist_ok=True)
    return spare

wp.config.log_level = wp.LOG_ERROR
wp.config.enable_backward = False
wp.config.kernel_cache_dir = str(cache_folder() / "kernels")
wp.init()


@wp.kernel
def skin_points(
    rest: wp.array2d(dtype=wp.vec3),  # (B, P) before posing
    bones: wp.array2d(dtype=int),  # (P, 4)
    weights: wp.array2d(dtype=float),
    turns: wp.array2d(dtype=wp.mat33),  # (B, J)
    shifts: wp.array2d(dtype=wp.vec3),
    posed: wp.array2d(dtype=wp.vec3),  # (B, P) out
):
    row, point = wp.tid()
    at = rest[row, point]
    total = wp.vec3(0.0, 0.0, 0.0)
    for k in range(4):
        weight = weights[point, k]
        if weight > 0.0:
            bone = bones[point, k]
            total += weight * (turns[row, bone] * at + shifts[row, bone])
    posed[row, point] = total


@wp.kernel
def vertex_normals(
    posed: wp.array2d(dtype=wp.vec3),  # (B, P)
    triangles: wp.array2d(dtype=int),  # (T, 3)
    starts: wp.array(dtype=int),  # (P + 1,) where a vertex's triangles begin in `around`
    around: wp.array(dtype=int),
    normals: wp.array2d(dtype=wp.vec3),  # (B, P) out
):
    row, point = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for k in range(starts[point], starts[point + 1]):
        face = around[k]
        a = posed[row, triangles[face, 0]]
        total += wp.cross(posed[row, triangles[face, 1]] - a, posed[row, triangles[face, 2]] - a)
    normals[row, point] = wp.normalize(total)


@wp.kernel
def _sky(
    mesh: wp.uint64, points: wp.array(dtype=wp.vec3), normals: wp.array2d(dtype=wp.vec3),
    rays: wp.array(dtype=wp.vec3), reach: float, seen: wp.array(dtype=float),
):  # fmt: skip
    point = wp.tid()
    normal = normals[0, point]
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
):  # fmt: skip
    ray = wp.tid()
    query = wp.mesh_query_ray(mesh, starts[ray], rays[ray], 100.0)
    if query.result:
        face[ray] = query.face
        weights[ray] = wp.vec3(query.u, query.v, 1.0 - query.u - query.v)


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
    sphere = np.stack([flat * np.cos(turn), height, flat * np.sin(turn)], 1).astype(np.float32)
    with wp.ScopedDevice("cpu"):
        at = wp.array(points, dtype=wp.vec3)
        corners = wp.array(triangles.reshape(-1), dtype=int)
        mesh = wp.Mesh(points=at, indices=corners)
        starts, around = (wp.array(a, dtype=int) for a in neighbours(triangles, len(points)))
        normals = wp.zeros((1, len(points)), dtype=wp.vec3)
        table = wp.array(triangles.astype(np.int32), dtype=int, ndim=2)
        grid = wp.array(points[None], dtype=wp.vec3, ndim=2)
        wp.launch(vertex_normals, (1, len(points)), [grid, table, starts, around, normals])
        loose = np.abs(normals.numpy()[0]).sum(1) < 0.5  # vertices that no skin triangle uses
        facing = np.where(loose[:, None], np.float32([0, 0, 1]), normals.numpy()[0])
        normals, seen = (
            wp.array(facing[None], dtype=wp.vec3, ndim=2),
            wp.zeros(len(points), dtype=float),
        )
        wp.launch(
            _sky, len(points), [mesh.id, at, normals, wp.array(sphere, dtype=wp.vec3), reach, seen]
        )
        return seen.numpy()
