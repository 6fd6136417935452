"""From latents to a posed body: shape, expression, gaze, the turn of head, neck, trunk and arms.

N people; lengths are dm, angles degrees. Turns are matrices that multiply column vectors.
"""

import dataclasses
import functools

import numpy as np
import pandas as pd

from lib.world.basis import BONES, FINGERS, RACES, Basis, basis
from lib.world.expression import ACTIONS
from lib.world.population import SHAPES

YEARS = (1.0, 11.0, 24.0, 84.0)  # ages of the mesh: baby, child, young, old
TURNED = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75, "head": 1.0}  # share of the head's turn
HANGING = np.array([0.16, -1.0, 0.08])  # an upper arm at rest, of the left side
ELBOW = np.array([0.5, -1.0, -0.6])  # where the elbow of a bent left arm points
KNUCKLES = np.array([0.39, -0.42, -0.82])  # from the first finger to the last, left hand
EASE, STRAIGHT, CURLED = (12, 30, 42), (2, 4, 6), (72, 92, 60)  # bends of a finger's joints
GAZE = 24.0  # turn of an eye whose gaze is 1


@functools.cache
def body(kind: str) -> Basis:
    """The part of the mesh that a kind of picture shows, with its own rows.

    `bust`: head to chest, for crops of faces; `figure`: with arms and hands, for scenes.
    """
    whole = basis()
    middle = whole.points[whole.triangles].mean(1)
    shown = (middle[:, 1] > 3.7) & (np.abs(middle[:, 0]) < 2.9) | (kind == "figure")
    keep, count = np.unique(whole.triangles[shown]), len(whole.masks)
    rows = np.append(keep, np.arange(count, len(whole.points)))  # joints are always kept
    place = np.full(len(whole.points), -1)
    place[rows] = np.arange(len(rows))
    moved = place[whole.moved] >= 0
    own = {
        name: getattr(whole, name)[keep] for name in ("keep", "masks", "shade", "bones", "weights")
    }
    return dataclasses.replace(
        whole,
        points=whole.points[rows],
        shapes=np.ascontiguousarray(whole.shapes[:, rows]),
        details=np.ascontiguousarray(whole.details[:, moved]),
        moved=place[whole.moved][moved],
        triangles=place[whole.triangles[shown]].astype(np.int32),
        parts=whole.parts[shown],
        **own,
    )


@functools.cache
def landmark(kind: str, x: float, y: float, z: float) -> int:
    """The vertex of a kind of body that is nearest to a point of the template's skin."""
    whole = body(kind)
    skin = np.unique(whole.triangles[whole.parts == 0])
    return int(skin[((whole.points[skin] - np.array([x, y, z])) ** 2).sum(1).argmin()])


def bust_rows(kind: str, rows: np.ndarray) -> np.ndarray:
    """Vertices of the bust as vertices of another kind of body."""
    return np.searchsorted(body(kind).keep, body("bust").keep[rows])


def shape_weights(p: pd.DataFrame) -> np.ndarray:
    """(N, 48) of the directions of sex, age and weight, then of ancestry, sex and age."""
    place = np.interp(p.age, YEARS, np.arange(4.0))[:, None]
    ages = (1 - np.abs(place - np.arange(4))).clip(0, 1)
    sexes = np.stack([1 - p.mannish, p.mannish], 1)
    heavy = (1 - np.abs(2 * p[["weight"]].to_numpy() - np.arange(3))).clip(0, 1)
    build = np.einsum("ns,na,nw->nsaw", sexes, ages, heavy)
    kin = np.einsum("nr,ns,na->nrsa", p[list(RACES)].to_numpy(), sexes, ages)
    return np.concatenate([build.reshape(len(p), -1), kin.reshape(len(p), -1)], 1)


def detail_weights(p: pd.DataFrame) -> np.ndarray:
    """(N, K) of local changes and facial actions."""
    names = basis().names
    out = np.zeros((len(p), len(names)), np.float32)
    for row in SHAPES.itertuples():
        value = p[f"shape_{row.Index}"].to_numpy()
        for file, part in ((row.less, -value), (row.more, value)):
            both = [side + file[2:] for side in "lr"] if file.startswith("lr-") else [file]
            for one in both if file else ():
                out[:, names[one]] += part.clip(0)
    lean = p.lopsided.to_numpy()
    for action, units in ACTIONS.groupby(level=0, sort=False):
        power = sum(p[f"au_{unit}"].to_numpy() * share for unit, share in units.to_numpy())
        for side, sign in (("", 0.0),) if action in names else (("Left", 1.0), ("Right", -1.0)):
            out[:, names[action + side]] = (power * (1 + sign * lean)).clip(0, 1.4)
    return out


def rest_points(kind: str, shapes: np.ndarray, details: np.ndarray) -> np.ndarray:
    """(N, V + J, 3) float32 before posing, of weights (N, 48) and (N, K)."""
    whole = body(kind)
    ways, changes = (way.reshape(len(way), -1) for way in (whole.shapes, whole.details))
    points = whole.points.reshape(1, -1) + shapes.astype(np.float32) @ ways
    points = points.reshape(len(shapes), -1, 3)
    points[:, whole.moved] += (details @ changes).reshape(len(shapes), -1, 3)
    return points


