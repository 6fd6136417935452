# ruff: noqa: UP018  (a kernel needs float() where a branch changes a number)
"""What skin and cloth are made of, per pixel, in the template's coordinates.

Because paint is a function of a point of the template, it moves with the face. All lengths are dm;
`q` is a person's `Look`, `r` a point of the template, `n` the normal there.
"""

import warp as wp

from lib.world import casting  # noqa: F401  sets warp up
from lib.world.wear import BINS

vec3, vec4 = wp.vec3, wp.vec4
Lines = wp.array2d(dtype=float)  # (3, BINS) of `wear.lines`
GOATEE, MOUSTACHE, BEARD, SIDEBURNS, SHADOW, CORNERS = range(6)

# One person at one moment: latents of the same names, and where the head's own axes point.
VECTORS = "skin lip hair beard iris cloth second wear up front"
NUMBERS = """
    melanin redness freckles wrinkles makeup male place dress shades glasses hat scarf
    stubble chin_beard moustache full_beard side_beard beard_length brow_thick brow_dark
    baldness hair_on hair_length curl parting swept fringe
    au_brow_inner au_brow_low au_nose_wrinkle au_corner_up
"""
FIELDS = dict.fromkeys(VECTORS.split(), vec3) | dict.fromkeys(NUMBERS.split(), float)
Look = wp.struct(type("Look", (), {"__annotations__": FIELDS}))


@wp.struct
class Paint:
    """What a surface does with light."""

    colour: vec3
    normal: vec3
    gloss: float  # strength of the highlight
    sharp: float  # its exponent
    soft: float  # light that wraps around, as in skin
    strand: vec3  # direction of hair, or 0


