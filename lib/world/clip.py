"""A clip of two people: a friendly talk that turns into a conflict and ends in peace (Fig. 11)."""

import numpy as np
import pandas as pd
import torch

from lib.vocabulary import TRAITS
from lib.world.expression import EMOTIONS, UNITS, prototypes
from lib.world.hashing import Draws
from lib.world.relations import settle, trait_evidence, votes
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
    _act(left, heat, time, noise, 0)
    _act(right, heat, time, noise, 1)
    _move(left, right, heat, time)
    pair["scenario"] = np.where(heat > 0.5, "quarrel", "partners")
    pair["key"] = [f"clip-{i}" for i in range(frames)]
    pair["near"] = (right.shift_x - left.shift_x) / (left.scale + right.scale) * 2
    pair["above"], pair["eye_contact"] = 0.0, np.where(heat > 0.5, 0.3, 1.0)
    shown = _evidence(left, right, pair, heat)
    first, second = (votes(shown, pair.part, noise, i) for i in (1, 2))
    pair[list(TRAITS)] = settle(first, second)
    for i, name in enumerate(TRAITS):
        pair[f"votes_{name}"], pair[f"evidence_{name}"] = first[:, i], shown[:, i]
    boxes = boxes_of(left, right, noise)
    pair[list(boxes)] = boxes
    truth = pd.DataFrame(1 / (1 + np.exp(-shown / 0.15)), columns=list(TRAITS))
    pictures = picture_scenes(left, right, device=device)
    crops = picture_pairs(left, right, pair, size=size, device=device, progress=False)
    return pictures, crops, truth.assign(time=time, heat=heat)


def _act(p: pd.DataFrame, heat: np.ndarray, time: np.ndarray, noise: Draws, role: int) -> None:
    """Expressions over time: joy, then anger (role 0) or anger and sorrow (role 1); in place."""
    weights = np.zeros((len(p), 6))
    wave = 0.75 + 0.2 * np.sin(time * 40 + role * 2)
    weights[:, EMOTIONS.index("happy")] = (1 - heat) * wave
    weights[:, EMOTIONS.index("angry")] = heat * (1.0 - 0.25 * role)
    weights[:, EMOTIONS.index("sad")] = heat * 0.35 * role
    p[[f"e_{name}" for name in EMOTIONS]] = weights
    table = prototypes()
    units = (weights @ table[:, role]).clip(0, 1.1)
    p[[f"au_{name}" for name in UNITS]] = units
    turn = np.sin(time * 9 + role * np.pi) > 0  # they speak in turns
    p["au_jaw"] = np.maximum(p.au_jaw, turn * (0.25 + 0.25 * np.sin(time * 130)) * 0.9).clip(0, 1)
    p["au_part"] = (p.au_corner_up * 0.6 + p.au_jaw).clip(0, 1)
    p["grain"] = noise.uniform("grain")
    p["motion_x"], p["motion_y"], p["blur"] = 0.0, 0.0, 0.5
    for name in ("hand", "overlay", "text", "shades", "hat"):
        p[name] = 0.0


def _move(left: pd.DataFrame, right: pd.DataFrame, heat: np.ndarray, time: np.ndarray) -> None:
    """Close and face to face while friendly, farther and half turned away in the quarrel."""
    for p, side in ((left, -1.0), (right, 1.0)):
        p["scale"] = 0.36 + 0.01 * np.sin(time * 7 + side)
        p["shift_x"] = side * (0.40 + 0.13 * heat)
        p["shift_y"] = 0.02 + 0.012 * np.sin(time * 23 + side)
        p["yaw"] = -side * (38 - 22 * heat + 5 * np.sin(time * 17 + side))
        p["pitch"] = 3 * np.sin(time * 31 + 2 * side)
        p["roll"] = side * 4 * (1 - heat) + 2 * np.sin(time * 13 + side)
        p["body_yaw"], p["body_roll"], p["deep"] = p.yaw * 0.6, 0.0, 0.0
        p["gaze_x"], p["gaze_y"] = -side * 0.5 * (1 - heat), 0.0
        p["exposure"], p["noise"], p["vignette"] = 0.85, 0.01, 0.1


def _evidence(
    left: pd.DataFrame, right: pd.DataFrame, pair: pd.DataFrame, heat: np.ndarray
) -> np.ndarray:
    """Evidence that passes smoothly from one scenario to the other."""
    parts = [
        trait_evidence(left, right, pair.assign(scenario=name)) for name in ("partners", "quarrel")
    ]
    return parts[0] * (1 - heat[:, None]) + parts[1] * heat[:, None]
