"""What becomes of a notebook that ended for want of a dataset: it is recorded as not run.

Such a notebook raises `lib.workspace.NeedsData`; for papermill that is an error like any other.
"""

import json
import re
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from PIL import Image

from lib.params import load
from lib.workspace import NeedsData, Workspace, write_json
from workflow.pipeline import seed_of, split

TAG = "not-run"  # of the cell at which an executed copy ends


def dataset_needed(executed: Path) -> str:
    """The dataset for want of which an executed notebook ended; empty for any other end.

    executed: what papermill left; it need not exist.
    """
    if not executed.exists():
        return ""
    _, error = _ended_at(nbformat.read(executed, as_version=4))
    wanted = re.match(r"needs (.+?), which the profile", error.get("evalue", ""))
    return wanted[1] if wanted else ""


def record(profile: str, run: str, executed: Path) -> None:
    """Record a run that needs a dataset as not run.

    Its metrics name the dataset, its tables and figures of earlier runs are removed, and the
    executed copy shows the reason in place of an error. What it recorded before it ended is kept.
    """
    params = load(profile)
    _, notebook = split(run)
    work = Workspace(load(profile, {"seed": seed_of(run, params)}), notebook)
    dataset = dataset_needed(executed)
    began = _began(executed)
    metrics = work.root / "metrics" / f"{notebook}.json"
    recorded = json.loads(metrics.read_text()) if metrics.exists() else {}
    if recorded and not _is_older(recorded["provenance"], notebook, began):
        facts = recorded["facts"] | {"not_run": dataset}
        write_json(metrics, recorded | {"facts": facts})
    else:
        work.record(facts={"not_run": dataset})
    remove_older(work.root, notebook, began)
    show_reason(executed, dataset)


def remove_older(root: Path, notebook: str, began: datetime) -> None:
    """Remove the tables and figures under `root` that a notebook wrote before it last began."""
    for note in root.glob("tables/*.json"):
        if _is_older(json.loads(note.read_text())["provenance"], notebook, began):
            note.unlink()
            note.with_suffix(".csv").unlink(missing_ok=True)
    for figure in root.glob("figures/*.png"):
        with Image.open(figure) as picture:
            text = picture.info.get("Description", "{}")
        if _is_older(json.loads(text), notebook, began):
            figure.unlink()


def show_reason(executed: Path, dataset: str) -> None:
    """Rewrite an executed notebook with the reason in place of the error, without the cells that
    papermill adds about the error.
    """
    notebook = nbformat.read(executed, as_version=4)
    place, _ = _ended_at(notebook)
    cell = notebook.cells[place]
    words = f"**Not run: needs {dataset}.** `make data` says where to get it and where to put it."
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/markdown": words})]
    cell.metadata["tags"] = [*cell.metadata.get("tags", []), TAG]
    notebook.cells = [
        each
        for each in notebook.cells
        if "papermill-error-cell-tag" not in each.metadata.get("tags", [])
    ]
    nbformat.write(notebook, executed)


def _ended_at(notebook: NotebookNode) -> tuple[int, NotebookNode]:
    """Index of the cell that raised NeedsData, and its error; an empty one where there is none."""
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("ename") == NeedsData.__name__:
                return place, output
    return -1, NotebookNode()


def _began(executed: Path) -> datetime:
    """When papermill began to run a notebook, to the second, as provenance has it."""
    started = nbformat.read(executed, as_version=4).metadata.papermill.start_time
    return datetime.fromisoformat(started).replace(microsecond=0)


def _is_older(provenance: dict[str, str], notebook: str, began: datetime) -> bool:
    """Whether something was written by a notebook before it last began."""
    if provenance.get("notebook") != notebook:
        return False
    return datetime.fromisoformat(provenance["time"]) < began
