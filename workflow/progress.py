"""What the pipeline prints. A run is a notebook, or `seed<k>/<notebook>`.

The time left is estimated from how long each notebook took when it last ran, which papermill
notes in the executed copy under `outputs/`.
"""

import json
import sys
from pathlib import Path

import pandas as pd

from lib.params import load
from lib.workspace import files
from workflow import missing_data
from workflow.pipeline import STEPS, before, done, folder_of, runs, seeds, split


def last_seconds(profile: str, run: str) -> float | None:
    """Seconds the notebook took when it last ran, None if it never did or its copy is damaged."""
    executed = folder_of(profile) / f"{run}.ipynb"
    if not executed.exists():
        return None
    try:
        seconds = json.loads(executed.read_text())["metadata"]["papermill"]["duration"]
    except (ValueError, KeyError, TypeError):
        return None
    return seconds if isinstance(seconds, int | float) else None


def clock(seconds: float) -> str:
    """A duration in minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def log_of(profile: str, run: str) -> Path:
    """Where papermill writes what a run prints."""
    folder, name = split(run)
    return folder_of(profile) / folder / "logs" / f"{name}.log"


def begin(profile: str, run: str) -> None:
    """Say that a run begins, and how long it took last time."""
    seconds = last_seconds(profile, run)
    usual = f", took {clock(seconds)} last time" if seconds else ""
    print(f"        {run} starts{usual} ({log_of(profile, run)})", flush=True)


def failed(profile: str, run: str) -> None:
    """After papermill ended with an error: record a missing dataset, else show the log and exit."""
    log = log_of(profile, run)
    executed = log.with_suffix(".ipynb")
    if dataset := missing_data.dataset_needed(executed):
        missing_data.record(profile, run, executed)
        print(f"        {run} is not run: it needs {dataset}", flush=True)
        return
    print(f"{run} failed. The end of {log}:", *log.read_text().splitlines()[-40:], sep="\n")
    sys.exit(1)


def end(profile: str, run: str) -> None:
    """Say that a run is over, and how much is left."""
    every, over = runs(load(profile)), ended(profile)
    left = [last_seconds(profile, each) for each in every if each not in over]
    known = [seconds for seconds in left if seconds]
    rest = f", about {clock(sum(known))} of work left" if known and len(known) == len(left) else ""
    took = clock(last_seconds(profile, run) or 0)
    print(f"[{len(over):2}/{len(every)}] {run} done in {took}{rest}", flush=True)


def ended(profile: str) -> set[str]:
    """The runs that are over, and ended after every run that they need."""
    params = load(profile)
    over = {each: folder_of(profile) / done(each) for each in runs(params)}
    times = {each: file.stat().st_mtime for each, file in over.items() if file.exists()}

    def counts(each: str) -> bool:
        return each in times and all(
            counts(needed) and times[needed] <= times[each] for needed in before(each, params)
        )

    return {each for each in times if counts(each)}


def keep_minutes(profile: str, whole: float) -> None:
    """Keep, after a run that began with nothing, the minutes of every notebook, and `whole`, the
    seconds of all side by side: `minutes.csv`, which the README quotes.
    """
    seconds = {"whole run": whole} | {each: last_seconds(profile, each) for each in STEPS}
    table = pd.Series(seconds, name="minutes").div(60).round(1).rename_axis("notebook")
    files.atomically(folder_of(profile) / "minutes.csv", table.to_csv)


def summary(profile: str) -> None:
    """Say where the results are."""
    root, params = folder_of(profile), load(profile)
    if params.seed not in (chosen := seeds(params)):
        print("\nThe numbers of these seeds are in", *(f"{root}/seed{k}/metrics/" for k in chosen))
        return
    print(f"\nProfile {profile!r} is up to date. Look at")
    print(f"  the report      {root}/report/index.html")
    print(f"  the tables      {root}/tables/")
    print(f"  the figures     {root}/figures/")
    print(f"  the scoreboard  {root}/14_scoreboard.ipynb")
