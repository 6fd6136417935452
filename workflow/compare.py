"""Compare the numbers of two runs: `python -m workflow.compare <profile> [<outputs>] [--keep]`.

outputs: the folder of another run of the profile, e.g. `../clone/outputs/default`. Without it, what
git has committed is compared with `outputs/<profile>`: after `make reproduce` one sees whether the
committed numbers came out again. Where the processors differ, `--keep` stores the comparison in
`outputs/bench/processors.json`, from which docs/scaling.md shows it.
"""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from lib.workspace import ROOT, read_results, write_json
from workflow.pipeline import folder_of

KEY = ["metric", "method", "subset", "unit"]
MEASURED = ("seconds", "minutes", "GB", "ratio")  # these differ from run to run
KEPT = ROOT / "outputs" / "bench" / "processors.json"


def read(path: Path) -> pd.DataFrame:
    """value, low and high of a notebook's numbers by `KEY`, without those that are measured anew in
    each run."""
    table = read_results(path)
    return table[~table["unit"].isin(MEASURED)].set_index(KEY)[["value", "low", "high"]]


def numbers(one: Path, other: Path) -> pd.DataFrame:
    """A row for each notebook that both runs have.

    numbers: that both have; same: how many of them are equal; judged: how many of the others have
    an interval; inside: of how many of these the other run's value is in the interval of the one.
    """
    rows = []
    for path in sorted((one / "metrics").glob("*.csv")):
        if not (other / "metrics" / path.name).exists():
            continue
        ours, theirs = read(path).align(read(other / "metrics" / path.name), "inner", axis=0)
        value = theirs["value"]
        same = (ours["value"] == value) | (ours["value"].isna() & value.isna())
        judged = ~same & ours["low"].notna() & value.notna()
        inside = judged & (ours["low"] <= value) & (value <= ours["high"])
        counts = {"numbers": len(ours), "same": same.sum(), "judged": judged.sum()}
        rows.append({"notebook": path.stem, **counts, "inside": inside.sum()})
    return pd.DataFrame(rows)


def verdicts(one: Path, other: Path) -> pd.DataFrame:
    """Every claim of the paper with its verdict in the one run and in the other."""
    boards = [
        pd.read_csv(root / "tables" / "scoreboard.csv")[["claim", "verdict"]]
        for root in (one, other)
    ]
    return boards[0].merge(boards[1], on="claim", suffixes=("_one", "_other"))


def committed(profile: str, folder: str) -> Path:
    """The outputs of a profile as git has them, unpacked into a folder."""
    parts = [f"outputs/{profile}/{part}" for part in ("metrics", "tables")]
    packed = subprocess.run(
        ["git", "archive", "HEAD", *parts], cwd=ROOT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return Path(folder) / "outputs" / profile


def made_on(root: Path) -> str:
    """The processor of a run."""
    note = json.loads((root / "metrics" / "01_datasets.json").read_text())
    return note["provenance"]["processor"]


def compare(one: Path, other: Path) -> dict[str, Any]:
    """Processors, numbers by notebook, and verdicts of two runs of one profile."""
    rows, board = numbers(one, other), verdicts(one, other)
    return {
        "processors": [made_on(one), made_on(other)],
        "numbers": json.loads(rows.to_json(orient="records")),
        "verdicts": json.loads(board.to_json(orient="records")),
    }


def changed(board: pd.DataFrame) -> pd.DataFrame:
    """The claims whose verdicts differ; reversed: whether the two are opposites."""
    differ = board[board["verdict_one"] != board["verdict_other"]]
    sides = differ[["verdict_one", "verdict_other"]].isin(("holds", "does not hold"))
    return differ.assign(reversed=sides.all(axis=1).to_numpy(bool))


def main(profile: str, *options: str) -> None:
    """Print the comparison; keep it with `--keep`."""
    ours, given = folder_of(profile), [each for each in options if each != "--keep"]
    with tempfile.TemporaryDirectory() as folder:
        one = ours if given else committed(profile, folder)
        found = compare(one, Path(given[0]) if given else ours)
    rows, board = pd.DataFrame(found["numbers"]), pd.DataFrame(found["verdicts"])
    moved = changed(board)
    print(rows.to_string(index=False))
    print(f"\n{rows['same'].sum()} of {rows['numbers'].sum()} numbers are the same.")
    print(f"{len(moved)} of {len(board)} verdicts differ, {moved['reversed'].sum()} are reversed:")
    print(moved.drop(columns="reversed").to_string(index=False) if len(moved) else "none")
    if "--keep" in options:
        write_json(KEPT, {"profile": profile, **found})


if __name__ == "__main__":
    main(*sys.argv[1:])
