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
from lib.world.population import Columns, channels, muted, people_of

FRAMES = 10  # of a CK+-like sequence, neutral to peak
SEQUENCES = 3  # of a CK+-like subject, each another emotion
CAPTURES = pd.read_csv(Path(__file__).with_name("captures.csv"), index_col="setting")
SOURCES = tuple(str(source) for source in CAPTURES)
SHARES = [f"share_{name}" for name in (*EMOTIONS, "neutral")]
EVEN = ("scale", "ambient", "exposure", "contrast", "saturation", "noise", "jpeg", "focus")
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
    if source == "ckplus":
        weights = _sequences(table, index, seed)
        sequence = Draws("ckplus sequence", index // FRAMES, seed)
        return assemble(table, person, sequence, camera, weights, shake=moment)
    shares = camera[SHARES].to_numpy()
    weights = mixture(moment, shares, camera.strong_low, camera.strong_high, camera.mixed)
    return assemble(table, person, moment, camera, weights)


def assemble(
    table: pd.DataFrame, person: Draws, moment: Draws, camera: pd.Series, weights: np.ndarray,
    shake: Draws | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The table with the latents of person, expression, pose and picture.

    weights: (N, 6) of the emotions; shake: for frames of one sequence, in which neutral grows into
    the peak, the draws of each frame.
    """
    people = people_of(person, camera)
    shown = pd.DataFrame(weights, columns=[f"e_{name}" for name in EMOTIONS])
    moved = movements(weights, moment, person, talk=camera.talk, polite=camera.polite)
    if shake is not None:
        wobble = np.stack([shake.normal(f"shake {name}", 0, 0.015) for name in UNITS], 1)
        names = [f"au_{name}" for name in UNITS]
        moved[names] = (moved[names] + wobble).clip(0, 1.1)
        moved["au_part"] *= weights.max(1).clip(0, 1)
    moved["au_lid_tight"] = (moved.au_lid_tight + people.squint).clip(0, 1.1)
    taken = _pose(moment, camera) | _worn(moment, person, people, camera) | _picture(moment, camera)
    grown = people.stubble_person * moment.uniform("day's growth", 0.75, 1.2)
    taken["stubble"] = grown.clip(0, 1)
    return pd.concat([table, people, shown, moved, pd.DataFrame(taken)], axis=1)


def identity_of(source: str, index: np.ndarray, moment: Draws) -> np.ndarray:
    """Number of the person at each index: some sources meet people more than once."""
    if source == "expw":  # every second one shows, one time in eight, the person before
        return index - ((moment.uniform("again") < 0.125) & (index % 2 == 1))
    return index // {"celeba": 4, "sfew": 5, "ckplus": FRAMES * SEQUENCES}.get(source, 1)


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


def _pose(moment: Draws, camera: pd.Series) -> Columns:
    wide = moment.flag("any yaw", camera.yaw_even) > 0
    yaw = moment.normal("yaw", 0, camera.yaw_spread)
    yaw = np.where(wide, moment.uniform("wide yaw", -92, 92), yaw).clip(-95, 95)
    follow = moment.uniform("body turns along", 0.25, 0.7)
    roll = moment.normal("roll", 0, camera.roll).clip(-40, 40)
    return {
        "yaw": yaw,
        "pitch": moment.normal("pitch", 0, camera.pitch).clip(-32, 32),
        "roll": roll,
        "body_yaw": yaw * follow + moment.normal("body yaw", 0, 8),
        "body_pitch": moment.normal("body pitch", 0, 3),
        "body_roll": roll * 0.3,
        "gaze_x": (moment.normal("gaze x", 0, 0.35) - 0.4 * yaw / 60).clip(-1, 1),
        "gaze_y": moment.normal("gaze y", 0, 0.3).clip(-1, 1),
        "shift_x": moment.normal("shift x", 0, camera.jitter) - 0.06 * np.sin(np.radians(yaw)),
        "shift_y": moment.normal("shift y", 0.02, camera.jitter),
    }


def _worn(moment: Draws, person: Draws, people: pd.DataFrame, camera: pd.Series) -> Columns:
    """Glasses, hats, ear-rings, and a hand at the chin or cheek."""
    shades = moment.flag("shades", camera.shades)
    scarf = person.flag("scarf", 2 * camera.scarf) * (1 - people.male)
    hat = moment.flag("hat", camera.hat) * (1 - scarf) * (1 + moment.flag("knit", 0.45))
    side = np.where(moment.uniform("hand side") < 0.5, -1.0, 1.0)
    return {
        "glasses": person.flag("glasses", camera.glasses) * (1 - shades),
        "shades": shades,
        "scarf": scarf,
        "hat": hat,
        "earrings": person.flag("earrings", camera.earrings) * (1 - people.male) * (1 - scarf),
        "hand": moment.flag("hand", camera.hand),
        "hand_side": side,
        "hand_x": side * moment.uniform("hand x", 0.55, 1.0),
        "hand_y": moment.uniform("hand y", -1.55, -1.2),
        "hand_z": moment.uniform("hand z", 0.95, 1.15),
    }


def _picture(moment: Draws, camera: pd.Series) -> Columns:
    """Light, backdrop and picture quality of each photograph; the height of the head in it."""
    u = moment.uniform
    even = {name: u(name, camera[f"{name}_low"], camera[f"{name}_high"]) for name in EVEN}
    cast = np.stack([moment.normal(f"cast {c}", 0, camera.grade) for c in "rgb"], 1)
    if camera.grade > 0.15:  # film stills are graded towards teal or amber
        cast = cast * 0.35 + np.sign(u("grade") - 0.45)[:, None] * np.array([-0.09, 0.01, 0.10])
    shift = moment.flag("moves", 0.5) * u("motion", 0, 2.0) * camera.motion
    across = moment.flag("sideways", 0.7)
    level = 0.45 if camera.scene_wall < 1 else 0.75
    walls = {f"wall_{k}": muted(moment, f"wall {k}", (25, 235), (0.55, 0.97), level) for k in "abc"}
    many = np.floor(u("crowd") * 2 * (camera.crowd + 0.5)).clip(0, 4)
    return {
        **even,
        **channels(cast=cast, **walls),
        "light_x": moment.normal("light x", 0, camera.side).clip(-1.8, 1.8),
        "light_y": moment.normal("light y", 0.6, 0.3).clip(-0.2, 1.4),
        "warm": moment.normal("warm", 0, 0.08),
        "rim": moment.flag("rim", 0.35) * u("rim strength", 0.1, 0.6),
        "spread": u("spread", 0.05, 0.18),
        "distance": u("distance", 9, 22),
        "saturation": even["saturation"] * (1 - moment.flag("grey picture", camera.grey)),
        "vignette": u("vignette") ** 2 * (0.15 + camera.grade),
        "blur": u("blur") ** 1.5 * (camera.blur_high - camera.blur_low) + camera.blur_low,
        "motion_x": shift * across,
        "motion_y": shift * (1 - across),
        "grain": u("grain"),
        "seed": u("seed"),
        "scene": moment.choice("scene", camera[SCENES].to_numpy()).astype(float),
        "crowd": many if camera.crowd else 0 * many,
        "text": moment.flag("text", camera.text),
        "text_y": np.sign(u("text side", -1, 1)) * u("text y", 0.74, 0.94),
        "overlay": moment.flag("overlay", camera.overlay),
    }
