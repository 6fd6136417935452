# ruff: noqa: RUF046, E501  (kernels: float() declares what a loop changes)
"""What skin, hair, cloth and eyes are made of, per pixel, in the template's coordinates.

Because paint is a function of a point of the template, it moves with the face. All lengths are dm.
"""

import warp as wp

from lib.world import casting  # noqa: F401  sets warp up
from lib.world.wear import BINS

vec3 = wp.vec3


@wp.struct
class Look:
    """One person at one moment; latents of the same names."""

    skin: wp.vec3
    lip: wp.vec3
    hair: wp.vec3
    beard: wp.vec3
    iris: wp.vec3
    cloth: wp.vec3
    second: wp.vec3
    wear: wp.vec3
    up: wp.vec3  # of the head, in the world
    front: wp.vec3
    melanin: float
    redness: float
    freckles: float
    wrinkles: float
    makeup: float
    male: float
    place: float
    dress: float
    stubble: float
    goatee: float
    moustache: float
    full_beard: float
    sideburns: float
    beard_length: float
    brow_thick: float
    brow_dark: float
    grey: float
    baldness: float
    hair_on: float
    hair_volume: float
    hair_length: float
    curl: float
    parting: float
    swept: float
    tied: float
    fringe: float
    hat: float
    scarf: float
    shades: float
    glasses: float
    au_brow_inner: float
    au_brow_low: float
    au_nose_wrinkle: float
    au_corner_up: float
    au_jaw: float


@wp.struct
class Paint:
    """What a surface does with light."""

    colour: wp.vec3
    normal: wp.vec3
    gloss: float  # strength of the highlight
    sharp: float  # its exponent
    soft: float  # light that wraps around, as in skin
    strand: wp.vec3  # direction of hair, or 0


