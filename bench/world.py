"""How fast the embedded world renders, and where the time goes.

    python -m bench.world --faces 256 --size 72 [--device cuda]

Prints faces/s of `draw`, the share of each step on one thread, and the floor: primary rays alone
through the same boxes. CPU seconds are printed beside wall seconds, because on a busy machine the
latter are long.
"""

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import warp as wp

from lib.world import casting, draw
from lib.world.moments import latents
from lib.world.render import chunk_of, developed, prepare, stage_of, studio


def timed(work: Callable[[], object]) -> tuple[object, float, float]:
    """What `work` returns, wall seconds, CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    return made, time.perf_counter() - wall, time.process_time() - cpu


def report(name: str, count: int, wall: float, cpu: float) -> None:
    each = f"{1e3 * wall / count:8.2f} ms wall {1e3 * cpu / count:8.2f} ms CPU"
    print(f"{name:<34}{count / wall:10.1f} a second {each}")


def floor(room, people, stages, size: int) -> tuple[float, float]:
    """Wall and CPU seconds of 2 x 2 primary rays a pixel into each head's boxes, nothing else."""
    wall = cpu = 0.0
    steps = (np.arange(2 * size) + 0.5) / size - 1
    across, up = (v.ravel() for v in np.meshgrid(steps, -steps))
    for mesh, stage in zip(room.meshes, stages, strict=False):
        eye = stage["centre"] + np.array([0, 0, stage["distance"]])
        rays = np.stack([across * stage["tall"], up * stage["tall"], 0 * up - stage["distance"]], 1)
        rays = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
        with wp.ScopedDevice(room.device):
            starts = wp.array(np.tile(eye.astype(np.float32), (len(rays), 1)), dtype=wp.vec3)
            aim, face = wp.array(rays, dtype=wp.vec3), wp.zeros(len(rays), dtype=int)
            weights = wp.zeros(len(rays), dtype=wp.vec3)

            def cast(
                mesh=mesh, starts=starts, aim=aim, face=face, weights=weights, rays=rays
            ) -> None:
                wp.launch(casting.first_hit, len(rays), [mesh.id, starts, aim, face, weights])
                wp.synchronize_device(room.device)

            _, one, two = timed(cast)
        wall, cpu = wall + one, cpu + two
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=256)
    parser.add_argument("--size", type=int, default=72)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    table = latents("expw", range(asked.faces))
    options = {"size": asked.size, "device": asked.device, "progress": False}
    _, cold, _ = timed(lambda: draw(table.head(1), **options))
    print(f"first face after {cold:.1f} s (basis, kernels); {len(os.sched_getaffinity(0))} cores")
    draw(table.head(64), **options)
    _, wall, cpu = timed(lambda: draw(table, **options))
    report("faces, everything", asked.faces, wall, cpu)
    chunk = chunk_of(asked.device)
    part = table[table.hand == 0].head(chunk)
    room = studio("bust", chunk, asked.device)
    people, wall, cpu = timed(lambda: prepare(part, "bust", chunk))
    report("prepare (shape, hair, bones)", len(part), wall, cpu)
    _, wall, cpu = timed(lambda: room.seat(people))
    report("seat (pose, normals, boxes)", len(part), wall, cpu)
    stages = stage_of(part)
    stages["centre"], stages["tall"] = people.heads, people.tall / 2 / part.scale.to_numpy()
    stages["first"] = np.arange(len(part))
    light, wall, cpu = timed(lambda: room.expose(stages, asked.size, asked.size))
    report("expose (rays and shading)", len(part), wall, cpu)
    _, wall, cpu = timed(lambda: developed(part, light, asked.size / 64))
    report("develop (grade, blur, grain, JPEG)", len(part), wall, cpu)
    wall, cpu = floor(room, people, stages, asked.size)
    report("floor: 2 x 2 primary rays a pixel", len(part), wall, cpu)
    print(f"floor: {len(part) * 4 * asked.size**2 / wall / 1e6:.2f} million rays a second")


if __name__ == "__main__":
    main()
