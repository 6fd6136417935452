"""Training and extraction: ours beside a plain loop, the step alone, and the machine's floors.

    python -m bench.training          writes outputs/bench/training.json and .csv

All contestants train the same network on the same crops in the same process, in turn, every other
repeat in the opposite order; each number is the median of the repeats, each ratio the median of
the ratios within a repeat, so a slow minute of the machine hits both sides. `plain` has the network
as its table is written, `plain_joined` has ours with its joined convolutions, `googlenet` is
torchvision's network in the plain loop, with a quarter fewer multiply-adds. On a GPU the cases
are those of full width at 224 px in bf16; on a CPU a few steps of that are measured by themselves.
"""

import argparse
import contextlib
import io
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from bench import notes
from bench.plain import GoogLeNet, one_epoch, published
from lib import params, training, vocabulary, workspace
from lib.models import DCN, layers
from lib.params import TrainParams
from lib.propagation.engine.products import packed, product
from lib.training import batches, loop


@dataclass(frozen=True)
class Case:
    """One size of the question. `steps` per repeat; extraction runs over as many faces."""

    size: int
    batch: int
    steps: int
    width: float = 1.0
    precision: str = "32-true"
    workers: tuple[int, ...] = (0, 2)  # of the plain loop's DataLoader; the faster one counts
    compiled: tuple[bool, ...] = (False,)

    @property
    def stored(self) -> int:
        return round(self.size * 8 / 7)

    @property
    def faces(self) -> int:
        return self.batch * self.steps


def cases(gpu: bool) -> list[Case]:
    if not gpu:
        return [Case(96, 32, 10), Case(56, 64, 48, width=0.25)]
    shared = {"precision": "bf16-mixed", "workers": (8, 16), "compiled": (False, True)}
    return [Case(224, 32, 200, **shared), Case(224, 256, 60, **shared)]


# Contestants --------------------------------------------------------------------------------------


def ours(model: DCN, images: Tensor, targets: Tensor, case: Case, fabric: Fabric, compiled: bool):
    """Images per second of `training.fit` over one epoch."""
    with contextlib.redirect_stdout(io.StringIO()):
        history = training.fit(
            model,
            images,
            targets,
            train=TrainParams(epochs=1, batch=case.batch),
            size=case.size,
            seed=0,
            fabric=fabric,
            compiled=compiled,
        )
    return float(history["images_per_second"].iloc[-1])


class Fixed(batches.Faces):
    """A data path that costs nothing: the same batch again and again."""

    kept: tuple | None = None

    def batch(self, index, drawn, device):
        self.kept = self.kept or super().batch(index, drawn, device)
        return self.kept


def step_alone(model: DCN, images: Tensor, targets: Tensor, case: Case, fabric: Fabric) -> float:
    """Images per second of the same steps on one batch that is there already."""
    data = Fixed(images, targets, None, case.size, vocabulary.ATTRIBUTES, True)
    recipe = TrainParams(epochs=1, batch=case.batch)
    run = loop.Run(model, data, recipe, 0, fabric, None, 60.0, False, "")
    with contextlib.redirect_stdout(io.StringIO()):
        return float(run.fit()["images_per_second"].iloc[-1])


def extraction(model: DCN, images: Tensor, case: Case, fabric: Fabric) -> float:
    begin = time.perf_counter()
    training.extract(model, images, size=case.size, batch=max(64, case.batch), fabric=fabric)
    return len(images) / (time.perf_counter() - begin)


# Floors -------------------------------------------------------------------------------------------


def floors(device: torch.device, precision: str) -> dict[str, float]:
    """Measured rates: matrix product (FLOP/s) and copy, read + write (bytes/s)."""
    dtype = torch.float32 if precision == "32-true" else torch.bfloat16
    side = 2048 if device.type == "cpu" else 8192
    a = torch.randn(side, side, device=device, dtype=dtype)
    b = torch.empty(1 << 26, device=device)
    left = packed(a)
    multiply, copy = fastest(lambda: product(left, a), device), fastest(lambda: b.clone(), device)
    return {"matrix_flops": 2 * side**3 / multiply, "copy_bytes": 2 * b.nbytes / copy}


def fastest(work, device: torch.device, times: int = 7) -> float:
    """Shortest of several runs, seconds."""
    seconds = []
    for _ in range(times):
        finish(device)
        begin = time.perf_counter()
        work()
        finish(device)
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


# The run ------------------------------------------------------------------------------------------


def store(folder: Path, case: Case) -> Tensor:
    """Crops on disk, memory-mapped as a face store's are."""
    chance = np.random.default_rng(0)
    shape = (case.faces, 3, case.stored, case.stored)
    np.save(folder / "images.npy", chance.integers(0, 256, shape, dtype=np.uint8))
    return torch.from_numpy(np.load(folder / "images.npy", mmap_mode="c"))


