"""Tasks run one core each or ahead of time, and leave the settings as they were."""

import pytest
import torch

from lib.params import load
from lib.propagation.engine.products import product, side_by_side
from lib.training.batches import ahead
from lib.training.processes import launched
from lib.workspace.provenance import device, device_name


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield 2
    torch.set_num_threads(before)


def test_results_come_in_order_each_from_a_single_thread(threads):
    results = list(side_by_side(lambda task: (task, torch.get_num_threads()), range(5)))
    assert results == [(task, 1) for task in range(5)]
    assert torch.get_num_threads() == threads


def test_a_task_that_fails_gives_the_threads_back(threads):
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda task: 1 // task, [1, 0]))
    assert torch.get_num_threads() == threads


def test_tasks_are_done_in_order_and_not_too_far_ahead():
    done = []
    results = ahead(lambda task: done.append(task) or 2 * task, range(9), most=2)
    for task, result in enumerate(results):
        assert result == 2 * task
        assert done == list(range(len(done))) and len(done) <= task + 3
    assert done == list(range(9))


def test_a_task_ahead_that_fails_is_heard_of_in_its_turn():
    results = ahead(lambda task: 1 // task, [2, 1, 0, 5])
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_the_device_is_a_gpu_where_there_is_one_and_the_profile_wants_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H200")
    assert device(load("smoke")) == "cuda"
    assert device_name(load("smoke")) == "H200"
    assert device_name(load("smoke", {"device": "cpu"})) == "cpu"
    assert device(load("smoke", {"device": "cpu"})) == "cpu"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"RANK": "0"}, True),
        ({"SLURM_PROCID": "0"}, False),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, False),  # a notebook under srun --pty
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, True),
        ({"SLURM_NTASKS": "2"}, False),
    ],
)
def test_a_launcher_starts_several(variables, expected, monkeypatch):
    for name in ("RANK", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launched() is expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows, columns", [(0, 5), (1, 1), (70, 0), (70, 33)])
def test_a_product_is_that_of_the_matrices(rows, columns, dtype):
    generator = torch.Generator().manual_seed(0)
    left, right = (
        torch.randn(count, 90, generator=generator, dtype=dtype) for count in (rows, columns)
    )
    added = torch.randn(columns, generator=generator, dtype=dtype)
    for some in (slice(None), slice(20, 61)):  # strided, too
        ours = product(left[:, some], right[:, some], added)
        exact = left[:, some].double() @ right[:, some].double().T + added.double()
        assert ours.dtype == dtype and ours.layout == torch.strided
        torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=1e-5)
