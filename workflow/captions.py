"""Alternative texts of the pictures in executed notebooks: what their captions say."""

import re
import textwrap
from collections.abc import Sequence

from nbformat import NotebookNode

LONGEST = 400  # characters
ITALIC = re.compile(r"\*[^*].*[^*]\*", re.DOTALL)
SEEN = re.compile(r"\*\*(?:What to see|How to read it)\*\*[^:.]*[:.]\s*(.*)")
HEADING = re.compile(r"^#+ .*$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def describe(cells: Sequence[NotebookNode]) -> None:
    """Write the caption of every picture to the metadata of its output, as its `alt`."""
    for place, cell in enumerate(cells):
        for output, kind in pictures(cell):
            output.setdefault("metadata", {})[kind] = {"alt": caption(cells, place)}


def pictures(cell: NotebookNode) -> list[tuple[NotebookNode, str]]:
    """The outputs of a cell that are pictures, each with its kind, e.g. image/png."""
    return [
        (output, kind)
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
        if kind.startswith("image/")
    ]


def caption(cells: Sequence[NotebookNode], place: int) -> str:
    """What the pictures of a code cell show, as plain text.

    The paragraph in italics right behind the cell; or else "What to see", right behind it or
    under the heading before it; or else the last paragraph before it.
    """
    behind = cells[place + 1 : place + 2]
    after = "".join(cell.source for cell in behind if cell.cell_type == "markdown")
    texts = [cell.source for cell in cells[:place] if cell.cell_type == "markdown"]
    before = HEADING.split(texts[-1])[-1] if texts else ""
    first = after.partition("\n\n")[0]
    if ITALIC.fullmatch(first):
        return plain(first)
    if seen := SEEN.match(first) or SEEN.search(before):
        return plain(seen[1])
    parts = [part for part in before.split("\n\n") if part and not part.startswith((">", "$", "|"))]
    return plain(parts[-1]) if parts else "Figure"


def plain(text: str) -> str:
    """A paragraph without Markdown's marks, shortened."""
    words = re.sub(r"[*`$\[\]\"\\]", "", LINK.sub(r"\1", text)).strip().rstrip(":")
    return textwrap.shorten(words[:1].upper() + words[1:], LONGEST, placeholder=" …")