def measure(case: Case, repeats: int, fabric: Fabric) -> dict[str, list[float]]:
    """Images per second of every contestant, one number per repeat."""
    found: dict[str, list[float]] = {}
    chance = torch.Generator().manual_seed(0)
    targets = torch.randint(-1, 2, (case.faces, 24), generator=chance).float()
    with tempfile.TemporaryDirectory() as folder:
        turns = contestants(case, store(Path(folder), case), targets, fabric)
        for repeat in range(repeats + 1):  # the first one warms up
            for name in list(turns)[:: -1 if repeat % 2 else 1]:
                speed = turns[name]()
                found.setdefault(name, []).extend([speed] if repeat else [])
    return {name: found[name] for name in turns}


def contestants(case: Case, images: Tensor, targets: Tensor, fabric: Fabric) -> dict[str, Callable]:
    """What is compared; each gives its images per second."""
    model, written = make(case, fabric), published(make(case, fabric))
    options = {"size": case.size, "batch": case.batch, "bf16": case.precision != "32-true"}
    data = (images, targets)
    turns = {
        f"plain_{w}": partial(one_epoch, written, *data, workers=w, **options) for w in case.workers
    }
    workers = case.workers[0]
    if case.width == 1:
        network = GoogLeNet().to(fabric.device)
        turns["googlenet"] = partial(one_epoch, network, *data, workers=case.workers[-1], **options)
    turns["plain_joined"] = partial(one_epoch, model, *data, workers=workers, **options)
    for compiled in case.compiled:
        name = "ours_compiled" if compiled else "ours"
        turns[name] = partial(ours, model, *data, case, fabric, compiled)
    turns["step_alone"] = partial(step_alone, model, *data, case, fabric)
    turns["extraction"] = partial(extraction, model, images, case, fabric)
    return turns


def make(case: Case, fabric: Fabric) -> DCN:
    torch.manual_seed(0)
    return DCN(case.width, 1024 if case.width == 1 else 256).to(fabric.device)


def report(case: Case, found: dict[str, list[float]], rates: dict[str, float]) -> dict:
    """Medians, ratios within repeats, and shares of the floors."""
    table = pd.DataFrame(found)
    best_plain = table.filter(regex=r"plain_\d").max(axis=1)
    best_ours = table[[name for name in table if name.startswith("ours")]].max(axis=1)
    peer = {}
    if "googlenet" in table:
        peer["ours_over_googlenet"] = float((best_ours / table["googlenet"]).median())
    model = make(case, Fabric(accelerator="cpu"))
    multiply_adds = 1e6 * sum(row["multiply-adds"] for row in layers.rows(model, case.size))
    flops = 3 * 2 * multiply_adds * float(best_ours.median())  # forward, and twice that backward
    return {
        "size": case.size,
        "batch": case.batch,
        "width": case.width,
        "precision": case.precision,
        **{f"{name}_images_per_second": statistics.median(found[name]) for name in found},
        "ours_over_plain": float((best_ours / best_plain).median()),
        **peer,
        "ours_over_plain_joined": float((best_ours / table["plain_joined"]).median()),
        "data_path_share": float((1 - table["ours"] / table["step_alone"]).median()),
        "extraction_over_training": float((table["extraction"] / best_ours).median()),
        "million_multiply_adds": multiply_adds / 1e6,
        "share_of_matrix_rate": flops / rates["matrix_flops"],
        "matrix_gflops": rates["matrix_flops"] / 1e9,
        "copy_gb_per_second": rates["copy_bytes"] / 1e9,
    }


def paper_scale(fabric: Fabric) -> dict:
    """A few steps of the `h200` profile's stage 1 on a CPU, at the paper's batch."""
    settings = params.load("h200", {"device": "cpu"})
    case = Case(settings.model.size, 32, 4, width=settings.model.width)
    targets = torch.ones(case.faces, 24)
    with tempfile.TemporaryDirectory() as folder:
        images, model = store(Path(folder), case), make(case, fabric)
        speed = ours(model, images, targets, case, fabric, False)
        read = extraction(model, images, case, fabric)
    data = settings.data
    faces = data.aflw.train + data.celeba.train + data.expw.train
    hours = faces * settings.stage1.epochs / speed / 3600
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "what": "the first steps of profile h200 on this CPU; the profile itself did not run",
        "size": case.size,
        "batch": case.batch,
        "steps": case.steps,
        "images_per_second": speed,
        "extraction_images_per_second": read,
        "peak_memory_gb": peak / 1e9,
        "stage1_hours_at_this_speed": hours,
    }


def main(repeats: int = 5) -> pd.DataFrame:
    gpu = torch.cuda.is_available()
    few = {} if gpu else {"h200_on_cpu": paper_scale(Fabric(accelerator="cpu"))}
    rows = []
    for case in cases(gpu):
        fabric = Fabric(accelerator="auto", devices=1, precision=case.precision)
        rates = floors(fabric.device, case.precision)
        rows.append(report(case, measure(case, repeats, fabric), rates))
        print(pd.Series(rows[-1]).to_string(), flush=True)
    machine = {"cores": os.cpu_count(), "threads": torch.get_num_threads(), "repeats": repeats}
    notes.save("training", {"cases": rows, **few, "machine": machine})
    table = pd.DataFrame(rows).T.rename_axis("measure")
    workspace.atomically(notes.FOLDER / "training.csv", lambda part: table.to_csv(part))
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    main(parser.parse_args().repeats)
