"""How fast the embedded world draws: faces per second on the processor and, where one is, a GPU.

python -m bench.world          prints a table, writes outputs/bench/world.json
"""

import os
import platform
import time

import torch

from bench import notes
from lib import world
from lib.world.moments import latents

RUNS = (  # device, px, faces
    ("cpu", 64, 512),
    ("cpu", 224, 48),
    ("cuda", 224, 8_192),
    ("cuda", 64, 20_000),
)
WANTED = {("cpu", 64): 150}  # faces per second


def main() -> None:
    print(
        f"{'device':28} {'px':>4} {'faces':>7} {'first, s':>9} {'faces/s':>9} "
        f"{'per core':>9} {'wanted':>7}"
    )
    rows = []
    for run in RUNS:
        if run[0] == "cuda" and not torch.cuda.is_available():
            continue
        row = measure(*run)
        core = f"{row['per_core']:9.0f}" if row["per_core"] else " " * 9
        print(
            f"{row['device']:28} {row['size']:4} "
            f"{row['faces']:7} {row['first_batch_seconds']:9.1f} {row['faces_per_second']:9.0f} "
            f"{core} {row['wanted'] or '':>7}",
            flush=True,
        )
        rows.append(row)
    if not torch.cuda.is_available():
        print("no CUDA device on this machine: the GPU rows were not run")
    notes.save("world", {"machine": machine(), "rows": rows})


def measure(device: str, size: int, count: int) -> dict:
    """Draw `count` ExpW-like faces after a first batch; the two are timed apart, latents not."""
    table = latents("expw", range(count))
    options = {"size": size, "device": device, "progress": False}
    start = time.perf_counter()
    world.draw(table.head(16), **options)
    first = time.perf_counter() - start
    start, used = time.perf_counter(), time.process_time()
    world.draw(table, **options)
    took, used = time.perf_counter() - start, time.process_time() - used
    name = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} cores"
    return {
        "device": name,
        "size": size,
        "faces": count,
        "first_batch_seconds": first,
        "faces_per_second": count / took,
        "per_core": count / used if device == "cpu" else None,
        "wanted": WANTED.get((device, size)),
    }


def machine() -> dict:
    """What the numbers were measured on."""
    return {
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "torch": torch.__version__,
        "world": world.VERSION,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


if __name__ == "__main__":
    main()
