"""What a notebook found, in sentences that are made from the long results table.

`params/reported/findings.csv` has a sentence a row with the key of the number it is made from. The
words that judge are chosen by the interval: a student reads "worse than" where it is below zero,
and "not surely different from" where it contains zero.
"""

import pandas as pd

from lib.evaluation import claims, results
from lib.evaluation.claims import Estimate, Evidence
from lib.params import FOLDER
from lib.workspace import Workspace

ERRORS = ("log loss", "expected calibration error")  # less is better


def of(work: Workspace) -> list[str]:
    """The sentences of the notebook that has the workspace, from this run's numbers alone."""
    return sentences(claims.recorded(work), work.notebook)


def sentences(evidence: Evidence, page: str, *, cover: bool = False) -> list[str]:
    """The sentences of a page, in the order of the list; what has no number is left out.

    page: name of the notebook that shows them; the numbers may be another's. cover: only those
    that the README and the first page of the site show.

    In a row `{value}` is the estimate with its unit and interval, `{compared}` what the interval of
    a difference says, `{moved}` which way and how far something went, `{paper}` the paper's own
    number, where it has one. A row that
    begins with a small letter goes on with the sentence of the row before.
    """
    listed = pd.read_csv(FOLDER / "reported" / "findings.csv", dtype=str, keep_default_na=False)
    chosen = listed[(listed["page"] == page) & ((listed["cover"] == "yes") | (not cover))]
    found = []
    for _, row in chosen.iterrows():
        estimate = evidence.estimate(*(row[name] for name in claims.KEY))
        if isinstance(estimate, str):
            continue
        signed = row["unit"] == "points" or "{compared}" in row["sentence"]
        words = {
            "value": results.written(estimate, row["unit"], signed=signed),
            "compared": compared(estimate, less=row["metric"] in ERRORS),
            "moved": moved(estimate, row["unit"]),
            "paper": _paper(row, signed=signed),
        }
        found.append(row["sentence"].format(**words))
    return _joined(found)


def _joined(parts: list[str]) -> list[str]:
    """Parts of sentences put together; one whose end is left out ends in a full stop all the same.

    A part that begins with a capital begins a sentence, any other goes on with the one before.
    """
    found: list[str] = []
    for part in parts:
        if found and not part[0].isupper():
            found[-1] = f"{found[-1].removesuffix('.')} {part}"
        else:
            found.append(part)
    return [f"{text.rstrip(' ,;.')}." for text in found]


def compared(estimate: Estimate, *, less: bool = False) -> str:
    """What a difference says about the first of two methods; less: the smaller one is better."""
    if estimate["low"] == estimate["high"] == 0:
        return "no different from"
    above, below = ("worse than", "better than") if less else ("better than", "worse than")
    words = {"holds": above, "does not hold": below, "cannot tell": "not surely different from"}
    return words[claims.verdict([estimate], bar=0.0)]


def moved(estimate: Estimate, unit: str) -> str:
    """`rises by 1.2 points [0.3, 2.1]`, or `falls by`; `does not surely change` where the interval
    contains zero."""
    verdict = claims.verdict([estimate], bar=0.0)
    if verdict == "cannot tell":
        return f"does not surely change: {results.written(estimate, unit, signed=True)}"
    if verdict == "holds":
        return f"rises by {results.written(estimate, unit)}"
    ends = zip(("value", "low", "high"), ("value", "high", "low"), strict=True)
    return f"falls by {results.written({new: -estimate[old] for new, old in ends}, unit)}"


def _paper(row: pd.Series, *, signed: bool) -> str:
    """` (the paper: +4.8)`, or nothing where the paper has no such number."""
    if not row["table"]:
        return ""
    number = claims.published(row["table"], row["row"], row["column"])
    if row["minus"]:
        number -= claims.published(row["table"], row["minus"], row["column"])
    return (
        f" (the paper: {number:+.1f})"
        if signed
        else f" (the paper, on photographs: {number:.1f} %)"
    )
