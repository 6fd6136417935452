"""The paper's size on a GPU: graph, EM sweeps and memory, beside a plain EM on the same GPU.

    python -m bench.paper_size    writes outputs/bench/paper_size.json

318,778 faces of 1024 dimensions in the shares of AFLW, CelebA and ExpW, 24 attributes, each
annotated where its source annotates it. The plain EM is timed on one attribute of each source.
"""

import time
from typing import Any

import torch
from torch import Tensor

from bench import notes
from bench.plain_em import plain_em
from bench.propagation import (
    ATTRIBUTES,
    FEATURES,
    PAPER,
    K,
    annotations,
    features,
    unresting,
)
from bench.training import finish, floors
from lib import propagation, vocabulary
from lib.data.sources.published import DATASETS
from lib.experiments import scale
from lib.propagation import NeighbourGraph, neighbours
from lib.propagation.engine.nearest import recall_of

FACES = {name: DATASETS[name].expected for name in vocabulary.FACE_SOURCES}
SWEEPS = 100
WANTED = {  # seconds, GiB, times
    "graph": 1.5,
    "sweeps": 10.0,
    "memory": 40.0,
    "plain_over_ours": 10.0,
}


def main(count: int = PAPER) -> None:
    if not torch.cuda.is_available():
        print("no CUDA device on this machine: the paper's size was not run")
        return
    device, graphs = torch.device("cuda"), {}
    rates = {kind: floors(device, kind) for kind in ("32-true", "bf16-mixed")}
    torch.cuda.reset_peak_memory_stats()
    for kind in FEATURES:
        points = features(count, kind)
        graph, graphs[kind] = graph_case(points.to(device))
        print(kind, graphs[kind], flush=True)
    labels, weights = annotations(points, 1.0)
    given = (points.to(device), by_source(labels).to(device), weights.to(device))
    sweeps = sweeps_case(*given, graph)
    sweeps["peak_memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
    print(sweeps, flush=True)
    sweeps |= plain_case(*given, graph)
    sweeps["plain_over_ours"] = sweeps["plain_seconds_a_sweep"] / sweeps["seconds_a_sweep"]
    note = {
        "machine": notes.machine() | {"gpu": torch.cuda.get_device_name(), "rates": rates},
        "faces": count,
        "graphs": graphs,
        "sweeps": sweeps,
        "wanted": WANTED,
    }
    print(note)
    notes.save("paper_size", note)


def by_source(labels: Tensor) -> Tensor:
    """Labels (N, 24) as the three sources give them: missing where a source has no such label."""
    ends = torch.tensor(list(FACES.values())).cumsum(0) * len(labels) // sum(FACES.values())
    source = torch.bucketize(torch.arange(len(labels)), ends, right=True)
    given = torch.tensor([vocabulary.label_mask(name) for name in FACES])
    return labels.where(given[source], -1)


def graph_case(points: Tensor) -> tuple[NeighbourGraph, dict[str, Any]]:
    """The graph by `auto`, which is `fast` here, and the exact one that its recall rests on."""
    neighbours(points[:40_000], K)  # warms up
    auto, _, graph = scale.clock(lambda: neighbours(points, K))
    exact, _, truth = scale.clock(lambda: neighbours(points, K, method="exact"))
    recall = {"recall_stated": graph.recall, "recall": recall_of(truth.index, graph.index)}
    return truth, {"seconds": auto, "exact_seconds": exact, **recall}


def sweeps_case(points: Tensor, labels: Tensor, weights: Tensor, graph: NeighbourGraph) -> dict:
    """A hundred sweeps over all attributes after the start, the graph given."""
    times = []

    def watch(iteration: int, current: Tensor) -> None:
        finish(points.device)
        times.append(time.perf_counter())

    given = {"params": unresting(SWEEPS), "graph": graph, "watch": watch}
    begin = time.perf_counter()
    result = propagation.propagate(points, labels, weights, **given)
    later = (times[-1] - times[0]) / (len(times) - 1)
    return {
        "start_and_first_sweep_seconds": times[0] - begin,
        "seconds_a_sweep": later,
        "seconds": SWEEPS * later,
        "operations_a_sweep": scale.Size(*points.shape).sweep_operations,
        "flipped_in_the_last": result.trace[-1]["flipped"],
        "moving_in_the_last": result.trace[-1]["moving"],
    }


def plain_case(points: Tensor, labels: Tensor, weights: Tensor, graph: NeighbourGraph) -> dict:
    """One sweep of the plain EM for an attribute of each source, and of ours; labels compared."""
    once, seconds, differ, inferred = unresting(1), [], 0, 0
    for source in FACES:
        column = vocabulary.column(vocabulary.LABELLED[source][-1])
        one, w = labels[:, [column]], weights[[column]]
        start, _, _ = scale.clock(lambda one=one: propagation.vote(points, one, K))
        both, _, theirs = scale.clock(lambda one=one, w=w: plain_em(points, one, w, graph, once, 0))
        ours = propagation.propagate(points, one, w, params=once, graph=graph)
        seconds.append(both - start)
        differ += int((ours.labels != theirs).sum())
        inferred += int((one < 0).sum())
    return {
        "plain_seconds_a_sweep": ATTRIBUTES * sum(seconds) / len(seconds),
        "labels_that_differ": differ,
        "labels_inferred": inferred,
    }


if __name__ == "__main__":
    main()
