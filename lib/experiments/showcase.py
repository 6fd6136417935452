"""Examples of the embedded world: a person in every expression, pose and capture, at every age."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from lib import world
from lib.data import photos, scenes
from lib.evaluation import annotation
from lib.vocabulary import EXPRESSIONS, columns
from lib.world import labels
from lib.world.expression import EMOTIONS, UNITS, prototypes
from lib.world.hashing import Draws
from lib.world.moments import CAPTURES, FRAMES, SEQUENCES, SOURCES, latents
from lib.world.population import SHAPES, people_of
from lib.world.scenes import pairs

CALM = dict(  # nothing hides the face, and the picture is sharp and well lit
    hand=0.0, scarf=0.0, overlay=0.0, text=0.0, shades=0.0, hat=0.0, glasses=0.0, crowd=0.0,
    yaw=0.0, pitch=0.0, roll=0.0, body_yaw=0.0, body_pitch=0.0, body_roll=0.0, gaze_x=0.0,
    gaze_y=0.0, shift_x=0.0, shift_y=0.02, scale=0.80, blur=0.1, noise=0.004, motion_x=0.0,
    motion_y=0.0, jpeg=94.0, exposure=1.05, contrast=1.0, saturation=1.0, vignette=0.0,
    light_x=0.5, light_y=0.6, ambient=0.5, warm=0.0, rim=0.3, cast_r=0.0, cast_g=0.0, cast_b=0.0,
)  # fmt: skip
PAIRS = (10_000_010, 10_000_013, 10_000_014)  # two people each; both faces are found
TEASER = 10_001_956  # chosen by hand: two large faces, and annotators who differ
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


def posed(person: pd.DataFrame, angles: Sequence[float], size: int, axis: str = "yaw") -> Tensor:
    """One person turned by several angles in degrees, (len(angles), 3, size, size) uint8.

    axis: `yaw` (positive to the picture's right), `pitch` (up) or `roll`; the body follows a yaw.
    """
    degrees = np.asarray(angles, float)
    turned = {axis: degrees} | ({"body_yaw": 0.4 * degrees} if axis == "yaw" else {})
    rows = world.rows_of(repeat(person, len(degrees)), **turned)
    return world.draw(rows, size=size, progress=False)


def felt(people: pd.DataFrame, emotion: str, power: float | np.ndarray) -> pd.DataFrame:
    """The same latents showing one emotion with a strength in [0, 1], for all rows or for each."""
    power = np.broadcast_to(np.asarray(power, float), len(people))
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
    one = people_of(Draws("names", np.arange(1), 0), CAPTURES[SITTERS])
    return [str(name) for name in one.columns]


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
        habits = {"age_low": age, "age_high": age, "makeup": 0.0, "bald": 0.0}
        then = people_of(draws, pd.Series({**CAPTURES[SITTERS], **habits}))
        child = np.clip((18 - age) / 8, 0, 1)
        then["mannish"] += 0.8 * child * (0.5 - then.mannish)
        for name, male in SHAPES["male"].items():
            then[f"shape_{name}"] -= child * male * (2 * then.male - 1)
        rows.loc[place, then.columns] = then.iloc[0].astype(float)
    return world.rows_of(rows, stubble=rows.stubble_person)


def photographs(height: int = 432) -> dict[str, Tensor]:
    """Used where there are no photographs: one of one person, and three rendered ones of two.

    Returns pictures (3, H, W) uint8 by name, the rendered ones `height` px high.
    """
    rendered = world.scenes("web", PAIRS, seed=0, height=height)
    names = [f"rendered {number + 1}.png" for number in range(len(PAIRS))]
    return {"astronaut.png": photos.astronaut(), **dict(zip(names, rendered, strict=True))}


def teaser(height: int = 432) -> tuple[scenes.Scene, pd.DataFrame]:
    """Fig. 1: a picture of two people, and the share of five annotators who say yes to each trait.

    Returns the picture, `height` px high, with its two boxes, and one row per trait: value, low,
    high (`annotation.of_five`). It needs no file.
    """
    table = pairs("web", [TEASER], seed=0)[2]
    yes = table[annotation.VOTES].to_numpy()[0]
    return scenes.scenes_of(table, seed=0, height=height)[0], annotation.of_five(yes)


def gallery(source: str, each: int = 5, size: int = 96, *, seed: int = 0) -> Tensor:
    """Different people of a source in lines of the seven expressions in the paper's order.

    Returns (each x 7, 3, size, size) uint8; in every line each expression is shown once. Of CK+
    these are first frames (neutral) and peaks.
    """
    indices = np.arange(0, 14_000, 20)
    if source == "ckplus":
        subjects = np.arange(40 * each)
        frame = np.where(subjects % 7 == 6, 0, FRAMES - 1)
        indices = subjects * SEQUENCES * FRAMES + frame
    table = latents(source, indices, seed=seed)
    shown = labels.truth(table)[:, columns(EXPRESSIONS)]
    first = ~table.identity.duplicated().to_numpy()
    chosen = [np.flatnonzero(first & (column == 1))[:each] for column in shown.T]
    return world.draw(table.loc[np.stack(chosen, 1).ravel()], size=size, progress=False)


def repeat(row: pd.DataFrame, count: int) -> pd.DataFrame:
    return pd.concat([row] * count, ignore_index=True)
