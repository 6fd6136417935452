"""What people wear on a head and what comes between them and the camera."""

import torch

from lib.world.hashing import smooth_noise
from lib.world.paint import Canvas
from lib.world.table import Latents, wearers

Planes = list[torch.Tensor]


def put_on(canvas: Canvas) -> None:
    """Glasses, dark glasses and hats, painted on the surface before it is lit."""
    p, c = canvas.p, canvas
    across = (c.au - 0.355 * p["eye_spacing"]) / 0.215
    up = (c.v - 0.065) / 0.155
    ring = (across.abs() ** 2.6 + up.abs() ** 2.6 + 1e-6) ** (1 / 2.6)
    side = c.soft(0.014 - (c.v - 0.12).abs()) * c.soft(c.au - 0.56, 2) * c.soft(1.42 - c.au, 2)
    bridge = c.soft(0.014 - (c.v - 0.10).abs()) * c.soft(0.15 - c.au, 2) * c.front
    rim = c.soft(0.020 - (ring - 1).abs() * 0.17) * c.front
    any_ = (p["glasses"] + p["shades"]).clamp(0, 1)
    frame = torch.maximum(rim, torch.maximum(bridge, side * (1 - c.hit.hair))) * any_
    lens = c.soft((1 - ring) * 0.17) * c.front
    c.lay((0.012, 0.012, 0.016), lens * p["shades"] * 0.96)
    c.lay((0.55, 0.58, 0.62), lens * any_ * 0.10 * torch.sigmoid((up + across) * 6))
    dark = 0.02 + 0.10 * p["place"]
    c.lay((dark, dark * 0.8, dark * 0.7), frame * 0.95)
    c.gloss = c.gloss + lens * any_ * 0.5
    brim = 0.50 + 0.05 * torch.sin(c.u * 3 + p["place"] * 9)
    hat = c.soft(c.v - brim + 0.30 * (1 - c.hit.z).clamp(0, 1.2), 2) * p["hat"]
    knit = 1 + 0.15 * torch.sin(c.v * 70) * c.soft(brim + 0.16 - c.v, 3)
    c.lay(tuple(p[f"cloth_{k}"] * (1.15 - 0.2 * (k == "r")) * knit for k in "rgb"), hat)


def in_front(p: Latents, planes: Planes, across, up, pixel) -> Planes:
    """A hand at the face, a scarf over the mouth, a blurred thing before the lens, over planes.

    across, up: (B, H, W) camera coordinates of the head, in half heads. No work for the pictures
    that have none.
    """
    for name, thing in (("hand", _hand), ("scarf", _scarf), ("overlay", _overlay)):
        rows = wearers(p.flat(name))
        if rows is not None:
            colour, cover = thing(p.select(rows), across[rows], up[rows], pixel[rows])
            planes = _over(planes, rows, colour, cover)
    return planes


def _over(planes: Planes, rows: torch.Tensor | slice, colour: Planes, cover) -> Planes:
    """Some rows of the planes (B, H, W) covered with a colour; in place unless all are."""
    if isinstance(rows, slice):
        return [below + (one - below) * cover for below, one in zip(planes, colour, strict=True)]
    for plane, value in zip(planes, colour, strict=True):
        below = plane[rows]
        plane[rows] = below + (value - below) * cover
    return planes


def _hand(p: Latents, across, up, pixel) -> tuple[Planes, torch.Tensor]:
    """Four fingers lying on the cheek: colour and cover."""
    x = across * p["hand_side"] - p["hand_x"]
    y = up - p["hand_y"]
    best = torch.full_like(x, -1.0)
    light = torch.zeros_like(x)
    for i in range(4):
        lean = 0.20 - 0.10 * i
        width = 0.085 - 0.006 * i
        mid = 0.155 * (i - 1.2) + lean * y
        reach = 0.30 - 0.05 * (i - 1.3) ** 2
        beyond = (y - reach).clamp_min(0)
        gap = ((x - mid) ** 2 + beyond**2).sqrt()
        inside = width - gap
        light = torch.where(inside > best, 1 - (gap / width) ** 2 * 0.55, light)
        best = torch.maximum(best, inside)
    palm = 0.33 - ((x + 0.05) ** 2 + ((y + 0.45) * 0.8) ** 2).sqrt()
    light = torch.where(palm > best, torch.full_like(x, 0.8), light)
    best = torch.maximum(best, palm)
    light, cover = light.clamp(0.25, 1) * 0.85, (best / pixel + 0.5).clamp(0, 1)
    return [p[f"skin_{c}"] * light for c in "rgb"], cover * p["hand"]


def _scarf(p: Latents, across, up, pixel) -> tuple[Planes, torch.Tensor]:
    """A woven scarf up to the nose: colour and cover."""
    wave = 0.05 * torch.sin(across * 5 + p["place"] * 9)
    scarf = ((-0.40 + wave - up) / (2 * pixel) + 0.5).clamp(0, 1) * (across.abs() < 1.0)
    weave = 0.8 + 0.2 * torch.sin(up * 26 + across * 7 + p["place"] * 30)
    weave = weave * (1 - 0.35 * across.abs())
    return [p[f"cloth_{c}"] * weave for c in "brg"], scarf * p["scarf"]


def _overlay(p: Latents, across, up, pixel) -> tuple[Planes, torch.Tensor]:
    """A blurred thing before the lens: colour and cover."""
    lean = across * (p["scene_3"] - 0.5) + up * (p["scene_5"] - 0.5) * 0.5 + p["scene_7"] * 0.5
    thing = torch.sigmoid((lean - 0.52) * 14) * p["overlay"]
    tone = 0.05 + 0.4 * p["scene_9"]
    return [tone * (0.6 + 0.7 * p[f"scene_{i}"]) for i in (0, 1, 2)], thing


def caption(p: Latents, planes: Planes, across, up) -> Planes:
    """A line of letter-like marks over the picture, as on web pictures."""
    rows = wearers(p.flat("text"))
    if rows is None:
        return planes
    p, line = p.select(rows), up[rows] - p["text_y"][rows]
    letters = smooth_noise(across[rows] * 13 + p["place"] * 90, line * 16 + 40)
    row = (line.abs() < 0.085).float() * p["text"]
    ink = (letters[0].abs() > 0.45).float() * row * (line.abs() < 0.06)
    band = row * (0.5 * (p["scene_4"] > 0.5))
    light = (p["scene_2"] > 0.4).float()
    planes = _over(planes, rows, [1 - light] * 3, band)
    return _over(planes, rows, [light, light, light * (p["scene_8"] > 0.3)], ink * 0.92)
