# ruff: noqa: RUF046, E501  (kernels: float() declares what a loop changes)
"""Hair, eyes, teeth and things worn, the light that falls on them, and what is behind a person."""

import warp as wp

from lib.world.surface import (
    Look,
    Paint,
    azimuth_height,
    bell,
    rough,
    skin_paint,
    step,
    vec3,
)
from lib.world.wear import PART

HAIR, GEAR, TAIL, FRAME, LENS, BRIM, RING = PART.values()
LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, LASHES = range(1, 6)


@wp.struct
class Stage:
    """Camera, light and backdrop of one picture; lengths in dm, light linear."""

    centre: wp.vec3  # what the camera looks at
    tall: float  # half of the picture's height at the centre
    window: wp.vec4  # middle and half size of what is shown, in half heights of the picture
    first: int  # row of the first of its people
    distance: float
    lamp: wp.vec3  # direction to the main light
    key_light: wp.vec3
    spread: float  # radius of the main light at distance 1
    fill: wp.vec3
    fill_light: wp.vec3
    back: wp.vec3  # direction to a lamp behind
    rim_light: wp.vec3
    sky: wp.vec3
    ground: wp.vec3
    wall_a: wp.vec3
    wall_b: wp.vec3
    wall_c: wp.vec3
    scene: float  # 0 wall, 1 room, 2 outdoors, 3 lights in the dark
    focus: float
    crowd: float
    seed: float
    overlay: float
    text: float
    text_y: float


@wp.func
def strand_place(q: Look, r: wp.vec3) -> wp.vec2:
    """Which strand a point of the hair is on, and how far along."""
    turn = wp.atan2(r[0], r[2] - 0.35)
    top = step(7.35, 7.85, r[1])
    across = turn * 1.1
    if wp.abs(q.parting) < 1.0:
        across = wp.lerp(across, wp.atan2(r[2] - 0.4, r[1] - 6.9) * 1.2 + 3.0, top)
    elif q.swept > 0.5:
        across = wp.lerp(across, r[0] * 1.3 + 3.0, top)
    bend = (0.04 + 0.25 * q.curl) * rough(
        21, vec3(r[0] * 4.0 + q.place * 50.0, r[1] * 4.0, r[2] * 4.0)
    )
    return wp.vec2(across + bend, r[1] * 0.8 + r[2] * 0.5)


@wp.func
def strand_noise(q: Look, r: wp.vec3) -> float:
    """-1 to 1: bright and dark locks; round curls where hair is kinky."""
    s = strand_place(q, r)
    locks = rough(22, vec3(s[0] * 9.0, s[1] * 1.6, q.place * 40.0)) * 0.8
    locks += 0.75 * rough(23, vec3(s[0] * 46.0, s[1] * 3.0, q.place * 40.0))
    if q.curl > 0.5:
        kink = rough(24, r * 17.0) + 0.6 * rough(25, r * 34.0)
        locks = wp.lerp(locks, kink, step(0.5, 0.9, q.curl))
    return locks


@wp.func
def hair_shown(
    q: Look, r: wp.vec3, lines: wp.array3d(dtype=float), row: int, facing: float
) -> bool:
    """Whether there is hair at a point of the hair's mesh; facing: cosine to the viewer."""
    if q.baldness > 0.5 and r[1] > 8.03:
        return False
    end = azimuth_height(lines, row, 1, r)
    ragged = wp.where(end < 6.9, 0.30, wp.where(q.fringe > 0.5, 0.07, 0.05))
    strand = strand_noise(q, r)
    if r[1] - end + ragged * (wp.clamp(strand, -1.0, 0.7) - 0.3) < 0.0:
        return False
    return facing > 0.20 * wp.clamp(strand + 0.6 * q.curl, 0.0, 1.0)


@wp.func
def gear_shown(q: Look, r: wp.vec3, lines: wp.array3d(dtype=float), row: int) -> bool:
    if q.scarf > 0.5:
        turn = wp.atan2(r[0], r[2] - 0.45)
        high = wp.where(r[1] > 7.05, 0.86, 0.95)
        inside = (turn * turn) / (1.02 * 1.02) + (r[1] - 7.05) * (r[1] - 7.05) / (high * high)
        return r[1] > 5.35 and (inside > 1.0 or r[2] < 0.2)
    return r[1] > azimuth_height(lines, row, 2, r)


