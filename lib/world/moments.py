"""One person at one moment before one camera: pose, expression, light, backdrop, picture quality.

`captures.csv` says how each source meets and photographs people, one column per source; nothing
else differs between them. There `x_low` and `x_high` bound uniform numbers, `share_` and `scene_`
are relative frequencies, `strong` is the intensity of the expression that is meant, `mixed` how
much of another shows beside it, `yaw_spread` the standard deviation of yaw (degrees), `yaw_even`
the share of faces spread evenly over +-92 degrees; `jitter` is in half crops, `scale` the height of
a head in crops, `blur` and `motion` are sigmas in px of a 64-px crop, `grade` is the strength of a
colour cast, `focus` the blur of the backdrop in half pictures, `crowd` the mean number of people
behind; from `age_low` on the rows say who the people are.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.world.expression import EMOTIONS, UNITS, mixture, movements
from lib.world.hashing import Draws, Indices
from lib.world.population import linear, people_of

FRAMES = 10  # of a CK+-like sequence, neutral to peak
SEQUENCES = 3  # of a CK+-like subject, each another emotion
CAPTURES = pd.read_csv(Path(__file__).with_name("captures.csv"), index_col="setting")
SOURCES = tuple(str(source) for source in CAPTURES)
SHARES = [f"share_{name}" for name in (*EMOTIONS, "neutral")]
SCENES = [f"scene_{name}" for name in ("wall", "room", "outdoors", "night")]


def latents(source: str, indices: Indices, *, seed: int = 0) -> pd.DataFrame:
    """Every latent of the faces at these indices of a source; one row each, index 0..N-1."""
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}; use one of {', '.join(SOURCES)}")
    index = np.asarray(indices, dtype=np.int64)
    moment = Draws(source, index, seed)
    who = identity_of(source, index, moment)
    person = Draws(f"{source} person", who, seed)
    camera = CAPTURES[source]
    table = pd.DataFrame({"key": [f"{source}-{i}" for i in index], "source": source})
    table["identity"] = [f"{source}-{i}" for i in who]
    people = people_of(person, camera)
    if source == "ckplus":
        weights = _sequences(table, index, seed)
        moment = Draws("ckplus sequence", index // FRAMES, seed)
        shake = Draws(source, index, seed)
    else:
        strong = _range(camera, "strong")
        weights = mixture(moment, camera[SHARES].to_numpy(), strong, camera.mixed)
        shake = None
    return assemble(table, people, weights, camera, moment, person, shake)


def assemble(
    table: pd.DataFrame,
    people: pd.DataFrame,
    weights: np.ndarray,
    camera: pd.Series,
    moment: Draws,
    person: Draws,
    shake: Draws | None = None,
) -> pd.DataFrame:
    """Person, emotion weights (N, 6), movements, pose, picture, side by side."""
    shown = pd.DataFrame(weights, columns=[f"e_{name}" for name in EMOTIONS])
    moved = movements(weights, moment, person, talk=camera.talk, polite=camera.polite)
    if shake is not None:  # frames of one sequence: neutral grows into the peak
        moved = _still(moved, weights, shake)
    moved["au_lid_tight"] = (moved.au_lid_tight + people.squint).clip(0, 1.1)
    parts = [
        table,
        people,
        shown,
        moved,
        _pose(moment, camera),
        _worn(moment, person, people, camera),
    ]
    whole = pd.concat([*parts, picture(moment, camera)], axis=1)
    whole["stubble"] = (whole.stubble_person * moment.uniform("day's growth", 0.75, 1.2)).clip(0, 1)
    return whole


def identity_of(source: str, index: np.ndarray, moment: Draws) -> np.ndarray:
    """Number of the person at each index: some sources meet people more than once."""
    if source == "celeba":
        return index // 4
    if source == "sfew":
        return index // 5
    if source == "ckplus":
        return index // (FRAMES * SEQUENCES)
    if source == "expw":  # every second one shows, one time in eight, the person before
        again = (moment.uniform("again") < 0.125) & (index % 2 == 1)
        return index - again
    return index


def _sequences(table: pd.DataFrame, index: np.ndarray, seed: int) -> np.ndarray:
    """Emotion weights of CK+-like frames; adds subject, sequence, frame, frames to the table."""
    subject, frame = index // (FRAMES * SEQUENCES), index % FRAMES
    sequence = index // FRAMES % SEQUENCES
    order = Draws("ckplus subject", subject, seed)
    keys = np.stack([order.uniform(f"order {name}") for name in EMOTIONS], 1)
    emotion = np.argsort(keys, 1)[np.arange(len(index)), sequence]
    peak = Draws("ckplus peak", index // FRAMES, seed).uniform("peak", 0.98, 1.1)
    rise = np.clip(frame / (FRAMES - 3), 0, 1)
    weights = np.zeros((len(index), 6))
    weights[np.arange(len(index)), emotion] = peak * rise * rise * (3 - 2 * rise)
    table["subject"], table["sequence"] = subject, sequence
    table["frame"], table["frames"] = frame, FRAMES
    table["emotion"] = np.array(EMOTIONS)[emotion]
    return weights.clip(0, 1.1)


def _still(moved: pd.DataFrame, weights: np.ndarray, shake: Draws) -> pd.DataFrame:
    wobble = np.stack([shake.normal(f"shake {name}", 0, 0.015) for name in UNITS], 1)
    names = [f"au_{name}" for name in UNITS]
    moved[names] = (moved[names] + wobble).clip(0, 1.1)
    moved["au_part"] *= weights.max(1).clip(0, 1)
    return moved


def _range(camera: pd.Series, name: str) -> tuple[float, float]:
    return camera[f"{name}_low"], camera[f"{name}_high"]


def _pose(moment: Draws, camera: pd.Series) -> pd.DataFrame:
    wide = moment.flag("any yaw", camera.yaw_even) > 0
    yaw = moment.normal("yaw", 0, camera.yaw_spread)
    yaw = np.where(wide, moment.uniform("wide yaw", -92, 92), yaw).clip(-95, 95)
    follow = moment.uniform("body turns along", 0.25, 0.7)
    roll = moment.normal("roll", 0, camera.roll).clip(-40, 40)
    return pd.DataFrame(
        {
            "yaw": yaw,
            "pitch": moment.normal("pitch", 0, camera.pitch).clip(-32, 32),
            "roll": roll,
            "body_yaw": yaw * follow + moment.normal("body yaw", 0, 8),
            "body_pitch": moment.normal("body pitch", 0, 3),
            "body_roll": roll * 0.3,
            "gaze_x": (moment.normal("gaze x", 0, 0.35) - 0.4 * yaw / 60).clip(-1, 1),
            "gaze_y": moment.normal("gaze y", 0, 0.3).clip(-1, 1),
            "scale": moment.uniform("scale", *_range(camera, "scale")),
            "shift_x": moment.normal("shift x", 0, camera.jitter) - 0.06 * np.sin(np.radians(yaw)),
            "shift_y": moment.normal("shift y", 0.02, camera.jitter),
        }
    )


def _worn(moment: Draws, person: Draws, people: pd.DataFrame, camera: pd.Series) -> pd.DataFrame:
    """Glasses, hats, ear-rings, and what hides a part of the face."""
    shades = moment.flag("shades", camera.shades)
    scarf = person.flag("scarf", 2 * camera.scarf) * (1 - people.male)
    hat = moment.flag("hat", camera.hat) * (1 - scarf) * (1 + moment.flag("knit", 0.45))
    return pd.DataFrame(
        {
            "glasses": person.flag("glasses", camera.glasses) * (1 - shades),
            "shades": shades,
            "scarf": scarf,
            "hat": hat,
            "earrings": person.flag("earrings", camera.earrings) * (1 - people.male) * (1 - scarf),
            "hand": moment.flag("hand", camera.hand),
            "hand_side": (side := np.where(moment.uniform("hand side") < 0.5, -1.0, 1.0)),
            "hand_x": side * moment.uniform("hand x", 0.55, 1.0),  # a hand at the chin or cheek
            "hand_y": moment.uniform("hand y", -1.55, -1.2),
            "hand_z": moment.uniform("hand z", 0.95, 1.15),
        }
    )


def picture(moment: Draws, camera: pd.Series) -> pd.DataFrame:
    """Light, backdrop and picture quality of each photograph."""
    u = moment.uniform
    light = moment.normal("light x", 0, camera.side)
    cast = np.stack([moment.normal(f"cast {c}", 0, camera.grade) for c in "rgb"], 1)
    if camera.grade > 0.15:  # film stills are graded towards teal or amber
        cast = cast * 0.35 + np.sign(u("grade") - 0.45)[:, None] * np.array([-0.09, 0.01, 0.10])
    shift = moment.flag("moves", 0.5) * u("motion", 0, 2.0) * camera.motion
    across = moment.flag("sideways", 0.7)
    walls = {f"wall_{k}": _wall(moment, k, camera) for k in "abc"}
    many = np.floor(u("crowd") * 2 * (camera.crowd + 0.5)).clip(0, 4)
    return pd.DataFrame(
        {
            "light_x": light.clip(-1.8, 1.8),
            "light_y": moment.normal("light y", 0.6, 0.3).clip(-0.2, 1.4),
            "ambient": u("ambient", *_range(camera, "ambient")),
            "warm": moment.normal("warm", 0, 0.08),
            "rim": moment.flag("rim", 0.35) * u("rim strength", 0.1, 0.6),
            "spread": u("spread", 0.05, 0.18),
            "distance": u("distance", 9, 22),
            "exposure": u("exposure", *_range(camera, "exposure")),
            "contrast": u("contrast", *_range(camera, "contrast")),
            "saturation": u("saturation", *_range(camera, "saturation"))
            * (1 - moment.flag("grey picture", camera.grey)),
            **{f"cast_{c}": cast[:, i] for i, c in enumerate("rgb")},
            "vignette": u("vignette") ** 2 * (0.15 + camera.grade),
            "blur": u("blur", 0, 1) ** 1.5 * (camera.blur_high - camera.blur_low) + camera.blur_low,
            "motion_x": shift * across,
            "motion_y": shift * (1 - across),
            "noise": u("noise", *_range(camera, "noise")),
            "grain": u("grain"),
            "seed": u("seed"),
            "jpeg": u("jpeg", *_range(camera, "jpeg")),
            "scene": moment.choice("scene", camera[SCENES].to_numpy()).astype(float),
            "crowd": many if camera.crowd else 0 * many,
            "focus": u("focus", *_range(camera, "focus")),
            "text": moment.flag("text", camera.text),
            "text_y": np.sign(u("text side", -1, 1)) * u("text y", 0.74, 0.94),
            "overlay": moment.flag("overlay", camera.overlay),
            **{f"{k}_{c}": v[:, i] for k, v in walls.items() for i, c in enumerate("rgb")},
        }
    )


def _wall(moment: Draws, name: str, camera: pd.Series) -> np.ndarray:
    """(N, 3) linear colour of a part of the backdrop: muted, seldom strong."""
    raw = np.stack([moment.uniform(f"wall {name} {c}", 25, 235) for c in "rgb"], 1)
    mild = moment.uniform(f"wall {name} mild", 0.55, 0.97)[:, None]
    level = moment.uniform(f"wall {name} level", 0.45 if camera.scene_wall < 1 else 0.75, 1.0)[
        :, None
    ]
    return linear((raw.mean(1, keepdims=True) * mild + raw * (1 - mild)) * level)
