"""How the numbers of a benchmark are kept."""

from pathlib import Path
from typing import Any

from lib import params, workspace

FOLDER = workspace.ROOT / "outputs" / "bench"


def save(name: str, note: dict[str, Any]) -> Path:
    """Write `outputs/bench/<name>.json` whole or not at all, with its provenance."""
    about = workspace.Workspace(params.load("default"), "bench").provenance()
    return workspace.write_json(FOLDER / f"{name}.json", note | {"provenance": about})
