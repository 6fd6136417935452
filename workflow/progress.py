"""Say how far the road is: `python -m workflow.progress begin|end|fail <profile> <notebook>`.

`summary <profile>` ends it: where everything lies.

The time left is estimated from how long each notebook took when it last ran, which papermill
notes in the executed copy under `outputs/`.
"""

import json
import sys
from pathlib import Path

from workflow.road import ROAD


def last_seconds(profile: str, notebook: str) -> float | None:
    """Seconds the notebook took when it last ran, None if it never did."""
    executed = Path("outputs", profile, f"{notebook}.ipynb")
    if not executed.exists():
        return None
    metadata = json.loads(executed.read_text())["metadata"]
    return metadata.get("papermill", {}).get("duration")


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def begin(profile: str, notebook: str) -> None:
    seconds = last_seconds(profile, notebook)
    usual = f", took {clock(seconds)} last time" if seconds else ""
    print(f"        {notebook} starts{usual} (outputs/{profile}/logs/{notebook}.log)", flush=True)


def end(profile: str, notebook: str) -> None:
    done = {name for name in ROAD if Path("outputs", profile, "artifacts", f"{name}.done").exists()}
    left = [last_seconds(profile, name) for name in ROAD if name not in done]
    known = [seconds for seconds in left if seconds]
    rest = f", about {clock(sum(known))} of work left" if known and len(known) == len(left) else ""
    took = clock(last_seconds(profile, notebook) or 0)
    print(f"[{len(done):2}/{len(ROAD)}] {notebook} done in {took}{rest}", flush=True)


def fail(profile: str, notebook: str) -> None:
    log = Path("outputs", profile, "logs", f"{notebook}.log")
    print(f"{notebook} failed. The end of {log}:", *log.read_text().splitlines()[-40:], sep="\n")
    sys.exit(1)


def summary(profile: str) -> None:
    root = f"outputs/{profile}"
    print(f"\nProfile {profile!r} is up to date. Look at")
    print(f"  the report      {root}/report/index.html")
    print(f"  the tables      {root}/tables/")
    print(f"  the figures     {root}/figures/")
    print(f"  the scoreboard  {root}/14_scoreboard.ipynb")


if __name__ == "__main__":
    {"begin": begin, "end": end, "fail": fail, "summary": summary}[sys.argv[1]](*sys.argv[2:4])
