"""Features in memory, in a file, or on another device give the same results."""

import numpy as np
import pytest
import torch

from lib import propagation
from lib.params import PropagationParams
from lib.propagation.engine import rows as engine_rows
from lib.propagation.engine.rows import Rows


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(181, 12, generator=torch.Generator().manual_seed(0)) + 3


@pytest.mark.parametrize("covariance", ["full", "shared", "diagonal", "pca-4"])
def test_features_in_a_file_give_the_same_labels(features, covariance, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_rows, "BLOCK", 50)
    chance = torch.Generator().manual_seed(1)
    labels = torch.randint(-1, 2, (181, 3), generator=chance).to(torch.int8)
    weights = torch.randn(3, 12, generator=chance)
    np.save(tmp_path / "features.npy", features.numpy())
    mapped = torch.from_numpy(np.load(tmp_path / "features.npy", mmap_mode="c"))
    params = PropagationParams(neighbours=5, max_iterations=4, covariance=covariance)
    here = propagation.propagate(features, labels, weights, params=params)
    there = propagation.propagate(mapped, labels, weights, params=params, device="cpu")
    assert torch.equal(here.labels, there.labels)
    torch.testing.assert_close(here.posterior, there.posterior, rtol=0, atol=1e-4)


def test_blocks_are_the_chosen_rows_in_order(monkeypatch):
    monkeypatch.setattr(engine_rows, "BLOCK", 4)
    rows, chosen = Rows(torch.arange(20.0)[:, None], "cpu"), torch.tensor([1, 2, 3, 7, 11, 19])
    numbers, blocks = zip(*rows.blocks(chosen), strict=True)
    assert [len(part) for part in numbers] == [4, 2]
    assert torch.equal(torch.cat(numbers), chosen)
    torch.testing.assert_close(torch.cat(blocks)[:, 0], chosen - 9.5)


def test_without_a_gpu_auto_computes_where_the_features_are(features, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    rows = Rows(features, "auto")
    assert rows.device == features.device
    assert torch.equal(rows.resident, Rows(features).resident)


def test_features_too_large_for_the_gpu_go_there_in_blocks(features, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (4 * features.numel(), 10**12))
    kept, device = engine_rows.to_gpu(features)
    assert kept is features and device == "cuda"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_mean_of_large_features_is_finite_in_every_type(features, dtype):
    """1,500 times 100 is more than a float16 holds (65,504)."""
    large = (features.repeat(9, 1)[:1500] + 100).to(dtype)
    rows = Rows(large)
    torch.testing.assert_close(rows.mean, large.double().mean(0).float(), rtol=1e-5, atol=0)
    assert rows.resident.isfinite().all()
