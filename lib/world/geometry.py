"""The head in three dimensions: where a ray from the camera meets it, and how it lies there.

Head coordinates: x to the picture's right on a frontal face, y up, z towards the camera; the chin
is near y = -1, the crown near y = 1.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F

from lib.world.hashing import smooth_noise
from lib.world.head import Products
from lib.world.table import Latents

COARSE, FINE = 6, 8  # steps along a ray, for every second pixel and then for each
BLEND = 0.22  # how softly skull and jaw melt together
FAR = 9.0


@dataclass(frozen=True)
class Hit:
    """Where the rays ended; every member is (B, H, W)."""

    x: torch.Tensor  # head coordinates
    y: torch.Tensor
    z: torch.Tensor
    depth: torch.Tensor  # camera z
    cover: torch.Tensor  # share of the pixel that the head fills
    hair: torch.Tensor  # 1 on hair, 0 on skin
    normal: tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # camera coordinates
    hollow: torch.Tensor  # 0 open sky, 1 deep in a fold


def rotation(p: Latents) -> torch.Tensor:
    """(B, 3, 3) turn from head to camera; degrees. Yaw > 0 points the nose to picture right,
    pitch > 0 lifts it, roll > 0 tilts the crown to picture right."""
    yaw, pitch, roll = (torch.deg2rad(p.flat(name)) for name in ("yaw", "pitch", "roll"))
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*entries: torch.Tensor) -> torch.Tensor:
        return torch.stack(entries, -1).unflatten(-1, (3, 3))

    about_y = matrix(yaw.cos(), zero, yaw.sin(), zero, one, zero, -yaw.sin(), zero, yaw.cos())
    about_x = matrix(
        one, zero, zero, zero, pitch.cos(), pitch.sin(), zero, -pitch.sin(), pitch.cos()
    )
    about_z = matrix(roll.cos(), roll.sin(), zero, -roll.sin(), roll.cos(), zero, zero, zero, one)
    return about_z @ about_x @ about_y


class Near(NamedTuple):
    """What a distance was made of, for the surface's slope."""

    root: list[torch.Tensor]  # (B, HW) of skull and jaw
    share: torch.Tensor  # (B, HW) of the skull
    bumps: torch.Tensor  # (B, K, HW)
    is_long: torch.Tensor  # (B, HW) long hair is nearer than the cap


class Heads:
    """Signed distances (about) to a batch of heads along the rays of a picture."""

    def __init__(
        self, p: Latents, forms: Products, turn: torch.Tensor, across, up: torch.Tensor
    ) -> None:
        self.p, self.forms, self.turn, self.size = p, forms, turn, across.shape[1:]
        self.start = _rays(turn, across, up)
        self.ray = [turn[:, 2, i, None] for i in range(3)]
        self.hair_on = p.column("hair_on")
        self.crown_bald = p.column("bald")
        self.long = p.column("hair_length")
        wide = p.column("face_width")
        self.thin = (0.68 * wide, 0.53 * wide * p.column("jaw_width"))

    def at(self, depth: torch.Tensor) -> list[torch.Tensor]:
        """Head coordinates of the points at a camera depth (B, HW)."""
        return [torch.addcmul(o, r, depth) for o, r in zip(self.start, self.ray, strict=True)]

    def gap(self, depth: torch.Tensor) -> torch.Tensor:
        """Distance to the nearer of skin and hair at a camera depth (B, HW)."""
        return torch.minimum(*self.distance(self.at(depth))[:2])

    def distance(self, point: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, Near]:
        """Distance to skin and to hair, and what the first was made of."""
        forms = self.forms
        (skull, jaw, *hair), bumps = forms.at(*point)
        root = [skull.sqrt(), jaw.sqrt()]
        skull, jaw = ((part - 1) * thin for part, thin in zip(root, self.thin, strict=True))
        share = ((jaw - skull) * (0.5 / BLEND) + 0.5).clamp_(0, 1)
        melt = torch.lerp(jaw, skull, share) - BLEND * share * (1 - share)
        skin = melt - forms.height(bumps)
        cap, long = self._hair(*hair, *point)
        is_long = long < cap
        hair = torch.minimum(cap, long) + (1 - self.hair_on) * FAR
        return skin, hair, Near(root, share, bumps, is_long)

    def _hair(self, cap, line, long, x, y, z) -> tuple[torch.Tensor, torch.Tensor]:
        """Distance to the cap of hair, which ends at a line, and to long hair."""
        cap = torch.maximum((cap.sqrt() - 1) * 0.75, line)
        cap = torch.maximum(cap, (y - 0.42) * 0.9 - (1 - self.crown_bald) * FAR)
        cap = torch.maximum(cap, -0.38 - y - self.long * 2)
        long = torch.maximum((long.sqrt() - 1) * 0.55, z - 0.16 + 0.25 * y)
        long = torch.maximum(long, torch.minimum(0.54 - x.abs(), z + 0.30))  # neck free
        return cap, long + (self.long < 0.3) * FAR

    def slope(self, point: list[torch.Tensor], near: Near) -> list[torch.Tensor]:
        """Gradient of the skin (not normalised)."""
        forms = self.forms
        folded = (point[0].abs(), point[1], point[2])
        out = forms.slope(near.bumps, folded)
        skull = near.share * self.thin[0] / near.root[0].clamp_min(0.05)
        jaw = (1 - near.share) * self.thin[1] / near.root[1].clamp_min(0.05)
        for i, q in enumerate(folded):
            for weight, row in ((skull, forms.bodies[0]), (jaw, forms.bodies[1])):
                out[i] = torch.addcmul(out[i], weight, row[i] * q + row[3 + i] / 2)
        out[0] = out[0] * point[0].sign()
        return out

    def hair_slope(self, point: list[torch.Tensor], near: Near) -> list[torch.Tensor]:
        """Gradient of the hair volume (not normalised)."""
        out = []
        _, _, cap, _, long = self.forms.bodies
        for i, q in enumerate(point):
            one, two = (row[i] * q + (row[3 + i] / 2 if i else 0) for row in (cap, long))
            out.append(torch.where(near.is_long, two, one))
        return out


