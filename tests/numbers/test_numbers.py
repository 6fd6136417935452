"""The numbers of a new smoke run against the committed ones.

A processor of the maker and vector width that the committed run names repeats every number nearly
to the bit. There a percentage may differ by half of its stated interval, at most by 2 points, any
other number by 2 %. Other processors round differently, which training amplifies: there only the
notebooks that train nothing are compared, within the whole interval or 2 points.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow.compare import KEY, read

ROOT = Path(__file__).resolve().parent.parent.parent
COMMITTED = ROOT / "outputs" / "smoke" / "metrics"
NEW = Path(os.environ.get("OUTPUTS", ROOT / "build" / "outputs")) / "smoke" / "metrics"
NOTEBOOKS = sorted(path.stem for path in COMMITTED.glob("*.csv"))
UNTRAINED = ("01_datasets", "09_relation_dataset", "16_scale")
POINTS, RELATIVE = 2.0, 0.02  # the largest differences of a percentage and of another number
ROUNDING = {"%": 0.1, "points": 0.1}  # always allowed; 0.005 for other units


def allowed(committed: pd.DataFrame, same_processor: bool = True) -> pd.Series:
    """The largest difference allowed for each row: in points for percentages, else absolute."""
    unit = committed.index.get_level_values("unit")
    half = (committed["high"] - committed["low"]).to_numpy() / 2
    pick = np.fmin if same_processor else np.fmax
    percentages = pick(half, POINTS)
    others = RELATIVE * committed["value"].abs().to_numpy()
    limit = np.where(np.isin(unit, list(ROUNDING)), percentages, others)
    return pd.Series(np.fmax(limit, unit.map(lambda u: ROUNDING.get(u, 0.005))), committed.index)


def too_far(
    committed: pd.DataFrame, again: pd.DataFrame, same_processor: bool = True
) -> pd.DataFrame:
    """The rows of which value, low or high differs by too much, or is undefined only once."""
    gap = (again - committed).abs()
    limits = np.broadcast_to(allowed(committed, same_processor).to_numpy()[:, None], gap.shape)
    wrong = (gap > limits) | (again.isna() != committed.isna())
    return committed.join(again.add_prefix("new "))[wrong.any(axis=1)]


def kind(provenance: dict) -> tuple[str, ...]:
    """What decides the last bits: machine, maker, vector width, and where it computed."""
    machine, *maker_and_model, vectors = provenance["processor"].split()
    return machine, *maker_and_model[:1], vectors, provenance["device"]


def notes(folder: Path, notebook: str = "01_datasets") -> dict:
    return json.loads((folder / f"{notebook}.json").read_text())


@pytest.fixture(scope="session")
def same_processor() -> bool:
    ours, theirs = (notes(folder)["provenance"] for folder in (NEW, COMMITTED))
    return kind(ours) == kind(theirs)


def test_the_data_are_the_same(same_processor):
    if not same_processor:
        pytest.skip("another kind of processor rounds the pixels of the embedded world differently")
    ours, theirs = (notes(folder)["facts"]["fingerprint"] for folder in (NEW, COMMITTED))
    assert ours == theirs


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_numbers_agree(notebook, same_processor):
    committed, again = (read(folder / f"{notebook}.csv") for folder in (COMMITTED, NEW))
    assert list(again.index) == list(committed.index)
    if not same_processor and notebook not in UNTRAINED:
        pytest.skip("another kind of processor than the committed run's")
    wrong = too_far(committed, again, same_processor)
    assert wrong.empty, f"{notebook}: these numbers changed\n{wrong.to_string()}"


def test_hundreds_of_numbers_are_compared():
    assert sum(len(read(COMMITTED / f"{notebook}.csv")) for notebook in NOTEBOOKS) > 300


# The comparison itself ----------------------------------------------------------------------------


def row(value: float, low: float = np.nan, high: float = np.nan, unit: str = "%") -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples([("ROC AUC", "DCN", "average", unit)], names=KEY)
    return pd.DataFrame({"value": value, "low": low, "high": high}, index)


@pytest.mark.parametrize(
    ("before", "now", "far"),
    [
        (row(55, 54, 56), row(55.9, 54.9, 56.9), False),  # half of the interval is 1 point
        (row(55, 54, 56), row(56.2, 55.2, 57.2), True),
        (row(55, 40, 70), row(57.5, 42.5, 72.5), True),  # never more than 2 points
        (row(55), row(56.9), False),
        (row(55), row(72), True),
        (row(50, 50, 50), row(50.05, 50.05, 50.05), False),  # rounding
        (row(55, 54, 56), row(55, np.nan, np.nan), True),
        (row(np.nan), row(np.nan), False),
        (row(1000, unit="faces"), row(1019, unit="faces"), False),
        (row(1000, unit="faces"), row(1021, unit="faces"), True),
    ],
)
def test_a_percentage_may_differ_by_half_its_interval_and_never_by_more_than_two_points(
    before, now, far
):
    assert too_far(before, now).empty != far


def test_what_decides_the_last_bits():
    one, two, three, four = (
        kind({"processor": processor, "device": "cpu"})
        for processor in (
            "x86_64 AuthenticAMD 25 17 AVX512",
            "x86_64 AuthenticAMD 26 2 AVX512",
            "x86_64 AuthenticAMD 23 49 AVX2",
            "arm64 DEFAULT",
        )
    )
    assert one == two
    assert len({one, three, four}) == 3
