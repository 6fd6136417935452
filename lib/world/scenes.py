"""Pictures of two people, and the crops of their faces that a detector would give."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from lib.vocabulary import TRAITS
from lib.world.expression import mixture
from lib.world.hashing import Draws, Indices
from lib.world.moments import CAPTURES, assemble
from lib.world.relations import MOODS, SCENARIOS, judged, trait_evidence
from lib.world.render import Posed, chunk_of, developed, in_chunks, prepare, stage_of, studio

PARTS = ("web", "movie")
HEIGHT, WIDTH = 144, 256  # px, the pictures that the boxes are measured in
CAMERAS = {"web": CAPTURES["expw"], "movie": CAPTURES["sfew"]}
SHARED = (  # beginnings of the names of latents that the two people of a picture share
    "light", "ambient", "warm", "rim", "spread", "exposure", "contrast", "saturation", "cast_",
    "vignette", "blur", "motion", "noise", "grain", "seed", "jpeg", "scene", "crowd", "focus",
    "text", "overlay", "wall_",
)  # fmt: skip
HEAD = 1.15  # dm, half of a head's height


class Pairs(NamedTuple):
    """N rendered pairs of faces.

    left, right (N, 3, S, S) uint8; boxes (N, 2, 4) x y w h and picture (N, 2) width, height, px,
    float64; labels (N, 8) int8; a table.
    """

    left: torch.Tensor
    right: torch.Tensor
    boxes: torch.Tensor
    picture: torch.Tensor
    labels: torch.Tensor
    table: pd.DataFrame


def pairs(part: str, indices: Indices, *, seed: int = 0) -> tuple[pd.DataFrame, ...]:
    """Latents of the left person, of the right person, and of the pair; one row each."""
    if part not in PARTS:
        raise ValueError(f"unknown part {part!r}; use one of {', '.join(PARTS)}")
    index = np.asarray(indices, dtype=np.int64)
    moment = Draws(f"relation {part}", index, seed)
    couple = Draws(f"couple {part}", index // 2, seed)
    kind = SCENARIOS.iloc[couple.choice("scenario", SCENARIOS[part].to_numpy())].reset_index()
    pair = pd.DataFrame({"key": [f"relation-{part}-{i}" for i in index], "part": part})
    pair["identity"] = [f"{part}-couple-{i // 2}" for i in index]
    pair["scenario"] = kind.scenario
    pair["leader_left"] = moment.flag("leader left", 0.5)
    one, two = (_role(part, index, seed, kind, role) for role in (0, 1))
    pair = pd.concat([pair, _stand(one, two, kind, moment)], axis=1)
    traits = judged(trait_evidence(one, two, pair), pair.part, moment)
    swap = (one.shift_x > two.shift_x).to_numpy()
    both, place = pd.concat([one, two], ignore_index=True), np.arange(len(index))
    left = both.iloc[place + len(index) * swap].reset_index(drop=True)
    right = both.iloc[place + len(index) * ~swap].reset_index(drop=True)
    pair["left_identity"], pair["right_identity"] = left.identity, right.identity
    return left, right, pd.concat([pair, traits, boxes_of(left, right, moment)], axis=1)


def _role(part: str, index: np.ndarray, seed: int, kind: pd.DataFrame, role: int) -> pd.DataFrame:
    """Latents of the leading (0) or the other (1) person, before they are placed."""
    moment = Draws(f"relation {part} {role}", index, seed)
    who = Draws(f"couple {part} {role}", index // 2, seed)
    camera = CAMERAS[part]
    shares = np.array([MOODS[mood] for mood in (kind.second if role else kind["first"])])
    table = pd.DataFrame({"identity": [f"{part}-{'ba'[role]}{i // 2}" for i in index]})
    return assemble(table, who, moment, camera, mixture(moment, shares, 0.25, 0.90))


def _stand(one: pd.DataFrame, two: pd.DataFrame, kind: pd.DataFrame, moment: Draws) -> pd.DataFrame:
    """Place both in one picture, turn them, let one light fall on both and the first one point at
    the other or put an arm around: in place. Returns what the pair shows.

    `scale` is half a head's height and `shift_x`, `shift_y` its middle, in half heights of the
    picture.
    """
    near = (kind.near_low + (kind.near_high - kind.near_low) * moment.uniform("near")).to_numpy()
    apart = 1.62 + 0.66 * (near - 1.15)  # half heads between the heads: both can be seen
    scale = moment.uniform("size", 0.33, 0.52)
    scale = np.minimum(scale, 1.6 / (apart / 2 + 1.1))
    other = scale * np.exp(moment.normal("size of other", 0, 0.05))
    above = kind.above.to_numpy() * moment.uniform("above", 0.3, 1.1)
    above = above + moment.normal("height", 0, 0.12)
    facing = (kind.facing.to_numpy() + moment.normal("face", 0, 0.45)).clip(-1, 1)
    to_left = np.where(moment.flag("leader left", 0.5) > 0, -1.0, 1.0)
    middle = moment.normal("middle", 0, 0.08)
    half, rise = apart * (scale + other) / 4, moment.normal("rise", 0.12, 0.06)
    behind = moment.uniform("behind", 0.1, 0.9) * (2.6 - apart).clip(0)
    closeness = (2.3 - apart).clip(0, 0.6)
    for p, side, size, up, deep in (
        (one, to_left, scale, above / 2, 0 * behind), (two, -to_left, other, -above / 2, -behind),
    ):  # fmt: skip
        p["scale"], p["shift_x"], p["shift_y"] = size, middle + side * half, rise + up * size
        turn = -side * 52 * facing
        p["yaw"] = (turn + p.yaw * 0.4).clip(-75, 75)
        p["pitch"] = p.pitch * 0.6 - 14 * up.clip(-1, 1)
        p["roll"] = p.roll * 0.6 + side * 12 * closeness
        p["body_yaw"] = turn * 0.55 - side * 14 * (1 - facing)
        p["body_roll"] = side * 14 * closeness
        p["gaze_x"] = (-side * 0.5 * facing + 0.4 * p.gaze_x).clip(-1, 1)
        p["deep"] = deep
    for name in [n for n in one if n.startswith(SHARED)]:
        two[name] = one[name]
    around = moment.flag("arm around", kind.hug.to_numpy()) * (apart < 2.2)
    points = moment.flag("points", kind.point.to_numpy()) * (1 - around)
    one["hand"], two["hand"] = around + 2.0 * points, 0.0
    one["hand_side"] = -to_left  # the arm on the other's side
    one["hand_x"] = -to_left * np.where(around > 0, apart + 1.0, 0.62 * apart)
    one["hand_y"] = np.where(around > 0, -1.85, -1.9)
    one["hand_z"] = np.where(around > 0, -0.45, 1.5)
    columns = {
        "near": near,
        "above": above,
        "facing": facing,
        "eye_contact": np.select([facing > 0.35, facing < -0.2], [1.0, -0.8]),
        "gesture": np.select([around > 0, points > 0], ["arm around", "pointing"], "none"),
    }
    return pd.DataFrame(columns)


def boxes_of(left: pd.DataFrame, right: pd.DataFrame, moment: Draws) -> pd.DataFrame:
    """Boxes of both faces in px of a `WIDTH` x `HEIGHT` picture, as a detector jitters them."""
    columns = {"width": WIDTH, "height": HEIGHT}
    for name, p in (("left", left), ("right", right)):
        side = p.scale * HEIGHT / 2 * 2.3 * np.exp(moment.normal(f"{name} box", 0, 0.06))
        lean = 0.12 * np.sin(np.radians(p.yaw)) * p.scale
        x = (p.shift_x + lean) * HEIGHT / 2 + WIDTH / 2 + moment.normal(f"{name} box x", 0, 1.5)
        y = HEIGHT / 2 - (p.shift_y - 0.05 * p.scale) * HEIGHT / 2
        columns[f"{name}_x"] = x - side / 2
        columns[f"{name}_y"] = y + moment.normal(f"{name} box y", 0, 1.5) - side / 2
        columns[f"{name}_w"] = columns[f"{name}_h"] = side
    return pd.DataFrame(columns)


def relation(
    part: str, indices: Indices, *, seed: int = 0, size: int = 64, device: str = "cpu",
    progress: bool = True,
) -> Pairs:  # fmt: skip
    """Pairs of face crops with the eight traits; part: `web` or `movie`; indices: integers >= 0.

    The table holds `scenario`, the boxes in px (`left_x` ... `right_h`) of a picture of `width` by
    `height`, `votes_<trait>` (0..5, first round), the two identities, and `evidence_<trait>`.
    """
    left, right, pair = pairs(part, indices, seed=seed)
    return picture_pairs(left, right, pair, size=size, device=device, progress=progress)


def picture_pairs(
    left: pd.DataFrame, right: pd.DataFrame, pair: pd.DataFrame, *, size: int, device: str,
    progress: bool,
) -> Pairs:  # fmt: skip
    """Render the crops of pairs whose latents are given."""
    names = [f"{side}_{k}" for side in ("left", "right") for k in "xywh"]
    boxes = torch.tensor(pair[names].to_numpy(np.float64)).reshape(-1, 2, 4)
    corner, span = boxes[..., :2].numpy(), boxes[..., 2:].numpy()
    middle = (corner + span / 2 - np.array([WIDTH, HEIGHT]) / 2) / (HEIGHT / 2) * np.array([1, -1])
    windows = np.concatenate([middle, span / HEIGHT], 2)  # (N, 2, 4)
    title = "rendering pairs" if progress else None
    made = _rendered(left, right, windows, (size, size), device, title)
    pixels = torch.tensor(pair[["width", "height"]].to_numpy(np.float64))
    table = pair.drop(columns=list(TRAITS)).assign(split="")
    for name in ("yaw", "e_happy", "e_angry", "male", "age"):
        table[f"left_{name}"], table[f"right_{name}"] = left[name], right[name]
    labels = torch.from_numpy(pair[list(TRAITS)].to_numpy(np.int8, copy=True))
    crops = made.transpose(0, 1).contiguous()
    return Pairs(crops[0], crops[1], boxes, pixels, labels, table)


def scenes(
    part: str, indices: Indices, *, seed: int = 0, height: int = HEIGHT, device: str = "cpu"
) -> torch.Tensor:
    """The whole pictures of pairs: (N, 3, height, height * 16 / 9) uint8."""
    left, right, _ = pairs(part, indices, seed=seed)
    return picture_scenes(left, right, height=height, device=device)


def picture_scenes(
    left: pd.DataFrame, right: pd.DataFrame, *, height: int = HEIGHT, device: str = "cpu"
) -> torch.Tensor:
    """Render the whole pictures of pairs whose latents are given."""
    width = height * WIDTH // HEIGHT
    windows = np.tile([0.0, 0.0, WIDTH / HEIGHT, 1.0], (len(left), 1, 1))
    return _rendered(left, right, windows, (height, width), device, None)[:, 0]


def _rendered(
    left: pd.DataFrame, right: pd.DataFrame, windows: np.ndarray, shape: tuple[int, int],
    device: str, title: str | None,
) -> torch.Tensor:  # fmt: skip
    """(N, K, 3, height, width) uint8: K windows (x, y, half width, half height) of each picture."""
    count, many = windows.shape[:2]
    order = np.arange(2 * count).reshape(2, -1).T.ravel()
    both = pd.concat([left, right], ignore_index=True).iloc[order]
    chunk = chunk_of(device)

    def work(rows: slice) -> torch.Tensor:
        p = both.iloc[2 * rows.start : 2 * rows.stop].reset_index(drop=True)
        people, renderer = prepare(p, "figure", chunk), studio("figure", chunk, device)
        first = np.repeat(np.arange(0, len(p), 2), many)
        shared = p.iloc[first].reset_index(drop=True)
        stages = stage_of(shared)
        stages["tall"], stages["first"] = HEAD / shared.scale, first
        stages["window"] = windows[rows].reshape(-1, 4)
        stages["distance"] *= 2.5
        _place(people, p, np.repeat(stages[::many], 2))
        renderer.seat(people)
        light = renderer.expose(stages, *shape, many=2)
        made = developed(shared, light, shape[0] / (64 if many == 2 else HEIGHT))
        return made.unflatten(0, (-1, many))

    return in_chunks(work, (count, many, 3, *shape), chunk // 2, title)


def _place(people: Posed, p: pd.DataFrame, stages: np.ndarray) -> None:
    """Scale and move posed people (N,) so that their heads are where the latents say; in place."""
    tall, deep = stages["tall"], p.deep.to_numpy() * HEAD
    goal = np.stack([p.shift_x * tall, p.shift_y * tall, 0 * tall], 1)
    goal *= (1 - deep / stages["distance"])[:, None]
    goal[:, 2] = deep
    grow = (p.scale.to_numpy() * tall / (people.tall / 2))[:, None]
    people.turns *= grow[..., None, None].astype(np.float32)
    people.shifts[:] = people.shifts * grow[..., None] + (goal - people.heads * grow)[:, None]
