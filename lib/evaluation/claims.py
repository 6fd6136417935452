"""What the paper says: its published numbers, and its claims as checks on ours.

The numbers lie in `params/reported/`, one CSV per table. A claim is quoted, and points at the
estimate of ours that speaks for or against it; nothing here is measured or typed in.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler
from scipy import stats

from lib.evaluation import judging
from lib.figures.palette import VERDICT_COLOURS
from lib.params import FOLDER, Params
from lib.workspace import Workspace

VERDICTS = tuple(VERDICT_COLOURS)


def reported(name: str) -> pd.DataFrame:
    """A published table, e.g. `table05`: its own row names as index, its own column names.

    ValueError if there is no such table.
    """
    path = FOLDER / "reported" / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.csv")))
        raise ValueError(f"no published table {name!r} in {path.parent}: use one of {known}")
    return pd.read_csv(path, index_col=0)


def published(name: str, row: str, column: str) -> float:
    """One published number."""
    return float(reported(name).loc[row, column])


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper and where our evidence lies.

    keys: paths into the metrics, `notebook/key/key`. The claim holds where every one of them lies
    above `bar` with its whole interval, does not hold where one lies below with its whole
    interval, and cannot be told otherwise.
    paper: the paper's own number as text.
    """

    quote: str
    section: str
    paper: str
    keys: tuple[str, ...]
    unit: str
    bar: float


def claims() -> list[Claim]:
    """The paper's claims, in its order: `params/reported/claims.csv`."""
    listed = pd.read_csv(FOLDER / "reported" / "claims.csv", dtype=str, keep_default_na=False)
    return [
        Claim(
            row.quote,
            row.section,
            gap(row.table, row.better, row.worse, row.column) if row.table else row.paper,
            tuple(row.ours.split()),
            row.unit,
            float(row.bar),
        )
        for row in listed.itertuples()
    ]


def gap(table: str, better: str, worse: str, column: str) -> str:
    """The paper's difference between two rows, with a sign."""
    return f"{published(table, better, column) - published(table, worse, column):+.1f}"


def scoreboard(*loaders: Callable[[str], dict]) -> pd.DataFrame:
    """Every claim beside our estimate, its interval and the verdict.

    loaders: one per seed; each gives the metrics of a notebook by its name, FileNotFoundError
    where it never ran. Several seeds give an interval over seeds (Student's t), one the interval
    that its notebook computed. Where a claim rests on several estimates, the weakest is shown,
    which decides.
    """
    rows = []
    for claim in claims():
        found = [ours(key, *loaders) for key in claim.keys]
        missing = [text for text in found if isinstance(text, str)]
        row = {"section": claim.section, "claim": claim.quote, "paper": claim.paper}
        if missing:
            rows.append(row | {"verdict": "not run", "why": missing[0], "unit": claim.unit})
            continue
        decided = verdict(found, claim.bar)
        end = "high" if decided == "does not hold" else "low"
        weakest = min(found, key=lambda number: number[end])
        rows.append(row | weakest | {"unit": claim.unit, "verdict": decided})
    columns = ["section", "claim", "paper", "value", "low", "high", "unit", "verdict", "why"]
    return pd.DataFrame(rows).reindex(columns=[*columns, "seeds"])


def ours(key: str, *loaders: Callable[[str], dict]) -> dict | str:
    """Our estimate at `notebook/key/key` with its interval, over seeds where there are several;
    or why there is none.
    """
    return over_seeds([lookup(load, key) for load in loaders])


def estimates(keys: Mapping[Hashable, str], *loaders: Callable[[str], dict]) -> pd.DataFrame:
    """Our estimates by name as a table of value, low, high; what has not run is left out.

    A number that came without an interval has none here (NaN).
    """
    found = {name: ours(key, *loaders) for name, key in keys.items()}
    found = {name: number for name, number in found.items() if not isinstance(number, str)}
    table = judging.table(found).reindex(columns=["value", "low", "high"])
    ends = table[["low", "high"]]
    return table.assign(**ends.mask(table["low"] == table["high"]))


