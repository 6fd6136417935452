"""Examples of the embedded world: a person in every expression, pose and capture, at every age."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from torch import Tensor

from lib import world
from lib.data.faces import FaceSet
from lib.vocabulary import EXPRESSIONS
from lib.world.expression import EMOTIONS, UNITS, prototypes
from lib.world.hashing import Draws
from lib.world.moments import SOURCES, latents
from lib.world.population import LEANS, people_of

CALM = dict(  # nothing hides the face, and the picture is sharp and well lit
    hand=0.0, scarf=0.0, overlay=0.0, text=0.0, shades=0.0, hat=0.0, glasses=0.0, crowd=0.0,
    yaw=0.0, pitch=0.0, roll=0.0, body_yaw=0.0, body_pitch=0.0, body_roll=0.0, gaze_x=0.0,
    gaze_y=0.0, shift_x=0.0, shift_y=0.02, scale=0.80, blur=0.1, noise=0.004, motion_x=0.0,
    motion_y=0.0, jpeg=94.0, exposure=1.05, contrast=1.0, saturation=1.0, vignette=0.0,
    light_x=0.5, light_y=0.6, ambient=0.5, warm=0.0, rim=0.3, cast_r=0.0, cast_g=0.0, cast_b=0.0,
)  # fmt: skip
SITTERS = "celeba"  # the source whose people sit for the examples


def sitters(count: int = 3, *, seed: int = 0) -> pd.DataFrame:
    """Latents of `count` neutral people from light to dark skin before the camera; one row each."""
    table = latents(SITTERS, range(0, 400, 4), seed=seed)
    bare = (table.fringe == 0) & (table.baldness == 0) & (table.squint == 0)
    table = table[table.age.between(20, 50) & bare]
    chosen = []
    for number, tone in enumerate(np.linspace(0.1, 0.75, count)):
        same = table[table.male == (number + 1) % 2]
        chosen.append((same.melanin - tone).abs().idxmin())
    people = table.loc[chosen].reset_index(drop=True)
    return felt(world.rows_of(people, stubble=people.stubble_person, **CALM), "happy", 0.0)


def posed(person: pd.DataFrame, yaw: Sequence[float], size: int) -> Tensor:
    """One person at several yaws in degrees, (len(yaw), 3, size, size) uint8."""
    angles = np.asarray(yaw, float)
    rows = world.rows_of(repeat(person, len(angles)), yaw=angles, body_yaw=0.4 * angles)
    return world.draw(rows, size=size, progress=False)


def felt(people: pd.DataFrame, emotion: str, power: float | np.ndarray) -> pd.DataFrame:
    """The same latents showing one emotion with a strength in [0, 1], for all rows or for each."""
    power = np.broadcast_to(power, len(people))
    units = np.outer(power, prototypes()[EMOTIONS.index(emotion), 0])
    moved = dict(zip((f"au_{unit}" for unit in UNITS), units.T, strict=True))
    moved["au_lid_tight"] = moved["au_lid_tight"] + people.squint.to_numpy()
    lips = 0.9 * moved["au_corner_up"] + 0.8 * moved["au_lip_up"] + moved["au_jaw"] - 0.35
    moved["au_part"] = (lips - moved["au_press"]).clip(0, 1)
    weights = {f"e_{name}": power * (name == emotion) for name in EMOTIONS}
    return world.rows_of(people, **moved, **weights, lopsided=0.0)


def expressive(people: pd.DataFrame, strength: Sequence[float], size: int) -> dict[str, Tensor]:
    """Expression -> every person at several strengths, (people x strengths, 3, S, S) uint8."""
    rows = people.loc[people.index.repeat(len(strength))].reset_index(drop=True)
    power = np.tile(strength, len(people))
    return {
        name: world.draw(felt(rows, name, power), size=size, progress=False) for name in EMOTIONS
    }


def captured(person: pd.DataFrame, count: int, size: int, *, seed: int = 0) -> dict[str, Tensor]:
    """Source -> one person as that source photographs people, (count, 3, size, size) uint8."""
    keep = [str(name) for name in person.columns if name in person_columns()]
    shown = {}
    for source in SOURCES:
        rows = latents(source, range(7, 7 + 30 * count, 30), seed=seed)
        rows[keep] = repeat(person, count)[keep]
        rows["stubble"] = rows.stubble_person
        shown[source] = world.draw(rows, size=size, progress=False)
    return shown


def person_columns() -> list[str]:
    """The latents that belong to a person and not to a moment or a camera."""
    camera = SOURCES[SITTERS]
    return [str(name) for name in people_of(Draws("names", np.arange(1), 0), camera.habits).columns]


def aged(person: pd.DataFrame, ages: Sequence[float], *, seed: int = 0) -> pd.DataFrame:
    """One of the `sitters` at several ages in years; one row for each.

    The person's own random numbers are used again, so that all that does not depend on age stays:
    sex, ancestry, tones, the shape of the head. What depends on it follows by the world's own
    rules: wrinkles, grey hair, the hairline, fuller or hollow cheeks, a beard from twenty on. A
    child, who is in no source of the world, lacks what makes a man's face differ from a woman's.
    """
    number = int(str(person.identity.iloc[0]).rsplit("-", 1)[1])
    draws = Draws(f"{SITTERS} person", np.array([number]), seed)
    rows = repeat(person, len(ages))
    for place, age in enumerate(ages):
        habits = replace(SOURCES[SITTERS].habits, ages=(age, age), makeup=0.0, bald=0.0)
        then = people_of(draws, habits)
        child = np.clip((18 - age) / 8, 0, 1)
        then["mannish"] += 0.8 * child * (0.5 - then.mannish)
        for name, (male, _, _) in LEANS.items():
            then[f"shape_{name}"] -= child * male * (2 * then.male - 1)
        rows.loc[place, then.columns] = then.iloc[0].astype(float)
    return world.rows_of(rows, stubble=rows.stubble_person)


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
