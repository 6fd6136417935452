"""Two and four processes on shares of the rows find what one finds on all of them."""

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from lib import propagation
from lib.params import PropagationParams
from lib.propagation.engine import shards
from lib.propagation.engine.shards import Rows
from lib.propagation.graph import neighbours

READINGS = {
    "literal": PropagationParams(neighbours=5, max_iterations=4),
    "symmetric": PropagationParams(neighbours=5, max_iterations=4, symmetric=True),
    "pca": PropagationParams(neighbours=5, max_iterations=4, covariance="pca-4", sample=False),
    "shared": PropagationParams(neighbours=5, max_iterations=4, covariance="shared"),
}


def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """181 faces of two kinds, which four processes do not share evenly."""
    chance = torch.Generator().manual_seed(0)
    labels = torch.randint(-1, 2, (181, 3), generator=chance).to(torch.int8)
    features = torch.randn(181, 12, generator=chance) + 3
    features[:, :3] += labels.float()
    return features, labels, torch.randn(3, 12, generator=chance)


def work(rank: int, size: int, folder: str) -> None:
    """One process: its share of the rows, and what it finds saved for the parent."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=size)
    group, (features, labels, weights) = dist.group.WORLD, case()
    own = shards.own_rows(len(features), group)
    share = features[own.start : own.stop].clone()
    graph = neighbours(share, 5, group=group)
    found = {"index": graph.index, "distance": graph.distance}
    for name, params in READINGS.items():
        device = "cpu" if name == "shared" else None  # once streaming in blocks
        given = {"params": params, "seed": 3, "group": group, "device": device}
        result = propagation.propagate(share, labels, weights, **given)
        found |= {f"{name}_labels": result.labels, f"{name}_posterior": result.posterior}
    np.savez(f"{folder}/{rank}.npz", **found)
    dist.destroy_process_group()


@pytest.mark.parametrize("size", [2, 4])
def test_many_processes_find_what_one_finds(size, tmp_path):
    mp.spawn(work, (size, str(tmp_path)), nprocs=size)
    found = [np.load(tmp_path / f"{rank}.npz") for rank in range(size)]
    features, labels, weights = case()
    graph = neighbours(features, 5)
    np.testing.assert_array_equal(np.concatenate([f["index"] for f in found]), graph.index)
    distance = np.concatenate([f["distance"] for f in found])
    np.testing.assert_allclose(distance, graph.distance, rtol=1e-5)
    for name, params in READINGS.items():
        one = propagation.propagate(features, labels, weights, params=params, seed=3)
        assert len(one.trace) > 1
        for each in found:  # every process has the whole result
            np.testing.assert_array_equal(each[f"{name}_labels"], one.labels)
            np.testing.assert_allclose(each[f"{name}_posterior"], one.posterior, atol=1e-4)


def test_streaming_from_a_mapped_file(tmp_path, monkeypatch):
    """Features that stay in a file give the same labels as features in memory."""
    monkeypatch.setattr(shards, "BLOCK", 50)
    features, labels, weights = case()
    np.save(tmp_path / "features.npy", features.numpy())
    mapped = torch.from_numpy(np.load(tmp_path / "features.npy", mmap_mode="c"))
    params = READINGS["literal"]
    here = propagation.propagate(features, labels, weights, params=params, seed=1)
    there = propagation.propagate(mapped, labels, weights, params=params, seed=1, device="cpu")
    assert torch.equal(here.labels, there.labels)
    torch.testing.assert_close(here.posterior, there.posterior, rtol=0, atol=1e-4)


def test_blocks_are_the_chosen_rows_in_order(monkeypatch):
    monkeypatch.setattr(shards, "BLOCK", 4)
    features = torch.arange(20.0)[:, None]
    rows, chosen = Rows(features, device="cpu"), torch.tensor([1, 2, 3, 7, 11, 19])
    numbers, blocks = zip(*rows.blocks(chosen), strict=True)
    assert [len(part) for part in numbers] == [4, 2]
    assert torch.equal(torch.cat(numbers), chosen)
    torch.testing.assert_close(torch.cat(blocks)[:, 0], chosen - 9.5)


def test_without_a_gpu_auto_is_where_the_features_lie(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    features = case()[0]
    rows = Rows(features, device="auto")
    assert rows.device == features.device
    assert torch.equal(rows.resident, Rows(features).resident)


def test_features_that_a_gpu_has_no_room_for_stream_to_it(monkeypatch):
    features = case()[0]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (4 * features.numel(), 10**12))
    kept, device = shards.nearest_gpu(features)
    assert kept is features and device == "cuda"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_mean_of_large_features_is_finite_in_every_type(dtype):
    """1,500 times 100 is more than a float16 holds (65,504)."""
    features = (case()[0].repeat(9, 1)[:1500] + 100).to(dtype)
    rows = Rows(features)
    torch.testing.assert_close(rows.mean, features.double().mean(0).float(), rtol=1e-5, atol=0)
    assert rows.resident.isfinite().all()
