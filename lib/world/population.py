"""Who the people are: sex, age, ancestry, the shape of a head, tones, hair and beard.

Tones, sexes and ages are wide and even in every source; what differs between sources is how often
the rare attributes of Table 5 occur (`Habits`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.world.hashing import Draws

HAIR = np.array([[16, 13, 12], [40, 26, 19], [78, 50, 31], [138, 98, 58], [205, 170, 118]])
AUBURN, SILVER = np.array([126, 52, 24]), np.array([196, 195, 194])
IRIS = np.array([[38, 22, 14], [86, 54, 28], [104, 98, 56], [70, 102, 132], [116, 138, 150]])
SHAPES = {  # latent of the head's shape -> file when negative, when positive, spread
    "head_width": ("head-scale-horiz-decr", "head-scale-horiz-incr", 0.28),
    "head_height": ("head-scale-vert-decr", "head-scale-vert-incr", 0.28),
    "head_depth": ("head-scale-depth-decr", "head-scale-depth-incr", 0.25),
    "fat": ("head-fat-decr", "head-fat-incr", 0.30),
    "oval": ("head-square", "head-oval", 0.22),
    "round": ("head-rectangular", "head-round", 0.25),
    "taper": ("head-invertedtriangular", "head-triangular", 0.22),
    "forehead": ("forehead-trans-backward", "forehead-trans-forward", 0.25),
    "forehead_height": ("forehead-scale-vert-decr", "forehead-scale-vert-incr", 0.3),
    "temple": ("forehead-temple-decr", "forehead-temple-incr", 0.35),
    "brow_height": ("eyebrows-trans-down", "eyebrows-trans-up", 0.35),
    "brow_ridge": ("eyebrows-trans-backward", "eyebrows-trans-forward", 0.35),
    "brow_angle": ("eyebrows-angle-down", "eyebrows-angle-up", 0.35),
    "eye_size": ("lr-eye-scale-decr", "lr-eye-scale-incr", 0.28),
    "eye_open": ("lr-eye-height2-decr", "lr-eye-height2-incr", 0.40),
    "eye_spacing": ("lr-eye-trans-in", "lr-eye-trans-out", 0.25),
    "eye_level": ("lr-eye-trans-down", "lr-eye-trans-up", 0.2),
    "eye_slant": ("lr-eye-corner1-down", "lr-eye-corner1-up", 0.4),
    "eye_fold": ("lr-eye-eyefold-concave", "lr-eye-eyefold-convex", 0.4),
    "eye_bag": ("lr-eye-bag-decr", "lr-eye-bag-incr", 0.35),
    "epicanthus": ("lr-eye-epicanthus-out", "lr-eye-epicanthus-in", 0.3),
    "nose_size": ("nose-volume-decr", "nose-volume-incr", 0.30),
    "nose_length": ("nose-scale-vert-decr", "nose-scale-vert-incr", 0.30),
    "nose_width": ("nose-scale-horiz-decr", "nose-scale-horiz-incr", 0.30),
    "nose_depth": ("nose-scale-depth-decr", "nose-scale-depth-incr", 0.35),
    "nose_hump": ("nose-curve-concave", "nose-hump-incr", 0.35),
    "nose_tip": ("nose-point-down", "nose-point-up", 0.35),
    "nose_tip_width": ("nose-point-width-decr", "nose-point-width-incr", 0.4),
    "nostrils": ("nose-nostrils-width-decr", "nose-nostrils-width-incr", 0.35),
    "nose_bridge": ("nose-width1-decr", "nose-width1-incr", 0.4),
    "mouth_width": ("mouth-scale-horiz-decr", "mouth-scale-horiz-incr", 0.35),
    "mouth_level": ("mouth-trans-down", "mouth-trans-up", 0.25),
    "upper_lip": ("mouth-upperlip-volume-decr", "mouth-upperlip-volume-incr", 0.45),
    "lower_lip": ("mouth-lowerlip-volume-decr", "mouth-lowerlip-volume-incr", 0.45),
    "lip_height": ("mouth-scale-vert-decr", "mouth-scale-vert-incr", 0.30),
    "mouth_rest": ("mouth-angles-down", "mouth-angles-up", 0.14),
    "laugh_lines": ("mouth-laugh-lines-out", "mouth-laugh-lines-in", 0.3),
    "cheekbones": ("lr-cheek-bones-decr", "lr-cheek-bones-incr", 0.40),
    "cheeks": ("lr-cheek-volume-decr", "lr-cheek-volume-incr", 0.40),
    "cheek_hollow": ("lr-cheek-inner-incr", "lr-cheek-inner-decr", 0.35),
    "chin_height": ("chin-height-decr", "chin-height-incr", 0.30),
    "chin_width": ("chin-width-decr", "chin-width-incr", 0.40),
    "chin_forward": ("chin-prominent-decr", "chin-prominent-incr", 0.35),
    "jaw": ("chin-bones-decr", "chin-bones-incr", 0.35),
    "jaw_drop": ("chin-jaw-drop-decr", "chin-jaw-drop-incr", 0.25),
    "cleft": ("", "chin-cleft-incr", 0.3),
    "neck_width": ("neck-scale-horiz-decr", "neck-scale-horiz-incr", 0.25),
    "double_chin": ("", "neck-double-incr", 0.3),
    "ear_size": ("lr-ear-scale-decr", "lr-ear-scale-incr", 0.35),
    "ear_wing": ("lr-ear-wing-decr", "lr-ear-wing-incr", 0.30),
    "ear_lobe": ("lr-ear-lobe-decr", "lr-ear-lobe-incr", 0.35),
    "aged": ("head-age-decr", "head-age-incr", 0.25),
}
LEANS = {  # shape -> what it gains from being a man, from age past 45, from weight (each 0 to 1)
    "jaw": (0.15, 0, 0), "chin_width": (0.15, 0, 0), "chin_height": (0.12, 0, 0),
    "brow_ridge": (0.3, 0, 0), "brow_height": (-0.2, -0.25, 0), "eye_size": (-0.12, -0.05, 0),
    "upper_lip": (-0.25, -0.3, 0), "lower_lip": (-0.15, -0.25, 0), "nose_size": (0.1, 0.2, 0),
    "ear_size": (0.1, 0.35, 0), "ear_lobe": (0, 0.4, 0), "eye_bag": (0, 0.5, 0), "aged": (0, 0.35, 0),
    "fat": (0, 0, 0.2), "double_chin": (-0.35, 0.15, 0.6), "cheeks": (0, -0.2, 0.2),
    "laugh_lines": (0, 0.5, 0), "cheek_hollow": (0.1, 0.3, -0.2), "neck_width": (0.2, 0, 0.2),
    "eye_fold": (0, 0.3, 0), "eye_open": (-0.1, -0.15, 0), "cleft": (0.1, 0, 0), "forehead": (-0.15, 0, 0),
    "oval": (-0.04, 0, 0), "taper": (0.05, 0, 0.1), "mouth_rest": (0, -0.12, 0),
}  # fmt: skip


REST = {
    "oval": 0.18,
    "taper": -0.25,
    "cheeks": -0.1,
    "jaw_drop": -0.05,
    "mouth_rest": 0.06,
}  # the mean face


@dataclass(frozen=True)
class Habits:
    """How a source's people wear their hair and how old they are."""

    ages: tuple[float, float] = (14.0, 80.0)
    young: float = 1.0  # 1 for even ages, more for more young people
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
    low, high = habits.ages
    who["age"] = low + (high - low) * person.uniform("age") ** habits.young
    who["melanin"] = person.uniform("melanin")
    who["mannish"] = np.where(who.male > 0, 0.93, 0.07) + person.normal("mannish", 0, 0.06)
    who["mannish"] = who.mannish.clip(0, 1) * 0.96 + 0.02
    aged = ((who.age - 36) / 42).clip(0, 1)
    who["wrinkles"] = (aged**1.1 + person.normal("wrinkles", 0, 0.10)).clip(0, 1)
    who["weight"] = (person.normal("weight", 0.36, 0.13) + 0.08 * aged).clip(0.05, 0.95)
    who["redness"] = person.uniform("redness", 0.1, 1.0)
    who["freckles"] = person.flag("freckles", 0.16) * (1 - 1.3 * who.melanin).clip(0, 1)
    who["place"] = person.uniform("place")
    who = pd.concat([who, _kin(person, who)], axis=1)
    who = pd.concat([who, _head(person, who), _hair(person, who, habits)], axis=1)
    who = pd.concat([who, _beard(person, who, habits)], axis=1)
    return pd.concat([who, _tones(person, who, habits)], axis=1)


