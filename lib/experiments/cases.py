"""Single pairs: which ones are shown, chosen by rule (Figs. 3, 9 and 10), and what the wrongly
predicted ones have in common (Figs. 7 and 9)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from torch import Tensor

from lib import vocabulary
from lib.data import scenes
from lib.data.faces import PairSet
from lib.evaluation import annotation, bootstrap
from lib.world.scenes import pairs as latents

TRAITS = tuple(vocabulary.TRAITS)
# Columns of Fig. 9: the label, and the prediction at 0.5.
KINDS = {
    "rightly yes": (1, True),
    "rightly no": (0, False),
    "wrongly yes": (0, True),
    "wrongly no": (1, False),
}
# Fig. 10: title -> the traits it is about, +1 where they hold, -1 where they do not.
TENDENCIES = {
    "trusting, warm and friendly": {"trusting": 1, "warm": 1, "friendly": 1},
    "dominant, neither warm nor friendly": {"dominant": 1, "warm": -1, "friendly": -1},
}
HIDING = ("shades", "overlay")  # what comes between the camera and a face

# Which are shown ----------------------------------------------------------------------------------


def most_confident(probability: Tensor, pairs: PairSet) -> pd.DataFrame:
    """For each trait and kind (`KINDS`) the pair whose probability is farthest from 0.5.

    probability: (N, 8). Returns one row per trait and kind that exists: trait, kind, row (of the
    pair), key, probability, and votes (how many of the five annotators first voted yes), where
    known. Traits are in the paper's order; no couple is shown twice.
    """
    predicted, truth = probability.numpy() > 0.5, pairs.labels.numpy()
    sure = np.abs(probability.numpy() - 0.5)
    couples, yes = pairs.table["identity"], annotation.votes(pairs.table)
    shown: set[str] = set()
    found = []
    for column, trait in enumerate(TRAITS):
        for kind, (label, answer) in KINDS.items():
            match = (truth[:, column] == label) & (predicted[:, column] == answer)
            rows = np.flatnonzero(match & ~couples.isin(shown).to_numpy())
            if not len(rows):
                continue
            row = int(rows[sure[rows, column].argmax()])
            shown.add(couples.iloc[row])
            case = {"trait": trait, "kind": kind, "row": row, "key": pairs.table["key"].iloc[row]}
            case["probability"] = float(probability[row, column])
            found.append(case | ({} if yes is None else {"votes": int(yes[row, column])}))
    return pd.DataFrame(found)


def clearest(
    pairs: PairSet, wanted: Mapping[str, Mapping[str, int]] = TENDENCIES, *, seed: int
) -> dict[str, int]:
    """The row of the pair that shows most clearly what a title says, by title.

    wanted: title -> the traits it is about, +1 where they hold, -1 where they do not. Only pairs
    whose labels say all of it qualify, and not those with a hidden face (`occluded`, by the seed of
    the embedded world) or one hardly `visible`. Of these the one is taken whose annotators voted
    for it most, among equal ones the one with most evidence for it, then the first. Earlier titles
    choose first, no couple is shown twice, a title that no pair fits is left out. No prediction is
    looked at: the network may be right or wrong about what is shown.
    """
    labels, hidden = pairs.labels.numpy(), occluded(pairs, seed=seed)
    votes, evidence = annotation.votes(pairs.table), annotation.evidence(pairs.table)
    fit = np.array([annotation.visible(pairs, row) for row in range(len(pairs))])
    fit &= True if hidden is None else ~hidden
    found: dict[str, int] = {}
    for title, signs in wanted.items():
        weights = np.array([signs.get(trait, 0) for trait in TRAITS])
        says_all = (labels[:, weights != 0] == (weights[weights != 0] > 0)).all(1)
        shown = pairs.table["identity"].iloc[list(found.values())]
        rows = np.flatnonzero(fit & says_all & ~pairs.table["identity"].isin(shown).to_numpy())
        orders = [
            np.asarray(each)[rows] @ weights for each in (evidence, votes) if each is not None
        ]
        if len(rows):
            found[title] = int(rows[np.lexsort([rows, *(-order for order in orders)])[0]])
    return found


def tally(probability: Tensor, labels: Tensor) -> pd.DataFrame:
    """How many pairs there are of each of the `KINDS`, one row per trait."""
    predicted = probability > 0.5
    counts = {
        kind: ((labels == label) & (predicted == answer)).sum(0).tolist()
        for kind, (label, answer) in KINDS.items()
    }
    return pd.DataFrame(counts, index=list(TRAITS))


def examples(
    pairs: PairSet, words: pd.DataFrame, *, seed: int, height: int = 216
) -> dict[tuple[str, bool], tuple[scenes.Scene, str]]:
    """Fig. 3: a picture of two people who clearly have each trait, and one of two who do not.

    Returns (trait, whether it holds) -> the picture with its boxes, rendered ones `height` px high,
    and the first two adjectives of Table 3 (`words`, columns Positive and Negative). No couple is
    shown twice; a trait that has no such pair is left out.
    """
    found: dict[tuple[str, bool], tuple[scenes.Scene, str]] = {}
    seen: list[str] = []
    for trait in TRAITS:
        for holds, column in ((True, "Positive"), (False, "Negative")):
            chosen = pairs.table.iloc[annotation.clear(pairs, trait, holds, 1, seen)]
            seen += list(chosen["identity"])
            said = ", ".join(str(words.loc[trait, column]).split("/")[:2])
            for scene in scenes.scenes_of(chosen, seed=seed, height=height):
                found[trait, holds] = (scene, said)
    return found


def plain(pairs: PairSet) -> int:
    """Row of a pair whose faces are easy to see: of the tenth that turns away least, where yaw is
    known, else of all, the one with the greatest contrast in its paler face."""
    rows = np.arange(len(pairs))
    if {"left_yaw", "right_yaw"} <= set(pairs.table):
        yaw = pairs.table[["left_yaw", "right_yaw"]].abs().max(axis=1).to_numpy()
        rows = np.argsort(yaw, kind="stable")[: -(-len(pairs) // 10)]
    contrast = [annotation.contrast(pairs, int(row)) for row in rows]
    return int(rows[int(np.argmax(contrast))])


# What goes wrong ----------------------------------------------------------------------------------


def occluded(pairs: PairSet, *, seed: int) -> np.ndarray | None:
    """Whether something hides a part of either face, (N,) bool; None for real pictures."""
    if "image" in pairs.table:
        return None
    index, result = np.array(scenes.numbers(pairs.table)), np.zeros(len(pairs), bool)
    for part in pairs.table["part"].unique():
        rows = (pairs.table["part"] == part).to_numpy()
        left, right, _ = latents(part, index[rows], seed=seed)
        worn = left[list(HIDING)].to_numpy() + right[list(HIDING)].to_numpy()
        result[rows] = (worn > 0).any(1)
    return result


def disputed(pairs: PairSet) -> np.ndarray | None:
    """Whether two or more of the traits had two or three of five votes, (N,) bool; None where the
    votes are not known."""
    yes = annotation.votes(pairs.table)
    return None if yes is None else np.isin(yes, (2, 3)).sum(1) >= 2


def circumstances(table: pd.DataFrame) -> pd.DataFrame:
    """What makes the expression of a rendered face hard to recognise; no columns for real faces.

    One row per face: strength of the strongest of six emotions, its lead over the second, blur
    (sigma, px of a 64-px crop), exposure, and turned (yaw to either side, degrees).
    """
    emotions = [f"e_{name}" for name in vocabulary.EXPRESSIONS if name != "neutral"]
    if not {*emotions, "blur", "exposure", "yaw"} <= set(table):
        return pd.DataFrame(index=table.index)
    shown = np.sort(table[emotions].to_numpy(), 1)
    found = {"strength": shown[:, -1], "lead": shown[:, -1] - shown[:, -2], "blur": table["blur"]}
    return pd.DataFrame({**found, "exposure": table["exposure"], "turned": table["yaw"].abs()})


def contrast(
    values: np.ndarray,
    chosen: np.ndarray,
    *,
    resamples: int,
    people: np.ndarray | None = None,
    seed: int = 0,
) -> bootstrap.Estimate:
    """Mean of values (N,) where `chosen` minus mean elsewhere, with its 95 % interval.

    chosen: (N,) bool; people: (N,), rows of one person or couple are resampled together. None
    where all or no rows are chosen.
    """
    if chosen.all() or not chosen.any():
        return bootstrap.percent(np.nan, None, None)
    times = bootstrap.sample_counts(len(values), resamples, seed, people)
    here, there = (bootstrap.means(values[rows], times[:, rows]) for rows in (chosen, ~chosen))
    value = values[chosen].mean() - values[~chosen].mean()
    return bootstrap.estimate(value, here - there, scale=1)