@wp.func
def shown(
    q: Look, part: int, r: wp.vec3, n: wp.vec3, d: wp.vec3, lines: wp.array3d(dtype=float), row: int
) -> bool:  # fmt: skip
    """Whether a ray stops at a point, or finds a gap there."""
    if part == wp.static(HAIR):
        if (q.hat > 0.5) and r[1] > azimuth_height(lines, row, 2, r) - 0.05:
            return False
        return hair_shown(q, r, lines, row, wp.abs(wp.dot(n, d)))
    if part == wp.static(GEAR):
        return gear_shown(q, r, lines, row)
    if part == wp.static(TAIL):
        return r[1] < 0.95 - 0.3 * wp.abs(rough(26, vec3(r[0] * 5.0, 0.5, q.place * 9.0)))
    if part == wp.static(LASHES):
        outer = step(0.12, 0.45, wp.abs(r[0]))
        comb = rough(27, vec3(r[0] * 110.0, r[1] * 20.0, r[2] * 20.0))
        return comb > 0.42 - 0.35 * outer - 0.45 * q.makeup + 0.22 * q.male + wp.where(
            r[1] < 7.28, 0.5, 0.0
        )
    return True


@wp.func
def hair_paint(q: Look, r: wp.vec3, n: wp.vec3, tail: bool) -> Paint:
    out = Paint()
    at = r
    if tail:
        at = vec3(r[0], 6.0 - r[1], 0.2)
    strand = strand_noise(q, at)
    down = -q.up
    if wp.abs(q.parting) < 1.0:
        aside = wp.cross(q.up, q.front) * wp.clamp((r[0] - q.parting) * 12.0, -1.0, 1.0)
        down = wp.lerp(down, aside, step(7.2, 8.0, r[1]))
    elif q.swept > 0.5:
        down = wp.lerp(down, -q.front, step(7.1, 7.9, r[1]))
    along = wp.normalize(down - n * wp.dot(n, down) + n * 0.0001)
    side = wp.cross(along, n)
    colour = q.hair * (0.90 + 0.42 * wp.clamp(strand, -1.2, 1.2))
    if wp.abs(q.parting) < 1.0 and r[1] > 7.9 and r[2] > 0.2 and not tail:
        gap = bell(r[0] - q.parting + 0.012 * strand, 0.013) * step(
            0.0, 0.2, q.hair_length + q.hair_volume - 0.25
        )
        colour = wp.lerp(colour, q.skin * 0.3, gap * 0.4)
    out.colour = colour
    out.normal = wp.normalize(n + side * (0.32 * strand) + along * (0.25 * strand * q.curl))
    out.strand = wp.normalize(along + n * (0.25 * strand))
    out.gloss = 0.5 * (1.0 - 0.75 * q.curl)
    out.sharp = 26.0
    out.soft = 0.35
    return out


@wp.func
def eye_paint(q: Look, r: wp.vec3, n: wp.vec3, side: float) -> Paint:
    """Pupil, iris with its dark rim, and a white that is redder in the corners."""
    out = Paint()
    w = wp.normalize(r - vec3(side * 0.308, 7.284, 1.245))
    angle = wp.acos(wp.clamp(w[2], -1.0, 1.0))
    turn = wp.atan2(w[1], w[0])
    fibre = rough(31, vec3(wp.cos(turn) * 7.0, wp.sin(turn) * 7.0, angle * 5.0 + q.place * 30.0))
    white = vec3(0.56, 0.52, 0.49) - vec3(0.0, 0.13, 0.13) * step(0.55, 1.0, angle) * (
        0.5 + 0.5 * fibre
    )
    ring = step(0.30, 0.455, angle)
    iris = q.iris * (1.15 + 0.5 * fibre) * (1.0 - 0.75 * ring) + q.iris * 0.7 * bell(
        angle - 0.24, 0.07
    )
    iris = iris * (1.0 - 0.35 * step(-0.2, 0.6, w[1] / wp.max(angle, 0.1)))
    out.colour = wp.lerp(iris, white, step(0.44, 0.50, angle))
    out.colour = wp.lerp(vec3(0.004, 0.004, 0.004), out.colour, step(0.16, 0.205, angle))
    out.normal = n
    out.gloss = 1.6
    out.sharp = 180.0
    out.soft = 0.3
    return out


