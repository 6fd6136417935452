"""How fast crops are made, and read again: pictures of CelebA's size, cut to 112 px by all cores;
random batches of a store of 256 px, of which a network takes windows of 224 px.

python -m bench.crops          prints a table, writes outputs/bench/crops.json

2,000 JPEGs are made from rendered faces; 200,000 are extrapolated. Where other programs run beside
it, the seconds of the processor say more than those of the clock: both are given.
"""

import contextlib
import os
import resource
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.lib.format import open_memmap
from PIL import Image

from bench import notes
from lib import world
from lib.data import crops as stores
from lib.data.faces import mapped
from lib.data.pictures import central_box
from lib.data.sources import celeba

COUNT, ALL, SIZE = 2_000, 200_000, 112
WANTED = 15.0  # minutes for all of them on 2 cores
STORED, READ, BATCH = 8_192, 256, 256  # crops of a store, their size in px, crops of a batch
WANTED_READ = 12_000  # crops per second: what a large GPU trains on at full width
KINDS = 100  # different faces; each is brightened and shifted anew


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = pictures(Path(folder), COUNT)
        size = np.mean([Path(path).stat().st_size for path in rows["image"]]) / 1024
        runs = [measure(rows.head(count), Path(folder)) for count in (COUNT // 2, COUNT)]
        read = reading(Path(folder))
    minutes = {key: runs[-1][key] * ALL / COUNT / 60 for key in ("seconds", "processor_seconds")}
    result = {
        "machine": notes.machine(),
        "picture": f"{celeba.WIDTH} x {celeba.HEIGHT} px, {size:.1f} KiB",
        "crop": SIZE,
        "runs": runs,
        "minutes_for_200000": minutes["seconds"],
        "minutes_for_200000_on_2_free_cores": minutes["processor_seconds"] / 2,
        "wanted_minutes": WANTED,
        "read": read,
    }
    for run in runs:
        print(
            f"{run['pictures']:6} pictures {run['seconds']:7.1f} s, "
            f"{run['processor_seconds']:6.1f} s of processors, "
            f"{run['memory']:.0f} MiB here, {run['memory_each']:.0f} MiB in each process"
        )
    print(
        f"{ALL:,} pictures: {minutes['seconds']:.1f} min by the clock, "
        f"{minutes['processor_seconds'] / 2:.1f} min on 2 free cores (wanted: {WANTED:.0f})"
    )
    print(
        f"random batches of {BATCH} crops of {READ} px: {read['from_memory']:,.0f} crops/s from "
        f"memory, {read['from_disk']:,.0f} from the disk (wanted: {WANTED_READ:,})"
    )
    notes.save("crops", result)


def pictures(folder: Path, count: int) -> pd.DataFrame:
    """JPEGs of CelebA's size, and their rows."""
    faces = world.faces("celeba", range(KINDS), size=96, progress=False).images
    random, table = np.random.default_rng(0), []
    x, y, w, h = central_box(celeba.WIDTH, celeba.HEIGHT)
    box = {"x": x, "y": y, "w": w, "h": h, "width": celeba.WIDTH, "height": celeba.HEIGHT}
    for number in range(count):
        face = faces[number % KINDS].permute(1, 2, 0).numpy() * random.uniform(0.7, 1.0)
        grain = random.normal(0, 4, (celeba.HEIGHT, celeba.WIDTH, 1))
        whole = Image.fromarray(face.astype(np.uint8)).resize((celeba.WIDTH, celeba.HEIGHT))
        whole = np.clip(np.asarray(whole) + grain, 0, 255).astype(np.uint8)
        path = folder / f"{number:06d}.jpg"
        Image.fromarray(whole).save(path, quality=85)
        table.append({"image": str(path), "file": "list", "line": number + 1, **box})
    return pd.DataFrame(table)


def measure(rows: pd.DataFrame, folder: Path) -> dict:
    """Make a store of the rows, with the start of its processes."""
    name, before = f"run{len(rows)}", processors()
    over, peaks = threading.Event(), {}
    watch = threading.Thread(target=watched, args=(over, peaks))
    watch.start()
    start = time.perf_counter()
    stores.cached(rows, folder, name, stores.Options(SIZE), progress=False)
    took = time.perf_counter() - start
    over.set()
    watch.join()
    here = peaks.pop(os.getpid())
    return {
        "pictures": len(rows),
        "seconds": took,
        "processor_seconds": processors() - before,
        "memory": here,
        "memory_each": max(peaks.values(), default=0),
    }


def reading(folder: Path) -> dict:
    """Crops per second in random batches of a memory-mapped store, first from disk, then cached.

    What a training step gathers before the copy to a GPU, by the same call into memory that is
    kept from batch to batch, as `batches.bring` has it from the pool of pinned memory.
    """
    path, random = folder / "images.npy", np.random.default_rng(0)
    crops = open_memmap(path, "w+", np.uint8, (STORED, 3, READ, READ))
    for begin in range(0, STORED, BATCH):
        crops[begin : begin + BATCH] = random.integers(0, 256, crops[:BATCH].shape, np.uint8)
    crops.flush()
    del crops
    stored, rates = mapped(path), {}
    kept = torch.empty(BATCH, 3, READ, READ, dtype=torch.uint8)
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # out of the page cache
    for state in ("from_disk", "from_memory"):
        start = time.perf_counter()
        for index in torch.randperm(STORED).split(BATCH):
            torch.index_select(stored, 0, index.sort().values, out=kept)
        rates[state] = STORED / (time.perf_counter() - start)
    return {"crop": READ, "batch": BATCH, **rates, "wanted": WANTED_READ}


def watched(over: threading.Event, peaks: dict[int, float]) -> None:
    """Peak memory in MiB of this process and its children (Linux), until it is over."""
    while not over.wait(0.2):
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for pid in (os.getpid(), *map(int, children)):
            with contextlib.suppress(OSError, IndexError):  # it has just ended
                status = Path(f"/proc/{pid}/status").read_text()
                peaks[pid] = int(status.split("VmHWM:")[1].split()[0]) / 1024


def processors() -> float:
    """Seconds of processor that this process and its ended children have used."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
