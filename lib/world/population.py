"""Who the people are: sex, age, tones, the shape of a head, hair and beard, drawn per person.

Tones, sexes and ages are wide and even in every source; what differs between sources is how
often the rare attributes of Table 5 occur (`Habits`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.world.hashing import Draws

SKIN = np.array(  # sRGB from light to dark
    [[238, 202, 182], [226, 180, 152], [204, 152, 120], [172, 118, 84], [124, 80, 55], [80, 51, 38]]
)
HAIR = np.array([[18, 15, 14], [44, 29, 21], [84, 55, 34], [136, 92, 52], [196, 156, 102]])
AUBURN, SILVER = np.array([120, 52, 26]), np.array([198, 196, 194])
IRIS = np.array([[46, 27, 17], [84, 56, 32], [88, 96, 62], [74, 108, 140], [112, 130, 138]])
LIP = np.array([178, 84, 82])


@dataclass(frozen=True)
class Habits:
    """How a source's people wear their hair and how old they are."""

    ages: tuple[float, float] = (14.0, 80.0)
    beards: float = 0.22  # share of the men past twenty with a grown beard
    stubble: float = 0.30  # share of the other men with a shadow
    bald: float = 0.025  # scale of balding among men
    dye: float = 0.15  # share of greying people who colour their hair
    makeup: float = 0.45


def linear(colour: np.ndarray) -> np.ndarray:
    """sRGB bytes to linear light in [0, 1]."""
    return (np.asarray(colour, float) / 255) ** 2.2


