"""Hair, hats, scarves, glasses and ear-rings as simple meshes around a head at rest.

Hair and headgear are one grid each: rows run from the crown over the scalp and then hang, columns
run around the head. Where hair begins and ends is decided per pixel from the template's coordinates
(`lines`), so that no triangle is ever seen at an edge. Lengths are dm; W points are worn.
"""

import functools
from types import SimpleNamespace

import numpy as np
import pandas as pd

from lib.world.basis import BONES, PARTS
from lib.world.body import body, bust_rows, landmark
from lib.world.casting import cast

MIDDLE = np.array([0.0, 7.45, 0.45])  # of the template's skull
COLUMNS, CAP, HANG = 56, 22, 10
STEP = 0.25  # that a hanging row is below the one above
BINS = 64  # of azimuth, in the tables of where hair begins and ends
KINDS = ("hair", "headgear", "tail", "frame", "lens", "brim", "ring")
PART = {name: len(PARTS) + i for i, name in enumerate(KINDS)}
AZIMUTH = np.abs((np.arange(BINS) + 0.5) / BINS * 360 - 180)  # degrees from the front, per bin
HAIRLINE = np.interp(  # height of the hairline in the template, by degrees from the front
    AZIMUTH,
    [0, 22, 38, 50, 58, 66, 76, 84, 98, 108, 118, 140, 180],
    [7.96, 7.99, 7.93, 7.72, 7.52, 7.30, 7.28, 7.42, 7.42, 7.22, 6.98, 6.82, 6.76],
)
FACE = {  # points of the template that glasses and ear-rings hang on
    "bridge": (0, 7.25, 1.53), "left": (0.75, 7.25, 0.62), "right": (-0.75, 7.25, 0.62),
    "left lobe": (0.77, 6.86, 0.55), "right lobe": (-0.77, 6.86, 0.55),
}  # fmt: skip
WAVES = np.array([[1, 2, 0], [0, 1, 2], [2, 0, -1], [-1, 1, 1.5], [1.5, -1, 2]])
DROP = np.array([[3, 0, 0], [-3, 0, 0], [0, 0, 3], [0, 0, -3], [0, 7, 0], [0, -7, 0]]) / 100
LATENTS = ("hair_volume", "hair_length", "curl", "tied", "fringe", "parting", "hairline",
           "baldness", "hat", "scarf", "brow_dark", "place")  # fmt: skip


def _latents(p: pd.DataFrame) -> SimpleNamespace:
    """Latents as (N, 1) arrays."""
    return SimpleNamespace(**{name: p[name].to_numpy()[:, None] for name in LATENTS})


@functools.cache
def scalp() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners (G, 3), their weights (G, 3) and template points (G, 3) of the cap's grid points."""
    bust = body("bust")
    skin = bust.triangles[bust.parts == 0]
    points = bust.points[: len(bust.masks)]
    polar = np.radians(np.linspace(2, 122, CAP))[:, None]
    around = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)[None]
    flat, y = np.sin(polar), np.cos(polar) + 0 * around
    z, tilt = flat * np.cos(around), np.radians(-20)  # the crown is behind the top
    y, z = y * np.cos(tilt) - z * np.sin(tilt), y * np.sin(tilt) + z * np.cos(tilt)
    rays = np.stack([flat * np.sin(around), y, z], -1).reshape(-1, 3)
    # Ears are left out; what is behind them is found from inside.
    outer = skin[bust.masks[skin, 1].max(1) <= 0.2]
    corners, weights = cast(points, outer, MIDDLE + rays * 4, -rays)
    inside, shares = cast(points, skin, MIDDLE + 0 * rays, rays)
    hole = ((_mixed(points[corners], weights) - MIDDLE) * rays).sum(1) < 0.3  # of an ear
    corners, weights = (np.where(hole[:, None], *v) for v in ((inside, corners), (shares, weights)))
    return corners, weights, _mixed(points[corners], weights)