def turn(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """(N, 3, 3) of degrees: yaw to the person's left, pitch up, roll to the picture's left."""
    x, y, z = np.eye(3)[:, None]
    about_y, about_x = turn_about(y, np.asarray(yaw)), turn_about(x, -np.asarray(pitch))
    return about_y @ about_x @ turn_about(z, np.asarray(roll))


def turn_about(axis: np.ndarray, degrees: float | np.ndarray) -> np.ndarray:
    """(N, 3, 3): turns by degrees, a number or (N,), about axes (N, 3) of any length."""
    skew, angle = _skew(_unit(axis)), np.radians(np.atleast_1d(degrees))[:, None, None]
    return np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew


def swing(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(N, 3, 3): the smallest turn that takes directions (N, 3) to others."""
    start, end = _unit(start), _unit(end)
    skew, cosine = _skew(np.cross(start, end)), (start * end).sum(1)
    return np.eye(3) + skew + skew @ skew / (1 + cosine).clip(1e-3)[:, None, None]


def _unit(v: np.ndarray) -> np.ndarray:
    """Vectors (N, 3) at length 1."""
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def _skew(axis: np.ndarray) -> np.ndarray:
    """(N, 3, 3) that give the cross product of axes (N, 3) with a vector."""
    return np.cross(axis[:, None], np.eye(3)).transpose(0, 2, 1)


def bone_motions(
    p: pd.DataFrame, joints: np.ndarray, middle: np.ndarray, tall: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turns (N, J, 3, 3) and shifts (N, J, 3) of each bone, of rest points to posed ones.

    joints: (N, J, 3) at rest; middle (N, 3) and tall (N,): of the head at rest.
    """
    trunk = turn(p.body_yaw, p.body_pitch, p.body_roll)
    turns = np.tile(trunk[:, None], (1, len(BONES), 1, 1))
    for name, share in TURNED.items():
        parts = (p[f"body_{k}"] + share * (p[k] - p[f"body_{k}"]) for k in ("yaw", "pitch", "roll"))
        turns[:, BONES.index(name)] = turn(*parts)
    gaze = turn(p.gaze_x * GAZE, p.gaze_y * GAZE * 0.7, np.zeros(len(p)))
    away = p[["hand_x", "hand_y", "hand_z"]].to_numpy() * (tall / 2)[:, None]
    goal = middle + np.einsum("nji,nj->ni", trunk, away)
    for side, sign in (("L", 1), ("R", -1)):
        turns[:, BONES.index(f"eye.{side}")] = turns[:, BONES.index("head")] @ gaze
        raised = ((p.hand > 0) & (p.hand_side * sign > 0)).to_numpy()
        _move_arm(turns, joints, side, goal, raised)
        _bend_fingers(turns, side, raised & (p.hand > 1).to_numpy())
    posed = joints.copy()
    for bone, parent in enumerate(basis().parents):
        if parent >= 0:
            step = joints[:, bone] - joints[:, parent]
            posed[:, bone] = posed[:, parent] + np.einsum("nij,nj->ni", turns[:, parent], step)
    shifts = posed - np.einsum("nkij,nkj->nki", turns, joints)
    return turns.astype(np.float32), shifts.astype(np.float32)


def _move_arm(
    turns: np.ndarray, joints: np.ndarray, side: str, goal: np.ndarray, raised: np.ndarray
) -> None:
    """Let an arm hang, or where raised (N,) bend it so that the wrist comes to a goal (N, 3).

    Changes the turns (N, J, 3, 3) of the arm and hand, which are those of the trunk before.
    """
    names = ("upperarm01", "lowerarm01", "wrist")
    shoulder, elbow, wrist = (BONES.index(f"{name}.{side}") for name in names)
    upper, lower = joints[:, elbow] - joints[:, shoulder], joints[:, wrist] - joints[:, elbow]
    mirror = np.array([1.0 if side == "L" else -1.0, 1, 1])
    first, second = _reach(upper, lower, goal - joints[:, shoulder], ELBOW * mirror)
    first = np.where(raised[:, None], first, HANGING * mirror)
    second = np.where(raised[:, None], second, HANGING * mirror + np.array([0, 0, 0.25]))
    trunk = turns[:, shoulder].copy()
    turns[:, shoulder] = trunk @ swing(upper, first)
    turns[:, elbow] = turns[:, wrist] = trunk @ swing(lower, second)


def _bend_fingers(turns: np.ndarray, side: str, points: np.ndarray) -> None:
    """Fingers of a hand at ease or, where `points` (N,), of one that stretches the first finger."""
    hand = turns[:, BONES.index(f"wrist.{side}")]
    turns[:, [BONES.index(f"{name}.{side}") for name in FINGERS]] = hand[:, None]
    across = KNUCKLES * (np.ones(3) if side == "L" else np.array([1, -1, -1]))
    for finger in range(2, 6):  # the thumb stays straight
        for joint, degrees in enumerate(STRAIGHT if finger == 2 else CURLED):
            bend = np.where(points, degrees, EASE[joint] + 2 * finger)
            bone = BONES.index(f"finger{finger}-{joint + 1}.{side}")
            turns[:, bone] = hand @ turn_about(across[None], bend)


def _reach(
    upper: np.ndarray, lower: np.ndarray, goal: np.ndarray, elbow: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Directions (N, 3) of upper and lower arm whose end is at a goal (N, 3) from the shoulder.

    elbow: (3,) where the elbow points; a goal out of reach is pointed at.
    """
    a, b = (np.linalg.norm(v, axis=1) for v in (upper, lower))
    far = np.linalg.norm(goal, axis=1).clip(np.abs(a - b) + 1e-3, 0.98 * (a + b))
    axis = _unit(goal)
    along = (far**2 + a**2 - b**2) / (2 * far)
    aside = _unit(elbow - (axis @ elbow)[:, None] * axis)
    bent = along[:, None] * axis + np.sqrt((a**2 - along**2).clip(0))[:, None] * aside
    return bent, far[:, None] * axis - bent
