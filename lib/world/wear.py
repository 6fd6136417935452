"""Hair, hats, scarves, glasses and ear-rings as simple meshes around a head at rest.

Hair and headgear are one grid each: rows run from the crown over the scalp and then hang, columns
run around the head. Where hair begins and ends is decided per pixel from the template's coordinates
(`lines`), so that no triangle is ever seen at an edge.
"""

import functools

import numpy as np
import pandas as pd
import warp as wp

from lib.world import casting  # sets warp up
from lib.world.basis import BONES, PARTS
from lib.world.body import body, bust_rows, landmark

MIDDLE = np.array([0.0, 7.45, 0.45])  # of the template's skull, dm
COLUMNS, CAP, HANG = 56, 22, 10
STEP = 0.25  # dm that a hanging row is below the one above
BINS = 64  # of azimuth, in the tables of where hair begins and ends
KINDS = ("hair", "headgear", "tail", "frame", "lens", "brim", "ring")
PART = {name: len(PARTS) + i for i, name in enumerate(KINDS)}
AZIMUTH = np.abs((np.arange(BINS) + 0.5) / BINS * 360 - 180)  # degrees from the front, per bin
HAIRLINE = np.interp(  # height of the hairline in the template, by degrees from the front
    AZIMUTH,
    [0, 22, 38, 50, 58, 66, 76, 84, 98, 108, 118, 140, 180],
    [7.96, 7.99, 7.93, 7.72, 7.52, 7.30, 7.28, 7.42, 7.42, 7.22, 6.98, 6.82, 6.76],
)


@functools.cache
def scalp() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners (G, 3), their weights (G, 3) and template points (G, 3) of the cap's grid points."""
    bust = body("bust")
    skin = bust.triangles[bust.parts == 0]
    points = bust.points[: len(bust.masks)]
    polar = np.radians(np.linspace(2, 122, CAP))[:, None]
    around = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)[None]
    x, y, z = (
        np.sin(polar) * np.sin(around),
        np.cos(polar) + 0 * around,
        np.sin(polar) * np.cos(around),
    )
    tilt = np.radians(-20)  # the crown is behind the top
    y, z = y * np.cos(tilt) - z * np.sin(tilt), y * np.sin(tilt) + z * np.cos(tilt)
    rays = np.stack([x, y, z], -1).reshape(-1, 3)
    side = bust.masks[skin, 1].max(1) > 0.2
    outer = skin[~side]  # ears are left out; what is behind them is found from inside
    mesh = _mesh(points, outer)
    found = [
        _cast(mesh, MIDDLE + rays * 4, -rays),
        _cast(_mesh(points, skin), MIDDLE + 0 * rays, rays),
    ]
    inner = ((_at(points, outer, *found[0]) - MIDDLE) * rays).sum(1) < 0.3  # through the ear's hole
    corners = np.where(inner[:, None], skin[found[1][0]], outer[found[0][0]])
    weights = np.where(inner[:, None], found[1][1], found[0][1])
    return corners, weights, (points[corners] * weights[:, :, None]).sum(1)


def _mesh(points: np.ndarray, triangles: np.ndarray) -> wp.Mesh:
    with wp.ScopedDevice("cpu"):
        return wp.Mesh(wp.array(points, dtype=wp.vec3), wp.array(triangles.ravel(), dtype=int))


