"""Seven expressions as mixtures of action units (after Ekman and Friesen's coding system).

A face shows weights of six emotions, each in [0, 1]; their prototypes add up to movements of
brows, lids, cheeks, nose, lips and jaw. Nothing moving is neutral, so a weak anger and a neutral
face truly border on each other.
"""

import numpy as np
import pandas as pd

from lib.vocabulary import EXPRESSIONS
from lib.world.hashing import Draws

EMOTIONS = EXPRESSIONS[:6]  # all but neutral
UNITS = (
    *("brow_inner", "brow_outer", "brow_low", "lid_up", "lid_tight", "cheek", "nose_wrinkle"),
    *("lip_up", "corner_up", "corner_down", "stretch", "jaw", "press", "pucker"),
    *("chin", "lip_low", "blink"),
)
ACTIONS = {  # facial action of the mesh (both sides where it has two) -> units that move it
    "browInnerUp": {"brow_inner": 1.25},
    "browOuterUp": {"brow_outer": 1.25},
    "browDown": {"brow_low": 1.2},
    "eyeWide": {"lid_up": 1.25},
    "eyeSquint": {"lid_tight": 1.0},
    "eyeBlink": {"blink": 1.0, "lid_tight": 0.12, "lids": 1.0},
    "cheekSquint": {"cheek": 1.15},
    "noseSneer": {"nose_wrinkle": 1.15},
    "mouthUpperUp": {"lip_up": 1.15, "part": 0.25},
    "mouthLowerDown": {"lip_low": 1.0, "part": 0.35},
    "mouthSmile": {"corner_up": 1.25},
    "mouthFrown": {"corner_down": 1.25},
    "mouthStretch": {"stretch": 1.15, "corner_up": 0.2},
    "jawOpen": {"jaw": 0.95, "part": 0.06},
    "mouthPress": {"press": 0.8},
    "mouthRollUpper": {"press": 0.5},
    "mouthRollLower": {"press": 0.5},
    "mouthPucker": {"pucker": 1.0},
    "mouthShrugLower": {"chin": 1.0},
}
PROTOTYPES = {  # two ways of showing each emotion; a person mixes them
    "angry": (
        {"brow_low": 1.0, "lid_tight": 0.5, "press": 0.9, "lid_up": 0.35, "chin": 0.3,
         "nose_wrinkle": 0.15, "corner_down": 0.15},
        {"brow_low": 1.0, "lid_up": 0.7, "nose_wrinkle": 0.15, "lip_up": 0.3, "lip_low": 0.7,
         "jaw": 0.22, "stretch": 0.3},
    ),
    "disgust": (
        {"nose_wrinkle": 1.0, "lip_up": 0.85, "brow_low": 0.25, "lid_tight": 0.7, "cheek": 0.5,
         "corner_down": 0.45, "chin": 0.25},
        {"nose_wrinkle": 1.0, "lip_up": 1.0, "brow_low": 0.2, "lid_tight": 0.7, "cheek": 0.4,
         "lip_low": 0.35, "jaw": 0.12},
    ),
    "fear": (
        {"brow_inner": 1.0, "brow_outer": 0.3, "brow_low": 0.35, "lid_up": 1.0, "stretch": 0.95,
         "jaw": 0.22, "lip_low": 0.5},
        {"brow_inner": 0.95, "brow_low": 0.4, "lid_up": 0.95, "stretch": 0.8, "lip_low": 0.25,
         "jaw": 0.10},
    ),
    "happy": (
        {"corner_up": 0.95, "cheek": 0.75, "lid_tight": 0.15, "lip_up": 0.45, "jaw": 0.12},
        {"corner_up": 1.0, "cheek": 0.85, "lid_tight": 0.2, "lip_up": 0.5, "jaw": 0.35},
    ),
    "sad": (
        {"brow_inner": 1.0, "brow_low": 0.35, "corner_down": 1.0, "lid_tight": 0.2, "blink": 0.08,
         "chin": 0.55},
        {"brow_inner": 0.85, "brow_low": 0.25, "corner_down": 0.9, "blink": 0.16, "chin": 0.3,
         "pucker": 0.1},
    ),
    "surprise": (
        {"brow_inner": 1.0, "brow_outer": 1.0, "lid_up": 0.9, "jaw": 0.85, "pucker": 0.25},
        {"brow_inner": 0.9, "brow_outer": 1.0, "lid_up": 0.8, "jaw": 0.5, "pucker": 0.1},
    ),
}  # fmt: skip