def _rays(turn: torch.Tensor, across: torch.Tensor, up: torch.Tensor) -> list[torch.Tensor]:
    """Where rays begin, in head coordinates (B, HW)."""
    return [
        (turn[:, 0, i, None] * across.flatten(1) + turn[:, 1, i, None] * up.flatten(1))
        for i in range(3)
    ]


def trace(p: Latents, across: torch.Tensor, up: torch.Tensor, pixel: torch.Tensor) -> Hit:
    """Follow one ray per pixel.

    across, up: (B, H, W) camera coordinates of the pixels, in units of half a head.
    pixel: (B, 1, 1) size of a pixel in the same units.
    """
    forms, turn = Products(p), rotation(p)
    rough = across[:, ::2, ::2]
    heads = Heads(p, forms, turn, rough, up[:, ::2, ::2])
    depth = _march(heads, torch.full_like(rough, 1.25).flatten(1), COARSE)[0]
    depth = F.max_pool2d(depth.unflatten(1, rough.shape[1:]), 3, 1, 1)  # start before the surface
    depth = depth.repeat_interleave(2, 1).repeat_interleave(2, 2)
    heads = Heads(p, forms, turn, across, up)
    depth = depth[:, : across.shape[1], : across.shape[2]].flatten(1)
    depth, nearest = _march(heads, depth, FINE)
    *fields, normal_x, normal_y, normal_z, hollow = _surface(p, heads, depth, nearest, pixel)
    return Hit(*fields, (normal_x, normal_y, normal_z), hollow)


def _surface(
    p: Latents, heads: Heads, depth: torch.Tensor, nearest: torch.Tensor, pixel: torch.Tensor
) -> list[torch.Tensor]:
    """The members of a hit, in turn, from where the rays ended."""
    point = heads.at(depth)
    skin, hair, near = heads.distance(point)
    ragged = _ragged(p, point)
    haired = (hair < skin).float()
    width = pixel.flatten(1) * (1 + 1.2 * haired)
    rim = nearest - 0.5 * width
    cover = (0.5 - rim / width).clamp_(0, 1)
    edge = (skin - hair - 0.014 * ragged - 0.004) / (0.05 + 1.2 * pixel.flatten(1))
    on_hair = (edge + 0.5).clamp_(0, 1)
    bare, locks = _unit(heads.slope(point, near)), _unit(heads.hair_slope(point, near))
    slope = [torch.lerp(bare[i], locks[i], on_hair) for i in range(3)]
    normal = _unit(_to_camera(heads.turn, slope))
    outside = [q + 0.16 * n for q, n in zip(point, _unit(slope), strict=True)]
    hollow = (1 - heads.distance(outside)[0] / 0.16).clamp_(0, 1)
    fields = [*point, depth, cover, on_hair, *normal, hollow]
    return [field.unflatten(1, heads.size) for field in fields]


def _march(heads: Heads, depth: torch.Tensor, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Follow the rays; their depth and how near they have come to the surface (B, HW)."""
    step, gap, nearest = _set_out(heads, depth)
    for _ in range(steps):
        depth, step, gap, nearest = _advance(heads, depth, step, gap, nearest)
    return depth, nearest


def _set_out(heads: Heads, depth: torch.Tensor) -> tuple[torch.Tensor, ...]:
    gap = heads.gap(depth)
    return 0.9 * gap, gap, gap


def _advance(heads: Heads, depth, step, gap, nearest) -> tuple[torch.Tensor, ...]:
    """One secant step, kept within bounds."""
    depth = (depth - step).clamp_(-1.6, 1.6)
    before, gap = gap, heads.gap(depth)
    nearest = torch.minimum(nearest, gap)
    step = gap / ((before - gap) / (step + 1e-4)).clamp_(0.6, 2.5)
    return depth, step, gap, nearest


def _ragged(p: Latents, point: list[torch.Tensor]) -> torch.Tensor:
    """Locks: how far hair stands out or gives way, about -1 to 1 (B, HW)."""
    x, y, z = point
    around = torch.atan2(x, z - 0.1)
    wild = 0.35 + 0.65 * p.column("curl").clamp(0, 1)
    place = p.column("place")
    noise = smooth_noise((around * 9 + place * 77)[:, None], (y * 5 + place * 43)[:, None])
    fine = smooth_noise((around * 30 + place * 7)[:, None], (y * 6 + place * 83)[:, None])
    return (noise[0][:, 0] * wild + 0.5 * fine[1][:, 0]).clamp(-1.5, 1.5)


def _unit(vector: list[torch.Tensor]) -> list[torch.Tensor]:
    size = (vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2 + 1e-8).rsqrt()
    return [part * size for part in vector]


def _to_camera(turn: torch.Tensor, vector: list[torch.Tensor]) -> list[torch.Tensor]:
    return [sum(turn[:, i, j, None] * vector[j] for j in range(3)) for i in range(3)]
