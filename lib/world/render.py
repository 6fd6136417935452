"""Latents to pictures, in batches small enough for a processor's cache."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from tqdm import tqdm

from lib.world import capture, geometry, paint, shade, wear
from lib.world.geometry import Hit
from lib.world.shade import Stance
from lib.world.table import Latents
from lib.world.threads import fetched, float32_products, side_by_side

Planes = list[torch.Tensor]


def draw(
    table: pd.DataFrame,
    *,
    size: int = 64,
    device: str = "cpu",
    progress: bool = True,
) -> torch.Tensor:
    """One crop (3, size, size) uint8 for each row of latents; (N, 3, size, size) on the CPU."""
    if size < 16:
        raise ValueError(f"size must be at least 16 px, found {size}")
    latents = Latents.of(table, device)
    pictures = torch.empty(len(table), 3, size, size, dtype=torch.uint8)
    batch = batch_of(size, device)

    def drawn(rows: slice) -> torch.Tensor:
        return faces_of(latents.select(rows).padded(batch), size)

    title = "drawing faces" if progress else None
    for rows, faces in in_batches(drawn, len(table), batch, device, title):
        pictures[rows] = faces
    return pictures


def in_batches(
    drawn: Callable[[slice], torch.Tensor], count: int, batch: int, device: str, title: str | None
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Rows and their pictures on the processor, in order, with a bar if titled.

    On a CPU one batch per core is drawn at a time; on a GPU one, while the last is fetched.
    drawn: pictures of a slice of at most `batch` rows, padded at will.
    """
    parts = [slice(start, min(start + batch, count)) for start in range(0, count, batch)]
    done = fetched(map(drawn, parts)) if _is_gpu(device) else side_by_side(drawn, parts)
    bar = tqdm(total=count, desc=title, unit="", disable=title is None, leave=False)
    with bar, float32_products():  # TF32 would move edges by pixels
        for rows, pictures in zip(parts, done, strict=True):
            yield rows, pictures[: rows.stop - rows.start]
            bar.update(rows.stop - rows.start)


def batch_of(size: int, device: str) -> int:
    """Faces per batch: about 128k pixels for a CPU's cache, 16M (6 GiB) to fill a GPU."""
    pixels = 2**24 if _is_gpu(device) else 2**17
    return max(1, pixels // fine(size) ** 2)


def _is_gpu(device: str) -> bool:
    return torch.device(device).type == "cuda"


def fine(size: int) -> int:
    """Pixels per side that are really drawn: small pictures finer, then averaged.

    A multiple of 16, so that no picture ends in the middle of a processor's vector: its last
    pixels would be rounded otherwise.
    """
    return -(-(size * 3 // 2 if size < 100 else size) // 16) * 16


@torch.inference_mode()
def faces_of(p: Latents, size: int) -> torch.Tensor:
    """(B, 3, size, size) uint8."""
    across, up = grid(fine(size), p.values.device)
    across, up = across.expand(len(p), -1, -1), up.expand(len(p), -1, -1)
    light = person(p, shade.backdrop(p, across, up), across, up, 2 / fine(size))
    light = torch.stack(wear.caption(p, light, across, up), 1)
    if fine(size) != size:
        light = F.interpolate(light, size=(size, size), mode="bilinear", antialias=True)
    return capture.photograph(p, light, size / 64)


def person(p: Latents, light: Planes, across, up, pixel: float) -> Planes:
    """A picture's linear planes with a person laid over them.

    across, up: (B, H, W) picture coordinates; the person stands at (shift_x, shift_y) with half a
    head as long as `scale`; pixel: size of a pixel in picture coordinates.
    """
    x, y, size = _in_heads(p, across, up, pixel)
    hit = geometry.trace(p, x, y, size)
    return _laid(p, light, hit, _painted(p, hit, size), shade.stance(p), x, y, size)


def _in_heads(p: Latents, across, up, pixel: float) -> tuple[torch.Tensor, ...]:
    """Coordinates and size of pixels in half heads from the person's middle."""
    x, y = (across - p["shift_x"]) / p["scale"], (up - p["shift_y"]) / p["scale"]
    return x, y, pixel / p["scale"]


def _painted(p: Latents, hit: Hit, size: torch.Tensor) -> Planes:
    """The head under its light."""
    canvas = paint.paint(p, hit, size)
    wear.put_on(canvas)
    return shade.light_head(p, hit, canvas)


def _laid(p: Latents, light: Planes, hit: Hit, head: Planes, neck: Stance, x, y, size) -> Planes:
    """Neck and clothes over the light, the head over them, and what comes before it."""
    planes, cover = shade.body(p, neck, x, y, size)
    behind = cover * hit.hair * ((-0.10 - hit.depth) * 8).clamp(0, 1)  # hair at the nape
    front = hit.cover * (1 - behind)
    light = [below + (plane - below) * cover for below, plane in zip(light, planes, strict=True)]
    light = [below + (plane - below) * front for below, plane in zip(light, head, strict=True)]
    return wear.in_front(p, light, x, y, size)


def grid(size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, size, size) picture coordinates across and up, -1 to 1 at the pixels' centres."""
    centres = ((torch.arange(size, device=device) + 0.5) * (2 / size) - 1).float()
    return centres.expand(1, size, size), (-centres)[:, None].expand(1, size, size)


def rows_of(table: pd.DataFrame, **values: float | np.ndarray) -> pd.DataFrame:
    """The same latents with some columns replaced: the same person otherwise posed, lit, aged."""
    unknown = [name for name in values if name not in table]
    if unknown:
        raise ValueError(f"no latent named {unknown[0]!r}; see the columns of the table")
    return table.assign(**values)
