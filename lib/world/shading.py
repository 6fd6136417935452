# ruff: noqa: SIM109  (kernels know no `in`)
"""Hair, eyes, teeth and things worn, the light that falls on them, and what is behind a person.

`q` is a person's `Look`, `r` a point of the template, `n` the posed normal there.
"""

import warp as wp

from lib.world.surface import (
    Lines,
    Look,
    Paint,
    bell,
    line_height,
    rough,
    skin_paint,
    step,
    stretched,
    vec3,
    vec4,
)
from lib.world.wear import PART

HAIR, GEAR, TAIL, FRAME, LENS, BRIM, RING = PART.values()
SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, LASHES = range(6)


# Camera, light and backdrop of one picture; lengths in dm, light linear. `first` is the row of the
# first of its people; the camera looks at `centre` from `distance`, where the picture is twice
# `tall` high; of it `window` is shown (middle and half size, in half heights). The main light of
# radius `spread` at distance 1 is towards `lamp`, another behind the person towards `back`.
# scene: 0 wall, 1 room, 2 outdoors, 3 lights in the dark.
DIRECTIONS = "centre lamp fill back"
LIGHTS = "key_light fill_light rim_light sky ground wall_a wall_b wall_c"
SETTINGS = "tall distance spread scene focus crowd seed overlay text text_y"
FIELDS = dict.fromkeys(f"{DIRECTIONS} {LIGHTS}".split(), vec3)
FIELDS |= dict.fromkeys(SETTINGS.split(), float) | {"window": vec4, "first": int}
Stage = wp.struct(type("Stage", (), {"__annotations__": FIELDS}))


@wp.func
def strand_noise(q: Look, r: vec3) -> float:
    """-1 to 1: bright and dark locks along the hair; round curls where it is kinky."""
    across = wp.atan2(r[0], r[2] - 0.35) * 1.1  # which strand a point is on
    top = step(7.35, 7.85, r[1])
    if wp.abs(q.parting) < 1.0:
        across = wp.lerp(across, wp.atan2(r[2] - 0.4, r[1] - 6.9) * 1.2 + 3.0, top)
    elif q.swept > 0.5:
        across = wp.lerp(across, r[0] * 1.3 + 3.0, top)
    across += (0.04 + 0.25 * q.curl) * stretched(21, r, 4.0, 4.0, 4.0, q.place * 50.0)
    along, own = r[1] * 0.8 + r[2] * 0.5, q.place * 40.0
    locks = rough(22, vec3(across * 9.0, along * 1.6, own)) * 0.8
    locks += 0.75 * rough(23, vec3(across * 46.0, along * 3.0, own))
    if q.curl > 0.5:
        kink = rough(24, r * 17.0) + 0.6 * rough(25, r * 34.0)
        locks = wp.lerp(locks, kink, step(0.5, 0.9, q.curl))
    return locks


@wp.func
def hair_shown(q: Look, r: vec3, lines: Lines, facing: float) -> bool:
    """Whether there is hair at a point of the hair's mesh; facing: cosine to the viewer."""
    if q.baldness > 0.5 and r[1] > 8.03:
        return False
    if q.hat > 0.5 and r[1] > line_height(lines, 2, r) - 0.05:
        return False
    end = line_height(lines, 1, r)
    ragged = wp.where(end < 6.9, 0.30, wp.where(q.fringe > 0.5, 0.07, 0.05))
    strand = strand_noise(q, r)
    if r[1] - end + ragged * (wp.clamp(strand, -1.0, 0.7) - 0.3) < 0.0:
        return False
    return facing > 0.20 * wp.clamp(strand + 0.6 * q.curl, 0.0, 1.0)


@wp.func
def gear_shown(q: Look, r: vec3, lines: Lines) -> bool:
    """Whether there is cloth at a point of the headgear's mesh: a scarf leaves the face open."""
    if q.scarf < 0.5:
        return r[1] > line_height(lines, 2, r)
    turn, up = wp.atan2(r[0], r[2] - 0.45), r[1] - 7.05
    high = wp.where(up > 0.0, 0.86, 0.95)
    inside = (turn * turn) / (1.02 * 1.02) + up * up / (high * high)
    return r[1] > 5.35 and (inside > 1.0 or r[2] < 0.2)