@wp.func
def worn_paint(q: Look, part: int, r: wp.vec3, n: wp.vec3) -> Paint:
    """Cloth of caps and scarves, frames of glasses, metal."""
    out = Paint()
    out.normal = n
    if part == wp.static(GEAR) or part == wp.static(BRIM):
        fold = rough(
            41, vec3(r[0] * 3.0 + q.place * 20.0, r[1] * 2.0 + wp.abs(r[0]) * 3.0, r[2] * 3.0)
        )
        weave = rough(42, r * 70.0)
        colour = q.wear * (1.0 + 0.3 * fold + 0.14 * weave)
        if q.hat > 1.5:
            rib = wp.sin(wp.atan2(r[0], r[2] - 0.4) * 46.0)
            colour = colour * (1.0 + 0.22 * rib)
            out.normal = wp.normalize(n + wp.cross(n, q.up) * 0.25 * rib)
        if q.scarf > 0.5:
            out.normal = wp.normalize(n + 0.55 * fold * wp.cross(n, q.up) + 0.25 * fold * q.up)
        out.colour = colour
        out.gloss = 0.05
        out.sharp = 8.0
        out.soft = 0.25
        return out
    if part == wp.static(RING):
        out.colour = vec3(0.55, 0.42, 0.16)
        out.gloss = 2.0
        out.sharp = 40.0
        return out
    out.colour = wp.lerp(vec3(0.012, 0.010, 0.010), vec3(0.10, 0.045, 0.02), q.brow_dark * q.place)
    out.gloss = 0.7
    out.sharp = 60.0
    return out


@wp.func
def paint_of(
    q: Look, part: int, r: wp.vec3, n: wp.vec3, mask: wp.vec4, lines: wp.array3d(dtype=float), row: int,
    fine: float,
) -> Paint:  # fmt: skip
    if part == 0:
        return skin_paint(q, r, n, mask, lines, row, fine)
    if part == wp.static(HAIR) or part == wp.static(TAIL):
        return hair_paint(q, r, n, part == wp.static(TAIL))
    if part == wp.static(LEFT_EYE) or part == wp.static(RIGHT_EYE):
        return eye_paint(q, r, n, wp.where(part == wp.static(LEFT_EYE), 1.0, -1.0))
    out = Paint()
    out.normal = n
    if part == wp.static(TEETH):
        gap = bell(wp.sin(r[0] * 40.0), 0.14)
        edge = step(0.95, 1.40, r[2])
        out.colour = vec3(0.72, 0.67, 0.57) * (0.12 + 0.88 * edge) * (1.0 - 0.12 * gap)
        out.gloss = 0.5
        out.sharp = 40.0
        return out
    if part == wp.static(TONGUE):
        out.colour = vec3(0.34, 0.10, 0.09) * (0.2 + 0.8 * step(0.8, 1.35, r[2]))
        out.gloss = 0.3
        out.sharp = 20.0
        return out
    if part == wp.static(LASHES):
        out.colour = q.hair * 0.25 + vec3(0.006, 0.005, 0.005)
        return out
    return worn_paint(q, part, r, n)


@wp.func
def lit(paint: Paint, n: wp.vec3, to: wp.vec3, light: wp.vec3, back: wp.vec3) -> wp.vec3:
    """Light (before shadow) that a surface sends back from one lamp; back: towards the camera."""
    cosine = wp.dot(n, to)
    half = wp.normalize(to + back)
    if wp.dot(paint.strand, paint.strand) > 0.1:  # Kajiya and Kay
        sine = wp.sqrt(wp.max(1.0 - wp.dot(paint.strand, to) * wp.dot(paint.strand, to), 0.0))
        shine = wp.max(1.0 - wp.dot(paint.strand, half) * wp.dot(paint.strand, half), 0.0)
        front = wp.clamp(cosine * 0.75 + 0.25, 0.0, 1.0)
        diffuse = paint.colour * (0.35 + 0.65 * sine) * front
        glint = (
            (paint.colour * 0.6 + vec3(0.05, 0.05, 0.05))
            * wp.pow(shine, paint.sharp * 0.5)
            * paint.gloss
            * front
        )
        return wp.cw_mul(diffuse + glint, light)
    wrap = vec3(0.30, 0.14, 0.09) * paint.soft
    soft = vec3(
        wp.max((cosine + wrap[0]) / (1.0 + wrap[0]), 0.0), wp.max((cosine + wrap[1]) / (1.0 + wrap[1]), 0.0),
        wp.max((cosine + wrap[2]) / (1.0 + wrap[2]), 0.0),
    )  # fmt: skip
    fresnel = 0.04 + 0.5 * wp.pow(1.0 - wp.clamp(wp.dot(half, back), 0.0, 1.0), 5.0)
    spot = (
        paint.gloss
        * fresnel
        * wp.pow(wp.max(wp.dot(n, half), 0.0), paint.sharp)
        * (paint.sharp + 8.0)
        * 0.06
    )
    spot = spot * step(0.0, 0.15, cosine)
    return wp.cw_mul(wp.cw_mul(paint.colour, soft) + vec3(spot, spot, spot), light)


@wp.func
def box(x: float, y: float, cx: float, cy: float, w: float, h: float, soft: float) -> float:
    return step(w + soft, w - soft, wp.abs(x - cx)) * step(h + soft, h - soft, wp.abs(y - cy))


