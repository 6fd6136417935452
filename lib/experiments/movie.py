"""A film's profile: relation traits frame by frame, averaged over five frames (Fig. 11)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from lightning_fabric import Fabric
from scipy import stats
from torch import Tensor

from lib import vocabulary, world
from lib.data.faces import PairSet
from lib.data.rendered import pair_set
from lib.data.scenes import boxes
from lib.evaluation import bootstrap, metrics
from lib.experiments import relation
from lib.models import RelationNet
from lib.params import Params
from lib.workspace.provenance import device

TRAITS = list(vocabulary.TRAITS)
FOLLOWED = ("friendly", "competitive")  # the traits of the paper's Fig. 11
WINDOW = 5  # "averaged across 5 neighboring frames" (Section 6.2)


@dataclass(frozen=True)
class Clip:
    """A clip of two people who talk, quarrel and talk again, and what the S-DCN predicts on it.

    pictures: (F, 3, H, W) uint8.
    pairs: their two faces, F pairs.
    truth: F rows; per trait about the share of annotators who would say yes; `time` and `heat`
        (of the quarrel) in [0, 1].
    probability: (F, 8), frame by frame.
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
    def curves(self) -> dict[str, np.ndarray]:
        """What Fig. 11 shows of each trait, (F, 8) each."""
        truth = self.truth[TRAITS].to_numpy()
        ours = {"single frames": self.probability, "five frames averaged": self.smooth}
        return {**ours, "truth": truth}

    @property
    def boxes(self) -> np.ndarray:
        """The two faces in every picture, (F, 2, 4): x, y, w, h in px."""
        scale = self.pictures.shape[2] / self.pairs.table["height"].to_numpy(float)
        return boxes(self.pairs.table) * scale[:, None, None]

    @property
    def quarrel(self) -> np.ndarray:
        """Which frames belong to the quarrel, (F,) bool; in the others the two people talk."""
        return (self.truth["heat"] > 0.5).to_numpy()


def watch(
    model: RelationNet, params: Params, *, frames: int, fabric: Fabric | None = None
) -> list[Clip]:
    """Render the profile's number of clips and predict the traits in every frame.

    Every clip shows two other people, who are in no training pair.
    """
    clips = []
    for number in range(params.evaluation.clips):
        seed = 1000 * (params.seed + 1) + number  # far from the seeds of the datasets
        made = world.clip(frames, seed=seed, size=params.data.size, device=device(params))
        pictures, pairs, truth = made[0], pair_set(made[1]), made[2]
        probability = relation.predict(model, pairs, params, fabric).sigmoid().numpy()
        clips.append(Clip(pictures, pairs, truth, probability))
    return clips


def quarrel_minus_talk(clips: Sequence[Clip], *, truth: bool = False) -> np.ndarray:
    """Mean smoothed probability in the quarrel minus that in the talk, (clips, 8).

    truth: the same of the true shares of annotators.
    """
    curves = [clip.curves["truth"] if truth else clip.smooth for clip in clips]
    rows = zip(curves, (clip.quarrel for clip in clips), strict=True)
    return np.stack([curve[hot].mean(0) - curve[~hot].mean(0) for curve, hot in rows])


def in_quarrel(clips: Sequence[Clip]) -> np.ndarray:
    """Mean smoothed probability in the quarrel, (clips, 8)."""
    return np.stack([clip.smooth[clip.quarrel].mean(0) for clip in clips])


def followed(clips: Sequence[Clip], *, smoothed: bool = True) -> np.ndarray:
    """Correlation over the frames of each clip between prediction and truth, (clips, 8).

    NaN where a trait does not change.
    """
    rows = []
    for clip in clips:
        ours = clip.smooth if smoothed else clip.probability
        pairs = zip(ours.T, clip.curves["truth"].T, strict=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            rows.append([np.corrcoef(predicted, true)[0, 1] for predicted, true in pairs])
    return np.array(rows)


def median_clip(clips: Sequence[Clip], names: Sequence[str] = FOLLOWED) -> int:
    """Which clip Fig. 11 shows: the one whose correlation with the truth is the median of all.

    The correlation is averaged over the named traits; where a profile does not move it counts as
    0. Of an even number of clips the poorer of the middle two is taken.
    """
    columns = [TRAITS.index(name) for name in names]
    each = np.nan_to_num(followed(clips)[:, columns]).mean(1)
    return int(np.argsort(each, kind="stable")[(len(each) - 1) // 2])


def spread(clips: Sequence[Clip]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of the smoothed profiles over all clips, and the 10th and the 90th percentile, (F, 8)
    each; the quarrel is in the same frames of every clip."""
    profiles = np.stack([clip.smooth for clip in clips])
    low, high = np.quantile(profiles, (0.1, 0.9), axis=0)
    return profiles.mean(0), low, high


def over_clips(values: np.ndarray, *, least: float = -100, most: float = 100) -> bootstrap.Estimate:
    """Mean of one value per clip (clips,), with its 95 % interval (Student's t).

    The clip is the unit, since frames of one clip resemble each other. The interval ends at `least`
    and `most`, beyond which no mean can be. None where a clip has no value.
    """
    mean, reach = values.mean(), stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    low, high = np.clip((mean - reach, mean + reach), least, most)
    return bootstrap.percent(mean, low, high, scale=1)