@wp.func
def shown(q: Look, part: int, r: vec3, n: vec3, ray: vec3, lines: Lines) -> bool:
    """Whether a ray stops at a point, or finds a gap there."""
    if part == LENS:
        return False
    if part == HAIR:
        return hair_shown(q, r, lines, wp.abs(wp.dot(n, ray)))
    if part == GEAR:
        return gear_shown(q, r, lines)
    if part == TAIL:
        return r[1] < 0.95 - 0.3 * wp.abs(rough(26, vec3(r[0] * 5.0, 0.5, q.place * 9.0)))
    if part == LASHES:
        thick = 0.35 * step(0.12, 0.45, wp.abs(r[0])) + 0.45 * q.makeup - 0.22 * q.male
        below = wp.where(r[1] < 7.28, 0.5, 0.0)
        return stretched(27, r, 110.0, 20.0, 20.0, 0.0) > 0.42 - thick + below
    return True


@wp.func
def hair_paint(q: Look, r: vec3, n: vec3, tail: bool) -> Paint:
    """Locks that run down, away from a parting, or back."""
    at = wp.where(tail, vec3(r[0], 6.0 - r[1], 0.2), r)
    strand = strand_noise(q, at)
    parted = wp.abs(q.parting) < 1.0
    down = -q.up
    if parted:
        aside = wp.cross(q.up, q.front) * wp.clamp((r[0] - q.parting) * 12.0, -1.0, 1.0)
        down = wp.lerp(down, aside, step(7.2, 8.0, r[1]))
    elif q.swept > 0.5:
        down = wp.lerp(down, -q.front, step(7.1, 7.9, r[1]))
    along = wp.normalize(down - n * wp.dot(n, down) + n * 0.0001)
    colour = q.hair * (0.90 + 0.42 * wp.clamp(strand, -1.2, 1.2))
    if parted and r[1] > 7.9 and r[2] > 0.2 and not tail:
        gap = bell(r[0] - q.parting + 0.005 * strand, 0.018) * step(0.1, 0.3, q.hair_length)
        colour = wp.lerp(colour, q.skin * 0.3, gap * 0.35)
    lumps = wp.cross(along, n) * (0.32 * strand) + along * (0.25 * strand * q.curl)
    lean = wp.normalize(along + n * (0.25 * strand))
    return Paint(colour, wp.normalize(n + lumps), 0.5 - 0.375 * q.curl, 26.0, 0.35, lean)


@wp.func
def eye_paint(q: Look, r: vec3, n: vec3, side: float) -> Paint:
    """Pupil, iris with its dark rim, and a white that is redder in the corners."""
    w = wp.normalize(r - vec3(side * 0.308, 7.284, 1.245))
    angle = wp.acos(wp.clamp(w[2], -1.0, 1.0))
    turn = wp.atan2(w[1], w[0])
    own = q.place * 30.0
    fibre = rough(31, vec3(wp.cos(turn) * 7.0, wp.sin(turn) * 7.0, angle * 5.0 + own))
    red = step(0.55, 1.0, angle) * (0.5 + 0.5 * fibre)
    white = vec3(0.56, 0.52, 0.49) - vec3(0.0, 0.13, 0.13) * red
    light = (1.15 + 0.5 * fibre) * (1.0 - 0.75 * step(0.30, 0.455, angle))
    light += 0.7 * bell(angle - 0.24, 0.07)
    iris = q.iris * light * (1.0 - 0.35 * step(-0.2, 0.6, w[1] / wp.max(angle, 0.1)))
    colour = wp.lerp(iris, white, step(0.44, 0.50, angle))
    colour = wp.lerp(vec3(0.004, 0.004, 0.004), colour, step(0.16, 0.205, angle))
    return Paint(colour, n, 1.6, 180.0, 0.3, vec3())


@wp.func
def cloth_worn(q: Look, r: vec3, n: vec3) -> Paint:
    """Cloth of caps, knitted hats with ribs, and scarves with folds."""
    fold = rough(41, vec3(r[0] * 3.0 + q.place * 20.0, r[1] * 2.0 + wp.abs(r[0]) * 3.0, r[2] * 3.0))
    colour = q.wear * (1.0 + 0.3 * fold + 0.14 * rough(42, r * 70.0))
    side, bumpy = wp.cross(n, q.up), n
    if q.hat > 1.5:
        rib = wp.sin(wp.atan2(r[0], r[2] - 0.4) * 46.0)
        colour *= 1.0 + 0.22 * rib
        bumpy = wp.normalize(n + side * 0.25 * rib)
    if q.scarf > 0.5:
        bumpy = wp.normalize(n + 0.55 * fold * side + 0.25 * fold * q.up)
    return Paint(colour, bumpy, 0.05, 8.0, 0.25, vec3())


