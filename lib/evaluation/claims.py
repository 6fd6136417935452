"""What the paper says: its published numbers, and its claims compared with our results.

Published numbers are in `params/reported/`, one CSV per table. `claims.csv` quotes the claims;
each names the rows of the long results table that speak for or against it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lib import vocabulary
from lib.evaluation import results
from lib.params import FOLDER, Params
from lib.workspace import Workspace

VERDICTS = ("holds", "does not hold", "cannot tell", "not run")
KEY = ["notebook", "metric", "method", "subset"]  # what names a row of the results
Estimate = dict[str, float]  # value, low, high, seeds


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
    return float(reported(name)[column][row])


# Our results --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """The results of a profile over all its seeds, and which notebooks lacked a dataset.

    table: notebook, metric, method, subset, value, low, high, unit, seeds. not_run: notebook ->
    the dataset it lacked.
    """

    table: pd.DataFrame
    not_run: Mapping[str, str]

    def estimate(self, notebook: str, metric: str, method: str, subset: str) -> Estimate | str:
        """A result as value, low, high and seeds; or in words why there is none.

        A result without an interval has low and high equal to its value.
        """
        if notebook in self.not_run:
            return f"needs {self.not_run[notebook]}"
        if notebook not in set(self.table["notebook"]):
            return f"notebook {notebook} has not run"
        labels = {"metric": metric, "method": method, "subset": subset}
        rows = results.select(self.table, notebook=notebook, **labels)
        if rows.empty or pd.isna(rows["value"].iloc[0]):
            name = ", ".join(label for label in labels.values() if label)
            return f"{notebook} has no number for: {name}"
        row = rows.iloc[0]
        value = float(row["value"])
        low, high = (value if pd.isna(row[end]) else float(row[end]) for end in ("low", "high"))
        return {"value": value, "low": low, "high": high, "seeds": int(row["seeds"])}


def evidence(params: Params) -> Evidence:
    """The results of a profile: of its seed, and of all `params.seeds` where they have run."""
    seeds = range(params.seed, params.seed + params.seeds)
    return recorded(
        *(Workspace(params.model_copy(update={"seed": seed}), "14_scoreboard") for seed in seeds)
    )


def recorded(*works: Workspace) -> Evidence:
    """The results of one workspace, or of the workspaces of several seeds."""
    names = {path.stem for path in (works[0].root / "metrics").glob("*.json")}
    lacking = {name: works[0].facts(name).get("not_run") for name in sorted(names)}
    not_run = {name: dataset for name, dataset in lacking.items() if dataset}
    return Evidence(over_seeds([work.results() for work in works]), not_run)


def over_seeds(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One results table from those of several seeds, with a column `seeds`.

    Each row of the first seed's table becomes the mean over the seeds that have it, with Student's
    95 % interval of that mean. A row that one seed alone has keeps its own interval.
    """
    first = tables[0].assign(seeds=1)
    by_seed = pd.concat([table.set_index(KEY)["value"] for table in tables], axis=1)
    values = by_seed.reindex(pd.MultiIndex.from_frame(first[KEY])).to_numpy(float)  # (rows, seeds)
    count = np.isfinite(values).sum(1)
    several = (count > 1) & np.isfinite(values[:, 0])
    if several.any():
        chosen, number = values[several], count[several]
        mean = np.nanmean(chosen, axis=1)
        error = np.nanstd(chosen, axis=1, ddof=1) / np.sqrt(number)
        reach = error * stats.t.ppf(0.975, number - 1)
        first.loc[several, ["value", "low", "high"]] = np.stack(
            [mean, mean - reach, mean + reach], 1
        )
        first.loc[several, "seeds"] = number
    return first


def estimates(
    evidence: Evidence, keys: Mapping[Hashable, tuple[str, str, str, str]]
) -> pd.DataFrame:
    """Some of our results as a table of value, low, high, one row per name.

    keys: name -> notebook, metric, method, subset. What has not run is left out; a result without
    an interval has NaN for low and high.
    """
    found = {name: evidence.estimate(*key) for name, key in keys.items()}
    rows = {name: each for name, each in found.items() if not isinstance(each, str)}
    table = pd.DataFrame(rows).T.astype(float).reindex(columns=["value", "low", "high"])
    ends = table[["low", "high"]]
    return table.assign(**ends.mask(table["low"] == table["high"]))


