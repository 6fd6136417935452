# ruff: noqa: RUF046, UP018  (a kernel needs float() where a loop changes a number)
"""The kernels: posing with clothes and beards, and rays from the camera through every pixel."""

from typing import Any

import warp as wp

from lib.world.shading import LASHES, LENS, Stage, backdrop, lit, paint_of, shown
from lib.world.surface import Look, rough, step, swelling, vec3, vec4

TAU = 6.2831853


@wp.struct
class People:
    """A chunk of B posed people with one kind of body of P points."""

    rest: wp.array(dtype=vec3)  # (P,) template
    outward: wp.array(dtype=vec3)  # (P,) the template's normals; 0 for things worn
    parts: wp.array(dtype=int)  # (P,)
    masks: wp.array(dtype=vec4)  # (P,)
    shade: wp.array(dtype=float)  # (P,)
    bones: wp.array2d(dtype=int)  # (P, 4)
    weights: wp.array2d(dtype=float)  # (P, 4)
    meshes: wp.array(dtype=wp.uint64)  # (B,)
    normals: wp.array2d(dtype=vec3)  # (B, P)
    looks: wp.array(dtype=Look)  # (B,)
    lines: wp.array3d(dtype=float)  # (B, 3, bins) as in `wear.lines`


@wp.struct
class Hit:
    """Where a ray meets a person; `part` is -1 where it meets nobody."""

    row: int
    part: int
    far: float
    at: vec3
    rest: vec3  # the same point of the template
    normal: vec3
    mask: vec4
    shade: float


@wp.kernel
def pose(
    people: People, still: wp.array2d(dtype=vec3), turns: wp.array2d(dtype=wp.mat33),
    shifts: wp.array2d(dtype=vec3), posed: wp.array2d(dtype=vec3),
) -> None:  # fmt: skip
    """(B, P) points at rest to posed ones, clothes and beards raised from the skin."""
    row, point = wp.tid()
    at = still[row, point]
    if wp.length_sq(people.outward[point]) > 0.5:
        raised = swelling(people.looks[row], people.rest[point], people.masks[point][0])
        at += people.outward[point] * raised
    total = vec3()
    for k in range(4):
        weight = people.weights[point, k]
        if weight > 0.0:
            bone = people.bones[point, k]
            total += weight * (turns[row, bone] * at + shifts[row, bone])
    posed[row, point] = total


@wp.func
def mixed(values: wp.array(dtype=Any), c: wp.vec3i, u: float, v: float) -> Any:
    """What is given at vertices, at a point of the triangle of corners `c`."""
    return values[c[0]] * u + values[c[1]] * v + values[c[2]] * (1.0 - u - v)


@wp.func
def meet(people: People, one: int, start: vec3, ray: vec3, longest: float, depth: int) -> Hit:
    """The first point of a person on a ray that is not a gap; at most `depth` gaps are passed."""
    out = Hit()
    out.part = -1
    mesh = people.meshes[one]
    far = float(0.0)
    for _ in range(depth):
        query = wp.mesh_query_ray(mesh, start + ray * far, ray, longest - far)
        if not query.result:
            break
        far += query.t
        a, u, v = 3 * query.face, query.u, query.v
        b, c = wp.mesh_get_index(mesh, a + 1), wp.mesh_get_index(mesh, a + 2)
        corners = wp.vec3i(wp.mesh_get_index(mesh, a), b, c)
        part = people.parts[corners[0]]
        rest = mixed(people.rest, corners, u, v)
        n = wp.normalize(mixed(people.normals[one], corners, u, v))
        if shown(people.looks[one], part, rest, n, ray, people.lines[one]):
            mask = mixed(people.masks, corners, u, v)
            shade = mixed(people.shade, corners, u, v)
            out = Hit(one, part, far, start + ray * far, rest, n, mask, shade)
            break
        far += 0.0004
    return out


@wp.func
def nearest(people: People, row: int, many: int, start: vec3, ray: vec3) -> Hit:
    """The nearest point on a ray of the `many` people of one picture."""
    best = Hit()
    best.part = -1
    best.far = 1.0e6
    for k in range(many):
        hit = meet(people, row + k, start, ray, best.far, 8)
        if hit.part >= 0:
            best = hit
    return best


@wp.func
def open_to(people: People, row: int, many: int, start: vec3, ray: vec3) -> float:
    """1 where nothing but lashes is between a point and a lamp, else 0."""
    for k in range(many):
        hit = meet(people, row + k, start, ray, 12.0, 5)
        if hit.part >= 0 and hit.part != LASHES:
            return 0.0
    return 1.0


@wp.func
def lens_on(people: People, one: int, start: vec3, ray: vec3, far: float) -> bool:
    """Whether a lens is the first thing on a ray."""
    mesh = people.meshes[one]
    query = wp.mesh_query_ray(mesh, start, ray, far)
    if not query.result:
        return False
    return people.parts[wp.mesh_get_index(mesh, query.face * 3)] == LENS


@wp.func
def placed(st: Stage, right: float, below: float) -> wp.vec2:
    """Where a place of the picture (0 to 1) is, in half heights of the whole picture."""
    x, y = 2.0 * right - 1.0, 1.0 - 2.0 * below
    return wp.vec2(st.window[0] + x * st.window[2], st.window[1] + y * st.window[3])


