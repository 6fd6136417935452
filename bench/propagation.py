"""Graph and propagation: ours beside FAISS, scikit-learn and a plain EM, and the floors.

    python -m bench.propagation    writes outputs/bench/propagation.json and .csv after each case

Ours and the peers run in turn in one process with the same threads. A ratio is the median of the
ratios within a repeat, with the lowest and the highest, so a slow minute of the machine hits both
sides; seconds are the best of the repeats. A floor is what our operations take at the measured
rate of matrix products, or our bytes at that of a copy, whichever is longer; a time below its floor
was not measured well and is refused. `bench.paper_size` is for a GPU.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import threadpoolctl
import torch
from torch import Tensor

from bench import notes, peers
from bench.plain_em import plain_em
from bench.training import floors
from lib import propagation, workspace
from lib.experiments import scale
from lib.params import PropagationParams
from lib.propagation import field, neighbours
from lib.propagation.engine.distances import quickest
from lib.propagation.engine.nearest import COMPONENTS, recall_of

K, DIMENSIONS, ATTRIBUTES = 10, 1024, 24
PAPER = 318_778  # faces
KNOWN = 0.3  # share of labels that are known when a sweep is timed
SOFT = 0.05  # weight of the Gaussian term: at 1 it saturates and EM stands still after two rounds
# Latent dimensions, distance of 300 cluster centres, noise in all 1024 dimensions (signal: 1).
FEATURES = {"easy": (32, 3.0, 0.1), "hard": (96, 0.5, 1.0)}


def features(count: int, kind: str, seed: int = 0) -> Tensor:
    """(N, 1024) float32: clusters in a few latent dimensions, and noise in all."""
    latent, apart, noise = FEATURES[kind]
    chance = torch.Generator().manual_seed(seed)
    centres = apart * torch.randn(300, latent, generator=chance)
    points = centres[torch.randint(300, (count,), generator=chance)]
    points = points + torch.randn(count, latent, generator=chance)
    axes = torch.randn(latent, DIMENSIONS, generator=chance) / latent**0.5
    return points @ axes + noise * torch.randn(count, DIMENSIONS, generator=chance)


def annotations(points: Tensor, share: float, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Labels (N, A) of linear attributes from rare to common, a share known; classifiers (A, D)."""
    chance = torch.Generator().manual_seed(seed)
    weights = torch.randn(ATTRIBUTES, DIMENSIONS, generator=chance)
    odds = points @ weights.T
    odds += 0.5 * odds.std(0) * torch.randn(odds.shape, generator=chance)
    bars = torch.linspace(0.5, 0.95, ATTRIBUTES)
    levels = torch.stack([odds[:, a].quantile(bars[a]) for a in range(ATTRIBUTES)])
    labels = (odds > levels).to(torch.int8)
    labels[torch.rand(labels.shape, generator=chance) > share] = -1
    return labels, weights


# Measuring ----------------------------------------------------------------------------------------


def rounds(contestants: dict[str, Callable], repeats: int) -> tuple[pd.DataFrame, dict, dict]:
    """Seconds (repeats, contestants), peak memory and last result of each."""
    seconds, memory, results = [], {}, {}
    for _ in range(repeats):
        row = {}
        for name, work in contestants.items():
            row[name], used, results[name] = scale.clock(work)
            memory[name] = max(used, memory.get(name, 0.0))
        seconds.append(row)
    return pd.DataFrame(seconds), memory, results


def compared(name: str, ratios: pd.Series) -> dict[str, Any]:
    """The median of the ratios of all repeats under that name, and the lowest and the highest."""
    spread = [float(ratios.min()), float(ratios.max())]
    return {name: float(ratios.median()), f"{name}_spread": spread}


# Floors -------------------------------------------------------------------------------------------


def rates_here() -> dict[str, float]:
    """Operations per second in float32 and in what distances are told by; bytes copied."""
    cpu = torch.device("cpu")
    rates = floors(cpu, "32-true")
    bfloat16 = quickest(cpu).dtype == torch.bfloat16
    quick = floors(cpu, "bf16-mixed") if bfloat16 else rates
    return rates | {"quick_flops": quick["matrix_flops"]}


def graph_floors(count: int, rates: dict[str, float]) -> dict[str, float]:
    """Seconds for all pairs once, in all dimensions; and twice, in the fewest components.

    Every distance is written and read.
    """
    size, bytes_each = scale.Size(count, DIMENSIONS), quickest(torch.device("cpu")).dtype.itemsize
    moved = bytes_each * count**2 / rates["copy_bytes"]
    fast = 2 * count**2 * COMPONENTS
    return {
        "exact": max(size.graph_operations / rates["quick_flops"], moved),
        "fast": max(fast / rates["quick_flops"], 2 * moved),
    }