def _kin(person: Draws, who: pd.DataFrame) -> pd.DataFrame:
    """Ancestry as mixtures that go with the skin's tone; shares add up to 1."""
    dark, power = who.melanin.to_numpy(), 4
    pull = np.stack([dark**1.5 * 1.3, 0.85 - 1.6 * np.abs(dark - 0.40), 1.1 - 1.25 * dark], 1).clip(
        0.02
    )
    own = np.stack([person.uniform(f"kin {name}") for name in "abc"], 1)
    shares = (pull * (0.25 + own)) ** power
    shares /= shares.sum(1, keepdims=True)
    return pd.DataFrame(shares, columns=["african", "asian", "caucasian"])


def _head(person: Draws, who: pd.DataFrame) -> pd.DataFrame:
    """Proportions; what age, sex and weight add to them is in `LEANS`."""
    old, heavy = ((who.age - 42) / 36).clip(0, 1), (who.weight - 0.45) * 2
    columns = {}
    for name, (low, _, spread) in SHAPES.items():
        male, age, weight = LEANS.get(name, (0, 0, 0))
        mean = REST.get(name, 0.0) + male * (who.male - 0.5) * 2 + age * old + weight * heavy
        value = (mean + person.normal(f"shape {name}", 0, 0.72 * spread)).clip(-0.8, 0.8)
        columns[f"shape_{name}"] = value.clip(0.0) if not low else value
    columns["shape_epicanthus"] = (columns["shape_epicanthus"] + 0.5 * (who.asian > 0.5)).clip(
        -0.9, 0.9
    )
    columns["au_lids"] = person.normal("lids", 0.07, 0.04).clip(0.0, 0.25)  # of a face at rest
    columns["squint"] = person.flag("narrow", 0.11) * person.uniform("narrow by", 0.35, 0.7)
    columns["brow_thick"] = (0.75 + 0.45 * who.male + person.normal("brow", 0, 0.16)).clip(0.4, 1.7)
    return pd.DataFrame(columns)


