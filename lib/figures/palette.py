"""Okabe and Ito's colours, which colour-blind readers too can tell apart."""

from typing import Any

Style = dict[str, Any]  # keyword arguments of a matplotlib artist

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000", GREY)
SLATE = "#777777"  # a grey that is legible as text
VERDICT_COLOURS = {"holds": GREEN, "does not hold": ORANGE, "cannot tell": SLATE, "not run": SLATE}
