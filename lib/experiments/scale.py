"""What propagation costs: measured time and memory, counted operations, and where it leads."""

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import psutil
import torch
from torch import Tensor

from lib import propagation
from lib.params import PropagationParams
from lib.propagation import NeighbourGraph, neighbours

ATTRIBUTES = 24


def faces(count: int, dimensions: int, *, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Made-up features (N, D), labels (N, 24) of which seven in ten are missing, classifiers.

    300 clusters in up to 96 latent dimensions with as much noise again in all D: neighbours are
    no easier to find than a network's.
    """
    chance = torch.Generator().manual_seed(seed)
    latent = min(96, dimensions)
    centres = torch.randn(300, latent, generator=chance) / 2
    points = centres[torch.randint(300, (count,), generator=chance)]
    points = points + torch.randn(count, latent, generator=chance)
    points = points @ torch.randn(latent, dimensions, generator=chance) / latent**0.5
    points += torch.randn(count, dimensions, generator=chance)
    weights = torch.randn(ATTRIBUTES, dimensions, generator=chance)
    odds = points @ weights.T / dimensions**0.5
    labels = (odds > torch.linspace(0, 2, ATTRIBUTES)).to(torch.int8)
    labels[torch.rand(labels.shape, generator=chance) < 0.7] = -1
    return points, labels, weights


# Measured -----------------------------------------------------------------------------------------


def clock(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds, memory (GB) beyond what was in use before, and what `work` returns."""
    with Memory() as memory:
        begin = time.perf_counter()
        result = work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begin
    return seconds, memory.gigabytes, result


class Memory:
    """Largest resident memory of this process while a block runs, beyond that at its start."""

    def __enter__(self) -> "Memory":
        self.process = psutil.Process()
        self.start = self.peak = self.process.memory_info().rss
        self.over = threading.Event()
        self.watch = threading.Thread(target=self._look, daemon=True)
        self.watch.start()
        return self

    def _look(self) -> None:
        while not self.over.wait(0.005):
            self.peak = max(self.peak, self.process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.watch.join()
        self.gigabytes = (self.peak - self.start) / 1e9


def measure(counts: list[int], dimensions: int, params: PropagationParams) -> pd.DataFrame:
    """Seconds and GB of the exact graph, of the EM, and seconds of one sweep, for every N."""
    rows = []
    for count in counts:
        points, labels, weights = faces(count, dimensions)
        graph = clock(functools.partial(neighbours, points, method="exact"))
        sweep, memory = sweeps(points, labels, weights, graph[2], params)
        rows.append((count, graph[0], sweep, graph[1], memory))
    names = ["faces", "graph_seconds", "sweep_seconds", "graph_memory_gb", "em_memory_gb"]
    return pd.DataFrame(rows, columns=names).set_index("faces")


def sweeps(
    points: Tensor,
    labels: Tensor,
    weights: Tensor,
    graph: NeighbourGraph,
    params: PropagationParams,
) -> tuple[float, float]:
    """Seconds of one EM sweep, the median of all but the first, and GB of the whole run."""
    times = []
    _, memory, _ = clock(
        lambda: propagation.propagate(
            points,
            labels,
            weights,
            graph=graph,
            params=params,
            watch=lambda *_: times.append(time.perf_counter()),
        )
    )
    return float(np.median(np.diff(times))), memory


# Counted ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """Faces, dimensions and attributes, and what they come to by counting."""

    faces: int
    dimensions: int = 1024
    attributes: int = ATTRIBUTES
    neighbours: int = 10

    @property
    def graph_operations(self) -> float:
        """Every distance once: N^2 D / 2 multiply-adds."""
        return float(self.faces) ** 2 * self.dimensions

    @property
    def sweep_operations(self) -> float:
        """One quadratic form per face and attribute, its upper block triangle of 8 bands."""
        return self.attributes * self.faces * self.dimensions**2 * 9 / 8

    @property
    def memory_gb(self) -> dict[str, float]:
        """Bytes of what is kept, in GB: float32 features, the graph, labels, posterior, moments."""
        return {
            "features": 4e-9 * self.faces * self.dimensions,
            "graph": 1e-9 * self.faces * self.neighbours * (8 + 4 + 4),
            "labels and posterior": 1e-9 * self.faces * self.attributes * (1 + 2 * 4),
            "class sums": 1e-9 * self.attributes * self.dimensions**2 * (8 + 4),
        }


def even(size: Size, sweeps: int) -> float:
    """Faces at which the graph costs as many operations as the sweeps."""
    return sweeps * size.sweep_operations * size.faces / size.graph_operations


# Projected ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Growth:
    """seconds = fixed + rate * N^power, fitted to measured times."""

    fixed: float
    rate: float
    power: int

    @classmethod
    def fit(
        cls, counts: np.ndarray, seconds: np.ndarray, power: int, least: float = 0.0
    ) -> "Growth":
        """Least squares of the relative error; fixed is not negative, rate not below `least`."""
        columns = np.stack([np.ones(len(counts)), np.asarray(counts, float) ** power], 1)
        weights = 1 / np.asarray(seconds, float)
        scaled = columns * weights[:, None]
        (fixed, rate), *_ = np.linalg.lstsq(scaled, np.ones(len(weights)), rcond=None)
        if rate < least:
            rest = 1 - least * scaled[:, 1]
            fixed, rate = (scaled[:, 0] * rest).sum() / (scaled[:, 0] ** 2).sum(), least
        if fixed < 0:
            best = scaled[:, 1].sum() / (scaled[:, 1] ** 2).sum()
            fixed, rate = 0.0, max(best, least)
        return cls(float(fixed), float(rate), power)

    def __call__(self, count: float) -> float:
        return self.fixed + self.rate * float(count) ** self.power


def exponent(counts: np.ndarray, seconds: np.ndarray) -> float:
    """Slope of log seconds over log N."""
    return float(np.polyfit(np.log(np.asarray(counts, float)), np.log(seconds), 1)[0])


def duration(seconds: float) -> str:
    """A time in words: the largest unit of which there are at least two."""
    units = (("years", 31_557_600), ("days", 86_400), ("hours", 3600), ("minutes", 60))
    for name, length in units:
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {name}"
    return f"{seconds:.3g} seconds"
