"""The embedded world: rendered people to learn from where the licensed datasets are absent.

Everything is a pure function of (source or part, index, seed): the picture of index k never
depends on how many are rendered, in which batch, or on which device.

`people` gives the latents of faces and their 24 attributes, `faces` the pictures and labels,
`relation` pairs of faces with eight traits, `scenes` the whole pictures of the pairs, `clip` a talk
that turns into a quarrel.

Positive yaw turns the nose to the picture's right (the subject's own left). The five poses are
bins of yaw in the order of `vocabulary.POSES`: `left_profile` looks to the picture's left.
"""

from lib.world.clip import clip
from lib.world.moments import FRAMES, SEQUENCES
from lib.world.portraits import annotations, faces, people
from lib.world.render import draw, rows_of
from lib.world.scenes import relation, scenes

VERSION = "2.0"  # raise with any change of a pixel, latent or label; run results again

__all__ = [
    "FRAMES", "SEQUENCES", "VERSION", "annotations", "clip", "draw", "faces", "people", "relation",
    "rows_of", "scenes",
]  # fmt: skip