def _cast(mesh: wp.Mesh, starts: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangle (N,) and weights of its corners (N, 3) that each ray meets first."""
    with wp.ScopedDevice("cpu"):
        face, weights = wp.zeros(len(rays), dtype=int), wp.zeros(len(rays), dtype=wp.vec3)
        ends = [wp.array(np.float32(v), dtype=wp.vec3) for v in (starts, rays)]
        wp.launch(casting.first_hit, len(rays), [mesh.id, *ends, face, weights])
        return face.numpy(), weights.numpy()


def _at(points, triangles, face, weights) -> np.ndarray:
    return (points[triangles[face]] * weights[:, :, None]).sum(1)


@functools.cache
def template() -> dict[str, np.ndarray]:
    """Everything worn, at the template: `points` (W, 3), `triangles`, `parts` of each triangle."""
    cap = scalp()[2].reshape(CAP, COLUMNS, 3)
    hang = cap[-1:] - np.array([0, STEP, 0]) * np.arange(1, HANG + 1)[:, None, None]
    grid = np.concatenate([cap, hang]).reshape(-1, 3)
    rows = CAP + HANG
    pieces = [
        (grid, _quads(rows, COLUMNS), "hair"), (grid, _quads(rows, COLUMNS), "headgear"),
        (_tail_rest(), _quads(10, 10), "tail"), (np.zeros((120, 3)), _rims(), "frame"),
        (np.zeros((24, 3)), _bars(), "frame"), (np.zeros((42, 3)), _lenses(), "lens"),
        (np.zeros((36, 3)), _quads(3, 12, False), "brim"), (np.zeros((12, 3)), _rings(), "ring"),
    ]  # fmt: skip
    starts = np.cumsum([0, *[len(points) for points, _, _ in pieces]])
    return {
        "points": np.concatenate([points for points, _, _ in pieces]),
        "triangles": np.concatenate([t + s for (_, t, _), s in zip(pieces, starts, strict=False)]),
        "parts": np.concatenate([np.full(len(t), PART[name]) for _, t, name in pieces]),
    }


def _quads(rows: int, columns: int, closed: bool = True) -> np.ndarray:
    """(T, 3) triangles of a grid, seen from outside where rows run down and columns to the left."""
    i, j = (
        v.ravel()
        for v in np.meshgrid(np.arange(rows - 1), np.arange(columns - (not closed)), indexing="ij")
    )
    a, b = i * columns + j, i * columns + (j + 1) % columns
    return np.concatenate(
        [np.stack([a, a + columns, b], 1), np.stack([b, a + columns, b + columns], 1)]
    )


def _tail_rest() -> np.ndarray:
    along, around = np.meshgrid(np.linspace(0, 1, 10), np.linspace(0, 6.0, 10), indexing="ij")
    return np.stack([around, along, 0 * along], -1).reshape(-1, 3)


def _rims() -> np.ndarray:
    ring = _quads(4, 20)
    ring = np.where(ring >= 60, ring - 60, ring)  # the section's fourth side is its first
    return np.concatenate([ring, ring + 60])


def _bars() -> np.ndarray:
    """Bridge and two temples: each a flat strip of eight points seen from both sides."""
    strip = _quads(4, 2, False)
    return np.concatenate([strip, strip + 8, strip + 16])


def _lenses() -> np.ndarray:
    fan = np.stack([np.full(20, 20), np.arange(20), (np.arange(20) + 1) % 20], 1)
    return np.concatenate([fan, fan + 21])


def _rings() -> np.ndarray:
    eight = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return np.concatenate([np.array(eight), np.array(eight) + 6])


def lines(p: pd.DataFrame) -> np.ndarray:
    """(N, 3, BINS) heights in the template, by azimuth: where hair grows down to, where it ends,
    and where headgear ends."""
    wave = np.sin(AZIMUTH / 17 + 9 * p.place.to_numpy()[:, None]) * 0.015
    temple = np.exp(-(((AZIMUTH - 36) / 18) ** 2)) * 0.30 + np.exp(-((AZIMUTH / 42) ** 2)) * 0.26
    grows = HAIRLINE + wave + p.hairline.to_numpy()[:, None] * temple
    horseshoe = np.where(AZIMUTH < 62, 8.9, np.interp(AZIMUTH, [62, 80, 180], [7.45, 7.42, 6.8]))
    grows = np.where(p.baldness.to_numpy()[:, None] > 0, horseshoe, grows)
    ends = grows - 0.02
    loose = ((p.hair_length > 0) & (p.tied == 0)).to_numpy()[:, None]
    reach = 6.55 - 1.9 * p.hair_length.to_numpy()[:, None] + 0.06 * np.sin(AZIMUTH / 5)
    opening = 58 + 10 * p.place.to_numpy()[:, None]
    ends = np.where(loose & (opening < AZIMUTH), reach, ends)
    brow = 7.56 + 0.1 * p.brow_dark.to_numpy()[:, None] + 0.0016 * AZIMUTH
    ends = np.where(
        (p.fringe.to_numpy()[:, None] > 0) & (AZIMUTH < 56), np.minimum(brow, ends), ends
    )
    brim = np.interp(AZIMUTH, [0, 60, 80, 100, 180], [7.78, 7.72, 7.46, 7.40, 7.15])
    return np.stack([grows, ends, np.broadcast_to(brim, grows.shape)], 1).astype(np.float32)


def worn(p: pd.DataFrame) -> np.ndarray:
    """(N, parts) bool: which parts of the mesh each person has."""
    out = np.ones((len(p), len(PARTS) + len(KINDS)), bool)
    spectacles = (p.glasses > 0) | (p.shades > 0)
    has = {
        "hair": (p.hair_on > 0) & (p.scarf == 0), "headgear": (p.hat > 0) | (p.scarf > 0),
        "tail": (p.tied > 0) & (p.scarf == 0), "frame": spectacles, "lens": spectacles,
        "brim": p.hat == 1, "ring": p.earrings > 0,
    }  # fmt: skip
    for name, rows in has.items():
        out[:, PART[name]] = rows
    return out


def put_on(p: pd.DataFrame, points: np.ndarray, kind: str) -> np.ndarray:
    """(N, W, 3) what each person may wear (`worn`) around rest points (N, V + J, 3)."""
    corners, weights, rest = scalp()
    corners = bust_rows(kind, corners)
    on = (points[:, corners] * weights[None, :, :, None]).sum(2).reshape(len(p), CAP, COLUMNS, 3)
    hair, hat = _hair(p, on, rest), _headgear(p, on, rest)
    eyes = points[:, [BONES.index(f"eye.{s}") - len(BONES) for s in "LR"]]
    face = {name: points[:, landmark(kind, *at)] for name, at in
            {"bridge": (0, 7.25, 1.53), "left": (0.75, 7.25, 0.62), "right": (-0.75, 7.25, 0.62),
             "lobe_l": (0.77, 6.86, 0.55), "lobe_r": (-0.77, 6.86, 0.55)}.items()}  # fmt: skip
    pieces = [hair, hat, _tail(p, on), *_glasses(p, eyes, face), _brim(p, hat), _earrings(p, face)]
    return np.concatenate(pieces, 1)


def _grown(on: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Grid points (N, CAP, COLUMNS, 3) moved away from the head's middle by (N, CAP, COLUMNS)."""
    away = on - (on.mean((1, 2), keepdims=True) - np.array([0, 0.25, 0]))
    return on + away / np.linalg.norm(away, axis=-1, keepdims=True) * by[..., None]


def _hung(p: pd.DataFrame, cap: np.ndarray, narrow: np.ndarray, chin: bool) -> np.ndarray:
    """The cap with hanging rows (N, G, 3): down from its edge, around the neck, over the chest."""
    edge = cap[:, -1]
    middle = edge.mean(1, keepdims=True)
    flat = edge - middle
    flat[..., 1] = 0
    drop = np.arange(1, HANG + 1) * STEP
    rows = []
    for step in drop:
        inward = 1 - narrow[:, None, None] * min(step / 0.9, 1.0) * (1 if chin else 0.6)
        row = middle + flat * inward
        row[..., 1] = edge[..., 1] - step
        below = (6.1 - (7.0 - step)).clip(0)  # dm below the shoulders' top
        front = np.where(flat[..., 2] > 0.15, 0.42, -0.30)
        row[..., 2] += front * min(below / 0.5, 1.0) * (np.abs(flat[..., 0]) > 0.3)
        rows.append(row)
    return np.concatenate([cap, np.stack(rows, 1)], 1).reshape(len(p), -1, 3)


def _column(rest: np.ndarray) -> np.ndarray:
    """Bin of azimuth of template points (G, 3), in the tables of `lines`."""
    around = np.arctan2(rest[:, 0], rest[:, 2] - MIDDLE[2])
    return ((around / np.pi + 1) / 2 * BINS).astype(int) % BINS


def _lumps(p: pd.DataFrame, rest: np.ndarray, waves: float) -> np.ndarray:
    """(N, G) smooth noise about 0 over the template's points, another for each person."""
    phase = p.place.to_numpy()[:, None] * 40
    total = 0
    for k, direction in enumerate(
        np.array([[1, 2, 0], [0, 1, 2], [2, 0, -1], [-1, 1, 1.5], [1.5, -1, 2]])
    ):
        total = total + np.sin(rest @ direction * waves * (1 + 0.3 * k) + phase * (1 + 0.37 * k))
    return total / 3


def _hair(p: pd.DataFrame, on: np.ndarray, rest: np.ndarray) -> np.ndarray:
    volume, curl, long = (p[k].to_numpy()[:, None] for k in ("hair_volume", "curl", "hair_length"))
    loose = (long > 0) & (p.tied.to_numpy()[:, None] == 0)
    tables = lines(p)
    around = np.degrees(np.arctan2(rest[:, 0], rest[:, 2] - MIDDLE[2]))
    column = _column(rest)
    above = (rest[:, 1] - tables[:, 0][:, column]).clip(0)  # (N, cap points) dm above the hairline
    rise = (above / 0.30).clip(0, 1)
    rise = rise * (2 - rise)
    top = ((rest[:, 1] - 7.6) / 0.8).clip(0, 1)
    thick = 0.03 + volume * (0.11 + 0.15 * top + 0.30 * curl**2)
    thick = np.where(p.tied.to_numpy()[:, None] > 0, 0.06 + 0.03 * top, thick)
    back = (np.abs(around) > 60) & loose
    thick = thick * np.where(back, np.maximum(rise, 0.75), rise)
    ear = np.exp(-(((np.abs(around) - 92) / 30) ** 2) - ((rest[:, 1] - 7.05).clip(0) / 0.45) ** 2)
    thick = thick + 0.24 * ear * loose
    parted = np.abs(p.parting.to_numpy()[:, None]) < 1
    dent = np.exp(-(((rest[:, 0] - p.parting.to_numpy()[:, None]) / 0.07) ** 2)) * top * parted
    thick = thick * (1 - 0.5 * dent * (1 - curl))
    thick = thick * (1 + (0.10 + 0.25 * curl) * _lumps(p, rest, 3 + 4 * curl))
    fringe = (p.fringe.to_numpy()[:, None] > 0) & (np.abs(around) < 58) & (rest[:, 1] < 8.05)
    thick = np.where(fringe, np.maximum(thick, 0.09), thick).clip(0.012)
    ends = tables[:, 1][:, column]  # where no hair is, the mesh goes inside the head
    thick = thick - 0.3 * ((ends - 0.06 - rest[:, 1]) / 0.2).clip(0, 1)
    cap = _grown(on, thick.reshape(on.shape[:3]))
    hung = _hung(p, cap, 0.06 + 0.14 * p.brow_dark.to_numpy(), False)
    sway = _lumps(p, template()["points"][: hung.shape[1]], 2.0)
    hung[:, CAP * COLUMNS :, :] += (sway * 0.035)[:, CAP * COLUMNS :, None] * np.array([1, 0, 1])
    return hung


def _headgear(p: pd.DataFrame, on: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """A cap or knitted hat (`hat` 1 or 2) or a headscarf."""
    hat, scarf = p.hat.to_numpy()[:, None], p.scarf.to_numpy()[:, None]
    top = ((rest[:, 1] - 7.7) / 0.7).clip(0, 1)
    around = np.degrees(np.abs(np.arctan2(rest[:, 0], rest[:, 2] - MIDDLE[2])))
    ears = np.exp(-(((around - 92) / 26) ** 2) - ((rest[:, 1] - 7.1) / 0.45) ** 2)
    knit = 0.13 + 0.10 * top + 0.02 * _lumps(p, rest, 5)
    peak = 0.12 + 0.26 * top
    cloth = 0.14 + 0.24 * ears + 0.025 * _lumps(p, rest, 6)
    thick = np.where(scarf > 0, cloth, np.where(hat > 1, knit, peak))
    bare = np.where(
        scarf > 0,
        (around < 50) & (np.abs(rest[:, 1] - 7.0) < 0.7),
        rest[:, 1] < lines(p)[:, 2][:, _column(rest)] - 0.1,
    )
    thick = np.where(bare, -0.25, thick)
    return _hung(p, _grown(on, thick.reshape(on.shape[:3])), np.full(len(p), 0.34), True)


def _tail(p: pd.DataFrame, on: np.ndarray) -> np.ndarray:
    """(N, 100, 3) a bun or a tail at the back of the head."""
    along, around = (
        v.ravel()
        for v in np.meshgrid(np.linspace(0, 1, 10), np.arange(10) * np.pi / 5, indexing="ij")
    )
    start = on[:, CAP // 2, 0] + np.array([0, 0.1, 0.12])  # the column at the very back
    bun = (p.place.to_numpy() < 0.5)[:, None]
    radius = np.where(
        bun,
        0.34 * np.sin(np.pi * (0.03 + 0.94 * along)),
        0.20 * (1 - along) ** 0.5 * (0.5 + 2 * along.clip(0, 0.4)),
    )
    back = np.where(bun, -0.5 * along, -0.35 * np.sin(along * 2.2) - 0.1 * along)
    down = np.where(bun, 0.25 * along, -1.9 * along**1.5)
    radius = radius * (1 + 0.12 * np.sin(around * 5 + 7 * along))
    x, y = np.cos(around) * radius, np.sin(around) * radius
    tail = np.stack([x, down + y * np.where(bun, 1, 0.3), back + y * np.where(bun, 0.3, -0.9)], -1)
    return start[:, None] + tail


def _glasses(p: pd.DataFrame, eyes: np.ndarray, face: dict) -> list[np.ndarray]:
    """Rims (N, 120, 3), bridge and temples (N, 24, 3), lenses (N, 42, 3)."""
    count, place = len(p), p.place.to_numpy()[:, None, None]
    turn = np.arange(20) * np.pi / 10
    squareness = 2 + 2 * place
    c, s = np.cos(turn)[None, None, :, None], np.sin(turn)[None, None, :, None]
    reach = (np.abs(c) ** squareness[..., None] + np.abs(s) ** squareness[..., None]) ** (
        -1 / squareness[..., None]
    )
    wide, high = 0.255 + 0.03 * place, 0.175 + 0.06 * (1 - place)
    front = np.maximum(eyes[:, :, 2].mean(1) + 0.36, face["bridge"][:, 2] + 0.03)
    centre = (
        eyes * np.array([1.03, 1, 0])
        - np.array([0, 0.03, 0])
        + np.array([0, 0, 1]) * front[:, None, None]
    )
    oval = np.concatenate(
        [c * reach * wide[..., None], s * reach * high[..., None], 0 * c * reach], -1
    )
    oval[..., 2] -= 0.5 * (oval[..., 0] ** 2) + 0.03  # rims curve around the face
    outline = centre[:, :, None] + oval  # (N, 2, 20, 3)
    thick = 0.011 + 0.010 * (p.brow_dark.to_numpy() > 0.6)
    steps = [np.array([0, 0, 1.0]), np.array([0, 0, -1.0])]
    rim = [outline + thick[:, None, None, None] * step for step in steps]
    rim.insert(1, centre[:, :, None] + oval * (1 + 1.8 * thick[:, None, None, None] / 0.2))
    rims = np.stack(rim, 2).reshape(count, 120, 3)
    bars = []
    nose = np.array([0, 0.02, 0.03])
    for a, b in (
        (outline[:, 0, 10] + nose, outline[:, 1, 0] + nose), (outline[:, 0, 0], face["left"]),
        (outline[:, 1, 10], face["right"]),
    ):  # fmt: skip
        a, b = a + np.array([0, 0.05, 0]), b + np.array([0, 0.05, 0])
        points = [a + (b - a) * t for t in (0, 0.33, 0.67, 1)]
        edge = np.array([0, 1, 0.2]) * thick[:, None]
        bars += [v for point in points for v in (point + edge, point - edge)]
    lens = np.concatenate([outline, centre[:, :, None] + np.array([0, 0, 0.0])], 2).reshape(
        count, 42, 3
    )
    return [rims, np.stack(bars, 1), lens]


def _brim(p: pd.DataFrame, hat: np.ndarray) -> np.ndarray:
    """(N, 36, 3) the peak of a cap, ahead of its front edge."""
    grid = hat.reshape(len(p), CAP + HANG, COLUMNS, 3)
    columns = np.linspace(COLUMNS / 2 - 9, COLUMNS / 2 + 9, 12).round().astype(int)
    rest = scalp()[2].reshape(CAP, COLUMNS, 3)[:, columns, 1]
    row = np.abs(rest - 7.80).argmin(0)
    edge = grid[:, row, columns]
    arch = np.sin(np.linspace(0, np.pi, 12))[None, :, None]
    rows = [edge + arch * step * np.array([0, -0.28, 1.0]) for step in (-0.02, 0.35, 0.68)]
    return np.concatenate(rows, 1)


def _earrings(p: pd.DataFrame, face: dict) -> np.ndarray:
    """(N, 12, 3) a drop below each ear."""
    shape = np.array([[1, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1], [0, 1, 0], [0, -1, 0]]) * [
        0.03,
        0.07,
        0.03,
    ]
    hung = [
        face[f"lobe_{s}"][:, None] + np.array([0.03 * sign, -0.08, 0]) + shape
        for s, sign in (("l", 1), ("r", -1))
    ]
    return np.concatenate(hung, 1)
