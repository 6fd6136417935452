"""Small tasks run one core each, and leave the number of threads as it was."""

import pytest
import torch

from lib.cores import side_by_side


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
