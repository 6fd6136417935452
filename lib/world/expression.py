"""Seven expressions as mixtures of action units (after Ekman and Friesen's coding system).

A face shows weights of six emotions, each in [0, 1]; their prototypes add up to movements of
brows, lids, cheeks, nose, lips and jaw. Nothing moving is neutral, so a weak anger and a neutral
face truly border on each other.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.vocabulary import EXPRESSIONS
from lib.world.hashing import Draws

EMOTIONS = EXPRESSIONS[:6]  # all but neutral
# One row per action unit, two columns per emotion: two ways of showing it, which a person mixes.
PROTOTYPES = pd.read_csv(Path(__file__).with_name("prototypes.csv"), index_col="unit")
UNITS = tuple(PROTOTYPES.index)
# Facial action of the mesh (both sides where it has two) and by how much a unit moves it.
ACTIONS = pd.read_csv(Path(__file__).with_name("actions.csv"), index_col="action")


def prototypes() -> np.ndarray:
    """(6, 2, units): emotion, way of showing it, action unit."""
    return np.ascontiguousarray(PROTOTYPES.to_numpy().T).reshape(len(EMOTIONS), 2, -1)


def mixture(
    moment: Draws, shares: np.ndarray, low: float, high: float, mixed: float = 1.0
) -> np.ndarray:
    """(N, 6) emotion weights: one emotion (or none, the seventh share) and a trace of another.

    shares: (7,) or (N, 7) how often each of `EXPRESSIONS` is meant; low, high: intensity of the one
    that is meant; mixed: how much of another shows.
    """
    meant = moment.choice("expression", shares)
    other = moment.choice("second expression", np.full(6, 1 / 6))
    power = low + (high - low) * moment.uniform("intensity") ** 0.8
    trace = 0.32 * mixed * moment.uniform("second intensity") ** 2
    weights, rows = np.zeros((len(meant), 7)), np.arange(len(meant))
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
    first, second = prototypes().swapaxes(0, 1)
    shown = first + way[:, None, None] * (second - first)  # (N, 6, units)
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
    lean = person.normal("side", 0, 0.06) + moment.normal("side", 0, 0.06)
    return frame.assign(lopsided=lean.clip(-0.25, 0.25))
