"""The rules that label the embedded world's faces: as a table, and faces on both sides of each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from torch import Tensor

from lib import vocabulary, world
from lib.experiments import showcase
from lib.world import labels
from lib.world.moments import latents

# Attribute -> the latent that decides it first, and the rule in words.
RULES = {
    "gender": ("male", "the person is a man"),
    "smiling": ("au_corner_up", "corners of the mouth pulled up (action unit 12)"),
    "mouth_opened": ("au_jaw", "lips apart: jaw dropped, or upper and lower lip drawn away"),
    "narrow_eyes": ("au_lid_tight", "lids drawn together, or eyes small at rest; no sunglasses"),
    "young": ("age", "age in years"),
    "goatee": ("chin_beard", "density of the beard on the chin"),
    "no_beard": ("full_beard", "density of the densest part of a beard, or of strong stubble"),
    "sideburns": ("side_beard", "density of the beard before the ears"),
    "five_oclock_shadow": ("stubble", "density of stubble"),
    "gray_hair": ("grey", "share of hair that is grey; no headscarf"),
    "bald": ("hairline", "bald crown, or a hairline that far back; no hat"),
    "mustache": ("moustache", "density of the beard on the upper lip"),
}
RANGES = {"age": (0.0, 100.0)}  # of a latent; all others are in [0, 1]
BEARDS = ("goatee", "no_beard", "sideburns", "five_oclock_shadow", "mustache", "bald")  # of men
UNHIDDEN = ("hand", "hat", "scarf", "shades", "overlay", "text")


def table(yaw_bins: Sequence[float] = labels.YAW_BINS) -> pd.DataFrame:
    """One row per rule: attribute, rule in words, positive where, annotator's error (std)."""
    rows = []
    for name, (latent, words) in RULES.items():
        edge, above = threshold(name, latent)
        limit = "" if name == "gender" else f"{'above' if above else 'below'} {edge:.2g}"
        rows.append((vocabulary.title(name), words, limit, labels.ERROR[name]))
    edges = [-np.inf, *yaw_bins, np.inf]
    for name, low, high in zip(vocabulary.POSES, edges[:-1], edges[1:], strict=True):
        limit = f"{low:.0f} to {high:.0f}".replace("-inf to", "below").replace(
            " to inf", " or more"
        )
        words = "yaw in degrees, positive to the picture's right"
        rows.append((vocabulary.title(name), words, limit, labels.YAW_ERROR))
    limit = f"above {labels.NEUTRAL:.2f}, else neutral"
    words = "the strongest of six emotions, each with an intensity"
    rows.append(("one of seven expressions", words, limit, labels.EXPRESSION_ERROR))
    return pd.DataFrame(rows, columns=["attribute", "rule", "positive where", "annotator's error"])


def threshold(name: str, latent: str) -> tuple[float, bool]:
    """The value of a latent at which a rule changes, and whether it is positive above it.

    All other latents are those of a calm person.
    """
    values = np.linspace(*RANGES.get(latent, (0.0, 1.0)), 401)
    calm = showcase.sitters(1).assign(au_lids=0.0, shape_eye_open=0.0, hairline=0.0)
    rows = calm.loc[calm.index.repeat(len(values))].assign(**{latent: values})
    positive = labels.evidence(rows)[name].to_numpy() > 0
    place = int(np.flatnonzero(positive[1:] != positive[:-1])[0])
    return float(values[place : place + 2].mean()), bool(positive[-1])


def graded(
    shares: Sequence[float], size: int = 72, *, seed: int = 0
) -> tuple[dict[str, Tensor], dict[str, list[str]]]:
    """Faces that some share of annotators would call positive, one line per attribute.

    shares: ascending, in (0, 1). Returns by attribute the faces (len(shares), 3, size, size) uint8
    whose evidence is nearest to these shares, and the share of each of them as a text.
    """
    people = _clear(latents("celeba", range(0, 12_000, 4), seed=seed))
    faces, captions = {}, {}
    for name in RULES:
        if name == "gender":  # nobody is between the two
            continue
        able = people[people.male == 1] if name in BEARDS else people
        sure = labels.evidence(able)[name] / labels.ERROR[name]
        rows: list[Any] = []
        chance = pd.Series(norm.cdf(sure), sure.index)
        for share in shares:
            rows.append((chance.drop(rows) - share).abs().idxmin())
        title = vocabulary.title(name)
        faces[title] = world.draw(people.loc[rows], size=size, progress=False)
        captions[title] = [f"{share:.0%}" for share in chance.loc[rows]]
    return faces, captions


def undecided(
    count: int = 8, size: int = 80, *, seed: int = 0
) -> tuple[dict[str, Tensor], dict[str, list[str]]]:
    """Faces in the manner of ExpW whose two strongest expressions are nearly equally strong.

    Returns by pair of expressions (the four that occur most often) the faces (count, 3, size, size)
    uint8, and what the annotator wrote for each.
    """
    indices = range(0, 6_000, 2)
    candidates = latents("expw", indices, seed=seed)
    people = _clear(candidates)
    shown = labels.expression_evidence(people)
    order = np.argsort(-shown, 1)
    gap = np.take_along_axis(shown, order[:, :2], 1)
    near = (gap[:, 0] - gap[:, 1] < 0.08) & (gap[:, 1] > labels.NEUTRAL - 0.08)
    names = [" or ".join(vocabulary.EXPRESSIONS[k] for k in sorted(row)) for row in order[:, :2]]
    pairs = pd.Series(names, people.index)[near]
    written = world.annotations("expw", indices, seed=seed)
    written = written[:, vocabulary.columns(vocabulary.EXPRESSIONS)].argmax(1)
    faces, captions = {}, {}
    for pair in pairs.value_counts().index[:4]:
        rows = pairs.index[pairs == pair][:count]
        faces[pair] = world.draw(candidates.loc[rows], size=size, progress=False)
        captions[pair] = [vocabulary.EXPRESSIONS[k] for k in written[rows]]
    return faces, captions


def _clear(people: pd.DataFrame) -> pd.DataFrame:
    """Those people whose face is not hidden and not turned far."""
    hidden = people[list(UNHIDDEN)].to_numpy().any(1)
    return people[~hidden & (people.yaw.abs() < 30).to_numpy()]