def over_seeds(found: list[dict | str]) -> dict | str:
    """One estimate from those of several seeds: their mean, and Student's 95 % interval of it.

    A single one keeps its own interval; what the first seed lacks is not run.
    """
    if isinstance(found[0], str):
        return found[0]
    values = [number["value"] for number in found if not isinstance(number, str)]
    if len(values) == 1:
        return {**found[0], "seeds": 1}
    mean = float(np.mean(values))
    reach = float(stats.sem(values) * stats.t.ppf(0.975, len(values) - 1))
    return {"value": mean, "low": mean - reach, "high": mean + reach, "seeds": len(values)}


def loaders(params: Params) -> list[Callable[[str], dict]]:
    """The metrics of a profile, of its first seed and of every further one."""
    seeds = range(params.seed, params.seed + params.seeds)
    every = (params.model_copy(update={"seed": seed}) for seed in seeds)
    return [Workspace(each, notebook="14").load_metrics for each in every]


def page(board: pd.DataFrame) -> Styler:
    """A scoreboard to be read: wrapped quotes, one column for the estimate, coloured verdicts."""
    words = board["value"].map("{:+.2f}".format) + board.apply(_bounds, axis=1)
    shown = board[["section", "claim", "paper"]].assign(
        ours=words.where(board["value"].notna(), "")
    )
    shown["verdict"] = board["verdict"]
    look = shown.style.hide(axis="index").set_uuid("scoreboard")
    look = look.set_properties(**{"text-align": "left", "vertical-align": "top"})
    look = look.set_table_styles([{"selector": "th", "props": "text-align: left"}])
    look = look.set_properties(["claim"], **{"white-space": "normal", "min-width": "18em"})
    look = look.set_properties(["ours", "verdict"], **{"white-space": "nowrap"})
    return look.map(
        lambda verdict: f"font-weight: bold; color: {VERDICT_COLOURS[verdict]}", ["verdict"]
    )


def _bounds(row: pd.Series) -> str:
    """An interval and its unit; nothing where there is none."""
    if pd.isna(row["low"]) or row["low"] == row["high"]:
        return f" {row['unit']}"
    return f" [{row['low']:+.2f}, {row['high']:+.2f}] {row['unit']}"


def verdict(numbers: list[dict], bar: float) -> str:
    """holds: all intervals above the bar; does not hold: one wholly below; else cannot tell."""
    if any(number["high"] < bar for number in numbers):
        return "does not hold"
    return "holds" if all(number["low"] > bar for number in numbers) else "cannot tell"


def lookup(load_metrics: Callable[[str], dict], key: str) -> dict | str:
    """The estimate at `notebook/key/key` as {"value", "low", "high"}, or why there is none."""
    name, *path = key.split("/")
    try:
        value = load_metrics(name)
    except FileNotFoundError:
        return f"notebook {name} has not run"
    if "not_run" in value:
        return f"needs {value['not_run']}"
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, int | float):
        return {"value": value, "low": value, "high": value}
    if not isinstance(value, dict) or any(value.get(k) is None for k in ("value", "low", "high")):
        return f"{key} is undefined on these data"
    return {k: value[k] for k in ("value", "low", "high")}


@dataclass(frozen=True)
class Headline:
    """One row of the README's table, ready to print."""

    what: str
    paper: str
    ours: str


def headline(*loaders: Callable[[str], dict]) -> list[Headline]:
    """The paper's headline numbers beside ours with their 95 % intervals, as in `scoreboard`.

    Which ones is listed in `params/reported/headline.csv`. An average that lacks attributes,
    because the test faces at hand cannot judge them, says so.
    """
    table = []
    for what, row in reported("headline").iterrows():
        found = ours(row["ours"], *loaders)
        if not isinstance(found, str):
            number = "{value:.1f} ({low:.1f}–{high:.1f})".format(**found)
            found = number + judged(loaders[0], row["ours"])
        number = published(row["table"], row["row"], row["column"])
        table.append(Headline(what, f"{number:.1f}", found))
    return table


def judged(load_metrics: Callable[[str], dict], key: str) -> str:
    """Of how many attributes an average is one, where it is not of all; else nothing."""
    name, *_, method = key.split("/")
    every = [row.get(method) for row in load_metrics(name).get("attribute", {}).values()]
    there = sum(value is not None for value in every)
    return f", {there} of {len(every)} attributes" if there < len(every) else ""