def prototypes() -> np.ndarray:
    """(6, 2, units): emotion, way of showing it, action unit."""
    table = np.zeros((len(EMOTIONS), 2, len(UNITS)))
    for i, emotion in enumerate(EMOTIONS):
        for j, way in enumerate(PROTOTYPES[emotion]):
            for unit, weight in way.items():
                table[i, j, UNITS.index(unit)] = weight
    return table


def mixture(
    moment: Draws, shares: np.ndarray, strong: tuple[float, float], mixed: float = 1.0
) -> np.ndarray:
    """(N, 6) emotion weights: one emotion (or none, the seventh share) and a trace of another.

    shares: (7,) or (N, 7) how often each of `EXPRESSIONS` is meant.
    strong: range of the intensity of the emotion that is meant; mixed: how much of another shows.
    """
    meant = moment.choice("expression", shares)
    other = moment.choice("second expression", np.full(6, 1 / 6))
    power = strong[0] + (strong[1] - strong[0]) * moment.uniform("intensity") ** 0.8
    trace = 0.32 * mixed * moment.uniform("second intensity") ** 2
    weights = np.zeros((len(meant), 7))
    rows = np.arange(len(meant))
    weights[rows, other] += trace
    weights[rows, meant] = np.maximum(weights[rows, meant], power)
    faint = np.where(meant == 6, 0.30 * mixed * moment.uniform("faint") ** 2, 0)
    weights[rows, moment.choice("faint expression", np.full(6, 1 / 6))] += faint
    return weights[:, :6].clip(0, 1)


def movements(
    weights: np.ndarray, moment: Draws, person: Draws, *, talk: float, polite: float
) -> pd.DataFrame:
    """Action units (columns `au_...`, in [0, 1.1]) and `lopsided`, left against right side.

    weights: (N, 6) emotion weights; talk: chance of a speaking mouth; polite: chance of a smile
    without happiness.
    """
    way = person.uniform("way of showing") * 0.6 + moment.uniform("way of showing") * 0.4
    table = prototypes()
    shown = table[:, 0] + way[:, None, None] * (table[:, 1] - table[:, 0])  # (N, 6, units)
    habit = np.stack([person.normal(f"habit {name}", 1, 0.12) for name in UNITS], 1)
    units = (weights[:, :, None] * shown).sum(1) * habit
    lively = person.uniform("lively", 0.85, 1.12)[:, None]
    jitter = np.stack([moment.normal(f"au {name}", 0, 0.04) for name in UNITS], 1)
    frame = pd.DataFrame((units * lively + jitter).clip(0, 1.1), columns=UNITS).add_prefix("au_")
    smile = moment.flag("polite", polite) * moment.uniform("polite smile", 0.25, 0.85)
    frame["au_corner_up"] = np.maximum(frame.au_corner_up, smile * (1 - weights[:, 0]))
    speaks = moment.flag("talk", talk)
    frame["au_jaw"] = np.maximum(frame.au_jaw, speaks * moment.uniform("speech", 0.15, 0.7))
    frame["au_corner_up"] *= 1 - 0.8 * frame.au_corner_down.clip(0, 1)
    lips = moment.uniform("lips") + 0.9 * frame.au_corner_up + 0.8 * frame.au_lip_up
    frame["au_part"] = (lips - 0.85 + frame.au_jaw - frame.au_press).clip(0, 1)
    frame["lopsided"] = (person.normal("side", 0, 0.06) + moment.normal("side", 0, 0.06)).clip(
        -0.25, 0.25
    )
    return frame
