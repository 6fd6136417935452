"""A film's profile: relation traits frame by frame, smoothed over five frames (Fig. 11)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from lightning_fabric import Fabric
from scipy import stats
from torch import Tensor

from lib import vocabulary, world
from lib.data.faces import PairSet
from lib.data.rendered import pair_set
from lib.evaluation import metrics
from lib.experiments import relation
from lib.models import RelationNet
from lib.params import Params
from lib.provenance import device

TRAITS = tuple(vocabulary.TRAITS)
WINDOW = 5  # "averaged across 5 neighboring frames" (Section 6.2)


@dataclass(frozen=True)
class Clip:
    """A clip of two people as a network sees it, frame by frame.

    pictures (F, 3, H, W) uint8; pairs: their two faces; truth: F rows, per trait about the
    share of annotators who say yes, `time` and `heat` in [0, 1]; probability (F, 8).
    """

    pictures: Tensor
    pairs: PairSet
    truth: pd.DataFrame
    probability: np.ndarray

    @property
    def smooth(self) -> np.ndarray:
        """The probabilities averaged across five neighbouring frames, (F, 8)."""
        return metrics.moving_average(self.probability, WINDOW)

    @property
    def conflict(self) -> np.ndarray:
        """Whether a frame belongs to the quarrel, (F,) bool; elsewhere they talk."""
        return (self.truth["heat"] > 0.5).to_numpy()


def watch(
    model: RelationNet,
    params: Params,
    *,
    frames: int,
    seed: int,
    fabric: Fabric | None = None,
) -> list[Clip]:
    """As many clips as the profile says, each of two other people, none of them from training."""
    clips = []
    for number in range(params.evaluation.clips):
        made = world.clip(
            frames,
            seed=1000 * (seed + 1) + number,
            size=params.data.size,
            device=device(params),
        )
        pictures, pairs, truth = made[0], pair_set(made[1]), made[2]
        probability = relation.predict(model, pairs, params, fabric).sigmoid().numpy()
        clips.append(Clip(pictures, pairs, truth, probability))
    return clips


def quarrel_minus_talk(clips: list[Clip], *, truth: bool = False) -> np.ndarray:
    """Mean smoothed probability in the quarrel minus that in the talk, (clips, 8).

    truth: of the annotators' true shares in place of ours.
    """
    rows = []
    for clip in clips:
        values = clip.truth[list(TRAITS)].to_numpy() if truth else clip.smooth
        rows.append(values[clip.conflict].mean(0) - values[~clip.conflict].mean(0))
    return np.stack(rows)


def followed(clips: list[Clip], *, smoothed: bool = True) -> np.ndarray:
    """Correlation over the frames of each clip between our profile and the truth, (clips, 8)."""
    rows = []
    for clip in clips:
        ours = clip.smooth if smoothed else clip.probability
        pairs = zip(ours.T, clip.truth[list(TRAITS)].to_numpy().T, strict=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            rows.append([np.corrcoef(mine, true)[0, 1] for mine, true in pairs])
    return np.array(rows)


def over_clips(values: np.ndarray) -> dict[str, float | None]:
    """Mean of one value per clip, (clips,), with its 95 % interval (Student's t).

    Frames of a clip resemble each other, so the clip is the unit. None where a clip has no value.
    """
    if not np.isfinite(values).all():
        return {"value": None, "low": None, "high": None}
    mean, spread = float(values.mean()), float(stats.sem(values))
    reach = float(stats.t.ppf(0.975, len(values) - 1)) * spread
    return {"value": mean, "low": mean - reach, "high": mean + reach}
