"""What lies under the data folder: found or missing, faces expected and found, dropped and why."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib.data.sources import catalogue, lists, manifest, shelf
from lib.params import Params
from lib.provenance import ROOT
from lib.vocabulary import SOURCE_NAMES

COLUMNS = ("from", "expected", "rows", "kept", "dropped", "train", "test")


@dataclass(frozen=True)
class Holdings:
    """summary: one row per dataset or manifest; `expected` by the paper, `rows` in its files, of
        which `kept` and `dropped` are together all.
    reasons: dataset, reason, rows. remarks: dataset, what was put right or left missing, how often.
    dropped: set, file, line, reason of every row left out. missing: where to ask, by dataset.
    terms: those under which the sets that are there may be used, by dataset.
    problems: what is wrong with the files, by dataset.
    """

    summary: pd.DataFrame
    reasons: pd.DataFrame
    remarks: pd.DataFrame
    dropped: pd.DataFrame
    missing: dict[str, str]
    terms: dict[str, str]
    problems: dict[str, str]

    def __str__(self) -> str:
        parts = [self.summary.astype(object).fillna("").to_string()]
        for title, table in (("Dropped", self.reasons), ("Noted", self.remarks)):
            if len(table):
                parts.append(f"{title}:\n{table.to_string(index=False)}")
        if self.terms:
            lines = (f"  {name}: {text}" for name, text in self.terms.items())
            parts.append("\n".join(["Terms of use:", *lines]))
        parts += [f"{name} is missing.\n{text}" for name, text in self.missing.items()]
        parts += [f"{name} is WRONG and must be mended:\n{x}" for name, x in self.problems.items()]
        return "\n\n".join(parts)


def look(params: Params, *, progress: bool = True) -> Holdings:
    """Read the lists of every dataset that is there, and manifests; pictures are not decoded.

    What is wrong with one dataset is told among `problems`, so that the others are still told of.
    """
    summary, found, terms, missing, problems = {}, {}, {}, {}, {}
    for source, title in SOURCE_NAMES.items():
        row = {"from": "embedded world", "expected": catalogue.DATASETS[source].expected}
        try:
            origin = catalogue.origin(source, params.data)
            if origin == "real":
                part = shelf.rows(source, params, progress)
                part = noted_if_short(part, row["expected"])
                found[title], terms[title] = part, catalogue.DATASETS[source].terms
                row |= counts(part) | {"from": str(catalogue.folder(source, params.data))}
        except (ValueError, OSError) as error:
            origin, problems[title] = "wrong", str(error)
        if origin in ("absent", "wrong"):
            row["from"] = {"absent": "missing", "wrong": "files with errors"}[origin]
        if origin == "world":
            wanted = getattr(params.data, source)
            row |= {"train": wanted.train, "test": wanted.test}
        if origin == "absent":
            missing[title] = where_to_ask(source, params)
        summary[title] = row
    for name in params.data.manifests:
        try:
            rows = manifest.rows(ROOT / name)
            found[name] = lists.Rows(rows, lists.nothing(), len(rows))
            summary[name] = counts(found[name]) | {"from": str(ROOT / name)}
        except (ValueError, OSError) as error:
            summary[name], problems[name] = {"from": "file with errors"}, str(error)
    table = pd.DataFrame(summary).T.reindex(columns=list(COLUMNS))
    table[list(COLUMNS[1:])] = table[list(COLUMNS[1:])].astype("Int64")
    return Holdings(table, reasons(found), remarks(found), dropped(found), missing, terms, problems)


def noted_if_short(part: lists.Rows, expected: int) -> lists.Rows:
    """A copy with fewer rows than the whole set may be cut short: that is said, not refused."""
    lacking = expected - (part.total if part.counted is None else part.counted)
    if lacking <= 0:
        return part
    text = f"rows missing of the whole set's {expected:,}: a part of it, or a list cut short?"
    return replace(part, remarks={text: lacking, **part.remarks})


def counts(part: lists.Rows) -> dict[str, int]:
    split = part.table["split"].value_counts()
    sides = {side: int(split.get(side, 0)) for side in ("train", "test")}
    return {"rows": part.total, "kept": len(part.table), "dropped": len(part.dropped), **sides}


def where_to_ask(source: str, params: Params) -> str:
    dataset = catalogue.DATASETS[source]
    place = catalogue.folder(source, params.data)
    return f"  ask    {dataset.owner}\n  terms  {dataset.terms}\n  place  {place}"


def dropped(found: dict[str, lists.Rows]) -> pd.DataFrame:
    parts = [part.dropped.assign(set=title) for title, part in found.items()]
    table = pd.concat([lists.nothing().assign(set=""), *parts], ignore_index=True)
    return table[["set", *lists.DROPPED]].astype({"line": np.int64})


def reasons(found: dict[str, lists.Rows]) -> pd.DataFrame:
    rows = [
        (title, reason, count)
        for title, part in found.items()
        for reason, count in part.dropped["reason"].value_counts().items()
    ]
    return pd.DataFrame(rows, columns=["dataset", "reason", "rows"])


def remarks(found: dict[str, lists.Rows]) -> pd.DataFrame:
    rows = [
        (title, text, count)
        for title, part in found.items()
        for text, count in part.remarks.items()
        if count
    ]
    return pd.DataFrame(rows, columns=["dataset", "remark", "rows"])
