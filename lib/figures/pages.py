"""What a notebook's page shows: figures light enough for it, and numbers of three digits."""

import io
from pathlib import Path

import IPython.display
import PIL.Image

HEAVY = 100_000  # bytes


def shown(path: Path) -> IPython.display.Image:
    """A saved figure for a page: its PNG, or where photographs make that heavy, a JPEG of it."""
    data = path.read_bytes()
    if len(data) <= HEAVY:
        return IPython.display.Image(data)
    light = io.BytesIO()
    with PIL.Image.open(path) as picture:
        picture.convert("RGB").save(light, "JPEG", quality=75, optimize=True)
    return IPython.display.Image(light.getvalue(), format="jpeg")


def three_digits(value: float) -> str:
    """A number of a table with three digits, or with all those before the point: 79.0, 1318."""
    return f"{value:.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".removesuffix(".")