def em_floor(labels: Tensor, trace: list[dict], rates: dict[str, float]) -> float:
    """Seconds of the quadratic forms of what is missing, for the attributes that still moved."""
    count, attributes = labels.shape
    moving = attributes + sum(row["moving"] for row in trace[:-1])
    share = float((labels < 0).float().mean())
    operations = scale.Size(count, DIMENSIONS, 1).sweep_operations * moving * share
    moved = 4 * count * DIMENSIONS * len(trace)
    return max(operations / rates["matrix_flops"], moved / rates["copy_bytes"])


def vote_floor(labels: Tensor, rates: dict[str, float]) -> float:
    """Seconds of the distances between who lacks a label and who carries it."""
    known = (labels >= 0).sum(0).double()
    pairs = float((known * (len(labels) - known)).sum())
    return 2 * pairs * DIMENSIONS / rates["matrix_flops"]


def refused_below_floor(case: dict[str, Any]) -> dict[str, Any]:
    """The case itself; ValueError where one of its times is below the floor of the same work."""
    floors_of, seconds = case["floor_seconds"], case.get("seconds", {})
    for name, floor in floors_of.items() if isinstance(floors_of, dict) else ():
        if seconds[name] < floor:
            raise ValueError(
                f"{case['case']}: {name} took {seconds[name]:.3g} s, below its floor of {floor:.3g}"
            )
    return case


# Cases --------------------------------------------------------------------------------------------


def graph_case(count: int, kind: str, repeats: int, rates: dict[str, float]) -> dict[str, Any]:
    """Exact and fast graph beside FAISS Flat and scikit-learn's brute force."""
    points = features(count, kind)
    contestants = {
        "faiss": lambda: peers.faiss_flat(points, K),
        "exact": lambda: neighbours(points, K, method="exact"),
        "fast": lambda: neighbours(points, K, method="fast"),
        "sklearn": lambda: peers.sklearn_brute(points, K),
    }
    seconds, memory, results = rounds(contestants, repeats)
    exact, fast = results["exact"], results["fast"]
    theirs = without_self(results["faiss"])
    return {
        "case": f"graph, {count} faces, {kind} features",
        "seconds": seconds.min().to_dict(),
        "floor_seconds": graph_floors(count, rates),
        "memory_gb": memory,
        **compared("exact_over_faiss", seconds["exact"] / seconds["faiss"]),
        **compared("exact_over_sklearn", seconds["exact"] / seconds["sklearn"]),
        **compared("fast_over_faiss", seconds["fast"] / seconds["faiss"]),
        "same_neighbours_as_faiss": recall_of(exact.index, theirs),
        "fast_recall": recall_of(exact.index, fast.index),
        "fast_recall_stated": fast.recall,
    }


def without_self(index: np.ndarray) -> Tensor:
    rows = [row[row != place][:K] for place, row in enumerate(index)]
    return torch.from_numpy(np.stack(rows))


def em_case(
    count: int,
    columns: list[int],
    reading: PropagationParams,
    repeats: int,
    rates: dict[str, float],
) -> dict[str, Any]:
    """Algorithm 2 with the graph given beside the plain EM, same seed; labels compared.

    Both are given the votes that they start from (line 2), which are not timed.
    """
    points = features(count, "hard")
    labels, weights = annotations(points, 0.05)
    labels, weights = labels[:, columns], weights[columns]
    graph = neighbours(points, K, method="exact")
    given = {"params": reading, "graph": graph, "seed": 0}
    start = propagation.vote(points, labels, K)
    contestants = {
        "ours": lambda: propagation.propagate(points, labels, weights, **given),
        "plain": lambda: plain_em(points, labels, weights, graph, reading, start, 0),
    }
    with mock.patch.object(field, "vote", lambda *_: start):
        seconds, memory, results = rounds(contestants, repeats)
    until = f"{reading.max_iterations} iterations" if reading.tolerance < 1e-9 else "convergence"
    return {
        "case": f"EM, {count} faces, {len(columns)} attributes, to {until}",
        "seconds": seconds.min().to_dict(),
        "floor_seconds": {"ours": em_floor(labels, results["ours"].trace, rates)},
        "memory_gb": memory,
        **compared("plain_over_ours", seconds["plain"] / seconds["ours"]),
        "labels_that_differ": int((results["ours"].labels != results["plain"]).sum()),
        "labels_inferred": int((labels < 0).sum()),
        "iterations": len(results["ours"].trace),
    }


def whole_case(
    count: int, reading: PropagationParams, repeats: int, rates: dict[str, float]
) -> dict[str, Any]:
    """All attributes, graph included, beside one LabelSpreading fit times as many."""
    points = features(count, "hard")
    labels, weights = annotations(points, 0.05)
    contestants = {
        "ours": lambda: propagation.propagate(points, labels, weights, params=reading),
        "one_fit": lambda: peers.label_spreading(points, labels[:, 0], K),
    }
    seconds, memory, results = rounds(contestants, repeats)
    em = em_floor(labels, results["ours"].trace, rates)
    floor = graph_floors(count, rates)["exact"] + vote_floor(labels, rates) + em
    return {
        "case": f"all attributes and graph, {count} faces",
        "seconds": seconds.min().to_dict(),
        "floor_seconds": {"ours": floor},
        "memory_gb": memory,
        **compared("label_spreading_over_ours", ATTRIBUTES * seconds["one_fit"] / seconds["ours"]),
        "note": f"one LabelSpreading fit was timed and multiplied by {ATTRIBUTES}",
    }