@wp.func
def bystander(st: Stage, seed: int, x: float, y: float, below: wp.vec3) -> wp.vec3:
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
    out = below
    trunk = step(1.0 + soft, 1.0 - soft, wp.sqrt(u * u / 2.6 + (v + 2.6) * (v + 2.6) / 2.9))
    out = wp.lerp(
        out, cloth * (1.0 - 0.2 * u), wp.max(trunk, box(u, v, 0.0, -1.0, 0.28, 0.5, soft))
    )
    mane = step(1.0 + soft, 1.0 - soft, wp.sqrt(u * u / 0.72 + (v - 0.12) * (v - 0.12) / 1.0))
    out = wp.lerp(out, hair, mane)
    turned = wp.randf(s, -0.3, 0.3)
    face = step(
        1.0 + soft,
        1.0 - soft,
        wp.sqrt((u - turned) * (u - turned) / 0.42 + (v + 0.12) * (v + 0.12) / 0.72),
    )
    eyes = bell(v - 0.02, 0.14) * (bell(u - turned - 0.27, 0.16) + bell(u - turned + 0.27, 0.16))
    face_tone = (
        skin
        * (1.0 - 0.5 * eyes - 0.4 * bell(v + 0.52, 0.1) * bell(u - turned, 0.25))
        * (1.0 - 0.3 * u)
    )
    return wp.lerp(out, face_tone, face)


@wp.func
def backdrop(st: Stage, x: float, y: float) -> wp.vec3:
    """Linear light behind the people at picture coordinates (-1 to 1 upwards)."""
    seed = int(st.seed * 1.0e6)
    s = wp.rand_init(seed)
    drift = float(seed % 977)
    cloud = rough(51, vec3(x * 1.2, y * 1.2, drift)) + 0.5 * rough(
        52, vec3(x * 3.0, y * 3.0, drift)
    )
    grain = rough(53, vec3(x * 9.0, y * 9.0, drift)) + 0.6 * rough(
        54, vec3(x * 23.0, y * 23.0, drift)
    )
    colour = (
        st.wall_a
        * (1.0 + 0.10 * cloud + 0.03 * grain)
        * (1.0 - 0.16 * x * wp.sign(-st.lamp[0]) + 0.10 * y)
    )
    if st.scene > 0.5:
        soft = wp.max(st.focus, 0.012)
        if st.scene > 1.5 and st.scene < 2.5:
            horizon = wp.randf(s, -0.5, 0.5) + 0.10 * cloud
            leaf = 0.75 + 0.45 * cloud + 0.5 * grain * step(0.14, 0.03, st.focus)
            colour = wp.lerp(
                st.wall_c * leaf,
                st.wall_a * (1.1 + 0.25 * cloud),
                step(horizon - 3.0 * soft, horizon + 3.0 * soft, y),
            )
        for i in range(9):
            cx = wp.randf(s, -1.7, 1.7)
            cy = wp.randf(s, -1.0, 1.0)
            w = wp.randf(s, 0.04, 0.42)
            h = wp.randf(s, 0.06, 0.7)
            pick = wp.randf(s)
            level = wp.randf(s, 0.3, 1.5)
            inner = (
                wp.lerp(st.wall_b, st.wall_c, pick) * level * (1.0 + 0.12 * grain + 0.15 * cloud)
            )
            if st.scene > 2.5 or (st.scene > 1.5 and i > 4):
                w = 0.05 + 0.11 * w + 0.3 * st.focus
                disc = wp.sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy))
                glow = step(w + 0.4 * soft, w - 0.4 * soft, disc) * (
                    0.55 + 0.45 * step(0.0, w, disc)
                )
                colour += (
                    wp.lerp(vec3(1.0, 0.75, 0.4), wp.lerp(st.wall_b, st.wall_c, pick), 0.5)
                    * glow
                    * level
                    * wp.where(st.scene > 2.5, 0.7, 0.25)
                )
            else:
                colour = wp.lerp(colour, inner, box(x, y, cx, cy, w, h, soft))
                rim = box(x, y, cx, cy, w + 0.02, h + 0.02, soft) - box(
                    x, y, cx, cy, w - 0.02, h - 0.02, soft
                )
                colour = colour * (1.0 - 0.35 * wp.max(rim, 0.0) * pick)
    for i in range(int(st.crowd)):
        colour = bystander(st, seed + 71 * (i + 1), x, y, colour)
    return vec3(wp.max(colour[0], 0.0), wp.max(colour[1], 0.0), wp.max(colour[2], 0.0))
