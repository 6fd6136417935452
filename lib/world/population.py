"""Who the people are: sex, age, ancestry, the shape of a head, tones, hair and beard.

Tones, sexes and ages are wide and even in every source; what differs between sources is how often
the rare attributes of Table 5 occur (`captures.csv`).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.world.hashing import Draws

HAIR = np.array([[16, 13, 12], [40, 26, 19], [78, 50, 31], [138, 98, 58], [205, 170, 118]])
AUBURN, SILVER = np.array([126, 52, 24]), np.array([196, 195, 194])
IRIS = np.array([[38, 22, 14], [86, 54, 28], [104, 98, 56], [70, 102, 132], [116, 138, 150]])
# One row per proportion of the head: the targets of the mesh when it is less or more, the spread
# and mean of a population, and what it gains from being male, old (from 42 to 78) and heavy.
SHAPES = pd.read_csv(Path(__file__).with_name("shapes.csv"), index_col=0, keep_default_na=False)
USED = 0.72  # share of each spread
Columns = dict[str, Any]  # latents by name, (N,) each


def linear(colour: np.ndarray) -> np.ndarray:
    """sRGB bytes to linear light in [0, 1]."""
    return (np.asarray(colour, float) / 255) ** 2.2


def ramp(table: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(N, 3) colours at places in [0, 1] along a table of colours."""
    stops = np.linspace(0, 1, len(table))
    return np.stack([np.interp(place, stops, table[:, i]) for i in range(3)], 1)


def muted(
    draws: Draws, name: str, tones: tuple[int, int], mild: tuple[float, float], level: float
) -> np.ndarray:
    """(N, 3) linear colours of sRGB bytes within `tones`, made greyer by `mild` and darker."""
    raw = np.stack([draws.uniform(f"{name} {c}", *tones) for c in "rgb"], 1)
    grey = draws.uniform(f"{name} mild", *mild)[:, None]
    light = draws.uniform(f"{name} level", level, 1.0)[:, None]
    return linear((raw.mean(1, keepdims=True) * grey + raw * (1 - grey)) * light)


def channels(**colours: np.ndarray) -> dict[str, np.ndarray]:
    """Colours (N, 3) as the columns `_r`, `_g`, `_b` of each."""
    return {f"{name}_{c}": v[:, i] for name, v in colours.items() for i, c in enumerate("rgb")}


def people_of(person: Draws, camera: pd.Series) -> pd.DataFrame:
    """Latents of the persons, one row for each draw."""
    who = pd.DataFrame({"male": person.flag("male", 0.5)})
    low, high = camera.age_low, camera.age_high
    who["age"] = low + (high - low) * person.uniform("age") ** camera.young
    who["melanin"] = person.uniform("melanin")
    who["mannish"] = np.where(who.male > 0, 0.93, 0.07) + person.normal("mannish", 0, 0.06)
    who["mannish"] = who.mannish.clip(0, 1) * 0.96 + 0.02
    aged = ((who.age - 34) / 36).clip(0, 1)
    who["wrinkles"] = (aged**1.1 + person.normal("wrinkles", 0, 0.10)).clip(0, 1)
    who["weight"] = (person.normal("weight", 0.36, 0.13) + 0.08 * aged).clip(0.05, 0.95)
    who["redness"] = person.uniform("redness", 0.1, 1.0)
    who["freckles"] = person.flag("freckles", 0.16) * (1 - 1.3 * who.melanin).clip(0, 1)
    who["place"] = person.uniform("place")
    for part in (_kin, _head, _hair, _beard, _tones):
        who = pd.concat([who, pd.DataFrame(part(person, who, camera))], axis=1)
    return who


def _kin(person: Draws, who: pd.DataFrame, _: pd.Series) -> Columns:
    """Ancestry as mixtures that go with the skin's tone; shares add up to 1."""
    dark = who.melanin.to_numpy()
    pull = np.stack([dark**1.5 * 1.3, 0.85 - 1.6 * np.abs(dark - 0.40), 1.1 - 1.25 * dark], 1)
    own = np.stack([person.uniform(f"kin {name}") for name in "abc"], 1)
    shares = (pull.clip(0.02) * (0.25 + own)) ** 4
    shares /= shares.sum(1, keepdims=True)
    return dict(zip(("african", "asian", "caucasian"), shares.T, strict=True))


def _head(person: Draws, who: pd.DataFrame, _: pd.Series) -> Columns:
    """Proportions; what they depend on is in `SHAPES`."""
    old, heavy = ((who.age - 42) / 36).clip(0, 1), (who.weight - 0.45) * 2
    columns = {}
    for row in SHAPES.itertuples():
        mean = row.mean + row.male * (who.male - 0.5) * 2 + row.old * old + row.heavy * heavy
        value = (mean + person.normal(f"shape {row.Index}", 0, USED * row.spread)).clip(-0.8, 0.8)
        columns[f"shape_{row.Index}"] = value if row.less else value.clip(0.0)
    folded = columns["shape_epicanthus"] + 0.5 * (who.asian > 0.5)
    columns["shape_epicanthus"] = folded.clip(-0.9, 0.9)
    columns["au_lids"] = person.normal("lids", 0.07, 0.04).clip(0.0, 0.25)  # of a face at rest
    columns["squint"] = person.flag("narrow", 0.11) * person.uniform("narrow by", 0.35, 0.7)
    columns["brow_thick"] = (0.72 + 0.55 * who.male + person.normal("brow", 0, 0.16)).clip(0.4, 1.7)
    return columns