def _hair(person: Draws, who: pd.DataFrame, habits: Habits) -> pd.DataFrame:
    male, age = who.male, who.age
    greying = 1 / (1 + np.exp(-(age - 73 + person.normal("grey onset", 0, 9)) / 4.5))
    dyed = person.flag("dye", habits.dye + 0.30 * (1 - male))
    chance = habits.bald * (0.25 + 2.4 * ((age - 30) / 40).clip(0, 1)) * male
    bald = person.flag("bald", chance)
    shaven = person.flag("shaven", 0.35) * bald
    receding = male * (1 - bald) * ((age - 26) / 45).clip(0, 1) * person.uniform("receding") * 0.95
    long = np.where(male > 0, person.flag("long man", 0.06), person.flag("long", 0.80)) * (1 - bald)
    tied = long * person.flag("tied", 0.28)
    cropped = (1 - long) * person.flag("cropped", 0.20 + 0.25 * male)
    volume = person.uniform("volume", 0.10, 0.75) + 0.1 * (1 - male)
    kinky = (who.african > 0.55) * person.flag("kinky", 0.75)
    curl = np.maximum(person.uniform("curl") ** 2.5, kinky * person.uniform("kink", 0.8, 1.0))
    return pd.DataFrame(
        {
            "grey": greying * (1 - dyed * 0.9),
            "baldness": bald,
            "hair_on": 1 - shaven,
            "hairline": (receding + person.normal("hairline", 0.06, 0.07)).clip(-0.1, 1.0),
            "fringe": person.flag("fringe", 0.12 + 0.22 * (1 - male)) * (1 - bald) * (curl < 0.75),
            "hair_length": long * person.uniform("length", 0.2, 1.0),
            "tied": tied,
            "hair_volume": np.where(bald > 0, 0.06, np.where(cropped > 0, 0.08, volume)),
            "curl": curl,
            "parting": np.where(
                person.flag("parted", 0.55) > 0, person.uniform("parting", -0.45, 0.45), 9.0
            ),
            "swept": person.flag("swept", 0.3),
            "blond": person.uniform("hair tone") ** 1.3 * (1 - 1.5 * who.melanin).clip(0, 1),
            "auburn": person.flag("auburn", 0.12) * (who.melanin < 0.35),
            "brow_dark": person.uniform("brow tone", 0.35, 1.0),
        }
    )


