"""The 24 attributes of a face, from its latents by fixed rules, and what annotators write.

Every rule gives signed evidence: above zero the attribute is present. The truth is the rule without
error; a label is the rule after an annotator's error of a fixed spread, so that mostly borderline
faces are ever mislabelled. Pose and expression are one of five and one of seven.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib import vocabulary
from lib.world.expression import EMOTIONS
from lib.world.hashing import Draws

YAW_BINS = (-60.0, -20.0, 20.0, 60.0)  # degrees
ERROR = {  # spread of an annotator's error, in each rule's own unit
    "gender": 0.18, "smiling": 0.07, "mouth_opened": 0.03, "narrow_eyes": 0.05, "young": 4.5,
    "goatee": 0.07, "no_beard": 0.07, "sideburns": 0.07, "five_oclock_shadow": 0.09,
    "gray_hair": 0.09, "bald": 0.10, "mustache": 0.07,
}  # fmt: skip
SINGLE = tuple(ERROR)  # attributes that exclude no other
YAW_ERROR = 11.0  # degrees, of AFLW's landmark-fitted pose
EXPRESSION_ERROR = 0.06
NEUTRAL = 0.27  # the intensity below which a face passes for neutral


def evidence(p: pd.DataFrame) -> pd.DataFrame:
    """Signed evidence of the twelve attributes that exclude nothing; columns `SINGLE`."""
    gap = 0.85 * p.au_jaw + 0.06 * p.au_part + 0.10 * p.au_lip_up + 0.15 * p.au_lip_low
    gap = gap * (1 - 0.6 * p.au_press)
    lids = 1 - 1.1 * (p.au_blink + 0.12 * p.au_lid_tight + p.au_lids) - 0.55 * p.au_lid_tight
    lids = lids + 0.35 * p.au_lid_up + 0.25 * p.shape_eye_open - 0.15 * p.au_cheek
    grown = p[["full_beard", "chin_beard", "moustache", "side_beard"]].max(axis=1)
    crown = 1 - (p.hat > 0)  # hair that a hat hides cannot be bald or seen to be grey
    rules = {
        "gender": p.male - 0.5,
        "smiling": p.au_corner_up - 0.42,
        "mouth_opened": gap - 0.19,
        "narrow_eyes": (0.46 - lids) * (1 - p.shades),
        "young": 44.0 - p.age,
        "goatee": p.chin_beard - 0.42,
        "no_beard": 0.34 - np.maximum(grown, 0.55 * p.stubble),
        "sideburns": p.side_beard - 0.42,
        "five_oclock_shadow": p.stubble - 0.45,
        "gray_hair": p.grey * (p.hair_on > 0) * (1 - p.scarf) * (0.4 + 0.6 * crown) - 0.55,
        "bald": np.maximum(p.baldness, 0.55 * p.hairline) * crown - 0.5,
        "mustache": p.moustache - 0.42,
    }
    return pd.DataFrame(rules)


def expression_evidence(p: pd.DataFrame) -> np.ndarray:
    """(N, 7) how strongly each of the seven expressions shows."""
    shown = p[[f"e_{name}" for name in EMOTIONS]].to_numpy().copy()
    happy, surprise, fear = (EMOTIONS.index(name) for name in ("happy", "surprise", "fear"))
    polite = 0.45 * p.au_corner_up.to_numpy() * (shown.max(1) < 0.4)
    shown[:, happy] = np.maximum(shown[:, happy], polite)
    shown[:, fear] += 0.10 * shown[:, surprise]
    return np.column_stack([shown, np.full(len(p), NEUTRAL)])


def truth(p: pd.DataFrame, yaw_bins: Sequence[float] = YAW_BINS) -> np.ndarray:
    """(N, 24) int8 in {0, 1}: the rules without error; columns as `vocabulary.ATTRIBUTES`."""
    return _table(p.yaw.to_numpy(), expression_evidence(p), evidence(p), yaw_bins)


def annotate(p: pd.DataFrame, errors: Draws, yaw_bins: Sequence[float] = YAW_BINS) -> np.ndarray:
    """(N, 24) int8 in {0, 1}: the rules as an annotator applies them, once per face."""
    unseen = 1 + 0.6 * (p.yaw.abs() > 50) + 0.5 * p.hand + 0.4 * (p.blur > 1)
    yaw = p.yaw + errors.normal("yaw", 0, YAW_ERROR)
    shown = expression_evidence(p)
    for i, name in enumerate(vocabulary.EXPRESSIONS):
        shown[:, i] += errors.normal(name, 0, EXPRESSION_ERROR) * unseen
    single = evidence(p)
    for name in SINGLE:
        single[name] += errors.normal(name, 0, ERROR[name]) * unseen
    return _table(yaw.to_numpy(), shown, single, yaw_bins)


def _table(
    yaw: np.ndarray, shown: np.ndarray, single: pd.DataFrame, yaw_bins: Sequence[float]
) -> np.ndarray:
    if list(yaw_bins) != sorted(set(yaw_bins)) or len(yaw_bins) != 4:
        raise ValueError(f"yaw_bins must be four ascending degrees, found {yaw_bins!r}")
    table = single > 0
    table[list(vocabulary.POSES)] = np.digitize(yaw, yaw_bins)[:, None] == np.arange(5)
    table[list(vocabulary.EXPRESSIONS)] = shown.argmax(1)[:, None] == np.arange(7)
    return np.array(table[list(vocabulary.ATTRIBUTES)], np.int8, order="C")
