"""Light on a head, and the neck, clothes and backdrop behind it."""

from typing import NamedTuple

import torch

from lib.world.geometry import Hit
from lib.world.hashing import smooth_noise
from lib.world.paint import Canvas
from lib.world.table import Latents, wearers

Planes = list[torch.Tensor]


def light_head(p: Latents, hit: Hit, canvas: Canvas) -> Planes:
    """Key light, sky, rim and gloss on the painted surface; linear planes (B, H, W)."""
    nx, ny, nz = hit.normal
    lx, ly = p["light_x"], p["light_y"]
    lz = (1.3 - 0.25 * lx.abs()).clamp_min(0.35)
    size = (lx**2 + ly**2 + lz**2).rsqrt()
    facing = (nx * lx + ny * ly + nz * lz) * size
    key = (facing * 0.86 + 0.14).clamp_min(0)
    open_sky = 1 - 0.78 * hit.hollow
    sky = p["ambient"] * (0.78 + 0.22 * ny) * open_sky
    rim = p["rim"] * (1 - nz).clamp(0, 1) ** 3 * (0.5 - 0.5 * nx * lx.sign())
    bright = key * (0.98 - 0.50 * p["ambient"]) * (0.45 + 0.55 * open_sky) + sky
    half_z = lz * size + 1
    half = ((lx * size) ** 2 + (ly * size) ** 2 + half_z**2).rsqrt()
    mirror = ((nx * lx * size + ny * ly * size + nz * half_z) * half).clamp_min(0)
    shine = canvas.gloss * mirror**18 * 0.28
    warm = (1 + p["warm"], 1.0, 1 - p["warm"])
    return [c * (bright * w + rim) + shine * w for c, w in zip(canvas.planes, warm, strict=True)]


class Stance(NamedTuple):
    """Where a neck stands, (B, 1, 1) each."""

    x: torch.Tensor
    y: torch.Tensor
    lean: torch.Tensor
    half: torch.Tensor  # its half width


def stance(p: Latents) -> Stance:
    """The neck of each row of latents; apart, so that no kernel takes sines at every pixel."""
    yaw, pitch, roll = (torch.sin(torch.deg2rad(p[name])) for name in ("yaw", "pitch", "roll"))
    half = 0.36 + 0.08 * p["male"] + 0.04 * yaw.abs()
    return Stance(-0.34 * yaw - 0.55 * roll, 0.25 * pitch, 0.15 * yaw, half)


def body(p: Latents, neck: Stance, across, up, pixel: torch.Tensor) -> tuple:
    """Neck, collar and shoulders behind the head: planes and cover."""
    x, y, half = across - neck.x - neck.lean * (up + 0.7), up - neck.y, neck.half
    flare = 0.25 * (-0.95 - y).clamp_min(0) ** 1.5
    inside = ((half + flare - x.abs()) / pixel + 0.5).clamp(0, 1)
    skin = inside * ((-0.25 - y) / pixel + 0.5).clamp(0, 1)
    bend = (1 - (x / (half + flare + 0.02)) ** 2).clamp_min(0.03).sqrt()
    lit = (0.42 + 0.42 * bend + 0.20 * x * p["light_x"]).clamp(0.1, 1.2)
    lit = lit * (1 - 0.60 * torch.sigmoid((y + 1.08) * 9))
    planes = [p[f"skin_{c}"] * lit for c in "rgb"]
    slope = 1.22 + 0.10 * p["collar"] + 0.22 * (x / 1.3) ** 2 + 0.6 * (x.abs() - 1.35).clamp_min(0)
    dip = (0.30 * (1 - p["scarf"]) * (1 - (x / 0.5) ** 2)).clamp_min(-0.02) - 0.55 * p["scarf"]
    cloth = ((-y - slope - dip + 0.10) / pixel + 0.5).clamp(0, 1)
    folds = 1 + 0.12 * smooth_noise(x * 5 + p["place"] * 60, y * 3)[0]
    shade = (0.75 + 0.16 * x * p["light_x"]).clamp(0.3, 1.2) * folds
    for i, c in enumerate("rgb"):
        planes[i] = planes[i] + (p[f"cloth_{c}"] * shade - planes[i]) * cloth
    return planes, torch.maximum(skin, cloth)


