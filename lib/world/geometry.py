"""The head in three dimensions: where a ray from the camera meets it, and how it lies there.

Head coordinates: x to the picture's right on a frontal face, y up, z towards the camera; the chin
is near y = -1, the crown near y = 1. The head is an implicit surface: two ellipsoids (skull, jaw)
melted together, swollen and dented by Gaussian bumps (nose, lips, brow, ears, ...). It is
mirror-symmetric, so every bump is a quadratic in (|x|, y, z), and all of them are one matrix
product per step of the ray.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F

from lib.world import fusing
from lib.world.fusing import fused, sums
from lib.world.hashing import smooth_noise
from lib.world.table import Latents

COARSE, FINE = 6, 8  # steps along a ray, for every second pixel and then for each
BLEND = 0.22  # how softly skull and jaw melt together
FAR = 9.0


@dataclass(frozen=True)
class Shape:
    """Quadratics of a batch of heads over (x², y², z², |x|, y, z, 1)."""

    rows: torch.Tensor  # (B, 5, 7): skull, jaw, hair cap, hairline, long hair
    swell: torch.Tensor  # (B, K, 7): the bumps' exponents
    height: torch.Tensor  # (B, 1, K) how far each bump stands out
    slope: torch.Tensor  # (B, 7, K) bumps -> sums of their gradients
    turn: torch.Tensor  # (B, 3, 3) head coordinates -> camera coordinates


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


def rotation(yaw: torch.Tensor, pitch: torch.Tensor, roll: torch.Tensor) -> torch.Tensor:
    """(B, 3, 3) turn from head to camera; degrees. Yaw > 0 points the nose to picture right,
    pitch > 0 lifts it, roll > 0 tilts the crown to picture right."""
    yaw, pitch, roll = (torch.deg2rad(angle) for angle in (yaw, pitch, roll))
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*entries: torch.Tensor) -> torch.Tensor:
        return torch.stack(entries, -1).unflatten(-1, (3, 3))

    about_y = matrix(yaw.cos(), zero, yaw.sin(), zero, one, zero, -yaw.sin(), zero, yaw.cos())
    about_x = matrix(
        one, zero, zero, zero, pitch.cos(), pitch.sin(), zero, -pitch.sin(), pitch.cos()
    )
    about_z = matrix(roll.cos(), roll.sin(), zero, -roll.sin(), roll.cos(), zero, zero, zero, one)
    return about_z @ about_x @ about_y


def quadratic(centre: tuple, radius: tuple, like: torch.Tensor) -> torch.Tensor:
    """(B, 7) coefficients of the sum of ((p - centre) / radius)²."""
    c = torch.stack([like * 0 + value for value in centre], -1)
    r = torch.stack([like * 0 + value for value in radius], -1)
    scale = r**-2
    return torch.cat([scale, -2 * c * scale, (c * c * scale).sum(-1, keepdim=True)], -1)


def shape(p: Latents) -> Shape:
    """The head of each row of latents."""
    return Shape(*_shape(p))


@fused
def _shape(p: Latents) -> tuple[torch.Tensor, ...]:
    yaw = p.flat("yaw")
    bumps, height = _bumps(p)
    spread, centre = bumps[..., :3], bumps[..., 3:6]
    slope = torch.cat([spread, centre / 2, spread[..., :1] * 0], -1) * height.unsqueeze(-1)
    rows = torch.stack(_bodies(p), 1)
    turn = rotation(yaw, p.flat("pitch"), p.flat("roll"))
    return rows, bumps, height.unsqueeze(1), slope.transpose(1, 2).contiguous(), turn


def _bodies(p: Latents) -> list[torch.Tensor]:
    """Skull, jaw, hair cap, hairline and long hair."""
    wide, jaw, drop = p.flat("face_width"), p.flat("jaw_width"), p.flat("au_jaw")
    volume, length = p.flat("hair_volume"), p.flat("hair_length")
    skull = quadratic((0, 0.24, -0.10), (0.72 * wide, 0.80, 0.90), wide)
    low = quadratic(
        (0, -0.36 - 0.07 * drop, 0.16), (0.535 * wide * jaw, 0.60 + 0.04 * drop, 0.61), wide
    )
    thick = 0.06 + 0.20 * volume
    cap = quadratic(
        (0, 0.24 + 0.3 * thick, -0.14), (0.72 * wide + thick, 0.80 + thick, 0.88 + thick), wide
    )
    recede = p.flat("hairline")
    line = torch.stack(  # < 0 where hair grows
        [
            0.35 + 0.3 * recede, wide * 0, wide * 0,
            -0.25 - 0.9 * recede + 0 * wide, -0.85 + 0 * wide, 0.80 + 0 * wide,
            -0.02 + 0.55 * recede - 0.16 * p.flat("fringe"),
        ],
        -1,
    )  # fmt: skip
    long = quadratic(
        (0, 0.20 - 0.62 * length, -0.34), (0.66 + 0.30 * volume, 0.40 + 0.85 * length, 0.50), wide
    )
    return [skull, low, cap, line, long]


def _bumps(p: Latents) -> tuple[torch.Tensor, torch.Tensor]:
    """Bumps (B, K, 7) and their heights (B, K)."""
    male, old = p.flat("male"), p.flat("wrinkles")
    nose, wing, eye = p.flat("nose_size"), p.flat("nose_width"), p.flat("eye_spacing")
    drop, smile, full = p.flat("au_jaw"), p.flat("au_corner_up"), p.flat("lip_full")
    pucker = p.flat("au_pucker") - 0.4 * p.flat("au_press")
    low = 0.20 * drop
    table = [  # centre x, y, z; size x, y, z; height
        (0, 0.02, 0.74, 0.08, 0.20, 0.20, 0.12 * nose),  # bridge
        (0, -0.22, 0.84, 0.115 * wing, 0.12, 0.24, 0.25 * nose),  # tip
        (0.12 * wing, -0.25, 0.76, 0.065, 0.065, 0.14, 0.075 * wing),  # wings
        (0.30 * eye, 0.27, 0.70, 0.24, 0.085, 0.25, 0.022 + 0.045 * male),  # brow
        (0.33 * eye, 0.07, 0.72, 0.17, 0.115, 0.28, -0.075 - 0.02 * old),  # socket
        (0.33 * eye, 0.08, 0.66, 0.125, 0.09, 0.20, 0.055),  # eyeball
        (0.44, -0.13 + 0.05 * smile, 0.58, 0.19, 0.16, 0.25, 0.05 + 0.05 * smile),  # cheek
        (0.47, -0.42, 0.45, 0.15, 0.2, 0.25, 0.02 + 0.03 * p.flat("cheek") - 0.04 * old),
        (0, -0.455, 0.74, 0.20, 0.065, 0.18, 0.05 + 0.025 * full + 0.03 * pucker),  # upper lip
        (0, -0.585 - low, 0.72, 0.17, 0.06, 0.18, 0.05 + 0.03 * full + 0.03 * pucker),
        (0, -0.68 - low, 0.74, 0.22, 0.05, 0.2, -0.035),  # under the lip
        (0, -0.83 - low, 0.62, 0.19, 0.13, 0.25, (0.06 + 0.03 * male) * p.flat("chin_size")),
        (0.47 * p.flat("jaw_width"), -0.55, 0.12, 0.13, 0.2, 0.28, 0.03 + 0.05 * male),
        (0.74 * p.flat("face_width"), 0.00, -0.12, 0.085, 0.19, 0.12, 0.17 * p.flat("ear_size")),
    ]
    rows = [quadratic(row[:3], row[3:6], male) for row in table]
    return -torch.stack(rows, 1), torch.stack([male * 0 + row[6] for row in table], 1)


Planes = torch.Tensor | list[torch.Tensor]  # (B, K, HW), or K times (B, HW)


class Near(NamedTuple):
    """What a distance was made of, for the surface's slope."""

    root: list[torch.Tensor]  # (B, HW) of skull and jaw
    share: torch.Tensor  # (B, HW) of the skull
    bumps: Planes
    is_long: torch.Tensor  # (B, HW) long hair is nearer than the cap


