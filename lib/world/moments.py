"""One person at one moment before one camera: pose, expression, light, backdrop, picture quality.

`SOURCES` says how each source meets and photographs people; nothing else differs between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lib.world.expression import EMOTIONS, UNITS, mixture, movements
from lib.world.hashing import Draws
from lib.world.population import Habits, linear, people_of

FRAMES = 10  # of a CK+-like sequence, neutral to peak
SEQUENCES = 3  # of a CK+-like subject, each another emotion


@dataclass(frozen=True)
class Camera:
    """Ranges of a source's latents; (low, high) are bounds of uniform numbers."""

    shares: tuple[float, ...]  # of the seven expressions
    strong: tuple[float, float] = (0.25, 1.0)
    yaw: tuple[float, float] = (20.0, 0.0)  # spread of a normal, share spread evenly over ±92
    pitch: float = 8.0
    roll: float = 6.0
    talk: float = 0.15
    polite: float = 0.15
    jitter: float = 0.05  # of the crop, in half crops
    scale: tuple[float, float] = (0.78, 0.94)  # height of a head in crops
    exposure: tuple[float, float] = (0.85, 1.15)
    contrast: tuple[float, float] = (0.95, 1.12)
    saturation: tuple[float, float] = (0.9, 1.15)
    ambient: tuple[float, float] = (0.35, 0.65)
    side: float = 0.6  # how far from the front the light may be
    blur: tuple[float, float] = (0.0, 0.5)  # sigma, px of a 64-px crop
    motion: float = 0.0  # scale of an added directional blur
    noise: tuple[float, float] = (0.0, 0.015)
    jpeg: tuple[float, float] = (75.0, 95.0)
    grade: float = 0.05  # strength of a colour cast
    grey: float = 0.0  # share of grey pictures
    scenes: tuple[float, ...] = (0.2, 0.4, 0.3, 0.1)  # walls, rooms, outdoors, lights in the dark
    focus: tuple[float, float] = (0.03, 0.16)  # blur of the backdrop, half pictures
    crowd: float = 0.8  # people in the background, on average
    text: float = 0.0
    hand: float = 0.03
    scarf: float = 0.02
    hat: float = 0.05
    glasses: float = 0.10
    shades: float = 0.03
    earrings: float = 0.3  # of women
    overlay: float = 0.0  # share with something in front of the face
    habits: Habits = field(default_factory=Habits)


SOURCES = {
    "aflw": Camera(
        (0.06, 0.04, 0.03, 0.40, 0.07, 0.07, 0.33), yaw=(26.0, 0.45), pitch=16.0, roll=15.0,
        jitter=0.09, side=0.8, blur=(0.0, 0.5), jpeg=(70.0, 95.0), scale=(0.74, 1.0),
    ),
    "celeba": Camera(
        (0.03, 0.02, 0.02, 0.46, 0.04, 0.04, 0.39), yaw=(17.0, 0.02), pitch=6.0, roll=4.0,
        jitter=0.03, scale=(0.84, 0.92), exposure=(0.95, 1.2), contrast=(1.0, 1.15), side=0.5,
        saturation=(0.95, 1.25), blur=(0.0, 0.6), jpeg=(78.0, 95.0), polite=0.22, hand=0.01,
        habits=Habits(ages=(16, 78), young=1.6, beards=0.21, stubble=0.42, bald=0.03),
    ),
    "expw": Camera(
        (0.11, 0.10, 0.07, 0.26, 0.14, 0.11, 0.21), strong=(0.65, 1.05), yaw=(14.0, 0.04),
        pitch=7.0, roll=6.0, jitter=0.045, scale=(0.88, 1.06), exposure=(0.85, 1.2),
        contrast=(0.9, 1.2), saturation=(0.6, 1.2), side=0.8, blur=(0.1, 0.8), crowd=1.6,
        noise=(0.0, 0.02), jpeg=(25.0, 80.0), grade=0.06, grey=0.10, text=0.10, hand=0.03,
        scarf=0.03, hat=0.08, glasses=0.12, shades=0.02, overlay=0.06, talk=0.08, polite=0.10,
        scenes=(0.12, 0.43, 0.3, 0.15),
    ),
    "sfew": Camera(
        (0.15, 0.10, 0.12, 0.19, 0.17, 0.12, 0.15), strong=(0.65, 1.05), yaw=(12.0, 0.04),
        pitch=6.0, roll=5.0, exposure=(0.65, 1.05), contrast=(1.0, 1.2), saturation=(0.55, 0.95),
        ambient=(0.22, 0.5), side=1.0, blur=(0.1, 0.8), motion=0.5, noise=(0.008, 0.025),
        jpeg=(50.0, 88.0), grade=0.16, scale=(0.94, 1.06), jitter=0.025, crowd=1.2,
        scenes=(0.1, 0.45, 0.2, 0.25),
    ),
    "ckplus": Camera(
        (1 / 6,) * 6 + (0.0,), yaw=(1.2, 0.0), pitch=1.0, roll=0.7, talk=0.0,
        polite=0.0, jitter=0.008, scale=(1.0, 1.03), exposure=(1.0, 1.25), blur=(0.35, 0.55), noise=(0.001, 0.006),
        jpeg=(92.0, 97.0), grey=1.0, scenes=(1.0, 0, 0, 0), crowd=0.0, ambient=(0.5, 0.65), side=0.2,
        hand=0.0, scarf=0.0, hat=0.0, glasses=0.0, shades=0.0, habits=Habits(ages=(18, 50), beards=0.10),
    ),
}  # fmt: skip


