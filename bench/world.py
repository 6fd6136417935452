"""How fast the embedded world renders, where the time goes, and how fast rays could be cast at all.

python -m bench.world          prints two tables, writes outputs/bench/world.json

The steps of a face are timed for one chunk of people on one thread. The floor is the time of 2 x 2
primary rays a pixel into each head's boxes and nothing else, on all cores. On a busy processor the
clock says more than the work takes: seconds of the processor are given beside those of the clock.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import torch
import warp as wp

from bench import notes
from lib import world
from lib.workspace.machine import processors
from lib.world import casting
from lib.world.moments import latents
from lib.world.render import Posed, Studio, chunk_of, developed, prepare, stage_of, studio

RUNS = (  # device, px, faces
    ("cpu", 72, 384),
    ("cpu", 224, 48),
    ("cuda", 64, 8_192),
    ("cuda", 224, 4_096),
)
WANTED = {("cpu", 72): 120, ("cuda", 224): 2_000}  # faces per second, on two cores or an H200


def main() -> None:
    rows, steps = [], []
    for device, size, count in RUNS:
        if device == "cuda" and not torch.cuda.is_available():
            continue
        row, parts = measure(device, size, count), time_of_steps(device, size)
        row["floor_faces_per_second"] = 1e3 / parts.pop("floor")
        row["rays_per_second"] = 4 * size**2 * row["floor_faces_per_second"]
        print("  ".join(f"{name} {shown(value)}" for name, value in row.items()))
        print("  ms a face:", "  ".join(f"{name} {value:.2f}" for name, value in parts.items()))
        rows.append(row)
        steps.append({"device": device, "size": size, "milliseconds": parts})
    if not torch.cuda.is_available():
        print("no CUDA device on this machine: the GPU rows were not run")
    machine = notes.machine() | {"world": world.VERSION, "warp": wp.__version__}
    notes.save("world", {"machine": machine, "rows": rows, "steps": steps})


def shown(value: Any) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def measure(device: str, size: int, count: int) -> dict[str, Any]:
    """Render `count` ExpW-like faces after a first batch; the two are timed apart, latents not."""
    table = latents("expw", range(count))
    options = {"size": size, "device": device, "progress": False}
    _, first, _ = timed(lambda: world.draw(table.head(64), **options))
    _, took, used = timed(lambda: world.draw(table, **options))
    cores = f"{processors()} cores"
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else cores,
        "size": size,
        "faces": count,
        "first_batch_seconds": first,
        "faces_per_second": count / took,
        "per_core": count / used if device == "cpu" else None,
        "wanted": WANTED.get((device, size)),
    }


def time_of_steps(device: str, size: int) -> dict[str, float]:
    """Milliseconds of the clock a face of each step, and of the floor, for one chunk of people."""
    chunk = chunk_of(device)
    table = latents("expw", range(2 * chunk))
    table = table[table.hand == 0].head(chunk)
    room = studio("bust", chunk, device)
    people, prepared, _ = timed(lambda: prepare(table, "bust", chunk))
    _, seated, _ = timed(lambda: (room.seat(people), wp.synchronize_device(room.device)))
    stages = stages_of(table, people)
    light, exposed, _ = timed(lambda: room.expose(stages, size, size))
    _, finished, _ = timed(lambda: developed(table, light, size / 64))
    seconds = {
        "prepare (shape, hair, bones)": prepared,
        "seat (pose, normals, boxes)": seated,
        "expose (rays, shading)": exposed,
        "develop (grade, blur, grain, JPEG)": finished,
        "floor": floor(room, stages, size),
    }
    return {name: 1e3 * value / len(table) for name, value in seconds.items()}


def stages_of(table: pd.DataFrame, people: Posed) -> np.ndarray:
    """Light and camera before each head, as for a crop of a face."""
    stages = stage_of(table)
    stages["centre"], stages["tall"] = people.heads, people.tall / 2 / table["scale"].to_numpy()
    stages["first"] = np.arange(len(table))
    return stages


def floor(room: Studio, stages: np.ndarray, size: int) -> float:
    """Seconds of 2 x 2 primary rays a pixel into the boxes of each seated person, on all cores."""
    steps = (np.arange(2 * size) + 0.5) / size - 1
    across, up = (values.ravel() for values in np.meshgrid(steps, -steps))
    tasks = []
    for mesh, stage in zip(room.meshes, stages, strict=True):
        away = float(stage["distance"])
        rays = np.stack([across * stage["tall"], up * stage["tall"], 0 * up - away], 1)
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        eyes = np.tile(stage["centre"] + np.array([0, 0, away]), (len(rays), 1))
        with wp.ScopedDevice(room.device):
            starts, aims = (wp.array(a.astype(np.float32), dtype=wp.vec3) for a in (eyes, rays))
            found = wp.zeros(len(rays), dtype=int), wp.zeros(len(rays), dtype=wp.vec3)
            tasks.append([mesh.id, starts, aims, *found])

    def launch(task: list) -> None:
        wp.launch(casting.first_hit, len(rays), task, device=room.device)

    def cast() -> None:
        with ThreadPoolExecutor(processors() if room.device == "cpu" else 1) as pool:
            list(pool.map(launch, tasks))
        wp.synchronize_device(room.device)

    cast()
    return timed(cast)[1]


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `work` returns, seconds of the clock, seconds of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    made = work()
    return made, time.perf_counter() - clock, time.process_time() - processor


if __name__ == "__main__":
    main()
