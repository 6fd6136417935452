"""Pictures of two people, and the crops of their faces that a detector would give."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from lib.vocabulary import TRAITS
from lib.world import capture, shade, wear
from lib.world.expression import mixture
from lib.world.hashing import Draws
from lib.world.moments import SOURCES, Camera, assemble
from lib.world.population import people_of
from lib.world.relations import (
    NAMES,
    SCENARIOS,
    settle,
    trait_evidence,
    votes,
)  # fmt: skip
from lib.world.render import batch_of, fine, grid, in_batches, person
from lib.world.table import Latents, Pairs

Indices = Sequence[int] | np.ndarray
PARTS = ("web", "movie")
HEIGHT, WIDTH = 144, 256  # px, the pictures that the boxes are measured in
CAMERAS = {"web": SOURCES["expw"], "movie": SOURCES["sfew"]}
SHARED = ("light", "ambient", "warm", "exposure", "contrast", "saturation", "cast_", "vignette")
SHARED += ("blur", "motion", "noise", "grain", "jpeg", "plain", "text", "overlay", "scene_")


def pairs(part: str, indices: Indices, *, seed: int = 0) -> tuple[pd.DataFrame, ...]:
    """Latents of the left person, of the right person, and of the pair; one row each."""
    if part not in PARTS:
        raise ValueError(f"unknown part {part!r}; use one of {', '.join(PARTS)}")
    index = np.asarray(indices, dtype=np.int64)
    moment = Draws(f"relation {part}", index, seed)
    couple = Draws(f"couple {part}", index // 2, seed)
    shares = [scenario.share[PARTS.index(part)] for scenario in SCENARIOS.values()]
    names = np.array(NAMES)[couple.choice("scenario", shares)]
    pair = pd.DataFrame({"key": [f"relation-{part}-{i}" for i in index], "part": part})
    pair["identity"] = [f"{part}-couple-{i // 2}" for i in index]
    pair["scenario"] = names
    pair["leader_left"] = moment.flag("leader left", 0.5)
    one, two = (_role(part, index, seed, names, role) for role in (0, 1))
    pair = pd.concat([pair, _stand(one, two, names, moment)], axis=1)
    shown = trait_evidence(one, two, pair)
    first, second = (votes(shown, pair.part, moment, i) for i in (1, 2))
    for i, name in enumerate(TRAITS):
        pair[f"votes_{name}"] = first[:, i]
    labels = pd.DataFrame(settle(first, second), columns=list(TRAITS))
    evidence = pd.DataFrame(shown, columns=[f"evidence_{name}" for name in TRAITS])
    pair = pd.concat([pair, labels, evidence], axis=1)
    swap = (one.shift_x > two.shift_x).to_numpy()
    both, place = pd.concat([one, two], ignore_index=True), np.arange(len(index))
    left = both.iloc[place + len(index) * swap].reset_index(drop=True)
    right = both.iloc[place + len(index) * ~swap].reset_index(drop=True)
    pair["left_identity"], pair["right_identity"] = left.identity, right.identity
    return left, right, pd.concat([pair, _boxes(left, right, moment)], axis=1)


def _role(part: str, index: np.ndarray, seed: int, names: np.ndarray, role: int) -> pd.DataFrame:
    """Latents of the leading (0) or the other (1) person, before they are placed."""
    moment = Draws(f"relation {part} {role}", index, seed)
    who = Draws(f"couple {part} {role}", index // 2, seed)
    camera: Camera = CAMERAS[part]
    people = people_of(who, camera.habits)
    shares = [SCENARIOS[n].second if role else SCENARIOS[n].first for n in names]
    table = pd.DataFrame({"identity": [f"{part}-{'ba'[role]}{i // 2}" for i in index]})
    weights = mixture(moment, np.array(shares), (0.35, 1.0))
    return assemble(table, people, weights, camera, moment, who)


def _stand(one: pd.DataFrame, two: pd.DataFrame, names: np.ndarray, moment: Draws) -> pd.DataFrame:
    """Place both in one picture, turn them, and let one mood colour the other; in place."""
    kinds = [SCENARIOS[name] for name in names]
    low, high = np.array([kind.near for kind in kinds]).T
    near = low + (high - low) * moment.uniform("near")
    scale = moment.uniform("size", 0.33, 0.52)
    scale = np.minimum(scale, 1.6 / (near / 2 + 1.1))
    other = scale * np.exp(moment.normal("size of other", 0, 0.07))
    above = np.array([kind.above for kind in kinds]) * moment.uniform("above", 0.3, 1.1)
    above = above + moment.normal("height", 0, 0.12)
    facing = (np.array([kind.facing for kind in kinds]) + moment.normal("face", 0, 0.3)).clip(-1, 1)
    to_left = np.where(moment.flag("leader left", 0.5) > 0, -1.0, 1.0)
    middle = moment.normal("middle", 0, 0.08)
    half = near * (scale + other) / 4
    rise = moment.normal("rise", 0.10, 0.06)
    for p, side, size, up in ((one, to_left, scale, above / 2), (two, -to_left, other, -above / 2)):
        p["scale"] = size
        p["shift_x"] = middle + side * half
        p["shift_y"] = rise + up * size
        turn = -side * 52 * facing
        p["yaw"] = (turn + p.yaw * 0.45).clip(-88, 88)
        p["pitch"] = p.pitch * 0.6 - 12 * np.sign(up) * up.clip(-1, 1) * np.sign(up)
        p["gaze_x"] = (-side * 0.5 * facing + 0.4 * p.gaze_x).clip(-1, 1)
        p["roll"] = p.roll * 0.7 + side * 6 * (near < 1.6)
    for name in [n for n in one if n.startswith(SHARED)]:
        two[name] = one[name]
    contact = np.where(facing > 0.35, 1.0, np.where(facing < -0.2, -0.8, 0.0))
    return pd.DataFrame({"near": near, "above": above, "facing": facing, "eye_contact": contact})


def _boxes(left: pd.DataFrame, right: pd.DataFrame, moment: Draws) -> pd.DataFrame:
    """Boxes of both faces in px of a `WIDTH` x `HEIGHT` picture, as a detector jitters them."""
    columns = {"width": WIDTH, "height": HEIGHT}
    for name, p in (("left", left), ("right", right)):
        side = p.scale * HEIGHT / 2 * 2.15 * np.exp(moment.normal(f"{name} box", 0, 0.06))
        lean = 0.12 * np.sin(np.radians(p.yaw)) * p.scale
        x = (p.shift_x + lean) * HEIGHT / 2 + WIDTH / 2 + moment.normal(f"{name} box x", 0, 1.5)
        y = HEIGHT / 2 - (p.shift_y - 0.10 * p.scale) * HEIGHT / 2
        columns[f"{name}_x"] = x - side / 2
        columns[f"{name}_y"] = y + moment.normal(f"{name} box y", 0, 1.5) - side / 2
        columns[f"{name}_w"] = columns[f"{name}_h"] = side
    return pd.DataFrame(columns)


def relation(
    part: str,
    indices: Indices,
    *,
    seed: int = 0,
    size: int = 64,
    device: str = "cpu",
    progress: bool = True,
) -> Pairs:
    """Pairs of face crops with the eight traits.

    part: `web` or `movie`; indices: which pairs, integers >= 0.
    The table holds `scenario`, the boxes in px (`left_x` ... `right_h`) of a picture of `width` by
    `height`, `votes_<trait>` (0..5, first round), the two identities, and `evidence_<trait>`.
    """
    left, right, pair = pairs(part, indices, seed=seed)
    return picture_pairs(left, right, pair, size=size, device=device, progress=progress)


def picture_pairs(
    left: pd.DataFrame,
    right: pd.DataFrame,
    pair: pd.DataFrame,
    *,
    size: int = 64,
    device: str = "cpu",
    progress: bool = True,
) -> Pairs:
    """Draw the crops of pairs whose latents are given."""
    first, second = Latents.of(left, device), Latents.of(right, device)
    boxes = torch.tensor(
        pair[[f"{side}_{k}" for side in ("left", "right") for k in "xywh"]].to_numpy(np.float64)
    ).reshape(-1, 2, 4)
    crops = torch.empty(2, len(pair), 3, size, size, dtype=torch.uint8)
    step = max(1, batch_of(size, device) // 2)

    def drawn(rows: slice) -> torch.Tensor:
        one, two = first.select(rows), second.select(rows)
        index = np.r_[rows, [rows.start] * (step - len(one))]
        one, two = one.padded(step), two.padded(step)
        return torch.stack([_crop(one, two, boxes[index, side], size) for side in (0, 1)], 1)

    title = "drawing pairs" if progress else None
    for rows, both in in_batches(drawn, len(pair), step, device, title):
        crops[:, rows] = both.transpose(0, 1)
    pixels = torch.tensor(pair[["width", "height"]].to_numpy(np.float64))
    table = pair.drop(columns=list(TRAITS)).assign(split="")
    for name in ("yaw", "e_happy", "e_angry", "male", "age"):
        table[f"left_{name}"], table[f"right_{name}"] = left[name], right[name]
    labels = torch.from_numpy(pair[list(TRAITS)].to_numpy(np.int8, copy=True))
    return Pairs(crops[0], crops[1], boxes, pixels, labels, table)


@torch.inference_mode()
def _crop(left: Latents, right: Latents, box: torch.Tensor, size: int) -> torch.Tensor:
    """(B, 3, size, size) uint8: the part of each picture inside a box (B, 4)."""
    across, up = grid(fine(size), left.values.device)
    box = box.to(left.values.device, torch.float32)
    x, y, w, h = (box[:, i, None, None] for i in range(4))
    unit = 2 / HEIGHT
    across = (x + (across + 1) / 2 * w - WIDTH / 2) * unit
    up = -(y + (1 - up) / 2 * h - HEIGHT / 2) * unit
    light = _together(left, right, across, up, w * unit / fine(size))
    if fine(size) != size:
        light = F.interpolate(light, size=(size, size), mode="bilinear", antialias=True)
    return capture.photograph(left, light, size / 64)


def _together(left: Latents, right: Latents, across, up, pixel) -> torch.Tensor:
    """Both people before one backdrop, the nearer (larger) one last; linear (B, 3, H, W)."""
    swap = left.flat("scale") > right.flat("scale")
    far, close = left.mixed(right, swap), right.mixed(left, swap)
    light = shade.backdrop(left, across, up)
    for one in (far, close):
        light = person(one, light, across, up, pixel)
    return torch.stack(wear.caption(left, light, across, up), 1)


def scenes(
    part: str,
    indices: Indices,
    *,
    seed: int = 0,
    height: int = HEIGHT,
    device: str = "cpu",
) -> torch.Tensor:
    """The whole pictures of pairs: (N, 3, height, height * 16 / 9) uint8."""
    left, right, _ = pairs(part, indices, seed=seed)
    return picture_scenes(left, right, height=height, device=device)


def picture_scenes(
    left: pd.DataFrame, right: pd.DataFrame, *, height: int = HEIGHT, device: str = "cpu"
) -> torch.Tensor:
    """Draw the whole pictures of pairs whose latents are given."""
    width = height * WIDTH // HEIGHT
    out = torch.empty(len(left), 3, height, width, dtype=torch.uint8)
    first, second = Latents.of(left, device), Latents.of(right, device)

    def drawn(row: slice) -> torch.Tensor:
        return _whole(first.select(row), second.select(row), height, width)

    for row, picture in in_batches(drawn, len(left), 1, device, None):
        out[row] = picture
    return out


@torch.inference_mode()
def _whole(left: Latents, right: Latents, height: int, width: int) -> torch.Tensor:
    """(B, 3, height, width) uint8."""
    device, unit = left.values.device, 2 / height
    across = ((torch.arange(width, device=device) + 0.5) * unit - width / height).float()
    up = (1 - (torch.arange(height, device=device) + 0.5) * unit).float()
    x, y = (part.expand(len(left), height, width) for part in (across, up[:, None]))
    pixel = torch.full((1, 1, 1), unit, device=device)
    return capture.photograph(left, _together(left, right, x, y, pixel), height / HEIGHT)