@wp.func
def eye_of(st: Stage) -> vec3:
    """Where the camera is."""
    return st.centre + vec3(0.0, 0.0, st.distance)


@wp.func
def lighted(
    people: People, many: int, st: Stage, hit: Hit, ray: vec3,
    angle: float, fine: float, sheen: float,
) -> vec3:  # fmt: skip
    """Light that a point sends to the camera.

    angle: which part of the main lamp is asked for; sheen: 0 to 1, the sky in a pair of glasses.
    """
    q = people.looks[hit.row]
    flat = wp.where(wp.dot(hit.normal, ray) > 0.0, -hit.normal, hit.normal)
    paint = paint_of(q, hit.part, hit.rest, flat, hit.mask, people.lines[hit.row], fine)
    n, start = paint.normal, hit.at + flat * 0.012
    to = wp.normalize(st.lamp + vec3(wp.cos(angle), wp.sin(angle), 0.0) * st.spread)
    cosine = wp.dot(flat, to)
    clear = float(0.0)
    if cosine > -0.3:
        bent = wp.normalize(to + hit.normal * wp.max(0.06 - cosine, 0.0))
        clear = open_to(people, st.first, many, start, bent)
    out = lit(paint, n, to, st.key_light, -ray) * clear
    around = st.sky * (0.5 + 0.5 * n[1]) + st.ground * (0.5 - 0.5 * n[1])
    bounce = wp.cw_mul(st.sky, q.skin) * (0.15 * (1.0 - hit.shade))
    out += wp.cw_mul(paint.colour, around * hit.shade + bounce)
    out += lit(paint, n, st.fill, st.fill_light, -ray) * hit.shade
    if st.rim_light[0] > 0.01 and wp.dot(n, st.back) > 0.0:
        rim = open_to(people, st.first, many, start, st.back)
        out += lit(paint, n, st.back, st.rim_light, -ray) * rim
    if (q.glasses > 0.5 or q.shades > 0.5) and lens_on(people, hit.row, eye_of(st), ray, hit.far):
        out = out * wp.where(q.shades > 0.5, 0.045, 0.9) + st.sky * (0.03 + 0.05 * sheen)
    return wp.min(out, vec3(6.0, 6.0, 6.0))


@wp.func
def before(st: Stage, x: float, y: float, scene: vec3) -> vec3:
    """What comes between the people and the viewer: a thing near the lens, a line of text."""
    out = scene
    own = st.seed * 90.0
    if st.overlay > 0.5:
        side = x * wp.sin(own) + 0.35 * y * wp.cos(st.seed * 50.0)
        thing = st.wall_b * (0.5 + 0.2 * rough(61, vec3(x * 2.0, y * 2.0, own)))
        out = wp.lerp(out, thing, step(0.30, 0.70, side) * 0.96)
    line = y - st.text_y
    if st.text > 0.5 and wp.abs(line) < 0.07:
        letters = wp.abs(rough(62, vec3(x * 16.0, line * 18.0, own)))
        ink = vec3(0.95, 0.95, wp.where(st.seed > 0.6, 0.2, 0.95))
        out = wp.lerp(out, ink, wp.where(letters > 0.22, 0.92, 0.0))
    return out


@wp.kernel
def photograph(
    people: People, stages: wp.array(dtype=Stage), many: int, light: wp.array3d(dtype=vec3)
) -> None:
    """Linear light (B, H, W) of pictures of `many` people each.

    Two rays a pixel, and two more where they do not meet the same thing; where they do, one of them
    stands for both in light and shadow, unless the picture is large.
    """
    row, down, across = wp.tid()
    st = stages[row]
    high, wide = float(light.shape[1]), float(light.shape[2])
    fine = step(0.05, 0.012, 2.0 * st.tall * st.window[3] / high)
    noise = wp.rand_init(int(st.seed * 1.0e6), down * light.shape[2] + across)
    turn = TAU * wp.randf(noise)
    total = vec3()
    count, empty, far = float(0.0), float(0.0), float(0.0)
    part = int(-1)
    for k in range(4):
        quarter = wp.where(k == 1, 3, wp.where(k > 1, k - 1, 0))  # opposite corners first
        right = (float(across) + (float(quarter % 2) + wp.randf(noise)) * 0.5) / wide
        below = (float(down) + (float(quarter // 2) + wp.randf(noise)) * 0.5) / high
        place = placed(st, right, below)
        ray = wp.normalize(vec3(place[0] * st.tall, place[1] * st.tall, -st.distance))
        hit = nearest(people, st.first, many, eye_of(st), ray)
        if k == 1 and fine < 0.5 and hit.part == part and wp.abs(hit.far - far) < 0.12:
            break
        if k == 0:
            part = hit.part
            far = hit.far
        count += 1.0
        if hit.part < 0:
            empty += 1.0
        else:
            angle = turn + 0.25 * TAU * float(quarter)
            sheen = step(-0.3, 0.8, 1.0 - 2.0 * below + 0.6 * (2.0 * right - 1.0))
            total += lighted(people, many, st, hit, ray, angle, fine, sheen)
    place = placed(st, (float(across) + 0.5) / wide, (float(down) + 0.5) / high)
    if empty > 0.0:
        total += backdrop(st, place[0], place[1]) * empty
    light[row, down, across] = before(st, place[0], place[1], total / count)
