"""The numbers of a new smoke run against the committed ones.

Training on the same machine repeats to the bit; another processor rounds differently, and on the
smoke profile's few dozen test faces one face more or less is 1 to 3 points of an accuracy. So a
single number may differ by 0.25, and all numbers of a notebook together by 0.05 on average.
"""

import json
import math
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
COMMITTED = ROOT / "outputs" / "smoke" / "metrics"
NEW = Path(os.environ.get("OUTPUTS", ROOT / "build" / "outputs")) / "smoke" / "metrics"
SINGLE, MEAN = 0.25, 0.05
TIMES = ("second", "per_second", "minutes", "memory")  # differ from run to run


def numbers(value, name="") -> dict[str, float]:
    """Every number of a nested structure, by its path; times are left out."""
    if any(word in name for word in TIMES):
        return {}
    if isinstance(value, dict):
        parts = [numbers(item, f"{name}/{key}") for key, item in value.items()]
    elif isinstance(value, list):
        parts = [numbers(item, f"{name}/{place}") for place, item in enumerate(value)]
    else:
        return {name: float(value)} if isinstance(value, int | float) else {}
    return {key: number for part in parts for key, number in part.items()}


def distance(ours: float, theirs: float) -> float:
    """Absolute below one, relative above it, so that shares and counts are judged alike."""
    return abs(ours - theirs) / max(1.0, abs(ours), abs(theirs))


@pytest.mark.parametrize("file", sorted(COMMITTED.glob("*.json")), ids=lambda path: path.stem)
def test_numbers_agree(file):
    committed = numbers(json.loads(file.read_text())["values"])
    again = numbers(json.loads((NEW / file.name).read_text())["values"])
    assert again.keys() == committed.keys()
    gaps = {name: distance(again[name], committed[name]) for name in committed}
    worst = max(gaps, key=gaps.get, default=None)
    if worst is not None:
        assert gaps[worst] <= SINGLE, f"{worst}: {committed[worst]} before, {again[worst]} now"
        assert math.fsum(gaps.values()) / len(gaps) <= MEAN


def test_something_is_compared():
    files = list(COMMITTED.glob("*.json"))
    assert sum(len(numbers(json.loads(f.read_text())["values"])) for f in files) > 100
