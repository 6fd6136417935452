"""What a notebook's page shows: figures light enough for it, the scoreboard, short numbers."""

import io
from collections.abc import Iterable
from pathlib import Path

import IPython.display
import pandas as pd
import PIL.Image
from pandas.io.formats.style import Styler

from lib.figures.palette import VERDICT_COLOURS

HEAVY = 100_000  # bytes
IN_SHORT = "in short"  # of the display that is filled at the end


def shown(path: Path) -> IPython.display.Image:
    """A saved figure for a page: its PNG, or where photographs make that heavy, a JPEG of it."""
    data = path.read_bytes()
    if len(data) <= HEAVY:
        return IPython.display.Image(data)
    light = io.BytesIO()
    with PIL.Image.open(path) as picture:
        picture.convert("RGB").save(light, "JPEG", quality=75, optimize=True)
    return IPython.display.Image(light.getvalue(), format="jpeg")


def findings(lines: Iterable[str]) -> IPython.display.Markdown:
    """What a notebook found, as a list; each line is a sentence in Markdown."""
    return IPython.display.Markdown("\n".join(f"- {line}" for line in lines))


def in_short(lines: Iterable[str] = ()) -> None:
    """What a notebook found: called without lines it holds a place at the top of the page, called
    with them at the end it shows them there and in the place at the top.
    """
    listed = findings(lines)
    if listed.data:
        IPython.display.display(listed)
        top = IPython.display.Markdown(f"**In short**\n\n{listed.data}")
        IPython.display.update_display(top, display_id=IN_SHORT)
    else:
        waiting = IPython.display.Markdown(
            "*What was found stands here when the notebook has run.*"
        )
        IPython.display.display(waiting, display_id=IN_SHORT)


def scoreboard(board: pd.DataFrame) -> Styler:
    """The scoreboard as a styled table: wrapped quotes, estimates as text, coloured verdicts.

    board: a row per claim; columns section, claim, paper, ours (as text), verdict, from.
    """
    shown = board[["section", "claim", "paper", "ours", "verdict", "from"]]
    shown = shown.rename(columns={"from": "made in notebook"})
    page = shown.style.hide(axis="index").set_uuid("scoreboard")
    page = page.set_properties(None, **{"text-align": "left", "vertical-align": "top"})
    page = page.set_table_styles([{"selector": "th", "props": "text-align: left"}])
    page = page.set_properties(["claim"], **{"white-space": "normal", "min-width": "18em"})
    page = page.set_properties(["ours", "verdict"], **{"white-space": "nowrap"})
    return page.map(
        lambda verdict: f"font-weight: bold; color: {VERDICT_COLOURS[verdict]}", ["verdict"]
    )


def three_digits(value: float) -> str:
    """A number with three digits, or with all those before the point: 79.0, 1318."""
    return f"{value:.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".removesuffix(".")
