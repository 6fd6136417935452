"""One person at one moment before one camera: pose, expression, light, backdrop, picture quality.

`SOURCES` says how each source meets and photographs people; nothing else differs between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lib.world.expression import EMOTIONS, UNITS, mixture, movements
from lib.world.hashing import Draws
from lib.world.population import Habits, people_of

FRAMES = 10  # of a CK+-like sequence, neutral to peak
SEQUENCES = 3  # of a CK+-like subject, each another emotion


@dataclass(frozen=True)
class Camera:
    """Ranges a source's latents are drawn from; (low, high) are bounds of uniform draws."""

    shares: tuple[float, ...]  # of the seven expressions
    strong: tuple[float, float] = (0.25, 1.0)
    yaw: tuple[float, float] = (20.0, 0.0)  # spread of a normal, share drawn evenly over ±92
    pitch: float = 8.0
    roll: float = 6.0
    talk: float = 0.15
    polite: float = 0.15
    jitter: float = 0.05  # of the crop, in half heads
    scale: tuple[float, float] = (0.85, 1.02)  # size of half a head, in half crops
    exposure: tuple[float, float] = (0.85, 1.15)
    contrast: tuple[float, float] = (0.9, 1.1)
    saturation: tuple[float, float] = (0.85, 1.15)
    ambient: tuple[float, float] = (0.30, 0.60)
    side: float = 0.6  # how far from the front the light may stand
    blur: tuple[float, float] = (0.0, 0.6)  # sigma, px of a 64-px crop
    motion: float = 0.0  # scale of an added directional blur
    noise: tuple[float, float] = (0.0, 0.015)
    jpeg: tuple[float, float] = (70.0, 95.0)
    grade: float = 0.05  # strength of a colour cast
    grey: float = 0.0  # share of grey pictures
    plain: float = 0.0  # share of plain walls
    text: float = 0.0
    hand: float = 0.03
    scarf: float = 0.02
    hat: float = 0.05
    glasses: float = 0.10
    shades: float = 0.03
    overlay: float = 0.0  # share with something in front of the face
    habits: Habits = field(default_factory=Habits)


SOURCES = {
    "aflw": Camera(
        (0.06, 0.04, 0.03, 0.40, 0.07, 0.07, 0.33), yaw=(26.0, 0.45), pitch=13.0, roll=10.0,
        jitter=0.09, scale=(0.76, 1.0), side=0.9, blur=(0.0, 0.7), jpeg=(60.0, 95.0),
    ),
    "celeba": Camera(
        (0.03, 0.02, 0.02, 0.46, 0.04, 0.04, 0.39), yaw=(17.0, 0.02), pitch=6.0, roll=4.0,
        jitter=0.03, scale=(0.90, 0.98), exposure=(0.95, 1.25), contrast=(1.0, 1.2), side=0.5,
        saturation=(0.95, 1.3), blur=(0.0, 0.75), jpeg=(75.0, 95.0), polite=0.22, hand=0.01,
        habits=Habits(ages=(16, 78), beards=0.23, stubble=0.35, bald=0.025),
    ),
    "expw": Camera(
        (0.11, 0.10, 0.07, 0.26, 0.14, 0.11, 0.21), strong=(0.42, 1.0), yaw=(14.0, 0.04),
        pitch=7.0, roll=6.0, jitter=0.045, scale=(0.84, 1.02), exposure=(0.8, 1.25),
        contrast=(0.85, 1.25), saturation=(0.5, 1.3), side=0.9, blur=(0.1, 0.9),
        noise=(0.0, 0.022), jpeg=(20.0, 80.0), grade=0.10, grey=0.10, text=0.14, hand=0.07,
        scarf=0.02, hat=0.07, glasses=0.12, shades=0.02, overlay=0.07, talk=0.08, polite=0.10,
    ),
    "sfew": Camera(
        (0.15, 0.10, 0.12, 0.19, 0.17, 0.12, 0.15), strong=(0.25, 1.0), yaw=(20.0, 0.08),
        pitch=9.0, roll=8.0, exposure=(0.32, 0.75), contrast=(1.0, 1.35), saturation=(0.45, 0.95),
        ambient=(0.10, 0.35), side=1.3, blur=(0.2, 1.2), motion=1.0, noise=(0.01, 0.045),
        jpeg=(45.0, 85.0), grade=0.18, scale=(0.80, 1.02), jitter=0.07,
    ),
    "ckplus": Camera(
        (1 / 6,) * 6 + (0.0,), strong=(0.8, 1.05), yaw=(4.0, 0.0), pitch=3.0, roll=2.0, talk=0.0,
        polite=0.0, jitter=0.02, scale=(0.90, 0.98), blur=(0.2, 0.6), noise=(0.005, 0.02),
        jpeg=(75.0, 90.0), grey=1.0, plain=1.0, ambient=(0.40, 0.60), side=0.5, hand=0.0,
        scarf=0.0, hat=0.0, glasses=0.0, shades=0.0,
        habits=Habits(ages=(18, 50), beards=0.15),
    ),
}  # fmt: skip


