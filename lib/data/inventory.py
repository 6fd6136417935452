"""What is in the data folder: datasets found or missing, rows expected, kept, dropped and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from lib.data import listing, real
from lib.data.listing import Listing
from lib.data.sources import manifest, published
from lib.params import Params
from lib.vocabulary import FACE_SOURCES, SOURCE_NAMES
from lib.workspace.provenance import ROOT

# A copy with fewer rows than the whole set may be cut short: a remark, not an error.
SHORT = "rows missing of the whole set's {:,}: a part of it, or a list cut short?"
COLUMNS = ("from", "expected", "rows", "kept", "dropped", "train", "test")


@dataclass(frozen=True)
class Inventory:
    """summary: one row per dataset or manifest; `expected` by the paper, `rows` in its files,
        which are `kept` or `dropped`.
    reasons: dataset, reason, rows.
    remarks: dataset, what was corrected or left missing, how often (`rows`).
    dropped: set, file, line, reason of every row left out.
    missing: dataset -> where to ask for it.
    terms: dataset that is there -> the terms of its use.
    problems: dataset -> what is wrong with its files.
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
        parts += [f"{name} is WRONG and must be fixed:\n{x}" for name, x in self.problems.items()]
        return "\n\n".join(parts)


def take(params: Params, *, progress: bool = True) -> Inventory:
    """What is in the data folder and what is missing, by the lists alone; no picture is decoded.

    What is wrong with one dataset goes to `problems`, so that the others are still reported.
    """
    summary: dict[str, dict] = {}
    found: dict[str, Listing] = {}
    terms, missing, problems = {}, {}, {}
    for source, title in SOURCE_NAMES.items():
        dataset, place = published.DATASETS[source], published.folder(source, params.data)
        row = summary[title] = {"from": "missing", "expected": dataset.expected}
        try:
            origin = published.origin(source, params.data)
            if origin == "real":
                part = real.read(source, params, progress)
                counted = part.total if part.counted is None else part.counted
                short = {SHORT.format(dataset.expected): max(dataset.expected - counted, 0)}
                found[title] = replace(part, remarks=short | part.remarks)
                terms[title] = dataset.terms
                row |= _counts(part) | {"from": str(place)}
        except (ValueError, OSError) as error:
            origin, problems[title] = "wrong", str(error)
            row["from"] = "files with errors"
        if origin == "world":
            wanted = getattr(params.data, source)
            row |= {"from": "embedded world", "train": wanted.train, "test": wanted.test}
        if origin == "absent":
            missing[title] = f"  ask    {dataset.owner}\n  terms  {dataset.terms}\n  place  {place}"
    own = {}
    for name in params.data.manifests:
        try:
            own[name] = found[name] = manifest.read(ROOT / name)
            summary[name] = _counts(found[name]) | {"from": str(ROOT / name)}
        except (ValueError, OSError) as error:
            summary[name], problems[name] = {"from": "file with errors"}, str(error)
    try:
        if not problems:
            lists = [each for title, each in found.items() if title not in own]
            paths = [ROOT / name for name in params.data.manifests]
            listing.check_keys([*lists, *manifest.read_all(paths)])
    except ValueError as error:
        problems["manifests together"] = str(error)
    table = pd.DataFrame(summary).T.reindex(columns=list(COLUMNS))
    table[list(COLUMNS[1:])] = table[list(COLUMNS[1:])].astype("Int64")
    remarks = {"the training faces": _untested(table, params)}
    remarks |= {title: part.remarks for title, part in found.items()}
    reasons = {title: part.dropped["reason"].value_counts() for title, part in found.items()}
    dropped = listing.dropped_of({title: part.dropped for title, part in found.items()})
    tables = table, _counted(reasons, "reason"), _counted(remarks, "remark"), dropped
    return Inventory(*tables, missing, terms, problems)


def _counts(part: Listing) -> dict[str, int]:
    split = part.table["split"].value_counts()
    sides = {side: int(split.get(side, 0)) for side in ("train", "test")}
    return {"rows": part.total, "kept": len(part.table), "dropped": len(part.dropped), **sides}


def _untested(summary: pd.DataFrame, params: Params) -> dict[str, int]:
    """A remark where no face of any training set or manifest tests."""
    titles = [SOURCE_NAMES[source] for source in FACE_SOURCES]
    sides = summary.loc[[*titles, *params.data.manifests], ["train", "test"]].fillna(0).sum()
    text = "no face tests; notebooks from 02 on need a test part of a set or of a manifest"
    return {text: 0 if sides["test"] else int(sides["train"])}


def _counted(counts: Mapping[str, Mapping[str, int] | pd.Series], name: str) -> pd.DataFrame:
    """Counts by dataset and text as rows, without those that are 0."""
    rows = [
        (title, text, count)
        for title, part in counts.items()
        for text, count in part.items()
        if count
    ]
    return pd.DataFrame(rows, columns=["dataset", name, "rows"])