def latents(source: str, indices: Sequence[int], *, seed: int = 0) -> pd.DataFrame:
    """Every latent of the faces at these indices of a source; one row each, index 0..N-1."""
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}; use one of {', '.join(SOURCES)}")
    index = np.asarray(indices, dtype=np.int64)
    moment = Draws(source, index, seed)
    who = identity_of(source, index, moment)
    person = Draws(f"{source} person", who, seed)
    camera = SOURCES[source]
    table = pd.DataFrame({"key": [f"{source}-{i}" for i in index], "source": source})
    table["identity"] = [f"{source}-{i}" for i in who]
    people = people_of(person, camera.habits)
    if source == "ckplus":
        weights = _sequences(table, index, seed)
        moment = Draws("ckplus sequence", index // FRAMES, seed)
        shake = Draws(source, index, seed)
    else:
        weights, shake = mixture(moment, np.array(camera.shares), camera.strong), None
    return assemble(table, people, weights, camera, moment, person, shake)


def assemble(
    table: pd.DataFrame,
    people: pd.DataFrame,
    weights: np.ndarray,
    camera: Camera,
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


def _pose(moment: Draws, camera: Camera) -> pd.DataFrame:
    spread, even = camera.yaw
    wide = moment.flag("any yaw", even) > 0
    yaw = np.where(wide, moment.uniform("wide yaw", -92, 92), moment.normal("yaw", 0, spread)).clip(
        -95, 95
    )
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
            "scale": moment.uniform("scale", *camera.scale),
            "shift_x": moment.normal("shift x", 0, camera.jitter) - 0.06 * np.sin(np.radians(yaw)),
            "shift_y": moment.normal("shift y", 0.02, camera.jitter),
        }
    )


def _worn(moment: Draws, person: Draws, people: pd.DataFrame, camera: Camera) -> pd.DataFrame:
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


def picture(moment: Draws, camera: Camera) -> pd.DataFrame:
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
            "ambient": u("ambient", *camera.ambient),
            "warm": moment.normal("warm", 0, 0.08),
            "rim": moment.flag("rim", 0.35) * u("rim strength", 0.1, 0.6),
            "spread": u("spread", 0.05, 0.18),
            "distance": u("distance", 9, 22),
            "exposure": u("exposure", *camera.exposure),
            "contrast": u("contrast", *camera.contrast),
            "saturation": u("saturation", *camera.saturation)
            * (1 - moment.flag("grey picture", camera.grey)),
            **{f"cast_{c}": cast[:, i] for i, c in enumerate("rgb")},
            "vignette": u("vignette") ** 2 * (0.15 + camera.grade),
            "blur": u("blur", 0, 1) ** 1.5 * (camera.blur[1] - camera.blur[0]) + camera.blur[0],
            "motion_x": shift * across,
            "motion_y": shift * (1 - across),
            "noise": u("noise", *camera.noise),
            "grain": u("grain"),
            "seed": u("seed"),
            "jpeg": u("jpeg", *camera.jpeg),
            "scene": moment.choice("scene", camera.scenes).astype(float),
            "crowd": many if camera.crowd else 0 * many,
            "focus": u("focus", *camera.focus),
            "text": moment.flag("text", camera.text),
            "text_y": u("text y", -0.95, 0.95),
            "overlay": moment.flag("overlay", camera.overlay),
            **{f"{k}_{c}": v[:, i] for k, v in walls.items() for i, c in enumerate("rgb")},
        }
    )


def _wall(moment: Draws, name: str, camera: Camera) -> np.ndarray:
    """(N, 3) linear colour of a part of the backdrop: muted, seldom strong."""
    raw = np.stack([moment.uniform(f"wall {name} {c}", 25, 235) for c in "rgb"], 1)
    mild = moment.uniform(f"wall {name} mild", 0.55, 0.97)[:, None]
    level = moment.uniform(f"wall {name} level", 0.45 if sum(camera.scenes[1:]) else 0.75, 1.0)[
        :, None
    ]
    return linear((raw.mean(1, keepdims=True) * mild + raw * (1 - mild)) * level)