def latents(source: str, indices: Sequence[int] | np.ndarray, *, seed: int = 0) -> pd.DataFrame:
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
    parts = [table, people, shown, moved, _pose(moment, camera), _worn(moment, person, camera)]
    whole = pd.concat([*parts, picture(moment, camera)], axis=1)
    tired = moment.normal("lids", 0, 0.05)
    whole["eye_open"] = (whole.eye_person + tired).clip(0.35, 1.4)
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
    peak = Draws("ckplus peak", index // FRAMES, seed).uniform("peak", 0.75, 1.05)
    rise = np.clip(frame / (FRAMES - 3), 0, 1)
    weights = np.zeros((len(index), 6))
    weights[np.arange(len(index)), emotion] = peak * rise * rise * (3 - 2 * rise)
    table["subject"], table["sequence"] = subject, sequence
    table["frame"], table["frames"] = frame, FRAMES
    table["emotion"] = np.array(EMOTIONS)[emotion]
    return weights.clip(0, 1)


def _still(moved: pd.DataFrame, weights: np.ndarray, shake: Draws) -> pd.DataFrame:
    wobble = np.stack([shake.normal(f"shake {name}", 0, 0.015) for name in UNITS], 1)
    moved[[f"au_{name}" for name in UNITS]] += wobble
    moved = moved.clip(0, 1.1)
    moved["part"] *= weights.max(1).clip(0, 1)
    return moved


def _pose(moment: Draws, camera: Camera) -> pd.DataFrame:
    spread, even = camera.yaw
    wide = moment.flag("any yaw", even) > 0
    yaw = np.where(wide, moment.uniform("wide yaw", -92, 92), moment.normal("yaw", 0, spread))
    turned = yaw / 60
    return pd.DataFrame(
        {
            "yaw": yaw.clip(-95, 95),
            "pitch": moment.normal("pitch", 0, camera.pitch).clip(-38, 38),
            "roll": moment.normal("roll", 0, camera.roll).clip(-40, 40),
            "gaze_x": (moment.normal("gaze x", 0, 0.35) - 0.4 * turned).clip(-1, 1),
            "gaze_y": moment.normal("gaze y", 0, 0.3).clip(-1, 1),
            "scale": moment.uniform("scale", *camera.scale),
            "shift_x": moment.normal("shift x", 0, camera.jitter) - 0.10 * np.sin(np.radians(yaw)),
            "shift_y": moment.normal("shift y", 0.10, camera.jitter),
        }
    )


def _worn(moment: Draws, person: Draws, camera: Camera) -> pd.DataFrame:
    """Glasses, hats, clothes, and what hides a part of the face."""
    clothes = np.stack([person.uniform(f"cloth {c}", 20, 235) for c in "rgb"], 1)
    cloth = (clothes.mean(1, keepdims=True) * 0.5 + clothes * 0.5) * 0.8 / 255
    shades = moment.flag("shades", camera.shades)
    return pd.DataFrame(
        {
            "glasses": person.flag("glasses", camera.glasses) * (1 - shades),
            "shades": shades,
            "hat": moment.flag("hat", camera.hat),
            "hand": moment.flag("hand", camera.hand),
            "hand_side": np.sign(moment.normal("hand side")),
            "hand_x": moment.uniform("hand x", 0.15, 0.6),
            "hand_y": moment.uniform("hand y", -0.85, -0.35),
            "scarf": moment.flag("scarf", camera.scarf),
            "collar": person.uniform("collar"),
            **{f"cloth_{c}": cloth[:, i] ** 2.2 for i, c in enumerate("rgb")},
        }
    )


def picture(moment: Draws, camera: Camera) -> pd.DataFrame:
    """Light, backdrop and picture quality of each photograph."""
    u = moment.uniform
    light = moment.normal("light x", 0, camera.side)
    cast = np.stack([moment.normal(f"cast {c}", 0, camera.grade) for c in "rgb"], 1)
    if camera.grade > 0.15:  # film stills are graded towards teal or amber
        cast = cast * 0.5 + np.sign(u("grade") - 0.45)[:, None] * np.array([-0.22, 0.02, 0.25])
    shift = moment.flag("moves", 0.5) * u("motion", 0, 2.6) * camera.motion
    across = moment.flag("sideways", 0.7)
    return pd.DataFrame(
        {
            "light_x": light.clip(-1.8, 1.8),
            "light_y": moment.normal("light y", 0.55, 0.35).clip(-0.4, 1.4),
            "ambient": u("ambient", *camera.ambient),
            "warm": moment.normal("warm", 0, 0.10),
            "rim": moment.flag("rim", 0.35) * u("rim", 0.1, 0.5),  # one number: up to 0.24
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
            "jpeg": u("jpeg", *camera.jpeg),
            "plain": moment.flag("plain", camera.plain),
            "text": moment.flag("text", camera.text),
            "text_y": u("text y", -0.95, 0.95),
            "overlay": moment.flag("overlay", camera.overlay),
            **{f"scene_{i}": u(f"scene {i}") for i in range(12)},
        }
    )