@wp.func
def step(low: float, high: float, x: float) -> float:
    """0 below `low`, 1 above `high`, smooth between."""
    t = wp.clamp((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def bell(x: float, width: float) -> float:
    return wp.exp(-(x * x) / (width * width))


@wp.func
def rough(seed: int, at: wp.vec3) -> float:
    """Smooth noise of about -1 to 1."""
    return wp.noise(wp.uint32(seed), at)


@wp.func
def segment(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Distance of a point from a segment."""
    dx = bx - ax
    dy = by - ay
    t = wp.clamp(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    ex = x - ax - t * dx
    ey = y - ay - t * dy
    return wp.sqrt(ex * ex + ey * ey)


@wp.func
def azimuth_height(table: wp.array3d(dtype=float), row: int, line: int, at: wp.vec3) -> float:
    """Height of a line of `wear.lines` at the azimuth of a template point."""
    turn = (wp.atan2(at[0], at[2] - 0.45) / 6.2831853 + 0.5) * float(wp.static(BINS)) - 0.5
    low = int(wp.floor(turn))
    part = turn - float(low)
    a = (low + wp.static(BINS)) % wp.static(BINS)
    b = (low + 1 + wp.static(BINS)) % wp.static(BINS)
    return table[row, line, a] * (1.0 - part) + table[row, line, b] * part


@wp.func
def cloth_depth(q: Look, r: wp.vec3) -> float:
    """How far below the neckline a template point is; negative on bare skin."""
    y = r[1] - 0.34 * (0.2 - r[2])
    x = wp.abs(r[0])
    sleeve = wp.where(q.dress < 1.5, 2.75, 4.2) - x  # short or long
    height = wp.where(q.dress < 1.5, 5.66, wp.where(q.dress < 2.5, 6.02, 5.88))  # the last: a shirt
    depth = wp.max(
        height - y, wp.where(r[1] < 6.1, (x - 0.78) * 0.7, -1.0)
    )  # shoulders are covered
    if q.dress > 0.5 and q.dress < 1.5 and r[2] > 0.2:  # a v-neck
        depth = wp.min(depth, (x - (r[1] - 4.95) * 0.42) * 0.9)
    return wp.min(depth, sleeve)


@wp.func
def beard_field(r: wp.vec3, kind: int) -> float:
    """0 to 1: where goatee (0), moustache (1), beard (2), sideburns (3), shadow (4), corners (5) grow."""
    x = wp.abs(r[0])
    y = r[1]
    front = step(0.45, 0.62, r[2])
    if kind == 0:
        chin = (
            step(0.25, 0.15, x + 0.5 * wp.max(6.3 - y, 0.0))
            * step(6.51, 6.45, y)
            * step(6.08, 6.18, y)
        )
        return chin * front
    if kind == 1:
        tip = 6.735 - 0.9 * x * x
        return (
            step(0.35, 0.29, x)
            * step(tip - 0.075, tip - 0.035, y)
            * step(tip + 0.10, tip + 0.06, y)
            * front
        )
    if kind == 5:
        return step(0.07, 0.035, segment(x, y, 0.30, 6.70, 0.26, 6.42)) * front
    if kind == 3:
        near = step(0.60, 0.64, x) * step(0.98, 0.88, r[2]) * step(0.56, 0.62, r[2])
        return near * step(6.70, 6.98, y) * step(7.50, 7.40, y)
    cheek = 6.70 + 0.62 * wp.max(x - 0.28, 0.0)
    if kind == 4:
        cheek += 0.12
    low = step(cheek + 0.07, cheek - 0.05, y) * step(5.92, 6.10, y)
    side = wp.max(
        low, step(0.62, 0.68, x) * step(7.42, 7.30, y) * step(6.5, 6.6, y) * step(0.98, 0.90, r[2])
    )
    return side * step(0.30, 0.44, r[2] + wp.where(y < 6.5, 0.15, 0.0))


@wp.func
def beard_density(q: Look, r: wp.vec3) -> float:
    """0 to 1 grown beard at a template point."""
    grown = wp.max(q.goatee * beard_field(r, 0), q.moustache * beard_field(r, 1))
    grown = wp.max(grown, wp.min(q.goatee, q.moustache) * beard_field(r, 5))
    return wp.max(grown, wp.max(q.full_beard * beard_field(r, 2), q.sideburns * beard_field(r, 3)))


@wp.func
def swelling(q: Look, r: wp.vec3, lips: float) -> float:
    """How far clothes and beards raise a template point, dm."""
    depth = cloth_depth(q, r)
    if depth > -0.1:
        folds = (
            0.02
            * rough(5, vec3(r[0] * 3.0 + q.place * 9.0, r[1] * 2.0, r[2] * 3.0))
            * step(0.0, 0.5, depth)
        )
        return (
            0.055 * step(-0.03, 0.05, depth)
            + folds
            + 0.03 * step(0.14, 0.06, depth) * step(-0.03, 0.02, depth)
        )
    if q.male > 0.5 and r[1] < 7.5 and r[2] > 0.3:
        return (
            beard_density(q, r)
            * (1.0 - lips)
            * (0.02 + 0.10 * q.beard_length * step(6.75, 6.4, r[1]))
        )
    return 0.0


@wp.func
def creases(q: Look, r: wp.vec3) -> float:
    """0 to 1: how deep a wrinkle is at a template point, from age and from what the face does."""
    x = wp.abs(r[0])
    y = r[1]
    old = q.wrinkles
    wave = 0.012 * wp.sin(x * 9.0 + q.place * 20.0)
    deep = float(0.0)
    if y > 7.52 and y < 8.0:
        line = wp.sin((y + wave) * 62.0 + q.place * 6.0)
        rows = (
            wp.max(line - 0.45, 0.0)
            * 1.8
            * step(0.56, 0.36, x)
            * step(7.52, 7.6, y)
            * step(7.97, 7.88, y)
        )
        deep += rows * wp.clamp(0.55 * old + 0.75 * q.au_brow_inner * (0.35 + 0.65 * old), 0.0, 1.0)
    if y > 7.28 and y < 7.62 and x < 0.16:
        frown = bell(x - 0.065, 0.022) * step(7.30, 7.38, y) * step(7.62, 7.52, y)
        deep += frown * wp.clamp(0.30 * old + 0.9 * q.au_brow_low, 0.0, 1.0)
        root = bell(y - 7.30 - 0.1 * x, 0.018) + bell(y - 7.36, 0.018)
        deep += root * step(0.15, 0.08, x) * q.au_nose_wrinkle * 0.9
    if y > 6.3 and y < 7.0 and x > 0.12 and x < 0.5:
        fold = bell(segment(x, y, 0.21, 6.94, 0.345, 6.66), 0.028)
        deep += fold * wp.clamp(
            0.12 + 0.55 * old + 0.6 * q.au_corner_up + 0.6 * q.au_nose_wrinkle, 0.0, 1.0
        )
        deep += bell(segment(x, y, 0.29, 6.58, 0.31, 6.42), 0.022) * 0.6 * old
    if x > 0.45 and x < 0.68 and y > 7.1 and y < 7.5:
        fan = wp.sin((y - 7.29) / (x - 0.36) * 26.0 + q.place * 5.0)
        rays = wp.max(fan - 0.3, 0.0) * step(0.47, 0.52, x) * step(0.67, 0.60, x)
        deep += rays * wp.clamp(0.5 * old + 0.5 * q.au_corner_up * (0.25 + old), 0.0, 1.0)
    if y > 7.04 and y < 7.24 and x > 0.14 and x < 0.5:
        bow = y - 7.105 - 0.55 * (x - 0.30) * (x - 0.30)
        deep += bell(bow, 0.022) * (0.10 + 0.6 * old) * step(0.5, 0.4, x)
    return wp.clamp(deep, 0.0, 1.0)


@wp.func
def brow_density(q: Look, r: wp.vec3) -> float:
    """0 to 1 hair of a brow at a template point."""
    x = wp.abs(r[0])
    t = wp.clamp((x - 0.115) / 0.43, -0.2, 1.2)
    middle = 7.435 + 0.115 * t - 0.10 * t * t * t
    half = 0.040 * q.brow_thick * (1.0 - 0.62 * wp.clamp(t, 0.0, 1.0))
    across = step(half, half * 0.35, wp.abs(r[1] - middle))
    return across * step(-0.08, 0.10, t) * step(1.04, 0.86, t) * step(0.9, 1.0, r[2])


@wp.func
def hairs(q: Look, r: wp.vec3, stretch: float) -> float:
    """-1 to 1: strands over the template's skin, of brows and beards."""
    a = rough(11, vec3(r[0] * 75.0 * stretch + q.place * 30.0, r[1] * 32.0, r[2] * 40.0))
    return a + 0.5 * rough(12, vec3(r[0] * 160.0 * stretch, r[1] * 60.0, r[2] * 90.0))


@wp.func
def skin_paint(
    q: Look, r: wp.vec3, n: wp.vec3, mask: wp.vec4, lines: wp.array3d(dtype=float), row: int, fine: float
) -> Paint:  # fmt: skip
    """Skin with its blood, spots, wrinkles, lips, brows, beard and scalp; clothes below the neck.

    mask: lips, ears, mouth's inside, lids; fine: 0 where a pixel is too large for pores, 1 near.
    """
    out = Paint()
    out.normal = n
    depth = cloth_depth(q, r)
    if depth > 0.0:
        return cloth_paint(q, r, n, depth)
    x = wp.abs(r[0])
    own = q.place * 50.0
    broad = rough(1, vec3(r[0] * 4.0 + own, r[1] * 4.0, r[2] * 4.0))
    mid = rough(2, vec3(r[0] * 14.0, r[1] * 14.0 + own, r[2] * 14.0))
    pores = rough(3, vec3(r[0] * 60.0, r[1] * 60.0, r[2] * 60.0 + own)) * fine
    tone = 1.0 + 0.06 * broad + 0.05 * mid + 0.07 * pores
    blood = q.redness * (0.9 * bell(x - 0.42, 0.2) * bell(r[1] - 6.93, 0.2) * step(0.6, 1.0, r[2]))
    blood += (
        (0.35 + 0.5 * q.redness) * bell(x, 0.13) * bell(r[1] - 6.92, 0.12) * step(1.3, 1.55, r[2])
    )
    blood += (
        0.8 * mask[1]
        + 0.25 * mask[3]
        + 0.15 * broad
        + q.makeup * 0.5 * bell(x - 0.45, 0.16) * bell(r[1] - 7.0, 0.13)
    )
    blood = wp.clamp(blood, 0.0, 1.0) * (1.0 - 0.55 * q.melanin)
    colour = q.skin * tone
    colour = wp.cw_mul(colour, vec3(1.0 + 0.06 * blood, 1.0 - 0.26 * blood, 1.0 - 0.24 * blood))
    if q.freckles > 0.0:
        spots = step(
            0.30, 0.55, rough(4, vec3(r[0] * 22.0 + own, r[1] * 22.0, r[2] * 22.0)) + 0.15 * broad
        )
        spots *= step(0.75, 0.5, x) * bell(r[1] - 7.05, 0.36) * step(0.5, 1.0, r[2]) * q.freckles
        colour = wp.cw_mul(colour, vec3(1.0 - 0.25 * spots, 1.0 - 0.42 * spots, 1.0 - 0.5 * spots))
    if q.wrinkles > 0.35:
        age = step(0.34, 0.6, rough(6, vec3(r[0] * 9.0, r[1] * 9.0 + own, r[2] * 9.0))) * (
            q.wrinkles - 0.35
        )
        colour = wp.cw_mul(colour, vec3(1.0 - 0.2 * age, 1.0 - 0.32 * age, 1.0 - 0.36 * age))
    under = bell(x - 0.28, 0.16) * bell(r[1] - 7.14, 0.055) * step(1.0, 1.2, r[2])
    shadow = under * (0.16 + 0.22 * q.wrinkles) + q.makeup * 0.55 * mask[3]
    deep = creases(q, r)
    colour = wp.cw_mul(
        colour * (1.0 - 0.9 * shadow * 0.6),
        vec3(1.0 - 0.34 * deep, 1.0 - 0.46 * deep, 1.0 - 0.50 * deep),
    )
    out.gloss = 0.28 + 0.25 * bell(x, 0.12) * step(1.3, 1.6, r[2]) + 0.12 * mid
    out.sharp = 16.0
    out.soft = 1.0
    lips = step(0.35, 0.65, mask[0])
    grain = 1.0 + 0.12 * fine * rough(7, vec3(r[0] * 60.0, r[1] * 12.0, own))
    colour = colour * (1.0 - lips) + q.lip * grain * lips
    out.gloss += lips * (0.25 + 0.5 * q.makeup)
    out.sharp += lips * 20.0
    inside = step(0.3, 0.8, mask[2]) * (1.0 - lips)
    colour = colour * (1.0 - inside) + vec3(0.16, 0.035, 0.03) * inside
    colour = hairy(q, r, colour, lips + inside, lines, row)
    out.normal = wp.normalize(n + fine * 0.10 * vec3(mid + pores, pores - mid, 0.0))
    out.colour = colour
    return out


@wp.func
def hairy(
    q: Look, r: wp.vec3, skin: wp.vec3, bare: float, lines: wp.array3d(dtype=float), row: int
) -> wp.vec3:
    """A skin's colour under brows, beard, its shadow, and the roots of the hair."""
    colour = skin
    if r[1] > 7.3 and r[1] < 7.62 and r[2] > 0.85:
        brow = brow_density(q, r)
        if brow > 0.01:
            tone = q.hair * (0.35 + 0.5 * (1.0 - q.brow_dark)) + q.skin * 0.06
            brow *= wp.clamp(0.80 + 0.5 * hairs(q, r, 0.7), 0.0, 1.0) * (0.62 + 0.33 * q.brow_dark)
            colour = colour * (1.0 - brow) + tone * brow
    if q.male > 0.5 and r[1] < 7.55:
        strand = hairs(q, r, 1.0)
        shadow = q.stubble * wp.max(beard_field(r, 4), beard_field(r, 1)) * (1.0 - bare)
        if shadow > 0.01:
            dots = wp.clamp(0.62 + 0.45 * strand, 0.0, 1.0) * shadow * 0.82
            colour = (
                colour * (1.0 - dots)
                + wp.cw_mul(q.beard, vec3(0.8, 0.9, 1.1)) * dots
                + q.skin * 0.04 * dots
            )
        grown = beard_density(q, r) * (1.0 - bare)
        if grown > 0.01:
            cover = step(0.12, 0.55, grown + 0.28 * strand)
            colour = colour * (1.0 - cover) + q.beard * (1.0 + 0.5 * strand) * cover
    if r[1] > 6.5 and q.hair_on > 0.5:
        above = r[1] - azimuth_height(lines, row, 0, r)
        if q.baldness > 0.5:
            above = wp.min(above, 8.05 - r[1])
        if above > -0.12:
            strand = rough(8, vec3(r[0] * 40.0 + q.place, r[1] * 14.0, r[2] * 40.0))
            root = step(-0.05, 0.10, above + 0.05 * strand) * (0.9 - 0.12 * strand)
            colour = colour * (1.0 - root) + q.hair * (0.75 + 0.25 * strand) * root
    return colour


@wp.func
def cloth_paint(q: Look, r: wp.vec3, n: wp.vec3, depth: float) -> Paint:
    """Knit, weave, stripes, a shirt's collar and buttons, a jacket and tie."""
    out = Paint()
    own = q.place * 40.0
    fold = rough(9, vec3(r[0] * 4.0 + own, r[1] * 3.0, r[2] * 4.0))
    weave = rough(10, vec3(r[0] * 60.0, r[1] * 60.0, r[2] * 60.0))
    colour = q.cloth * (1.0 + 0.16 * weave + 0.22 * fold)
    x = wp.abs(r[0])
    if q.dress < 2.5 and q.place > 0.7:  # stripes
        colour = wp.lerp(
            colour, q.second * (1.0 + 0.16 * weave), step(-0.1, 0.1, wp.sin(r[1] * 24.0 + fold))
        )
    if q.dress > 3.5:  # a jacket over a shirt, with a tie
        lapel = x - 0.05 - 0.42 * wp.max(r[1] - 4.4, 0.0)
        shirt = step(0.03, -0.03, lapel) * step(0.1, 0.3, r[2])
        colour = wp.lerp(colour, vec3(0.62, 0.62, 0.64) * (1.0 + 0.08 * weave), shirt)
        tie = step(0.105, 0.085, x - 0.02 * (5.5 - r[1])) * shirt * q.male * step(0.1, 0.16, depth)
        colour = wp.lerp(colour, q.second * (1.0 + 0.25 * wp.sin((r[1] + r[0]) * 40.0)), tie)
        colour = colour * (1.0 - 0.45 * bell(lapel, 0.02) * step(0.1, 0.3, r[2]))
    elif q.dress > 2.5:
        colour = colour * (
            1.0 - 0.5 * bell(r[0] - 0.04, 0.012) * step(0.2, 0.4, r[2]) * step(0.1, 0.2, depth)
        )
        buttons = bell(r[0] - 0.01, 0.025) * bell(wp.sin(r[1] * 9.0), 0.25) * step(0.2, 0.4, r[2])
        colour = wp.lerp(colour, vec3(0.5, 0.5, 0.5), buttons * 0.8 * step(0.1, 0.2, depth))
    colour = colour * (1.0 - 0.5 * bell(depth - 0.13, 0.02) - 0.4 * step(0.02, 0.0, depth))
    out.colour = colour
    out.normal = wp.normalize(n + vec3(0.25 * fold, 0.15 * fold + 0.06 * weave, 0.06 * weave))
    out.gloss = 0.04
    out.sharp = 6.0
    out.soft = 0.25
    return out
