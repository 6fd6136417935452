"""Examples of the embedded world: a person in every expression, in every pose, by every camera."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from lib import world
from lib.data.faces import FaceSet
from lib.vocabulary import EXPRESSIONS
from lib.world.expression import EMOTIONS, UNITS, prototypes
from lib.world.hashing import Draws
from lib.world.moments import SOURCES, latents
from lib.world.population import people_of

CALM = dict(  # nothing hides the face, and the picture is sharp and well lit
    hand=0.0, scarf=0.0, overlay=0.0, text=0.0, shades=0.0, hat=0.0, pitch=0.0, roll=0.0,
    shift_x=0.0, shift_y=-0.04, scale=0.76, gaze_x=0.0, gaze_y=0.0, blur=0.2, noise=0.005,
    motion_x=0.0, motion_y=0.0, jpeg=92.0, exposure=1.0, contrast=1.0, saturation=1.0,
)  # fmt: skip


def sitters(count: int = 3, *, seed: int = 0) -> pd.DataFrame:
    """Latents of `count` people from light to dark skin in front of the camera; one row each."""
    table = latents("celeba", range(0, 400, 4), seed=seed)
    table = table[table.age.between(20, 50) & (table.glasses == 0) & (table.fringe == 0)]
    chosen = []
    for number, tone in enumerate(np.linspace(0.1, 0.75, count)):
        same = table[table.male == (number + 1) % 2]
        chosen.append((same.melanin - tone).abs().idxmin())
    return world.rows_of(table.loc[chosen].reset_index(drop=True), yaw=0.0, **CALM)


def posed(person: pd.DataFrame, yaw: Sequence[float], size: int) -> Tensor:
    """One person at several yaws in degrees, (len(yaw), 3, size, size) uint8."""
    rows = repeat(person, len(yaw)).assign(yaw=np.asarray(yaw, float))
    return world.draw(rows, size=size, progress=False)


def expressive(people: pd.DataFrame, strength: Sequence[float], size: int) -> dict[str, Tensor]:
    """Expression -> every person at several strengths, (people x strengths, 3, S, S) uint8."""
    table = prototypes()[:, 0]  # (6, units)
    shown = {}
    for number, name in enumerate(EMOTIONS):
        rows = people.loc[people.index.repeat(len(strength))].reset_index(drop=True)
        power = np.tile(strength, len(people))
        rows[[f"e_{emotion}" for emotion in EMOTIONS]] = 0.0
        rows[f"e_{name}"] = power
        rows[[f"au_{unit}" for unit in UNITS]] = np.outer(power, table[number]).clip(0, 1.1)
        lips = 0.6 * rows.au_corner_up + rows.au_jaw + 0.8 * rows.au_lip_up
        rows["part"] = (lips - 0.2).clip(0, 1)
        rows["teeth"] = (0.15 + 0.7 * rows.au_corner_up + 0.9 * rows.au_lip_up).clip(0, 1)
        shown[name] = world.draw(rows, size=size, progress=False)
    return shown


def captured(person: pd.DataFrame, count: int, size: int, *, seed: int = 0) -> dict[str, Tensor]:
    """Source -> one person as that source photographs people, (count, 3, size, size) uint8."""
    keep = [str(name) for name in person.columns if name in person_columns()]
    shown = {}
    for source in SOURCES:
        rows = latents(source, range(7, 7 + 30 * count, 30), seed=seed)
        rows[keep] = repeat(person, count)[keep]
        rows["eye_open"], rows["stubble"] = rows.eye_person, rows.stubble_person
        shown[source] = world.draw(rows, size=size, progress=False)
    return shown


def person_columns() -> list[str]:
    """The latents that belong to a person and not to a moment or a camera."""
    camera = SOURCES["celeba"]
    return [str(name) for name in people_of(Draws("names", np.arange(1), 0), camera.habits).columns]


def borderline(faces: FaceSet, source: str = "expw", count: int = 8) -> dict[str, FaceSet]:
    """Faces whose two strongest expressions are nearly equally strong, by the pair of expressions.

    Empty where the faces are not of the embedded world (their latents are unknown).
    """
    names = [f"e_{name}" for name in EMOTIONS]
    if not set(names) <= set(faces.table):
        return {}
    rows = (faces.table["source"] == source).to_numpy()
    shown = np.column_stack([faces.table[names].to_numpy(), np.full(len(faces), 0.27)])
    order = np.argsort(-shown, 1)
    gap = np.take_along_axis(shown, order[:, :1], 1) - np.take_along_axis(shown, order[:, 1:2], 1)
    near = np.flatnonzero(rows & (gap[:, 0] < 0.12))
    pairs = pd.Series([" or ".join(EXPRESSIONS[k] for k in sorted(order[i, :2])) for i in near])
    common = pairs.value_counts().index[:4]
    return {name: faces.select(near[(pairs == name).to_numpy()][:count]) for name in common}


def repeat(row: pd.DataFrame, count: int) -> pd.DataFrame:
    return pd.concat([row] * count, ignore_index=True)
