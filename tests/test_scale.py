"""What notebook 16 counts and fits, against hand-worked numbers."""

import time

import numpy as np
import pytest

from lib.experiments import scale
from lib.experiments.scale import Growth, Size
from lib.params import PropagationParams


def test_operations_and_memory_by_hand():
    size = Size(faces=1000, dimensions=10, attributes=2, neighbours=5)
    assert size.graph_operations == 1000 * 1000 / 2 * 10 * 2  # half the pairs, multiply and add
    assert size.sweep_operations == pytest.approx(2 * 1000 * 2 * (10 * 10 * 9 / 16))
    assert size.memory_gb["features"] == pytest.approx(4 * 10_000 / 1e9)
    assert size.memory_gb["graph"] == pytest.approx(1000 * 5 * 16 / 1e9)


def test_where_sweeps_and_graph_cost_the_same():
    faces = scale.even(Size(1), 30)
    size = Size(round(faces))
    assert 30 * size.sweep_operations == pytest.approx(size.graph_operations, rel=1e-6)


@pytest.mark.parametrize("power", [1, 2])
def test_growth_finds_what_the_times_were_made_from(power):
    counts = np.array([1000, 2000, 4000])
    fit = Growth.fit(counts, 0.3 + 2e-6 * counts.astype(float) ** power, power)
    assert (fit.fixed, fit.rate) == pytest.approx((0.3, 2e-6))
    assert fit(10_000) == pytest.approx(0.3 + 2e-6 * 10_000**power)


def test_growth_is_never_negative():
    counts = np.array([1000, 2000, 4000])
    steep, falling = counts**2.5, 1 / counts
    assert Growth.fit(counts, steep, 2).fixed == 0
    assert Growth.fit(counts, falling, 2).rate == 0
    bounded = Growth.fit(counts, falling, 1, least=1e-6)
    assert bounded.rate == 1e-6 and bounded.fixed >= 0
    assert Growth.fit(counts, steep, 2, least=1e-12) == Growth.fit(counts, steep, 2)


def test_exponent():
    counts = np.array([10, 20, 50])
    assert scale.exponent(counts, 3.0 * counts**1.7) == pytest.approx(1.7)


def test_durations_in_words():
    words = [
        scale.duration(seconds) for seconds in (0.5, 90, 3600, 7200, 86_400 * 3, 31_557_600 * 431)
    ]
    assert words == ["0.5 seconds", "90 seconds", "60 minutes", "2 hours", "3 days", "431 years"]


def test_clock_sees_time_and_memory():
    seconds, gigabytes, result = scale.clock(
        lambda: (np.ones(50_000_000), time.sleep(0.05))[0].sum()
    )
    assert seconds >= 0.05
    assert 0.3 < gigabytes < 0.6  # 0.4 GB of ones, less what earlier tests leave to be freed
    assert result == 50_000_000


def test_measuring_gives_a_row_for_every_size():
    table = scale.measure([60, 90], 8, PropagationParams(max_iterations=3, tolerance=1e-12))
    assert list(table.index) == [60, 90]
    assert (table[["graph_seconds", "sweep_seconds"]] > 0).all(axis=None)