@wp.func
def paint_of(q: Look, part: int, r: vec3, n: vec3, mask: vec4, lines: Lines, fine: float) -> Paint:
    """Paint of any part; mask and fine as in `skin_paint`."""
    if part == SKIN:
        return skin_paint(q, r, n, mask, lines, fine)
    if part == HAIR or part == TAIL:
        return hair_paint(q, r, n, part == TAIL)
    if part == LEFT_EYE or part == RIGHT_EYE:
        return eye_paint(q, r, n, wp.where(part == LEFT_EYE, 1.0, -1.0))
    if part == TEETH:
        gap = 1.0 - 0.12 * bell(wp.sin(r[0] * 40.0), 0.14)
        level = (0.12 + 0.88 * step(0.95, 1.30, r[2])) * gap
        return Paint(vec3(0.84, 0.80, 0.72) * level, n, 0.5, 40.0, 0.6, vec3())
    if part == TONGUE:
        level = 0.2 + 0.8 * step(0.8, 1.35, r[2])
        return Paint(vec3(0.34, 0.10, 0.09) * level, n, 0.3, 20.0, 0.0, vec3())
    if part == LASHES:
        return Paint(q.hair * 0.25 + vec3(0.006, 0.005, 0.005), n, 0.0, 0.0, 0.0, vec3())
    if part == GEAR or part == BRIM:
        return cloth_worn(q, r, n)
    if part == RING:
        return Paint(vec3(0.55, 0.42, 0.16), n, 2.0, 40.0, 0.0, vec3())
    frame = wp.lerp(vec3(0.012, 0.010, 0.010), vec3(0.10, 0.045, 0.02), q.brow_dark * q.place)
    return Paint(frame, n, 0.7, 60.0, 0.0, vec3())


@wp.func
def lit(paint: Paint, n: vec3, to: vec3, light: vec3, back: vec3) -> vec3:
    """Light (before shadow) that a surface sends back from one lamp; back: towards the camera."""
    cosine, half = wp.dot(n, to), wp.normalize(to + back)
    if wp.dot(paint.strand, paint.strand) > 0.1:  # Kajiya and Kay
        along, glance = wp.dot(paint.strand, to), wp.dot(paint.strand, half)
        sine = wp.sqrt(wp.max(1.0 - along * along, 0.0))
        shine = wp.pow(wp.max(1.0 - glance * glance, 0.0), paint.sharp * 0.5) * paint.gloss
        glint = (paint.colour * 0.6 + vec3(0.05, 0.05, 0.05)) * shine
        front = wp.clamp(cosine * 0.75 + 0.25, 0.0, 1.0)
        return wp.cw_mul((paint.colour * (0.35 + 0.65 * sine) + glint) * front, light)
    wrap, one = vec3(0.30, 0.14, 0.09) * paint.soft, vec3(1.0, 1.0, 1.0)
    soft = wp.max(wp.cw_div(one * cosine + wrap, one + wrap), vec3())
    fresnel = 0.04 + 0.5 * wp.pow(1.0 - wp.clamp(wp.dot(half, back), 0.0, 1.0), 5.0)
    spot = wp.pow(wp.max(wp.dot(n, half), 0.0), paint.sharp) * (paint.sharp + 8.0) * 0.06
    spot *= paint.gloss * fresnel * step(0.0, 0.15, cosine)
    return wp.cw_mul(wp.cw_mul(paint.colour, soft) + one * spot, light)


@wp.func
def box(x: float, y: float, w: float, h: float, soft: float) -> float:
    """1 within half sizes `w` and `h` of the origin, 0 outside, with edges `soft` to each side."""
    return step(w + soft, w - soft, wp.abs(x)) * step(h + soft, h - soft, wp.abs(y))


@wp.func
def oval(x: float, y: float, w: float, h: float, soft: float) -> float:
    """1 within an ellipse of squared half sizes `w` and `h`, 0 outside, with a soft edge."""
    return step(1.0 + soft, 1.0 - soft, wp.sqrt(x * x / w + y * y / h))