def growth_case(counts: tuple[int, int], rates: dict[str, float]) -> dict[str, Any]:
    """Seconds of an EM sweep over 24 attributes, extrapolated to the paper's faces, and floor."""
    sweeps = {count: sweep(count) for count in counts}
    (small, large), (first, last) = counts, sweeps.values()
    slope = (last - first) / (large - small)
    projected = last + slope * (PAPER - large)
    operations = (1 - KNOWN) * scale.Size(PAPER).sweep_operations
    return {
        "case": "EM sweep, 24 attributes, extrapolated to the paper's faces",
        "measured_seconds": {str(count): value for count, value in sweeps.items()},
        "projected_seconds": projected,
        "floor_seconds": operations / rates["matrix_flops"],
        "projected_over_floor": projected * rates["matrix_flops"] / operations,
    }


def unresting(iterations: int) -> PropagationParams:
    """A reading in which all attributes move until the end."""
    reading = PropagationParams(unary_weight=SOFT, max_iterations=iterations)
    return reading.model_copy(update={"tolerance": 0.0})


def sweep(count: int) -> float:
    """Seconds of one later iteration over all 24 attributes."""
    points = features(count, "hard")
    labels, weights = annotations(points, KNOWN)
    return scale.sweeps(points, labels, weights, neighbours(points, K), unresting(5))[0]


# The run ------------------------------------------------------------------------------------------


def table(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a reader wants to know: ours, the peer's, the ratio, our floor and the target."""
    rows = []

    def row(case: dict, ours: str, peer: str, ratio: str, target: str) -> None:
        seconds = case["seconds"]
        rows.append(
            {
                "what": f"{case['case']}: {ours} against {peer}",
                "ours": seconds[ours],
                "peer": seconds[peer],
                "ratio": case[ratio],
                "spread": case[f"{ratio}_spread"],
                "floor": case["floor_seconds"][ours],
                "target": target,
            }
        )

    for case in cases:
        if "exact_over_faiss" in case:
            row(case, "exact", "faiss", "exact_over_faiss", "at most 0.70")
            row(case, "exact", "sklearn", "exact_over_sklearn", "at most 0.36")
            row(case, "fast", "faiss", "fast_over_faiss", "at most 0.40 at 50,000")
        elif "label_spreading_over_ours" in case:
            row(case, "ours", "one_fit", "label_spreading_over_ours", "at least 7")
        elif "plain_over_ours" in case:
            row(case, "ours", "plain", "plain_over_ours", "at least 5")
        else:
            rows.append(
                {
                    "what": f"{case['case']}: over its floor",
                    "ours": case["projected_seconds"],
                    "ratio": case["projected_over_floor"],
                    "floor": case["floor_seconds"],
                    "target": "at most 2",
                }
            )
    return rows


def main(repeats: int = 3) -> None:
    rates = rates_here()
    soft = PropagationParams(unary_weight=SOFT)
    five = soft.model_copy(update={"max_iterations": 5, "tolerance": 1e-12})
    few = list(range(0, ATTRIBUTES, 6))
    cases = []
    for work in (
        *(
            lambda n=n, kind=kind, r=r: graph_case(n, kind, r, rates)
            for n, r in ((20_000, repeats), (50_000, min(repeats, 2)))
            for kind in FEATURES
        ),
        lambda: em_case(20_000, list(range(ATTRIBUTES)), five, repeats, rates),
        lambda: em_case(20_000, few, soft, repeats, rates),
        lambda: whole_case(20_000, five, repeats, rates),
        lambda: growth_case((10_000, 20_000), rates),
    ):
        cases.append(refused_below_floor(work()))
        print(pd.json_normalize(cases[-1]).T.to_string(header=False), "\n", flush=True)
        save(cases, rates, repeats)
    print(pd.DataFrame(table(cases)).to_string(index=False, float_format="{:.3g}".format))


def save(cases: list[dict], rates: dict[str, float], repeats: int) -> None:
    machine = {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "repeats": repeats,
        "matrix_gflops": rates["matrix_flops"] / 1e9,
        "distances_gflops": rates["quick_flops"] / 1e9,
        "copy_gb_per_second": rates["copy_bytes"] / 1e9,
        "cuda": torch.cuda.is_available(),
        "kernels": [
            f"{each['internal_api']} {each['version']} {each['architecture']}"
            for each in threadpoolctl.threadpool_info()
            if each["user_api"] == "blas"
        ],
    }
    rows = table(cases)
    notes.save("propagation", {"table": rows, "cases": cases, "machine": machine})
    frame = pd.DataFrame(rows).set_index("what")
    workspace.atomically(notes.FOLDER / "propagation.csv", lambda part: frame.to_csv(part))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    main(parser.parse_args().repeats)