# The scoreboard -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, and which of our results speak for or against it.

    paper: the paper's own number as text. notebook, where: the notebook and its section that have
    the results. metric, methods, subsets: the results, one per method and subset. The claim holds
    where all of their intervals are above `bar`, does not hold where one interval is below it, and
    is undecided otherwise.
    """

    quote: str
    section: str
    paper: str
    notebook: str
    metric: str
    methods: tuple[str, ...]
    subsets: tuple[str, ...]
    unit: str
    bar: float
    where: str

    def found(self, evidence: Evidence) -> list[Estimate | str]:
        """Our results for this claim, or why there are none."""
        return [
            evidence.estimate(self.notebook, self.metric, method, subset)
            for method in self.methods
            for subset in self.subsets
        ]


def claims() -> list[Claim]:
    """The paper's claims, in its order: `params/reported/claims.csv`."""
    listed = pd.read_csv(FOLDER / "reported" / "claims.csv", dtype=str, keep_default_na=False)
    return [_claim(dict(row)) for row in listed.to_dict("records")]


def _claim(row: dict[Any, Any]) -> Claim:
    paper = row["paper"]
    if row["table"]:
        better, worse = (
            published(row["table"], row[k], row["column"]) for k in ("better", "worse")
        )
        paper = f"{better - worse:+.1f}"
    methods, subsets = (tuple(row[name].split("; ")) for name in ("method", "subset"))
    rest = row["notebook"], row["metric"], methods, subsets, row["unit"], float(row["bar"])
    return Claim(row["quote"], row["section"], paper, *rest, row["where"])


def scoreboard(evidence: Evidence) -> pd.DataFrame:
    """Every claim with our estimate, its interval and the verdict.

    Where a claim depends on several estimates, the weakest is shown, which decides.
    """
    rows: list[dict[str, str | float]] = []
    for claim in claims():
        found = claim.found(evidence)
        reasons = [text for text in found if isinstance(text, str)]
        estimates = [each for each in found if not isinstance(each, str)]
        row: dict[str, str | float] = {"section": claim.section, "claim": claim.quote}
        row |= {"paper": claim.paper, "unit": claim.unit}
        row["from"] = f"{claim.notebook.partition('_')[0]}, {claim.where}"
        if reasons:
            rows.append(row | {"verdict": "not run", "why": reasons[0]})
            continue
        decided = verdict(estimates, claim.bar)
        end = "high" if decided == "does not hold" else "low"
        weakest = min(estimates, key=lambda estimate: estimate[end])
        rows.append(row | weakest | {"verdict": decided})
    columns = ["section", "claim", "paper", "value", "low", "high", "unit", "verdict", "from"]
    return pd.DataFrame(rows).reindex(columns=[*columns, "why", "seeds"])


def in_words(board: pd.DataFrame) -> pd.Series:
    """The estimates of a scoreboard as texts: `+1.2 points [+0.3, +2.1]`.

    Where some are over several seeds, those of one seed say so.
    """
    words = board.apply(
        lambda row: results.written(row, row["unit"], signed=row["unit"] == "points"), axis=1
    )
    alone = (board["seeds"] == 1) & (board["seeds"].max() > 1)
    return words.mask(alone, words + " (one seed)")


def verdict(estimates: Sequence[Mapping[str, float]], bar: float) -> str:
    """holds: all intervals above the bar; does not hold: one below it; else cannot tell."""
    if any(estimate["high"] < bar for estimate in estimates):
        return "does not hold"
    return "holds" if all(estimate["low"] > bar for estimate in estimates) else "cannot tell"


def headline(evidence: Evidence) -> pd.DataFrame:
    """The README's first table: the paper's headline numbers and ours, as text.

    Columns what, paper, ours (with its 95 % interval); the rows of `params/reported/headline.csv`.
    An average over fewer attributes than there are, because the test faces lack them, says so.
    """
    rows = []
    for what, row in reported("headline").fillna("").iterrows():
        found = evidence.estimate(*(row[name] for name in KEY))
        if not isinstance(found, str):
            text = "{value:.1f} ({low:.1f}–{high:.1f})".format(**found)
            found = text + _attributes_judged(evidence, row)
        paper = published(row["table"], row["row"], row["column"])
        rows.append({"what": what, "paper": f"{paper:.1f}", "ours": found})
    return pd.DataFrame(rows)


def _attributes_judged(evidence: Evidence, row: pd.Series) -> str:
    """Over how many attributes an average is, where it is not over all of them; else nothing."""
    labels = {name: row[name] for name in ("notebook", "metric", "method")}
    every = results.select(evidence.table, **labels, subset=list(vocabulary.ATTRIBUTES))["value"]
    known = every.notna().sum()
    return f", {known} of {len(every)} attributes" if known < len(every) else ""
