"""Write the README's two tables from what lies under `outputs/`: `python -m workflow.readme`."""

import re
from pathlib import Path

import nbformat

from lib import paper
from lib.params import load
from lib.workspace import Workspace
from workflow.road import ROAD

ROOT = Path(__file__).resolve().parent.parent
PROFILE = "default"


def results() -> str:
    """The headline rows: the paper's numbers beside ours."""
    metrics = Workspace(load(PROFILE), notebook="14").load_metrics
    table = paper.headline(metrics)
    lines = ["| | the paper, photographs | ours, embedded world |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.what} | {row.paper} | {row.ours} |" for row in table)])


def notebooks() -> str:
    """Question, reads, writes and minutes of every notebook, from its own first page."""
    lines = ["| notebook | question | reads | writes | minutes |", "|---|---|---|---|---|"]
    for name in ROAD:
        path = ROOT / "outputs" / PROFILE / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        words = [field(notebook.cells[0].source, key) for key in ("Question", "Reads", "Writes")]
        minutes = notebook.metadata.papermill.duration / 60
        link = f"[{name[:2]} · {name[3:].replace('_', ' ')}](outputs/{PROFILE}/{name}.ipynb)"
        lines.append(f"| {link} | {' | '.join(words)} | {max(minutes, 0.1):.1f} |")
    return "\n".join(lines)


def field(page: str, name: str) -> str:
    """What stands after `**name**:` on a notebook's first page, links reduced to their text."""
    text = re.search(rf"\*\*{name}\*\*:?\s*(.+?)(?=\n\s*\n|\n[-*] \*\*|\n\*\*|\Z)", page, re.DOTALL)
    plain = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text.group(1))
    return " ".join(plain.split()).replace("|", "\\|")


def written(readme: str) -> str:
    """The README with both tables as the outputs have them now."""
    for name, table in (("results", results()), ("notebooks", notebooks())):
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, rest = readme.split(start)
        readme = f"{before}{start}\n{table}\n{end}{rest.split(end)[1]}"
    return readme


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(written(path.read_text()))
