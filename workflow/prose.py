"""Bring the Markdown of executed copies up to date: `python -m workflow.prose <profile>`.

Words need no hour of training: where the code cells of a copy are those of its notebook, its
Markdown cells become the notebook's, and outputs stay, but for the alternative texts of pictures,
which are their captions. Other copies are left, and named.
"""

import functools
import sys

import nbformat
from nbformat import NotebookNode

from lib.workspace.files import atomically
from workflow import captions
from workflow.pipeline import STEPS, folder_of


def main(profile: str) -> None:
    """Refresh every executed copy of a profile, and print what was done with each."""
    for name in STEPS:
        path = folder_of(profile) / f"{name}.ipynb"
        if not path.exists():
            print(f"{name}: not run yet")
            continue
        copy = nbformat.read(path, as_version=4)
        source = nbformat.read(f"notebooks/{name}.ipynb", as_version=4)
        fresh, old = refreshed(copy, source), nbformat.writes(copy)
        if fresh is None:
            print(f"{name}: its code has changed, so it must run again")
            continue
        copy.cells = fresh
        captions.describe(copy.cells)
        if nbformat.writes(copy) != old:
            atomically(path, functools.partial(nbformat.write, copy))
            print(f"{name}: its words are up to date now")


def refreshed(copy: NotebookNode, source: NotebookNode) -> list[NotebookNode] | None:
    """The cells of a copy with the Markdown of its notebook; None where the code differs.

    The cell that papermill adds stays behind the cell of parameters.
    """
    ran = [cell for cell in copy.cells if cell.cell_type == "code"]
    added = [cell for cell in ran if "injected-parameters" in cell.metadata.get("tags", [])]
    ran = [cell for cell in ran if cell not in added]
    if [cell.source for cell in ran] != [c.source for c in source.cells if c.cell_type == "code"]:
        return None
    cells, rest = [], iter(ran)
    for cell in source.cells:
        cells.append(cell if cell.cell_type == "markdown" else next(rest))
        if "parameters" in cell.metadata.get("tags", []):
            cells += added
    return cells


if __name__ == "__main__":
    main(*sys.argv[1:])