def backdrop(p: Latents, across: torch.Tensor, up: torch.Tensor) -> Planes:
    """What stands behind: a wash of two colours, mottle, and out-of-focus things.

    across, up: (B, H, W) picture coordinates, -1 to 1 over the height.
    """
    s = [p[f"scene_{i}"] for i in range(12)]
    soft = smooth_noise(across * 2.2 + s[0] * 120, up * 2.2 + s[1] * 120)
    fine = smooth_noise(across * 11 + s[1] * 90, up * (2 + 9 * s[2]) + s[3] * 90)
    slant = across * (s[4] - 0.5) + up * (s[5] - 0.5)
    wash = (0.5 + 0.7 * slant + 0.22 * soft[0]).clamp(0, 1)
    busy = 1 - p["plain"]
    planes = []
    for i in range(3):
        one = (s[6] * 0.75 + busy * 0.22 * (s[(7 + i) % 12] - 0.5)).clamp(0.02, 1)
        two = (s[9] * 0.65 + busy * 0.22 * (s[(3 + 2 * i) % 12] - 0.5)).clamp(0.02, 1)
        two = torch.lerp(two, one * 0.85, p["plain"])
        planes.append(one + (two - one) * wash)
    detail = 1 + busy * (0.16 * s[8] * fine[0] + 0.15 * soft[1]) + 0.03 * fine[1]
    planes = [plane * detail.clamp(0.3, 1.8) for plane in planes]
    for k in range(5):
        _thing(planes, across, up, s, k, busy)
    _crowd(planes, across, up, s, busy * (s[11] > 0.7))
    return [plane.clamp(0.0, 1.2) ** 1.6 for plane in planes]


def _thing(planes: Planes, across, up, s: list, k: int, busy) -> None:
    """One out-of-focus disc, box or head-like oval."""
    a, b, c, d = (((s[(k + j) % 12] * (37.7 + 11.3 * j + 7.1 * k)) % 1) for j in range(4))
    x, y = (across - (2.6 * a - 1.3)), (up - (2.4 * b - 1.2))
    round_ = 2 + 4 * (s[10] > 0.55)
    wide, high = 0.12 + 0.35 * c, 0.12 + 0.40 * d
    reach = (x.abs() / wide) ** round_ + (y.abs() / high) ** round_
    mask = torch.sigmoid((1 - reach) * (2 + 8 * s[11])) * busy * (0.35 + 0.5 * a)
    for i in range(3):
        tone = (0.10 + 0.75 * d + 0.22 * (a - 0.5) * (i - 1) + 0.12 * (b - 0.5)) * (
            0.5 + 0.8 * s[6]
        )
        planes[i] += (tone - planes[i]) * mask


def _crowd(planes: Planes, across, up, s: list, there) -> None:
    """Four people behind those faces that have a crowd, and no work for the others."""
    rows = wearers(there.flatten())
    if rows is None:
        return
    parts, across, up = [plane[rows] for plane in planes], across[rows], up[rows]
    s, there = [value[rows] for value in s], there[rows]
    for k in range(4):
        _bystander(parts, across, up, s, k, there)
    for plane, part in zip(planes, parts, strict=True):
        plane[rows] = part


def _bystander(planes: Planes, across, up, s: list, k: int, there) -> None:
    """One of a crowd, out of focus: hair, face and shoulders, side by side with the others."""
    a, b, c, d = (((s[(2 * k + j) % 12] * (53.1 + 17.9 * j + 5.3 * k)) % 1) for j in range(4))
    size = 0.24 + 0.10 * a
    beside = (1 - 2 * (k % 2)) * (0.50 + 0.15 * k + 0.15 * b)
    x, y = (across - beside) / size, (up - 0.50 + 0.12 * k - 0.3 * (c - 0.5)) / size
    body = torch.sigmoid((1 - (x / 1.9) ** 4 - ((y + 3.3) / 2.1) ** 4) * 3)
    head = torch.sigmoid((1 - (x / 0.85) ** 2 - (y / 1.1) ** 2) * 4)
    face = torch.sigmoid((1 - (x / 0.66) ** 2 - ((y + 0.28) / 0.82) ** 2) * 4)
    skin, bright = 0.22 + 0.5 * d, 0.5 + 0.7 * s[6]
    hair = 0.08 + 0.25 * a * b
    cloth = [0.10 + 0.45 * b + 0.15 * (q - 0.5) for q in (a, d, c)]
    for i, tint in enumerate((1.12, 0.90, 0.78)):
        for tone, mask in ((cloth[i], body), (hair, head), (skin * tint, face)):
            planes[i] += (tone * bright - planes[i]) * mask * there * 0.9
