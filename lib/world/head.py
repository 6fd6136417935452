"""What a head is made of: bodies and bumps, as matrix products.

The head is an implicit surface: two ellipsoids (skull, jaw) melted together, swollen and dented by
Gaussian bumps (nose, lips, brow, ears, ...), under a cap of hair and long hair. It is
mirror-symmetric, so everything is a quadratic in (|x|, y, z): seven coefficients over
(x², y², z², |x|, y, z, 1).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from lib.world.table import Latents

Number = float | torch.Tensor  # the same for all heads, or one for each
Triple = tuple[Number, Number, Number]
Column = Callable[[str], torch.Tensor]  # name of a latent -> its value for each head
Planes = torch.Tensor | tuple[torch.Tensor, ...]  # (B, K, HW), or K times (B, HW)


class Bump(NamedTuple):
    """A Gaussian on both sides of the head, `height` high, that swells or dents the skin."""

    centre: Triple
    radius: Triple
    height: Number


def bodies(of: Column) -> list[tuple[Triple, Triple]]:
    """Centres and radii of skull, jaw, hair cap and long hair."""
    wide, jaw, drop = of("face_width"), of("jaw_width"), of("au_jaw")
    volume, length = of("hair_volume"), of("hair_length")
    thick = 0.06 + 0.20 * volume
    return [
        ((0, 0.24, -0.10), (0.72 * wide, 0.80, 0.90)),
        ((0, -0.36 - 0.07 * drop, 0.16), (0.535 * wide * jaw, 0.60 + 0.04 * drop, 0.61)),
        ((0, 0.24 + 0.3 * thick, -0.14), (0.72 * wide + thick, 0.80 + thick, 0.88 + thick)),
        ((0, 0.20 - 0.62 * length, -0.34), (0.66 + 0.30 * volume, 0.40 + 0.85 * length, 0.50)),
    ]


def hairline(of: Column) -> list[Number]:
    """Seven coefficients of what is below 0 where hair grows."""
    recede = of("hairline")
    rise = -0.02 + 0.55 * recede - 0.16 * of("fringe")
    return [0.35 + 0.3 * recede, 0, 0, -0.25 - 0.9 * recede, -0.85, 0.80, rise]


def bumps(of: Column) -> list[Bump]:
    """What swells and dents the face."""
    male, old = of("male"), of("wrinkles")
    nose, wing, eye = of("nose_size"), of("nose_width"), of("eye_spacing")
    drop, smile, full = of("au_jaw"), of("au_corner_up"), of("lip_full")
    pucker = of("au_pucker") - 0.4 * of("au_press")
    low = 0.20 * drop
    table = [  # centre x, y, z; size x, y, z; height
        (0, 0.02, 0.74, 0.08, 0.20, 0.20, 0.12 * nose),  # bridge
        (0, -0.22, 0.84, 0.115 * wing, 0.12, 0.24, 0.25 * nose),  # tip
        (0.12 * wing, -0.25, 0.76, 0.065, 0.065, 0.14, 0.075 * wing),  # wings
        (0.30 * eye, 0.27, 0.70, 0.24, 0.085, 0.25, 0.022 + 0.045 * male),  # brow
        (0.33 * eye, 0.07, 0.72, 0.17, 0.115, 0.28, -0.075 - 0.02 * old),  # socket
        (0.33 * eye, 0.08, 0.66, 0.125, 0.09, 0.20, 0.055),  # eyeball
        (0.44, -0.13 + 0.05 * smile, 0.58, 0.19, 0.16, 0.25, 0.05 + 0.05 * smile),  # cheek
        (0.47, -0.42, 0.45, 0.15, 0.2, 0.25, 0.02 + 0.03 * of("cheek") - 0.04 * old),
        (0, -0.455, 0.74, 0.20, 0.065, 0.18, 0.05 + 0.025 * full + 0.03 * pucker),  # upper lip
        (0, -0.585 - low, 0.72, 0.17, 0.06, 0.18, 0.05 + 0.03 * full + 0.03 * pucker),
        (0, -0.68 - low, 0.74, 0.22, 0.05, 0.2, -0.035),  # under the lip
        (0, -0.83 - low, 0.62, 0.19, 0.13, 0.25, (0.06 + 0.03 * male) * of("chin_size")),
        (0.47 * of("jaw_width"), -0.55, 0.12, 0.13, 0.2, 0.28, 0.03 + 0.05 * male),
        (0.74 * of("face_width"), 0.00, -0.12, 0.085, 0.19, 0.12, 0.17 * of("ear_size")),
    ]
    return [Bump(row[:3], row[3:6], row[6]) for row in table]


def quadratic(centre: Triple, radius: Triple) -> list[Number]:
    """The seven coefficients of the sum of ((p - centre) / radius)²."""
    scale = [r**-2 for r in radius]
    linear = [-2 * c * s for c, s in zip(centre, scale, strict=True)]
    return [*scale, *linear, sum(c * c * s for c, s in zip(centre, scale, strict=True))]


class Products:
    """Bodies and bumps as matrix products, the quickest way on a processor."""

    def __init__(self, p: Latents) -> None:
        def each(numbers: Sequence[Number]) -> torch.Tensor:
            return torch.stack([p.flat("male") * 0 + number for number in numbers], -1)  # (B, K)

        def rows(*triples: Sequence[Triple]) -> torch.Tensor:
            """Coefficients (B, K, 7) of K forms: their centres, their radii."""
            axes = ([each(axis) for axis in zip(*some, strict=True)] for some in triples)
            return torch.stack(quadratic(*axes), -1)

        skull, jaw, cap, long = rows(*zip(*bodies(p.flat), strict=True)).unbind(1)
        centres, radii, heights = zip(*bumps(p.flat), strict=True)
        line, height, swell = each(hairline(p.flat)), each(heights), -rows(centres, radii)
        spread, centre = swell[..., :3], swell[..., 3:6]
        slope = torch.cat([spread, centre / 2, spread[..., :1] * 0], -1) * height.unsqueeze(-1)
        self._rows = torch.stack([skull, jaw, cap, line, long], 1)  # (B, 5, 7)
        self.bodies = [row.unbind(-1) for row in self._rows.unsqueeze(1).unbind(2)]
        self._swell = swell  # (B, K, 7) exponents of the bumps
        self._height = height.unsqueeze(1)  # (B, 1, K)
        self._slope = slope.transpose(1, 2).contiguous()  # (B, 7, K) bumps -> sums of gradients
        self._basis = swell[..., :0]

    def at(self, x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> tuple[Planes, Planes]:
        """Skull, jaw, hair cap, hairline and long hair, and the bumps, each at most 1 high.

        Bodies are squares that are 1 on their surface; hair grows where the hairline is below 0.
        x, y, z: (B, HW) points.
        """
        if self._basis.shape[-1] != x.shape[1]:
            self._basis = x.new_ones(len(x), 7, x.shape[1])
        basis = self._basis
        torch.mul(x, x, out=basis[:, 0])
        torch.mul(y, y, out=basis[:, 1])
        torch.mul(z, z, out=basis[:, 2])
        torch.abs(x, out=basis[:, 3])
        basis[:, 4], basis[:, 5] = y, z
        swell = torch.bmm(self._swell, basis)
        swell = swell.clamp_min_(-40).exp_()  # a processor's exp underflows slowly
        return torch.bmm(self._rows, basis).unbind(1), swell

    def height(self, bumps: Planes) -> torch.Tensor:
        """How far the bumps stand out together (B, HW)."""
        return torch.bmm(self._height, bumps)[:, 0]

    def slope(self, bumps: Planes, point: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Gradient of minus the height at points (|x|, y, z)."""
        swell = torch.bmm(self._slope, bumps).unbind(1)
        return [-2 * (swell[i] * q + swell[3 + i]) for i, q in enumerate(point)]