class Heads:
    """Signed distances (about) to a batch of heads along the rays of a picture."""

    def __init__(self, p: Latents, form: Shape, across: torch.Tensor, up: torch.Tensor) -> None:
        self.form, self.size = form, across.shape[1:]
        self.start = _rays(form.turn, across, up)
        self.ray = [form.turn[:, 2, i, None] for i in range(3)]
        if not fusing.active():
            self.basis = torch.ones(len(across), 7, across[0].numel(), device=across.device)
        self.hair_on = p.flat("hair_on")[:, None]
        self.crown_bald = p.flat("bald")[:, None]
        self.long = p.flat("hair_length")[:, None]
        wide = p.flat("face_width")[:, None]
        self.thin = (0.68 * wide, 0.53 * wide * p.flat("jaw_width")[:, None])

    def at(self, depth: torch.Tensor) -> list[torch.Tensor]:
        """Head coordinates of the points at a camera depth (B, HW)."""
        return [torch.addcmul(o, r, depth) for o, r in zip(self.start, self.ray, strict=True)]

    def gap(self, depth: torch.Tensor) -> torch.Tensor:
        """Distance to the nearer of skin and hair at a camera depth (B, HW)."""
        return torch.minimum(*self.distance(self.at(depth))[:2])

    def distance(self, point: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, Near]:
        """Distance to skin and to hair, and what the first was made of."""
        basis = self._basis(*point)
        skull, jaw, *hair = sums(self.form.rows, basis)
        root = [skull.sqrt(), jaw.sqrt()]
        skull, jaw = ((part - 1) * thin for part, thin in zip(root, self.thin, strict=True))
        share = ((jaw - skull) * (0.5 / BLEND) + 0.5).clamp_(0, 1)
        melt = torch.lerp(jaw, skull, share) - BLEND * share * (1 - share)
        bumps = self._bumps(basis)
        skin = melt - sums(self.form.height, bumps)[0]
        cap, long = self._hair(*hair, *point)
        is_long = long < cap
        hair = torch.minimum(cap, long) + (1 - self.hair_on) * FAR
        return skin, hair, Near(root, share, bumps, is_long)

    def _basis(self, x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> Planes:
        """The seven planes that quadratics are over."""
        if fusing.active():
            return [x * x, y * y, z * z, x.abs(), y, z, torch.ones_like(x)]
        basis = self.basis
        torch.mul(x, x, out=basis[:, 0])
        torch.mul(y, y, out=basis[:, 1])
        torch.mul(z, z, out=basis[:, 2])
        torch.abs(x, out=basis[:, 3])
        basis[:, 4], basis[:, 5] = y, z
        return basis

    def _bumps(self, basis: Planes) -> Planes:
        if fusing.active():
            return [power.clamp_min(-40).exp() for power in sums(self.form.swell, basis)]
        return torch.bmm(self.form.swell, basis).clamp_min_(-40).exp_()  # exp underflows slowly

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
        swell = sums(self.form.slope, near.bumps)
        folded = (point[0].abs(), point[1], point[2])
        skull = near.share * self.thin[0] / near.root[0].clamp_min(0.05)
        jaw = (1 - near.share) * self.thin[1] / near.root[1].clamp_min(0.05)
        rows, out = self.form.rows, []
        for i, q in enumerate(folded):
            grown = -2 * (swell[i] * q + swell[3 + i])
            for weight, row in ((skull, 0), (jaw, 1)):
                line = rows[:, row, i, None] * q + rows[:, row, 3 + i, None] / 2
                grown = torch.addcmul(grown, weight, line)
            out.append(grown)
        out[0] = out[0] * point[0].sign()
        return out

    def hair_slope(self, point: list[torch.Tensor], near: Near) -> list[torch.Tensor]:
        """Gradient of the hair volume (not normalised)."""
        rows, out = self.form.rows, []
        for i in range(3):
            cap = rows[:, 2, i, None] * point[i] + (rows[:, 2, 3 + i, None] / 2 if i else 0)
            long = rows[:, 4, i, None] * point[i] + (rows[:, 4, 3 + i, None] / 2 if i else 0)
            out.append(torch.where(near.is_long, long, cap))
        return out


@fused
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
    form = shape(p)
    rough = across[:, ::2, ::2]
    heads = Heads(p, form, rough, up[:, ::2, ::2])
    depth = _march(heads, torch.full_like(rough, 1.25).flatten(1), COARSE)[0]
    depth = F.max_pool2d(depth.unflatten(1, rough.shape[1:]), 3, 1, 1)  # start before the surface
    depth = depth.repeat_interleave(2, 1).repeat_interleave(2, 2)
    heads = Heads(p, form, across, up)
    depth = depth[:, : across.shape[1], : across.shape[2]].flatten(1)
    depth, nearest = _march(heads, depth, FINE)
    *fields, normal_x, normal_y, normal_z, hollow = _surface(p, heads, depth, nearest, pixel)
    return Hit(*fields, (normal_x, normal_y, normal_z), hollow)


@fused
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
    normal = _unit(_to_camera(heads.form.turn, slope))
    outside = [q + 0.16 * n for q, n in zip(point, _unit(slope), strict=True)]
    hollow = (1 - heads.distance(outside)[0] / 0.16).clamp_(0, 1)
    fields = [*point, depth, cover, on_hair, *normal, hollow]
    return [field.unflatten(1, heads.size) for field in fields]


def _march(heads: Heads, depth: torch.Tensor, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Follow the rays; their depth and how near they have come to the surface (B, HW)."""
    gap, step = _set_out(heads, depth)
    nearest = gap
    for _ in range(steps):
        depth, step, gap, nearest = _advance(heads, depth, step, gap, nearest)
    return depth, nearest


@fused
def _set_out(heads: Heads, depth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    gap = heads.gap(depth)
    return gap, 0.9 * gap


@fused
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
    wild = 0.35 + 0.65 * p.flat("curl").clamp(0, 1)[:, None]
    place = p.flat("place")[:, None]
    noise = smooth_noise((around * 9 + place * 77)[:, None], (y * 5 + place * 43)[:, None])
    fine = smooth_noise((around * 30 + place * 7)[:, None], (y * 6 + place * 83)[:, None])
    return (noise[0][:, 0] * wild + 0.5 * fine[1][:, 0]).clamp(-1.5, 1.5)


def _unit(vector: list[torch.Tensor]) -> list[torch.Tensor]:
    size = (vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2 + 1e-8).rsqrt()
    return [part * size for part in vector]


def _to_camera(turn: torch.Tensor, vector: list[torch.Tensor]) -> list[torch.Tensor]:
    return [sum(turn[:, i, j, None] * vector[j] for j in range(3)) for i in range(3)]