def _hair(person: Draws, who: pd.DataFrame, camera: pd.Series) -> Columns:
    male, age = who.male, who.age
    greying = 1 / (1 + np.exp(-(age - 73 + person.normal("grey onset", 0, 9)) / 4.5))
    dyed = person.flag("dye", camera.dye + 0.30 * (1 - male))
    chance = camera.bald * (0.25 + 2.4 * ((age - 30) / 40).clip(0, 1)) * male
    bald = person.flag("bald", chance)
    shaven = person.flag("shaven", 0.35) * bald
    receding = male * (1 - bald) * ((age - 26) / 45).clip(0, 1) * person.uniform("receding") * 0.95
    long = np.where(male > 0, person.flag("long man", 0.05), person.flag("long", 0.90)) * (1 - bald)
    cropped = (1 - long) * person.flag("cropped", 0.20 + 0.25 * male)
    volume = person.uniform("volume", 0.10, 0.75) + 0.1 * (1 - male)
    kinky = (who.african > 0.55) * person.flag("kinky", 0.75)
    curl = np.maximum(person.uniform("curl") ** 2.5, kinky * person.uniform("kink", 0.8, 1.0))
    parted = person.flag("parted", 0.55) > 0
    return {
        "grey": greying * (1 - dyed * 0.9),
        "baldness": bald,
        "hair_on": 1 - shaven,
        "hairline": (receding + person.normal("hairline", 0.06, 0.07)).clip(-0.1, 1.0),
        "fringe": person.flag("fringe", 0.12 + 0.22 * (1 - male)) * (1 - bald) * (curl < 0.75),
        "hair_length": long * person.uniform("length", 0.2, 1.0),
        "tied": long * person.flag("tied", 0.28),
        "hair_volume": np.where(bald > 0, 0.06, np.where(cropped > 0, 0.08, volume)),
        "curl": curl,
        "parting": np.where(parted, person.uniform("parting", -0.45, 0.45), 9.0),
        "swept": person.flag("swept", 0.3),
        "blond": person.uniform("hair tone") ** 1.3 * (1 - 1.5 * who.melanin).clip(0, 1),
        "auburn": person.flag("auburn", 0.12) * (who.melanin < 0.35),
        "brow_dark": person.uniform("brow tone", 0.35, 1.0),
    }


def _beard(person: Draws, who: pd.DataFrame, camera: pd.Series) -> Columns:
    """Kinds of beard among grown men: full, goatee, moustache, sideburns, stubble, shaven."""
    grown = who.male * (who.age > 19)
    bearded = grown * person.flag("bearded", camera.beards)
    kind = person.choice("kind", (0.30, 0.17, 0.16, 0.12, 0.25))
    dense = person.uniform("density", 0.55, 1.0) * bearded
    thin = person.uniform("thin", 0.0, 0.35) * bearded
    lip = np.select([kind == 0, kind == 1, kind == 2], [dense, thin * 2.2, dense], 0)
    burns = (kind == 0) * person.flag("burns", 0.7) + 0.25 * (kind == 3) + (kind == 4)
    shadow = person.flag("shadow", camera.stubble) * person.uniform("shadow strength", 0.15, 0.95)
    faint = 0.10 * person.uniform("razor")
    shadow = np.maximum(shadow * (1 - 0.6 * (kind == 0) * bearded), faint) * grown
    return {
        "full_beard": dense * (kind == 0),
        "chin_beard": dense * np.isin(kind, (0, 1, 3)),
        "moustache": lip,
        "side_beard": dense * burns,
        "stubble_person": shadow,
        "beard_length": person.uniform("beard length") ** 2,
    }


def _tones(person: Draws, who: pd.DataFrame, camera: pd.Series) -> Columns:
    """Linear colours of skin, hair, beard, iris, lips; lipstick and liner.

    Skin: a pale ground darkened by melanin (per channel) and reddened by blood.
    """
    dark, women = who.melanin.to_numpy()[:, None], 1 - who.male.to_numpy()
    melanin = np.exp(-(0.05 + 2.25 * dark**1.25) * np.array([0.66, 0.88, 1.04]))
    spreads = zip("rgb", (0.02, 0.03, 0.05), strict=True)
    warm = np.stack([person.normal(f"skin {c}", 1, spread) for c, spread in spreads], 1)
    skin = np.array([0.68, 0.455, 0.355]) * melanin * warm
    tone = ramp(HAIR, who.blond)
    tone = tone + who.auburn.to_numpy()[:, None] * 0.8 * (AUBURN - tone)
    grey = who.grey.to_numpy()[:, None]
    hair = linear(tone + grey * (SILVER - tone))
    beard = linear(tone * 0.9 + grey * (SILVER - tone * 0.9))
    iris = linear(ramp(IRIS, person.uniform("iris") * (1 - 1.6 * who.melanin).clip(0.1, 1)))
    makeup = women * person.flag("makeup", camera.makeup)
    makeup = makeup * person.uniform("makeup strength", 0.3, 1.0)
    blood = np.array([0.92, 0.60, 0.62]) - 0.06 * women[:, None] * np.array([0, 1, 0.6])
    lip = skin * blood * (0.86 + 0.1 * person.uniform("lip", -1, 1))[:, None]
    stick = linear(np.array([176, 30, 48])) * person.uniform("lipstick", 0.5, 1.3)[:, None]
    stuck = (makeup * 0.75 * person.flag("stick", 0.7))[:, None]
    lip = lip + stuck * (stick * (0.6 + 0.4 * (1 - dark)) - lip)
    cloths = {k: muted(person, k, (15, 225), (0.2, 0.9), 0.35) for k in ("cloth", "second", "wear")}
    tones = channels(skin=skin, hair=hair, beard=beard, iris=iris, lip=lip, **cloths)
    return tones | {"makeup": makeup, "dress": person.choice("dress", np.ones(5)).astype(float)}
