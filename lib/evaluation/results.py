"""Rows of the long results table: built from estimates, selected, and spread out as wide tables.

A row is one number: metric, method, subset, value, low, high, unit (`workspace.RESULTS`). The
interval is NaN where there is none. Differences between two methods have the method `"A - B"`.
"""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from lib.workspace import RESULTS

Estimate = Mapping[str, float | None] | float | int | None
# Digits by unit, where not one.
DIGITS = {
    "nats": 2, "kappa": 2, "correlation": 2, "": 3, "share": 4,
    "count": 0, "attributes": 0,
}  # fmt: skip
# Units as a sentence names them, where not by their own name.
NAMES = {"": "", "share": "", "count": "", "ratio": "", "log-odds": "nats"}


def rows(
    metric: str,
    estimates: Mapping[str, Estimate],
    *,
    by: str = "method",
    method: str = "",
    subset: str = "",
    unit: str = "%",
) -> pd.DataFrame:
    """One row per estimate, whose keys name the methods, or with `by="subset"` the subsets.

    estimates: numbers, or dictionaries of value, low and high; None where undefined.
    """
    labels = {"method": method, "subset": subset}
    found = [
        {"metric": metric, **labels, by: name, **ends(estimate), "unit": unit}
        for name, estimate in estimates.items()
    ]
    return pd.DataFrame(found, columns=list(RESULTS))


def row(
    metric: str, estimate: Estimate, *, method: str = "", subset: str = "", unit: str = "%"
) -> pd.DataFrame:
    """A single row."""
    return rows(metric, {method: estimate}, subset=subset, unit=unit)


def ends(estimate: Estimate) -> dict[str, float]:
    """Value, low and high of an estimate, NaN where there is none."""
    if not isinstance(estimate, Mapping):
        estimate = {"value": estimate}
    found = {name: estimate.get(name) for name in ("value", "low", "high")}
    return {name: np.nan if end is None else float(end) for name, end in found.items()}


def select(table: pd.DataFrame, **labels: str | list[str]) -> pd.DataFrame:
    """The rows with these labels, e.g. `metric="ROC AUC", method=["DCN", "DCN+AP"]`."""
    for name, wanted in labels.items():
        table = table[table[name].isin([wanted] if isinstance(wanted, str) else wanted)]
    return table


def wide(
    table: pd.DataFrame, *, index: str = "method", columns: str = "subset", values: str = "value"
) -> pd.DataFrame:
    """The values with one label down and another across, both in their order of appearance."""
    down, across = table[index].unique(), table[columns].unique()
    spread = table.pivot(index=index, columns=columns, values=values)
    return spread.reindex(index=down, columns=across).rename_axis(columns=None)


def intervals(
    table: pd.DataFrame, *, index: str = "method", columns: str = "metric"
) -> pd.DataFrame:
    """Rows as a table of texts, `value [low, high]`; differences have their sign, undefined values
    are a dash."""
    text = []
    parts = table[["value", "low", "high", "unit", "method"]]
    for value, low, high, unit, method in parts.itertuples(index=False):
        estimate = {"value": value, "low": low, "high": high}
        shown, interval = digits(estimate, unit, unit == "points" or " - " in method)
        text.append("–" if np.isnan(value) else f"{shown} {interval}")
    return wide(table.assign(text=text), index=index, columns=columns, values="text")


def written(estimate: Mapping[str, float], unit: str, *, signed: bool = False) -> str:
    """An estimate in a sentence: `+1.2 points [+0.3, +2.1]`, `76.1 % [75.0, 77.2]`;
    nothing where there is none."""
    if np.isnan(estimate["value"]):
        return ""
    value, ends = digits(estimate, unit, signed)
    text = f"{value} {NAMES.get(unit, unit)}".rstrip()
    exact = np.isnan(estimate["low"]) or estimate["low"] == estimate["high"]
    return text if exact else f"{text} {ends}"


def digits(estimate: Mapping[str, float], unit: str, signed: bool) -> tuple[str, str]:
    """Value and interval as texts, `1,234` and `[low, high]`, with the digits of their unit.

    There are more digits where an end that is not zero would become it, or where a difference below
    one point or nat has an interval too narrow to show; log-odds have three, at most thousandths.
    """
    value, low, high = (_rounded(estimate[end]) for end in ("value", "low", "high"))
    places = DIGITS.get(unit, 1)
    if unit == "log-odds":
        places = int(np.clip(2 - np.floor(np.log10(max(abs(value), 1e-3))), 0, 3))
    elif unit == "minutes":
        places = int(abs(value) < 9.95)
    elif unit in ("points", "nats", "%") and low < high:
        small = unit != "%" and max(abs(low), abs(high)) < 1
        places += small
        while places < 5 and (
            any(0 < abs(end) < 0.5 * 10.0**-places for end in (low, high))
            or (small and high - low < 2.5 * 10.0**-places)
        ):
            places += 1
    zero = "" if low * high > 0 else "z"  # z: no -0.0, but -0.00002 below zero keeps its sign
    form = f"{{:{'+' if signed else ''}{zero},.{places}f}}"
    return form.format(value), f"[{form}, {form}]".format(low, high)


def _rounded(number: float) -> float:
    """Without the noise of float32 sums: 0 where it is below a millionth."""
    return 0.0 if abs(number) < 1e-6 else number


def bounds(table: pd.DataFrame, *, index: str = "method") -> pd.DataFrame:
    """value, low and high by one label, for figures with intervals."""
    return table.set_index(index)[["value", "low", "high"]]


def by_metric(table: pd.DataFrame, *, index: str = "method") -> dict[str, pd.DataFrame]:
    """The `bounds` of every metric, in order of appearance, for figures with a panel each."""
    return {
        str(name): bounds(rows, index=index) for name, rows in table.groupby("metric", sort=False)
    }


def table(estimates: Mapping[Hashable, Mapping[str, float | None]]) -> pd.DataFrame:
    """Estimates by name as a table with a row of value, low and high each, NaN where undefined."""
    return pd.DataFrame(dict(estimates)).T.astype(float)