def _mixed(corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(..., G, 3) points of triangles whose corners are (..., G, 3, 3)."""
    return (corners * weights[:, :, None]).sum(-2)


@functools.cache
def template() -> dict[str, np.ndarray]:
    """Everything worn, at the template: `points` (W, 3), `triangles`, `parts` of each triangle."""
    cap = scalp()[2].reshape(CAP, COLUMNS, 3)
    hang = cap[-1:] - np.array([0, STEP, 0]) * np.arange(1, HANG + 1)[:, None, None]
    grid = np.concatenate([cap, hang]).reshape(-1, 3)
    around, along = np.meshgrid(np.linspace(0, 6.0, 10), np.linspace(0, 1, 10))
    tail = np.stack([around, along, 0 * along], -1).reshape(-1, 3)
    cloth, turn = _quads(CAP + HANG, COLUMNS), np.arange(20)
    fan = np.stack([0 * turn + 20, turn, (turn + 1) % 20], 1)
    drop = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    pieces = [
        ("hair", grid, cloth), ("headgear", grid, cloth), ("tail", tail, _quads(10, 10)),
        ("frame", np.zeros((120, 3)), _copies(_quads(4, 20) % 60, 2)),  # rims: three rings each
        ("frame", np.zeros((24, 3)), _copies(_quads(4, 2, False), 3)),  # bridge and temples
        ("lens", np.zeros((42, 3)), _copies(fan, 2)),
        ("brim", np.zeros((36, 3)), _quads(3, 12, False)),
        ("ring", np.zeros((12, 3)), _copies(np.array(drop), 2)),
    ]  # fmt: skip
    starts = np.cumsum([0, *[len(points) for _, points, _ in pieces]])[:-1]
    return {
        "points": np.concatenate([points for _, points, _ in pieces]),
        "triangles": np.concatenate([t + s for (_, _, t), s in zip(pieces, starts, strict=True)]),
        "parts": np.concatenate([np.full(len(t), PART[name]) for name, _, t in pieces]),
    }


def _quads(rows: int, columns: int, closed: bool = True) -> np.ndarray:
    """(T, 3) triangles of a grid, seen from outside where rows run down and columns to the left."""
    i, j = np.indices((rows - 1, columns - (not closed))).reshape(2, -1)
    a, b = i * columns + j, i * columns + (j + 1) % columns
    halves = np.stack([a, a + columns, b], 1), np.stack([b, a + columns, b + columns], 1)
    return np.concatenate(halves)


def _copies(triangles: np.ndarray, count: int) -> np.ndarray:
    """Triangles of a piece and of more pieces like it."""
    return np.concatenate([triangles + k * (triangles.max() + 1) for k in range(count)])


def lines(p: pd.DataFrame) -> np.ndarray:
    """(N, 3, BINS) heights in the template, by azimuth: where hair grows down to, where it ends,
    and where headgear ends."""
    q = _latents(p)
    wave = np.sin(AZIMUTH / 17 + 9 * q.place) * 0.015
    temple = np.exp(-(((AZIMUTH - 36) / 18) ** 2)) * 0.30 + np.exp(-((AZIMUTH / 42) ** 2)) * 0.26
    horseshoe = np.where(AZIMUTH < 62, 8.9, np.interp(AZIMUTH, [62, 80, 180], [7.45, 7.42, 6.8]))
    grows = np.where(q.baldness > 0, horseshoe, HAIRLINE + wave + q.hairline * temple)
    loose = (q.hair_length > 0) & (q.tied == 0) & (58 + 10 * q.place < AZIMUTH)
    long = 6.55 - 1.9 * q.hair_length + 0.06 * np.sin(AZIMUTH / 5)
    ends = np.where(loose, long, grows - 0.02)
    brow = 7.56 + 0.1 * q.brow_dark + 0.0016 * AZIMUTH
    ends = np.where((q.fringe > 0) & (AZIMUTH < 56), np.minimum(brow, ends), ends)
    brim = np.interp(AZIMUTH, [0, 60, 80, 100, 180], [7.78, 7.72, 7.46, 7.40, 7.15])
    return np.stack([grows, ends, np.broadcast_to(brim, grows.shape)], 1).astype(np.float32)


def worn(p: pd.DataFrame) -> np.ndarray:
    """(N, parts) bool: which parts of the mesh each person has."""
    spectacles = (p.glasses > 0) | (p.shades > 0)
    has = {
        "hair": (p.hair_on > 0) & (p.scarf == 0), "headgear": (p.hat > 0) | (p.scarf > 0),
        "tail": (p.tied > 0) & (p.scarf == 0), "frame": spectacles, "lens": spectacles,
        "brim": p.hat == 1, "ring": p.earrings > 0,
    }  # fmt: skip
    own = np.ones((len(p), len(PARTS)), bool)
    return np.concatenate([own, np.stack([has[name] for name in KINDS], 1)], 1)


def put_on(p: pd.DataFrame, points: np.ndarray, kind: str, ends: np.ndarray) -> np.ndarray:
    """(N, W, 3) what each person may wear (`worn`) around rest points (N, V + J, 3).

    ends: `lines` of the same people.
    """
    q = _latents(p)
    corners, weights, rest = scalp()
    on = _mixed(points[:, bust_rows(kind, corners)], weights)
    eyes = points[:, [BONES.index(f"eye.{s}") - len(BONES) for s in "LR"]]
    face = {name: points[:, landmark(kind, *at)] for name, at in FACE.items()}
    hat = _headgear(q, on, rest, ends)
    pieces = [_hair(q, on, rest, ends), hat, _tail(q, on), *_glasses(q, eyes, face)]
    return np.concatenate([*pieces, _brim(hat), _earrings(face)], 1)


def _grown(on: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Cap points (N, G, 3) moved away from the head's middle by (N, G), as a grid."""
    away = on - (on.mean(1, keepdims=True) - np.array([0, 0.25, 0]))
    out = on + away / np.linalg.norm(away, axis=-1, keepdims=True) * by[..., None]
    return out.reshape(len(on), CAP, COLUMNS, 3)


def _hung(cap: np.ndarray, narrow: np.ndarray) -> np.ndarray:
    """The cap (N, CAP, COLUMNS, 3) with hanging rows, flat: down from its edge, around the neck,
    over the chest; narrow: (N, 1) share by which they draw together."""
    edge, drop = cap[:, -1:], np.arange(1, HANG + 1)[:, None] * STEP
    middle = edge.mean(2, keepdims=True)
    flat = (edge - middle) * np.array([1, 0, 1])
    rows = middle + flat * (1 - narrow[..., None] * np.minimum(drop / 0.9, 1))[..., None]
    rows[..., 1] = edge[..., 1] - drop
    chest = np.where(flat[..., 2] > 0.15, 0.42, -0.30) * (np.abs(flat[..., 0]) > 0.3)
    rows[..., 2] += chest * ((drop - 0.9) / 0.5).clip(0, 1)  # from the shoulders' top on
    return np.concatenate([cap, rows], 1).reshape(len(cap), -1, 3)


def _degrees(rest: np.ndarray) -> np.ndarray:
    """Azimuth of template points (G, 3): 0 in front, positive to the person's left."""
    return np.degrees(np.arctan2(rest[:, 0], rest[:, 2] - MIDDLE[2]))


def _column(rest: np.ndarray) -> np.ndarray:
    """Bin of azimuth of template points (G, 3), in the tables of `lines`."""
    return ((_degrees(rest) / 180 + 1) / 2 * BINS).astype(int) % BINS


def _lumps(q: SimpleNamespace, rest: np.ndarray, waves: float | np.ndarray) -> np.ndarray:
    """(N, G) smooth noise about 0 over the template's points, another for each person."""
    total = np.zeros((len(q.place), len(rest)))
    for k, way in enumerate(WAVES):
        total += np.sin(rest @ way * waves * (1 + 0.3 * k) + q.place * 40 * (1 + 0.37 * k))
    return total / 3


def _hair(q: SimpleNamespace, on: np.ndarray, rest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(N, rows of the grid, 3): thin at the hairline, over the ears where it is long, parted."""
    loose = (q.hair_length > 0) & (q.tied == 0)
    side, height, column = np.abs(_degrees(rest)), rest[:, 1], _column(rest)
    rise = ((height - ends[:, 0, column]).clip(0) / 0.30).clip(0, 1)  # above the hairline
    rise = rise * (2 - rise)
    top = ((height - 7.6) / 0.8).clip(0, 1)
    thick = 0.03 + q.hair_volume * (0.11 + 0.15 * top + 0.30 * q.curl**2)
    thick = np.where(q.tied > 0, 0.06 + 0.03 * top, thick)
    thick = thick * np.where((side > 60) & loose, np.maximum(rise, 0.75), rise)
    ear = np.exp(-(((side - 92) / 30) ** 2) - ((height - 7.05).clip(0) / 0.45) ** 2)
    thick = thick + 0.24 * ear * loose
    dent = np.exp(-(((rest[:, 0] - q.parting) / 0.12) ** 2)) * top * (np.abs(q.parting) < 1)
    thick = thick * (1 - 0.4 * dent * (1 - q.curl) * (q.hair_length > 0))
    thick = thick * (1 + 0.10 * (1 + q.curl) * _lumps(q, rest, 3 + 1.5 * q.curl))
    fringe = (q.fringe > 0) & (side < 58) & (height < 8.05)
    thick = np.where(fringe, np.maximum(thick, 0.09), thick).clip(0.012)
    # Where no hair is, the mesh goes inside the head.
    thick = thick - 0.3 * ((ends[:, 1, column] - 0.06 - height) / 0.2).clip(0, 1)
    hung = _hung(_grown(on, thick), 0.6 * (0.06 + 0.14 * q.brow_dark))
    below = slice(CAP * COLUMNS, None)
    sway = _lumps(q, template()["points"][: hung.shape[1]][below], 2.0)
    hung[:, below] += sway[..., None] * np.array([0.035, 0, 0.035])
    return hung


def _headgear(q: SimpleNamespace, on: np.ndarray, rest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """A cap or knitted hat (`hat` 1 or 2) or a headscarf; inside the head where it is not."""
    side, height = np.abs(_degrees(rest)), rest[:, 1]
    top = ((height - 7.7) / 0.7).clip(0, 1)
    ears = np.exp(-(((side - 92) / 26) ** 2) - ((height - 7.1) / 0.45) ** 2)
    knit = 0.13 + 0.10 * top + 0.02 * _lumps(q, rest, 5)
    cloth = 0.14 + 0.24 * ears + 0.025 * _lumps(q, rest, 6)
    thick = np.where(q.scarf > 0, cloth, np.where(q.hat > 1, knit, 0.12 + 0.26 * top))
    face = (side < 50) & (np.abs(height - 7.0) < 0.7)
    bare = np.where(q.scarf > 0, face, height < ends[:, 2, _column(rest)] - 0.1)
    return _hung(_grown(on, np.where(bare, -0.25, thick)), np.full((len(on), 1), 0.34))


def _tail(q: SimpleNamespace, on: np.ndarray) -> np.ndarray:
    """(N, 100, 3) a bun or a tail at the back of the head."""
    along, around = np.indices((10, 10)).reshape(2, -1) * np.array([[1 / 9], [np.pi / 5]])
    bun = q.place < 0.5
    slim = 0.20 * (1 - along) ** 0.5 * (0.5 + 2 * along.clip(0, 0.4))
    radius = np.where(bun, 0.34 * np.sin(np.pi * (0.03 + 0.94 * along)), slim)
    radius = radius * (1 + 0.12 * np.sin(around * 5 + 7 * along))
    back = np.where(bun, -0.5 * along, -0.35 * np.sin(along * 2.2) - 0.1 * along)
    down = np.where(bun, 0.25 * along, -1.9 * along**1.5)
    x, y = np.cos(around) * radius, np.sin(around) * radius
    tail = [x, down + y * np.where(bun, 1, 0.3), back + y * np.where(bun, 0.3, -0.9)]
    start = on[:, CAP // 2 * COLUMNS] + np.array([0, 0.1, 0.12])  # the column at the very back
    return start[:, None] + np.stack(tail, -1)


def _glasses(q: SimpleNamespace, eyes: np.ndarray, face: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Rims (N, 120, 3), bridge and temples (N, 24, 3), lenses (N, 42, 3)."""
    count, place = len(eyes), q.place[..., None]
    turn, square = np.arange(20) * np.pi / 10, 2 + 2 * place  # from round to rectangular
    cosine, sine = np.cos(turn), np.sin(turn)
    reach = (np.abs(cosine) ** square + np.abs(sine) ** square) ** (-1 / square)
    x, y = cosine * reach * (0.255 + 0.03 * place), sine * reach * (0.235 - 0.06 * place)
    oval = np.stack([x, y, -0.5 * x**2 - 0.03], -1)  # (N, 1, 20, 3); rims curve around the face
    centre = eyes * np.array([1.03, 1, 0]) - np.array([0, 0.03, 0])
    centre[..., 2] = np.maximum(eyes[..., 2].mean(1) + 0.36, face["bridge"][:, 2] + 0.03)[:, None]
    centre = centre[:, :, None]
    outline = centre + oval  # (N, 2, 20, 3)
    thick = (0.011 + 0.010 * (q.brow_dark > 0.6))[..., None, None]
    depth = thick * np.array([0, 0, 1])
    rims = np.stack([outline + depth, centre + oval * (1 + 9 * thick), outline - depth], 2)
    nose = np.array([0, 0.02, 0.03])
    starts = np.stack([outline[:, 0, 10] + nose, outline[:, 0, 0], outline[:, 1, 10]], 1)
    stops = np.stack([outline[:, 1, 0] + nose, face["left"], face["right"]], 1)
    along = np.array([0, 0.33, 0.67, 1])[:, None]
    bars = (starts[:, :, None] + (stops - starts)[:, :, None] * along) + np.array([0, 0.05, 0])
    edge = thick * np.array([0, 1, 0.2])
    bars = np.stack([bars + edge, bars - edge], 3)  # (N, 3, 4, 2, 3)
    lenses = np.concatenate([outline, centre], 2)
    return [piece.reshape(count, -1, 3) for piece in (rims, bars, lenses)]


def _brim(hat: np.ndarray) -> np.ndarray:
    """(N, 36, 3) the peak of a cap, ahead of its front edge."""
    grid = hat.reshape(len(hat), CAP + HANG, COLUMNS, 3)
    columns = np.linspace(COLUMNS / 2 - 9, COLUMNS / 2 + 9, 12).round().astype(int)
    rest = scalp()[2].reshape(CAP, COLUMNS, 3)[:, columns, 1]
    edge = grid[:, np.abs(rest - 7.80).argmin(0), columns]
    arch = np.sin(np.linspace(0, np.pi, 12))[:, None] * np.array([0, -0.28, 1.0])
    return np.concatenate([edge + arch * step for step in (-0.02, 0.35, 0.68)], 1)


def _earrings(face: dict[str, np.ndarray]) -> np.ndarray:
    """(N, 12, 3) a drop below each ear."""
    sides = (("left lobe", 0.03), ("right lobe", -0.03))
    ears = [face[name][:, None] + np.array([out, -0.08, 0]) for name, out in sides]
    return np.concatenate([ear + DROP for ear in ears], 1)