def ramp(table: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(N, 3) colours at places in [0, 1] along a table of colours."""
    stops = np.linspace(0, 1, len(table))
    return np.stack([np.interp(place, stops, table[:, i]) for i in range(3)], 1)


def people_of(person: Draws, habits: Habits) -> pd.DataFrame:
    """Latents of the persons, one row for each draw."""
    who = pd.DataFrame({"male": person.flag("male", 0.5)})
    who["age"] = person.uniform("age", *habits.ages)
    who["melanin"] = person.uniform("melanin")
    who["place"] = person.uniform("place")
    aged = ((who.age - 38) / 42).clip(0, 1)
    who["wrinkles"] = (aged**1.1 + person.normal("wrinkles", 0, 0.12)).clip(0, 1)
    who["redness"] = person.uniform("redness", 0.1, 1.0) * (1 - 0.6 * who.melanin)
    who["freckles"] = person.flag("freckles", 0.12) * (1 - who.melanin).clip(0, 1)
    who = pd.concat([who, _head(person, who), _hair(person, who, habits)], axis=1)
    who = pd.concat([who, _beard(person, who, habits)], axis=1)
    return pd.concat([who, _tones(person, who, habits)], axis=1)


def _head(person: Draws, who: pd.DataFrame) -> pd.DataFrame:
    """Proportions; a child's face is rounder, an old nose longer."""
    male, young = who.male, ((22 - who.age) / 10).clip(0, 1)
    old = ((who.age - 45) / 35).clip(0, 1)
    n = person.normal
    return pd.DataFrame(
        {
            "face_width": (1.0 + n("face width", 0, 0.045) + 0.04 * young).clip(0.88, 1.14),
            "jaw_width": (0.90 + 0.13 * male + n("jaw width", 0, 0.05)).clip(0.76, 1.16),
            "chin_size": (0.85 + 0.30 * male + n("chin", 0, 0.22)).clip(0.3, 1.6),
            "cheek": (0.35 + 0.35 * young + n("cheek", 0, 0.25)).clip(-0.2, 1.2),
            "nose_size": (0.92 + 0.16 * male + 0.1 * old - 0.2 * young + n("nose", 0, 0.13)),
            "nose_width": (0.93 + 0.12 * male + 0.2 * (who.melanin - 0.5) + n("wings", 0, 0.09)),
            "ear_size": (0.95 + 0.12 * male + 0.15 * old + n("ear", 0, 0.12)).clip(0.6, 1.4),
            "eye_spacing": (0.99 + n("spacing", 0, 0.035)).clip(0.9, 1.09),
            "eye_size": (1.06 - 0.10 * male + 0.10 * young + n("eye", 0, 0.06)).clip(0.85, 1.3),
            "eye_slant": n("slant", 0.2, 0.6).clip(-0.8, 1.4),
            "eye_person": (
                1.06 - 0.10 * male - 0.16 * old - 0.42 * person.flag("narrow", 0.10)
                + n("lids", 0, 0.09)
            ).clip(0.42, 1.35),
            "brow_thick": (0.72 + 0.50 * male + n("brow", 0, 0.15)).clip(0.4, 1.7),
            "lip_full": (0.62 - 0.30 * male - 0.25 * old + 0.35 * (who.melanin - 0.4)
                         + n("lips", 0, 0.16)).clip(0.05, 1.1),
            "mouth_width": (0.235 + 0.012 * male + n("mouth", 0, 0.014)).clip(0.19, 0.29),
        }
    )  # fmt: skip


def _hair(person: Draws, who: pd.DataFrame, habits: Habits) -> pd.DataFrame:
    male, age = who.male, who.age
    greying = 1 / (1 + np.exp(-(age - 75 + person.normal("grey onset", 0, 9)) / 4.5))
    dyed = person.flag("dye", habits.dye + 0.30 * (1 - male))
    chance = habits.bald * (0.25 + 2.4 * ((age - 30) / 40).clip(0, 1)) * male
    bald = person.flag("bald", chance)
    shaven = person.flag("shaven", 0.35) * bald
    receding = male * (1 - bald) * ((age - 26) / 45).clip(0, 1) * person.uniform("receding") * 0.95
    long = np.where(male > 0, person.flag("long man", 0.07), person.flag("long", 0.74))
    length = long * person.uniform("length", 0.45, 1.0)
    volume = np.where(male > 0, person.uniform("volume", 0.0, 0.55), 0.2)
    volume = np.maximum(volume, (1 - male) * person.uniform("volume", 0.15, 0.85))
    close = male * (1 - bald) * person.flag("cropped", 0.25)
    return pd.DataFrame(
        {
            "grey": greying * (1 - dyed * 0.9),
            "bald": bald,
            "hair_on": 1 - shaven,
            "scalp": shaven * person.uniform("shadow of hair", 0, 0.5),
            "hairline": (receding + person.normal("hairline", 0.06, 0.07)).clip(-0.1, 1.0),
            "fringe": person.flag("fringe", 0.10 + 0.25 * (1 - male)) * (1 - bald),
            "hair_length": length * (1 - bald),
            "hair_volume": np.where(bald + close > 0, 0.0, volume),
            "curl": person.uniform("curl") ** 3 * 1.2 + 0.5 * (who.melanin > 0.8),
            "parting": person.normal("parting", 0, 0.8).clip(-1.5, 1.5),
            "blond": person.uniform("hair tone") ** 1.3 * (1 - 0.95 * who.melanin).clip(0, 1),
            "auburn": person.flag("auburn", 0.10) * (who.melanin < 0.5),
            "brow_dark": person.uniform("brow tone", 0.35, 1.0),
        }
    )


def _beard(person: Draws, who: pd.DataFrame, habits: Habits) -> pd.DataFrame:
    """Kinds of beard among grown men: full, goatee, moustache, sideburns, stubble, shaven."""
    grown = who.male * (who.age > 19)
    bearded = grown * person.flag("bearded", habits.beards)
    kind = person.choice("kind", (0.30, 0.17, 0.16, 0.12, 0.25))
    dense = person.uniform("density", 0.45, 1.0) * bearded
    thin = person.uniform("thin", 0.0, 0.35) * bearded
    full = np.where(kind == 0, dense, 0)
    goatee = np.select([kind == 0, kind == 1, kind == 3], [dense, dense, dense], 0)
    lip = np.select([kind == 0, kind == 1, kind == 2], [dense, thin * 2.2, dense], 0)
    burns = np.select([kind == 0, kind == 4], [dense * person.flag("burns", 0.7), dense], 0)
    burns = burns + 0.25 * dense * (kind == 3)
    shadow = person.flag("shadow", habits.stubble) * person.uniform("shadow strength", 0.15, 0.95)
    faint = 0.10 * person.uniform("razor")
    shadow = np.maximum(shadow * (1 - 0.6 * (kind == 0) * bearded), faint) * grown
    return pd.DataFrame(
        {"full_beard": full, "goatee": goatee, "moustache": lip, "sideburns": burns,
         "stubble_person": shadow}
    )  # fmt: skip


def _tones(person: Draws, who: pd.DataFrame, habits: Habits) -> pd.DataFrame:
    """Linear colours of skin, hair, beard, iris, lips; lipstick and liner."""
    wobble = np.stack([person.normal(f"skin {c}", 1, 0.03) for c in "rgb"], 1)
    skin = linear(ramp(SKIN, who.melanin) * wobble)
    tone = ramp(HAIR, who.blond)
    tone = tone + who.auburn.to_numpy()[:, None] * 0.8 * (AUBURN - tone)
    grey = who.grey.to_numpy()[:, None]
    hair = linear(tone + grey * (SILVER - tone))
    beard = linear(tone * 0.9 + (grey * 1.0).clip(0, 1) * (SILVER - tone * 0.9))
    iris = linear(ramp(IRIS, person.uniform("iris") * (1 - 0.9 * who.melanin).clip(0.1, 1)))
    makeup = (
        (1 - who.male.to_numpy())
        * person.flag("makeup", habits.makeup)
        * person.uniform("makeup strength", 0.3, 1.0)
    )
    dark = who.melanin.to_numpy()[:, None]
    lip = linear(ramp(SKIN, who.melanin) * 0.48 + 0.46 * LIP * (1 - 0.35 * dark))
    stick = linear(np.array([168, 26, 44])) * person.uniform("lipstick", 0.6, 1.3)[:, None]
    lip = lip + makeup[:, None] * 0.75 * (stick - lip)
    colours = {"skin": skin, "hair": hair, "beard": beard, "iris": iris, "lip": lip}
    flat = {f"{k}_{c}": v[:, i] for k, v in colours.items() for i, c in enumerate("rgb")}
    return pd.DataFrame({**flat, "makeup": makeup})
