"""What two people are to each other: scenarios, the eight traits by rule, and five votes.

The rules put Table 2's words and Section 3.2's measurable rules into evidence from what can be
seen (mouths, frowns, glances, distance) and from the scenario, which the movie part's annotators
know and the web part's only guess at.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.vocabulary import TRAITS
from lib.world.hashing import Draws

RATERS = 5
MOODS = {  # how often each of angry, disgust, fear, happy, sad, surprise, neutral is meant
    "calm": (0.02, 0.01, 0.01, 0.34, 0.04, 0.04, 0.54),
    "joy": (0.01, 0.01, 0.01, 0.76, 0.01, 0.05, 0.15),
    "anger": (0.58, 0.13, 0.02, 0.03, 0.04, 0.03, 0.17),
    "fear": (0.05, 0.05, 0.48, 0.02, 0.24, 0.08, 0.08),
    "sorrow": (0.06, 0.05, 0.10, 0.05, 0.50, 0.04, 0.20),
    "wonder": (0.03, 0.02, 0.06, 0.42, 0.03, 0.22, 0.22),
}
# One row per kind of pair: its share of the web and movie parts, the moods of the leading and the
# other person, its leaning on each trait (-1 to 1), the distance of the heads (`near`, half heads),
# `facing` (1 face to face, 0 to the camera, below 0 turned away), how much higher the first is
# (`above`, half heads), and the shares with an arm around (`hug`) or a hand pointing at the other.
SCENARIOS = pd.read_csv(Path(__file__).with_name("scenarios.csv"), index_col="scenario")
LENIENT = {  # how readily an annotator says yes
    "dominant": -0.26, "competitive": -0.17, "trusting": 0.16, "warm": 0.14, "friendly": 0.26,
    "involved": -0.22, "demonstrative": -0.16, "assured": -0.10,
}  # fmt: skip
KNOWS = {"web": 0.55, "movie": 0.85}  # weight of the scenario beside what is seen
SPREAD = {"web": 0.31, "movie": 0.35}  # of a vote's error


def trait_evidence(first: pd.DataFrame, second: pd.DataFrame, pair: pd.DataFrame) -> np.ndarray:
    """(N, 8) signed evidence of each trait; columns as `vocabulary.TRAITS`.

    first, second: latents of the two; pair: `part`, `scenario`, `near`, `eye_contact`, `above`.
    """
    both = (first, second)
    smile = sum(p.au_corner_up for p in both) / 2
    cold = sum((p.au_brow_low + 0.5 * p.au_press).clip(0, 1) for p in both) / 2
    hurt = sum((p.e_sad + p.e_fear).clip(0, 1) for p in both) / 2
    anger = sum((p.e_angry + 0.6 * p.e_disgust).clip(0, 1) for p in both) / 2
    open_ = sum((p.au_jaw > 0.22).astype(float) for p in both) / 2
    lively = sum(p[["e_angry", "e_happy", "e_surprise"]].max(axis=1) for p in both) / 2
    close = ((2.6 - pair.near) / 1.4).clip(-1, 1)
    gap = ((first.e_angry - second.e_angry) + second.e_fear + second.e_sad).clip(-1, 1)
    age = (first.age - second.age).abs()
    seen = {
        "dominant": 0.9 * gap + 0.5 * pair.above.abs() + 0.010 * age - 0.75 - 0.3 * smile,
        "competitive": 1.5 * anger - 0.8 - 0.4 * smile + 0.3 * pair.eye_contact * (smile < 0.2),
        "trusting": 0.35 + 0.5 * smile + 0.3 * pair.eye_contact - 1.3 * cold - 0.8 * hurt,
        "warm": 0.15 + 0.8 * smile + 0.25 * close - 1.2 * cold - 0.3 * hurt,
        "friendly": 0.30 + 0.8 * smile - 1.2 * anger - 0.2 * hurt,
        "involved": 0.35 + 0.5 * close + 0.45 * pair.eye_contact,
        "demonstrative": -0.20 + 0.7 * open_ + 0.9 * lively,
        "assured": 0.45 + 0.4 * smile + 0.2 * anger - 1.6 * hurt,
    }
    shown = 1.1 * pd.DataFrame(seen)[list(TRAITS)].clip(-1, 1).to_numpy()
    known = SCENARIOS.loc[pair.scenario, list(TRAITS)].to_numpy()
    weight = pair.part.map(KNOWS).to_numpy()[:, None]
    return (1 - weight) * shown + weight * known + pd.Series(LENIENT)[list(TRAITS)].to_numpy()


def judged(shown: np.ndarray, part: pd.Series, draws: Draws) -> pd.DataFrame:
    """Columns of each trait: `votes_` of the first round, the settled label, `evidence_` (N, 8)."""
    first, second = (votes(shown, part, draws, i) for i in (1, 2))
    found = {"votes_": first, "": settle(first, second), "evidence_": shown}
    tables = [pd.DataFrame(v, columns=list(TRAITS)).add_prefix(k) for k, v in found.items()]
    return pd.concat(tables, axis=1)


def votes(shown: np.ndarray, part: pd.Series, draws: Draws, round_: int) -> np.ndarray:
    """(N, 8) how many of the five annotators say yes; the second round is more careful."""
    spread = part.map(SPREAD).to_numpy() * (1.0 if round_ == 1 else 0.5)
    total = np.zeros(shown.shape, int)
    for rater in range(RATERS):
        for column, name in enumerate(TRAITS):
            error = draws.normal(f"vote {round_} {rater} {name}", 0, spread)
            total[:, column] += shown[:, column] + error + 0.05 * (rater - 2) / 2 > 0
    return total


def settle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, 8) int8: a first vote of more than three alike stands, else the second's majority."""
    agreed = (first >= 4) | (first <= 1)
    return np.where(agreed, first >= 4, second >= 3).astype(np.int8)
