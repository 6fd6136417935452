"""How the numbers of a benchmark are kept."""

import os
import platform
import time
from pathlib import Path
from typing import Any

import torch

from lib import params, workspace
from lib.workspace.machine import processors
from lib.workspace.provenance import ROOT
from workflow.imports import code

FOLDER = ROOT / "outputs" / "bench"


def save(name: str, note: dict[str, Any]) -> Path:
    """Write `outputs/bench/<name>.json` whole or not at all, with its provenance.

    `code` is the digest of the code measured: where it is no longer that of the present code, the
    numbers are not shown (`workflow.readme`).
    """
    about = workspace.Workspace(params.load("default"), "bench").provenance()
    note = note | {"code": code(f"bench/{name}.py"), "provenance": about}
    return workspace.write_json(FOLDER / f"{name}.json", note)


def machine() -> dict[str, Any]:
    """What the numbers were measured on, and when."""
    return {
        "platform": platform.platform(),
        "cores": processors(),
        "load": os.getloadavg()[0],
        "torch": torch.__version__,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