def _beard(person: Draws, who: pd.DataFrame, habits: Habits) -> pd.DataFrame:
    """Kinds of beard among grown men: full, goatee, moustache, sideburns, stubble, shaven."""
    grown = who.male * (who.age > 19)
    bearded = grown * person.flag("bearded", habits.beards)
    kind = person.choice("kind", (0.30, 0.17, 0.16, 0.12, 0.25))
    dense = person.uniform("density", 0.55, 1.0) * bearded
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
         "stubble_person": shadow, "beard_length": person.uniform("beard length") ** 2}
    )  # fmt: skip


def _tones(person: Draws, who: pd.DataFrame, habits: Habits) -> pd.DataFrame:
    """Linear colours of skin, hair, beard, iris, lips; lipstick and liner.

    Skin: a pale ground darkened by melanin (per channel) and reddened by blood.
    """
    n, dark = len(who), who.melanin.to_numpy()[:, None]
    melanin = np.exp(-(0.05 + 2.25 * dark**1.25) * np.array([0.66, 0.88, 1.04]))
    warm = 1 + np.stack(
        [person.normal(f"skin {c}", 0, s) for c, s in (("r", 0.02), ("g", 0.03), ("b", 0.05))], 1
    )
    skin = np.array([0.68, 0.455, 0.355]) * melanin * warm
    tone = ramp(HAIR, who.blond)
    tone = tone + who.auburn.to_numpy()[:, None] * 0.8 * (AUBURN - tone)
    grey = who.grey.to_numpy()[:, None]
    hair = linear(tone + grey * (SILVER - tone))
    beard = linear(tone * 0.9 + grey * (SILVER - tone * 0.9))
    iris = linear(ramp(IRIS, person.uniform("iris") * (1 - 1.6 * who.melanin).clip(0.1, 1)))
    women = 1 - who.male.to_numpy()
    makeup = (
        women * person.flag("makeup", habits.makeup) * person.uniform("makeup strength", 0.3, 1.0)
    )
    blood = np.array([0.92, 0.60, 0.62]) - 0.06 * women[:, None] * np.array([0, 1, 0.6])
    lip = skin * blood * (0.86 + 0.1 * person.uniform("lip", -1, 1))[:, None]
    stick = linear(np.array([176, 30, 48])) * person.uniform("lipstick", 0.5, 1.3)[:, None]
    lip = lip + (makeup * 0.75 * person.flag("stick", 0.7))[:, None] * (
        stick * (0.6 + 0.4 * (1 - dark)) - lip
    )
    cloths = {k: _cloth(person, k) for k in ("cloth", "second", "wear")}
    colours = {"skin": skin, "hair": hair, "beard": beard, "iris": iris, "lip": lip, **cloths}
    flat = {f"{k}_{c}": v[:, i] for k, v in colours.items() for i, c in enumerate("rgb")}
    return pd.DataFrame(
        {**flat, "makeup": makeup, "dress": person.choice("dress", np.ones(5)) + np.zeros(n)}
    )


def _cloth(person: Draws, name: str) -> np.ndarray:
    """(N, 3) linear colour of a piece of clothing: mostly muted."""
    raw = np.stack([person.uniform(f"{name} {c}", 15, 225) for c in "rgb"], 1)
    mild = person.uniform(f"{name} mild", 0.2, 0.9)[:, None]
    level = person.uniform(f"{name} level", 0.35, 1.0)[:, None]
    return linear((raw.mean(1, keepdims=True) * mild + raw * (1 - mild)) * level)