@wp.func
def bystander(st: Stage, seed: int, x: float, y: float, below: vec3) -> vec3:
    """A person out of focus in the background."""
    s = wp.rand_init(seed)
    size = wp.randf(s, 0.16, 0.42)
    u = (x - wp.randf(s, -1.4, 1.4)) / size
    v = (y - wp.randf(s, -0.35, 0.45)) / size
    tone = wp.randf(s, 0.25, 1.0)
    light = (st.sky + st.key_light * 0.35) * 0.55
    skin = wp.cw_mul(vec3(0.50 * tone + 0.05, 0.31 * tone + 0.02, 0.22 * tone + 0.015), light)
    cloth = wp.cw_mul(vec3(wp.randf(s), wp.randf(s), wp.randf(s)) * 0.35, light)
    hair = wp.cw_mul(vec3(0.10, 0.07, 0.05) * wp.randf(s, 0.2, 2.0), light)
    soft = wp.max(st.focus * 1.2 / size, 0.10)
    trunk = wp.max(oval(u, v + 2.6, 2.6, 2.9, soft), box(u, v + 1.0, 0.28, 0.5, soft))
    out = wp.lerp(below, cloth * (1.0 - 0.2 * u), trunk)
    out = wp.lerp(out, hair, oval(u, v - 0.12, 0.72, 1.0, soft))
    turned = u - wp.randf(s, -0.3, 0.3)
    eyes = bell(v - 0.02, 0.14) * (bell(turned - 0.27, 0.16) + bell(turned + 0.27, 0.16))
    dark = 0.5 * eyes + 0.4 * bell(v + 0.52, 0.1) * bell(turned, 0.25)
    face = skin * (1.0 - dark) * (1.0 - 0.3 * u)
    return wp.lerp(out, face, oval(turned, v + 0.12, 0.42, 0.72, soft))


@wp.func
def backdrop(st: Stage, x: float, y: float) -> vec3:
    """Linear light behind the people at picture coordinates (-1 to 1 upwards)."""
    seed = int(st.seed * 1.0e6)
    s = wp.rand_init(seed)
    at, drift = vec3(x, y, 0.0), vec3(0.0, 0.0, float(seed % 977))
    cloud = rough(51, at * 1.2 + drift) + 0.5 * rough(52, at * 3.0 + drift)
    grain = rough(53, at * 9.0 + drift) + 0.6 * rough(54, at * 23.0 + drift)
    slope = 1.0 - 0.16 * x * wp.sign(-st.lamp[0]) + 0.10 * y
    colour = st.wall_a * (1.0 + 0.10 * cloud + 0.03 * grain) * slope
    soft = wp.max(st.focus, 0.012)
    outdoors, night = st.scene > 1.5 and st.scene < 2.5, st.scene > 2.5
    if outdoors:
        horizon = wp.randf(s, -0.5, 0.5) + 0.10 * cloud
        leaf = 0.75 + 0.45 * cloud + 0.5 * grain * step(0.14, 0.03, st.focus)
        above = step(horizon - 3.0 * soft, horizon + 3.0 * soft, y)
        colour = wp.lerp(st.wall_c * leaf, st.wall_a * (1.1 + 0.25 * cloud), above)
    for i in range(wp.where(st.scene > 0.5, 9, 0)):
        cx = x - wp.randf(s, -1.7, 1.7)
        cy = y - wp.randf(s, -1.0, 1.0)
        w = wp.randf(s, 0.04, 0.42)
        h = wp.randf(s, 0.06, 0.7)
        pick = wp.randf(s)
        level = wp.randf(s, 0.3, 1.5)
        thing = wp.lerp(st.wall_b, st.wall_c, pick)
        if night or (outdoors and i > 4):  # discs of light
            w = 0.05 + 0.11 * w + 0.3 * st.focus
            disc = wp.sqrt(cx * cx + cy * cy)
            glow = step(w + 0.4 * soft, w - 0.4 * soft, disc) * (0.55 + 0.45 * step(0.0, w, disc))
            lamp = wp.lerp(vec3(1.0, 0.75, 0.4), thing, 0.5)
            colour += lamp * glow * level * wp.where(night, 0.7, 0.25)
        else:  # windows, furniture, houses, with darker edges
            inner = thing * level * (1.0 + 0.12 * grain + 0.15 * cloud)
            colour = wp.lerp(colour, inner, box(cx, cy, w, h, soft))
            rim = box(cx, cy, w + 0.02, h + 0.02, soft) - box(cx, cy, w - 0.02, h - 0.02, soft)
            colour *= 1.0 - 0.35 * wp.max(rim, 0.0) * pick
    for i in range(int(st.crowd)):
        colour = bystander(st, seed + 71 * (i + 1), x, y, colour)
    return wp.max(colour, vec3())
