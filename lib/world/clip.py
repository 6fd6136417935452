"""A clip of two people: a friendly talk that turns into a conflict and ends in peace (Fig. 11)."""

import numpy as np
import pandas as pd
import torch

from lib.vocabulary import TRAITS
from lib.world.expression import EMOTIONS, UNITS, prototypes
from lib.world.hashing import Draws
from lib.world.relations import judged, trait_evidence
from lib.world.scenes import Pairs, boxes_of, pairs, picture_pairs, picture_scenes

CONFLICT = (0.36, 0.68)  # of the clip's length, where the quarrel is at its height


def clip(
    frames: int = 120, *, seed: int = 0, size: int = 64, device: str = "cpu"
) -> tuple[torch.Tensor, Pairs, pd.DataFrame]:
    """Frames of two roles whose relation changes.

    Returns the whole pictures (F, 3, 144, 256) uint8, the face pairs, and the truth of each frame:
    the eight traits in [0, 1] (evidence through a sigmoid, about the share of annotators who say
    yes) and `time` in [0, 1].
    """
    if frames < 2:
        raise ValueError(f"a clip needs at least 2 frames, found {frames}")
    time = np.linspace(0, 1, frames)
    begin, end = CONFLICT
    heat = 1 / (1 + np.exp(-(time - begin) * 45)) - 1 / (1 + np.exp(-(time - end) * 45))
    left, right, pair = (
        pd.concat([t] * frames, ignore_index=True) for t in pairs("movie", [0], seed=seed)
    )
    noise = Draws("clip", np.arange(frames), seed)
    for role, p in enumerate((left, right)):
        _act(p, role, heat, time)
        p["grain"] = noise.uniform("grain")
    pair["scenario"] = np.where(heat > 0.5, "quarrel", "partners")
    pair["key"] = [f"clip-{i}" for i in range(frames)]
    pair["near"] = (right.shift_x - left.shift_x) / (left.scale + right.scale) * 2
    pair["above"], pair["eye_contact"] = 0.0, np.where(heat > 0.5, 0.3, 1.0)
    both = (pair.assign(scenario=name) for name in ("partners", "quarrel"))
    calm, hot = (trait_evidence(left, right, one) for one in both)
    shown = calm * (1 - heat[:, None]) + hot * heat[:, None]
    seen = pd.concat([judged(shown, pair.part, noise), boxes_of(left, right, noise)], axis=1)
    pair[list(seen)] = seen
    truth = pd.DataFrame(1 / (1 + np.exp(-shown / 0.15)), columns=list(TRAITS))
    pictures = picture_scenes(left, right, device=device)
    crops = picture_pairs(left, right, pair, size=size, device=device, progress=False)
    return pictures, crops, truth.assign(time=time, heat=heat)


def _act(p: pd.DataFrame, role: int, heat: np.ndarray, time: np.ndarray) -> None:
    """Joy, then anger (role 0, left) or anger and sorrow (role 1); close and face to face while
    friendly, farther and half turned away in the quarrel; in place."""
    weights, side = np.zeros((len(p), 6)), 2.0 * role - 1
    weights[:, EMOTIONS.index("happy")] = (1 - heat) * (0.75 + 0.2 * np.sin(time * 40 + role * 2))
    weights[:, EMOTIONS.index("angry")] = heat * (1.0 - 0.25 * role)
    weights[:, EMOTIONS.index("sad")] = heat * 0.35 * role
    p[[f"e_{name}" for name in EMOTIONS]] = weights
    p[[f"au_{name}" for name in UNITS]] = (weights @ prototypes()[:, role]).clip(0, 1.1)
    turn = np.sin(time * 9 + role * np.pi) > 0  # they speak in turns
    p["au_jaw"] = np.maximum(p.au_jaw, turn * (0.25 + 0.25 * np.sin(time * 130)) * 0.9).clip(0, 1)
    p["au_part"] = (p.au_corner_up * 0.6 + p.au_jaw).clip(0, 1)
    p["scale"] = 0.36 + 0.01 * np.sin(time * 7 + side)
    p["shift_x"] = side * (0.40 + 0.13 * heat)
    p["shift_y"] = 0.02 + 0.012 * np.sin(time * 23 + side)
    p["yaw"] = -side * (38 - 22 * heat + 5 * np.sin(time * 17 + side))
    p["pitch"] = 3 * np.sin(time * 31 + 2 * side)
    p["roll"] = side * 4 * (1 - heat) + 2 * np.sin(time * 13 + side)
    p["body_yaw"], p["gaze_x"] = p.yaw * 0.6, -side * 0.5 * (1 - heat)
    p["exposure"], p["noise"], p["vignette"], p["blur"] = 0.85, 0.01, 0.1, 0.5
    still = ["body_roll", "deep", "gaze_y", "motion_x", "motion_y"]
    p[[*still, "hand", "overlay", "text", "shades", "hat"]] = 0.0