@wp.func
def step(low: float, high: float, x: float) -> float:
    """0 below `low`, 1 above `high`, smooth between; falls where `high` is the smaller."""
    t = wp.clamp((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def within(x: float, a: float, b: float, c: float, d: float) -> float:
    """1 from `b` to `c`, 0 below `a` and above `d`, smooth between."""
    return step(a, b, x) * step(d, c, x)


@wp.func
def bell(x: float, width: float) -> float:
    """1 at 0, falling to 1/e at `width`."""
    return wp.exp(-(x * x) / (width * width))


@wp.func
def rough(seed: int, at: vec3) -> float:
    """Smooth noise of about -1 to 1."""
    return wp.noise(wp.uint32(seed), at)


@wp.func
def stretched(seed: int, r: vec3, x: float, y: float, z: float, shift: float) -> float:
    """Noise of a point whose coordinates are scaled, and moved along x."""
    return wp.noise(wp.uint32(seed), vec3(r[0] * x + shift, r[1] * y, r[2] * z))


@wp.func
def stained(colour: vec3, amount: float, red: float, green: float, blue: float) -> vec3:
    """A colour that loses shares of its red, green and blue, `amount` times."""
    return wp.cw_mul(colour, vec3(1.0 - red * amount, 1.0 - green * amount, 1.0 - blue * amount))


@wp.func
def segment(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Distance of a point from a segment."""
    along, to = wp.vec2(bx - ax, by - ay), wp.vec2(x - ax, y - ay)
    t = wp.clamp(wp.dot(to, along) / wp.dot(along, along), 0.0, 1.0)
    return wp.length(to - along * t)


@wp.func
def line_height(lines: Lines, line: int, r: vec3) -> float:
    """Height of a line of `wear.lines` at the azimuth of a template point."""
    turn = (wp.atan2(r[0], r[2] - 0.45) / 6.2831853 + 0.5) * float(BINS) - 0.5
    low = int(wp.floor(turn)) + BINS
    return wp.lerp(lines[line, low % BINS], lines[line, (low + 1) % BINS], turn - wp.floor(turn))


@wp.func
def cloth_depth(q: Look, r: vec3) -> float:
    """How far below the neckline a template point is; negative on bare skin."""
    x, y = wp.abs(r[0]), r[1]
    sleeve = wp.where(q.dress < 1.5, 2.75, 4.2) - x  # short or long
    neck = wp.where(q.dress < 1.5, 5.66, wp.where(q.dress < 2.5, 6.02, 5.88))  # the last: a shirt
    shoulder = wp.where(y < 6.1, (x - 0.78) * 0.7, -1.0)
    depth = wp.max(neck - y + 0.34 * (0.2 - r[2]), shoulder)
    if q.dress > 0.5 and q.dress < 1.5 and r[2] > 0.2:  # a v-neck
        depth = wp.min(depth, (x - (y - 4.95) * 0.42) * 0.9)
    return wp.min(depth, sleeve)


@wp.func
def beard_field(r: vec3, kind: int) -> float:
    """0 to 1: where a kind of beard grows (`GOATEE` to `CORNERS`, which join the first two)."""
    x, y, z = wp.abs(r[0]), r[1], r[2]
    front = step(0.45, 0.62, z)
    if kind == GOATEE:
        wide = step(0.25, 0.15, x + 0.5 * wp.max(6.3 - y, 0.0))
        return wide * within(y, 6.08, 6.18, 6.45, 6.51) * front
    if kind == MOUSTACHE:
        tip = y - 6.735 + 0.9 * x * x
        return step(0.35, 0.29, x) * within(tip, -0.075, -0.035, 0.06, 0.10) * front
    if kind == CORNERS:
        return step(0.07, 0.035, segment(x, y, 0.30, 6.70, 0.26, 6.42)) * front
    if kind == SIDEBURNS:
        level = within(y, 6.70, 6.98, 7.40, 7.50)
        return step(0.60, 0.64, x) * within(z, 0.56, 0.62, 0.88, 0.98) * level
    cheek = 6.70 + 0.62 * wp.max(x - 0.28, 0.0) + wp.where(kind == SHADOW, 0.12, 0.0)
    low = within(y, 5.92, 6.10, cheek - 0.05, cheek + 0.07)
    side = step(0.62, 0.68, x) * within(y, 6.5, 6.6, 7.30, 7.42) * step(0.98, 0.90, z)
    return wp.max(low, side) * step(0.30, 0.44, z + wp.where(y < 6.5, 0.15, 0.0))


@wp.func
def beard_density(q: Look, r: vec3) -> float:
    """0 to 1 grown beard at a template point."""
    lip = wp.max(q.chin_beard * beard_field(r, GOATEE), q.moustache * beard_field(r, MOUSTACHE))
    lip = wp.max(lip, wp.min(q.chin_beard, q.moustache) * beard_field(r, CORNERS))
    side = wp.max(q.full_beard * beard_field(r, BEARD), q.side_beard * beard_field(r, SIDEBURNS))
    return wp.max(lip, side)


@wp.func
def swelling(q: Look, r: vec3, lips: float) -> float:
    """How far clothes and beards raise a template point, dm; lips: share of the lips' mask."""
    depth = cloth_depth(q, r)
    if depth > -0.1:
        fold = 0.02 * stretched(5, r, 3.0, 2.0, 3.0, q.place * 9.0) * step(0.0, 0.5, depth)
        hem = 0.03 * within(depth, -0.03, 0.02, 0.06, 0.14)
        return 0.055 * step(-0.03, 0.05, depth) + fold + hem
    if q.male > 0.5 and r[1] < 7.5 and r[2] > 0.3:
        thick = 0.02 + 0.10 * q.beard_length * step(6.75, 6.4, r[1])
        return beard_density(q, r) * (1.0 - lips) * thick
    return 0.0


@wp.func
def creases(q: Look, r: vec3) -> float:
    """0 to 1: how deep a wrinkle is at a template point, from age and from what the face does."""
    x, y, old = wp.abs(r[0]), r[1], q.wrinkles
    deep = float(0.0)
    if y > 7.52 and y < 8.0:  # forehead
        wave = wp.sin((y + 0.012 * wp.sin(x * 9.0 + q.place * 20.0)) * 62.0 + q.place * 6.0)
        rows = wp.max(wave - 0.45, 0.0) * 1.8 * step(0.56, 0.36, x)
        rows *= within(y, 7.52, 7.6, 7.88, 7.97)
        deep += rows * wp.clamp(0.55 * old + 0.75 * q.au_brow_inner * (0.35 + 0.65 * old), 0.0, 1.0)
    if y > 7.28 and y < 7.62 and x < 0.16:  # between the brows, root of the nose
        frown = bell(x - 0.065, 0.022) * within(y, 7.30, 7.38, 7.52, 7.62)
        deep += frown * wp.clamp(0.30 * old + 0.9 * q.au_brow_low, 0.0, 1.0)
        root = bell(y - 7.30 - 0.1 * x, 0.018) + bell(y - 7.36, 0.018)
        deep += root * step(0.15, 0.08, x) * q.au_nose_wrinkle * 0.9
    if y > 6.3 and y < 7.0 and x > 0.12 and x < 0.5:  # from the nose to the mouth, below it
        moved = 0.6 * q.au_corner_up + 0.6 * q.au_nose_wrinkle
        fold = bell(segment(x, y, 0.21, 6.94, 0.345, 6.66), 0.028)
        deep += fold * wp.clamp(0.12 + 0.55 * old + moved, 0.0, 1.0)
        deep += bell(segment(x, y, 0.29, 6.58, 0.31, 6.42), 0.022) * 0.6 * old
    if x > 0.45 and x < 0.68 and y > 7.1 and y < 7.5:  # crow's feet
        fan = wp.sin((y - 7.29) / (x - 0.36) * 26.0 + q.place * 5.0)
        rays = wp.max(fan - 0.3, 0.0) * within(x, 0.47, 0.52, 0.60, 0.67)
        deep += rays * wp.clamp(0.5 * old + 0.5 * q.au_corner_up * (0.25 + old), 0.0, 1.0)
    if y > 7.04 and y < 7.24 and x > 0.14 and x < 0.5:  # below the eyes
        bow = y - 7.105 - 0.55 * (x - 0.30) * (x - 0.30)
        deep += bell(bow, 0.022) * (0.10 + 0.6 * old) * step(0.5, 0.4, x)
    return wp.clamp(deep, 0.0, 1.0)


@wp.func
def brow_density(q: Look, r: vec3) -> float:
    """0 to 1 hair of a brow at a template point."""
    t = wp.clamp((wp.abs(r[0]) - 0.115) / 0.43, -0.2, 1.2)
    middle = 7.435 + 0.115 * t - 0.10 * t * t * t
    half = 0.040 * q.brow_thick * (1.0 - 0.62 * wp.clamp(t, 0.0, 1.0))
    across = step(half, half * 0.35, wp.abs(r[1] - middle))
    return across * within(t, -0.08, 0.10, 0.86, 1.04) * step(0.9, 1.0, r[2])


@wp.func
def hairs(q: Look, r: vec3, scale: float) -> float:
    """-1 to 1: strands over the template's skin, of brows and beards."""
    coarse = stretched(11, r, 75.0 * scale, 32.0, 40.0, q.place * 30.0)
    return coarse + 0.5 * stretched(12, r, 160.0 * scale, 60.0, 90.0, 0.0)


@wp.func
def blood_of(q: Look, r: vec3, mask: vec4, broad: float) -> float:
    """0 to 1 redness of the skin: cheeks, tip of the nose, ears, lids, rouge; broad: noise."""
    x, y, z = wp.abs(r[0]), r[1], r[2]
    cheeks = 0.9 * q.redness * bell(x - 0.42, 0.2) * bell(y - 6.93, 0.2) * step(0.6, 1.0, z)
    nose = (0.35 + 0.5 * q.redness) * bell(x, 0.13) * bell(y - 6.92, 0.12) * step(1.3, 1.55, z)
    rouge = q.makeup * 0.5 * bell(x - 0.45, 0.16) * bell(y - 7.0, 0.13)
    total = cheeks + nose + rouge + 0.8 * mask[1] + 0.25 * mask[3] + 0.15 * broad
    return wp.clamp(total, 0.0, 1.0) * (1.0 - 0.55 * q.melanin)


@wp.func
def skin_paint(q: Look, r: vec3, n: vec3, mask: vec4, lines: Lines, fine: float) -> Paint:
    """Skin with its blood, spots, wrinkles, lips, brows, beard and scalp; clothes below the neck.

    mask: lips, ears, mouth's inside, lids; fine: 0 where a pixel is too large for pores, 1 near.
    """
    depth = cloth_depth(q, r)
    if depth > 0.0:
        return cloth_paint(q, r, n, depth)
    x, y, z = wp.abs(r[0]), r[1], r[2]
    own = q.place * 50.0
    broad = rough(1, r * 4.0 + vec3(own, 0.0, 0.0))
    mid = rough(2, r * 14.0 + vec3(0.0, own, 0.0))
    pores = rough(3, r * 60.0 + vec3(0.0, 0.0, own)) * fine
    colour = q.skin * (1.0 + 0.06 * broad + 0.05 * mid + 0.07 * pores)
    colour = stained(colour, blood_of(q, r, mask, broad), -0.06, 0.26, 0.24)
    if q.freckles > 0.0:
        spots = step(0.30, 0.55, rough(4, r * 22.0 + vec3(own, 0.0, 0.0)) + 0.15 * broad)
        spots *= step(0.75, 0.5, x) * bell(y - 7.05, 0.36) * step(0.5, 1.0, z) * q.freckles
        colour = stained(colour, spots, 0.25, 0.42, 0.5)
    if q.wrinkles > 0.35:
        spots = step(0.34, 0.6, rough(6, r * 9.0 + vec3(0.0, own, 0.0)))
        colour = stained(colour, spots * (q.wrinkles - 0.35), 0.2, 0.32, 0.36)
    under = bell(x - 0.28, 0.16) * bell(y - 7.14, 0.055) * step(1.0, 1.2, z)
    shadow = under * (0.16 + 0.22 * q.wrinkles) + q.makeup * 0.55 * mask[3]
    colour = stained(colour * (1.0 - 0.54 * shadow), creases(q, r), 0.42, 0.54, 0.58)
    lips = step(0.35, 0.65, mask[0])
    inside = step(0.3, 0.8, mask[2]) * (1.0 - lips)
    grain = 1.0 + 0.12 * fine * rough(7, vec3(r[0] * 60.0, y * 12.0, own))
    colour = wp.lerp(wp.lerp(colour, q.lip * grain, lips), vec3(0.16, 0.035, 0.03), inside)
    colour = hairy(q, r, colour, lips + inside, lines)
    gloss = 0.28 + 0.25 * bell(x, 0.12) * step(1.3, 1.6, z) + 0.12 * mid
    gloss += lips * (0.25 + 0.5 * q.makeup)
    bumpy = wp.normalize(n + fine * 0.10 * vec3(mid + pores, pores - mid, 0.0))
    return Paint(colour, bumpy, gloss, 16.0 + lips * 20.0, 1.0, vec3())


@wp.func
def hairy(q: Look, r: vec3, skin: vec3, bare: float, lines: Lines) -> vec3:
    """A skin's colour under brows, beard, its shadow, and the roots of the hair."""
    colour = skin
    if r[1] > 7.3 and r[1] < 7.62 and r[2] > 0.85:
        brow = brow_density(q, r) * (0.62 + 0.33 * q.brow_dark)
        brow *= wp.clamp(0.80 + 0.5 * hairs(q, r, 0.7), 0.0, 1.0)
        colour = wp.lerp(colour, q.hair * (0.85 - 0.5 * q.brow_dark) + q.skin * 0.06, brow)
    if q.male > 0.5 and r[1] < 7.55:
        strand = hairs(q, r, 1.0)
        shadow = wp.max(beard_field(r, SHADOW), beard_field(r, MOUSTACHE)) * (1.0 - bare)
        dots = 0.82 * q.stubble * shadow * wp.clamp(0.62 + 0.45 * strand, 0.0, 1.0)
        colour = wp.lerp(colour, wp.cw_mul(q.beard, vec3(0.8, 0.9, 1.1)) + q.skin * 0.04, dots)
        grown = beard_density(q, r) * (1.0 - bare)
        if grown > 0.01:
            cover = step(0.12, 0.55, grown + 0.28 * strand)
            colour = wp.lerp(colour, q.beard * (1.0 + 0.5 * strand), cover)
    if r[1] > 6.5 and q.hair_on > 0.5:
        above = r[1] - line_height(lines, 0, r)
        if q.baldness > 0.5:
            above = wp.min(above, 8.05 - r[1])
        if above > -0.12:
            strand = stretched(8, r, 40.0, 14.0, 40.0, q.place)
            root = step(-0.05, 0.10, above + 0.05 * strand) * (0.9 - 0.12 * strand)
            colour = wp.lerp(colour, q.hair * (0.75 + 0.25 * strand), root)
    return colour


@wp.func
def cloth_paint(q: Look, r: vec3, n: vec3, depth: float) -> Paint:
    """Knit, weave, stripes, a shirt's collar and buttons, a jacket and tie."""
    x, y, ahead = wp.abs(r[0]), r[1], step(0.2, 0.4, r[2])
    fold = stretched(9, r, 4.0, 3.0, 4.0, q.place * 40.0)
    weave = rough(10, r * 60.0)
    colour = q.cloth * (1.0 + 0.16 * weave + 0.22 * fold)
    if q.dress < 2.5 and q.place > 0.7:  # stripes
        stripe = step(-0.1, 0.1, wp.sin(y * 24.0 + fold))
        colour = wp.lerp(colour, q.second * (1.0 + 0.16 * weave), stripe)
    if q.dress > 3.5:  # a jacket over a shirt, with a tie
        lapel = x - 0.05 - 0.42 * wp.max(y - 4.4, 0.0)
        shirt = step(0.03, -0.03, lapel) * step(0.1, 0.3, r[2])
        colour = wp.lerp(colour, vec3(0.62, 0.62, 0.64) * (1.0 + 0.08 * weave), shirt)
        tie = step(0.105, 0.085, x - 0.02 * (5.5 - y)) * shirt * q.male * step(0.1, 0.16, depth)
        colour = wp.lerp(colour, q.second * (1.0 + 0.25 * wp.sin((y + r[0]) * 40.0)), tie)
        colour *= 1.0 - 0.45 * bell(lapel, 0.02) * step(0.1, 0.3, r[2])
    elif q.dress > 2.5:  # a shirt's edge and buttons
        below = ahead * step(0.1, 0.2, depth)
        colour *= 1.0 - 0.5 * bell(r[0] - 0.04, 0.012) * below
        button = bell(r[0] - 0.01, 0.025) * bell(wp.sin(y * 9.0), 0.25)
        colour = wp.lerp(colour, vec3(0.5, 0.5, 0.5), 0.8 * button * below)
    colour *= 1.0 - 0.5 * bell(depth - 0.13, 0.02) - 0.4 * step(0.02, 0.0, depth)
    bumpy = wp.normalize(n + vec3(0.25 * fold, 0.15 * fold + 0.06 * weave, 0.06 * weave))
    return Paint(colour, bumpy, 0.04, 6.0, 0.25, vec3())
