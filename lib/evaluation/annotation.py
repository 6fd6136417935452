"""The eight traits as people annotated them (Section 3.2): how often, with what agreement, and how
the two faces are placed where a trait holds."""

from collections.abc import Collection
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lib import vocabulary
from lib.data.faces import PairSet
from lib.evaluation import bootstrap
from lib.evaluation.probes import digests, in_both

TRAITS = list(vocabulary.TRAITS)
VOTES = [f"votes_{name}" for name in TRAITS]
RATERS = 5


def counts(pairs: PairSet) -> pd.DataFrame:
    """Table 10: positives and negatives of each trait in training and testing."""
    columns = {}
    for split, word in (("train", "training"), ("test", "testing")):
        labels = pairs.where(split=split).labels
        for sign, value in (("positive", 1), ("negative", 0)):
            columns[f"{word} #{sign}"] = (labels == value).sum(0).tolist()
    return pd.DataFrame(columns, index=TRAITS)


def shares(pairs: PairSet, *, resamples: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Percentage of pairs of each part for which a trait holds: part -> value, low, high."""
    found = {}
    for part in parts(pairs):
        mine = pairs.where(part=part)
        holds = (mine.labels == 1).numpy()
        samples = bootstrap.means(100 * holds, draws(mine.table, resamples, seed))
        found[f"ours, {part}"] = estimates(samples, TRAITS)
    return found


def published_shares(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The same from the counts of Table 10, without intervals: training and test."""
    found = {}
    for split in ("training", "testing"):
        positive, negative = (table[f"{split} #{sign}"] for sign in ("positive", "negative"))
        value = 100 * positive / (positive + negative)
        found[f"the paper, {split}"] = pd.DataFrame({"value": value, "low": value, "high": value})
    return found


def shared(pairs: PairSet) -> pd.Series:
    """How many couples, people (where known) and identical crops are both in training and test."""
    found: dict[str, Any] = {"couples": pairs.table["identity"]}
    if "left_identity" in pairs.table:
        found["people"] = pairs.table[["left_identity", "right_identity"]]
    found["identical crops"] = digests(pairs.left)
    return in_both(pairs.table["split"], found).rename("in both partitions")


def parts(pairs: PairSet) -> list[str]:
    """Which of the web and the movie part there is."""
    return [part for part in ("web", "movie") if (pairs.table["part"] == part).any()]


def draws(table: pd.DataFrame, resamples: int, seed: int) -> np.ndarray:
    """How often each pair counts (1 + R, N): once each, then in the bootstrap over couples."""
    drawn = bootstrap.sample_counts(len(table), resamples, seed, table["identity"].to_numpy())
    return np.vstack([np.ones(len(table)), drawn])


# Agreement ----------------------------------------------------------------------------------------


def votes(table: pd.DataFrame) -> np.ndarray | None:
    """How many of the five annotators first voted yes, (N, 8); None where that is not known."""
    return table[VOTES].to_numpy() if set(VOTES) <= set(table) else None


def of_five(yes: np.ndarray) -> pd.DataFrame:
    """Share of the five annotators who say yes to each trait, and what five can tell about all
    annotators: Wilson's 95 % interval of a share (Wilson 1927, JASA 22).

    yes: (8,) counts. Returns one row per trait, columns value, low, high in [0, 1].
    """
    share, z2 = np.asarray(yes, float) / RATERS, 1.96**2 / RATERS
    middle = (share + z2 / 2) / (1 + z2)
    reach = np.sqrt(z2 * share * (1 - share) + z2**2 / 4) / (1 + z2)
    return pd.DataFrame({"value": share, "low": middle - reach, "high": middle + reach}, TRAITS)


def evidence(table: pd.DataFrame) -> Tensor | None:
    """What the embedded world's annotators judge by, as probabilities (N, 8); None elsewhere.

    It is free of the annotators' errors: no network can be expected to be more accurate than this.
    """
    columns = [f"evidence_{name}" for name in TRAITS]
    if not set(columns) <= set(table):
        return None
    return torch.tensor(table[columns].to_numpy()).sigmoid().float()


def five_votes(table: pd.DataFrame) -> np.ndarray:
    """`votes`; ValueError where they are not known."""
    yes = votes(table)
    if yes is None:
        raise ValueError("no columns votes_<trait>: agreement needs the votes of five annotators")
    return yes


def alike(yes: np.ndarray) -> np.ndarray:
    """Share of the pairs of annotators who agree, from the number of the five who say yes."""
    no = RATERS - yes
    return (yes * (yes - 1) + no * (no - 1)) / (RATERS * (RATERS - 1))


def kappas(yes: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Fleiss' kappa of each trait where pair n counts times[r, n]: (N, K), (R, N) -> (R, K).

    The same as `metrics.fleiss_kappa` on rows repeated so often, for all samples at once.
    """
    share = times @ yes / (RATERS * times.sum(1, keepdims=True))
    chance = share**2 + (1 - share) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = (bootstrap.means(alike(yes), times) - chance) / (1 - chance)
    return np.where(chance == 1, 1.0, kappa)


def gwet_ac1(table: pd.DataFrame) -> pd.Series:
    """Gwet's AC1 of each trait and their average: agreement beyond chance, as kappa.

    Chance agreement is 2 p (1 - p) for a share p of yes (Gwet 2008, British Journal of Mathematical
    and Statistical Psychology 61), which falls where nearly all pairs are positive. ValueError
    without the votes.
    """
    yes = five_votes(table)
    share = yes.mean(0) / RATERS
    chance = 2 * share * (1 - share)
    each = pd.Series((alike(yes).mean(0) - chance) / (1 - chance), TRAITS)
    return pd.concat([pd.Series({"average": each.mean()}), each])


def agreement(table: pd.DataFrame, *, resamples: int, seed: int = 0) -> pd.DataFrame:
    """Fleiss' kappa with its 95 % interval over couples.

    Rows (part, trait), columns value, low, high. Parts: all, web, movie, and the difference
    `movie - web`; traits: their average first.
    ValueError where the annotators' votes are not known.
    """
    yes, times = five_votes(table), draws(table, resamples, seed)
    samples = {"all": kappas(yes, times)}
    for part in ("web", "movie"):
        mine = (table["part"] == part).to_numpy()
        samples[part] = kappas(yes[mine], times[:, mine])
    samples["movie - web"] = samples["movie"] - samples["web"]
    found = {
        part: estimates(np.column_stack([values.mean(1), values]), ["average", *TRAITS])
        for part, values in samples.items()
    }
    return pd.concat(found, names=["part", "trait"])


def estimates(samples: np.ndarray, names: list[str]) -> pd.DataFrame:
    """One row per column of samples (1 + R, K): the first is the value, all others give its 95 %
    interval; columns value, low, high, NaN where the value is."""
    rows = []
    for value, *drawn in samples.T:
        ends = bootstrap.quantiles(np.array(drawn)) if np.isfinite(value) else (np.nan, np.nan)
        rows.append((value, *ends))
    return pd.DataFrame(rows, names, ["value", "low", "high"])


def settled(table: pd.DataFrame) -> pd.DataFrame:
    """Share of pairs whose first five votes settled a trait ("more than three" are alike).

    Percent, one row per trait and one column per part; the others were "presented again".
    """
    alike = pd.DataFrame(np.isin(table[VOTES], (0, 1, 4, 5)), columns=TRAITS)
    return 100 * alike.groupby(table["part"].to_numpy(), sort=False).mean().T


# What goes with what ------------------------------------------------------------------------------


def correlations(labels: Tensor) -> pd.DataFrame:
    """Correlations between the traits; NaN where one of them never changes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(labels.numpy(), columns=TRAITS).corr()


def by_scenario(pairs: PairSet) -> pd.DataFrame:
    """Share of pairs of each scenario for which a trait holds, percent; most frequent first."""
    labels = pd.DataFrame(pairs.labels.numpy(), columns=TRAITS)
    names = pairs.table["scenario"]
    return 100 * labels.groupby(names).mean().loc[names.value_counts().index]


def measures(cues: Tensor) -> pd.DataFrame:
    """How two faces are placed, from the spatial cues (N, 11): four measures, N rows.

    Distance between the middles of the faces and height of one above the other, both in sizes of
    a face; mean width over the picture's width; log2 of the larger over the smaller width.
    """
    left, right = cues[:, :4].double(), cues[:, 4:8].double()
    middle = (left[:, :2] + left[:, 2:] / 2) - (right[:, :2] + right[:, 2:] / 2)  # (N, 2)
    step = middle / ((left[:, 2:] + right[:, 2:]) / 2)
    columns = {
        "distance (faces)": step.norm(dim=1),
        "height difference (faces)": step[:, 1].abs(),
        "face size (of the picture)": (left[:, 2] + right[:, 2]) / 2,
        "size ratio (doublings)": (left[:, 2] / right[:, 2]).log2().abs(),
    }
    return pd.DataFrame({name: column.numpy() for name, column in columns.items()})


def effects(pairs: PairSet, *, resamples: int, seed: int = 0) -> pd.DataFrame:
    """How `measures` differ between pairs with and without a trait, in standard deviations.

    Rows (part, measure, trait), columns value, low, high (95 % over couples); NaN where a trait
    never changes.
    """
    found = {}
    for part in parts(pairs):
        mine = pairs.where(part=part)
        table = measures(mine.cues)
        standard = ((table - table.mean()) / table.std()).to_numpy()
        times = draws(mine.table, resamples, seed)
        for trait, holds in zip(TRAITS, mine.labels.numpy().T == 1, strict=True):
            here, there = (bootstrap.means(standard, times * rows) for rows in (holds, ~holds))
            found[part, trait] = estimates(here - there, list(table.columns))  # (R, 4)
    effects = pd.concat(found, names=["part", "trait", "measure"])
    return effects.reorder_levels(["part", "measure", "trait"])


# Pictures -----------------------------------------------------------------------------------------


def clear(
    pairs: PairSet, trait: str, holds: bool, count: int, seen: Collection[str] = ()
) -> list[int]:
    """Up to `count` rows where a trait clearly holds, or clearly does not.

    First those with the most unanimous votes, where votes are known, and with couples that are not
    in `seen`; web and movie pairs alternate. At most one picture of a couple, and none that is not
    `visible`.
    """
    column, yes = TRAITS.index(trait), votes(pairs.table)
    doubt = 0 if yes is None else np.abs(yes[:, column] - RATERS * int(holds))
    rows = pairs.table[["identity", "part"]].assign(doubt=doubt)
    rows["doubt"] += RATERS * rows["identity"].isin(seen)
    rows = rows[pairs.labels[:, column].numpy() == int(holds)]
    rows = rows.sort_values("doubt", kind="stable").drop_duplicates("identity")
    rows["turn"] = rows.groupby(["doubt", "part"]).cumcount()
    order = rows.sort_values(["doubt", "turn", "part"], ascending=[True, True, False])
    return list(islice((row for row in order.index if visible(pairs, row)), count))


def visible(pairs: PairSet, row: int, least: float = 24.0) -> bool:
    """Whether both faces of a pair have a `contrast` of at least `least`."""
    return contrast(pairs, row) >= least


def contrast(pairs: PairSet, row: int) -> float:
    """Standard deviation of the grey levels (0 to 255) of a pair's faces, the smaller one."""
    faces = torch.stack([pairs.left[row], pairs.right[row]]).float().mean(1)  # (2, S, S)
    return float(faces.flatten(1).std(1).min())
