# ruff: noqa: RUF046, E501  (kernels: float() declares what a loop changes)
"""The kernels: posing with clothes and beards, and rays from the camera through every pixel."""

import warp as wp

from lib.world.shading import HAIR, LASHES, LENS, Stage, backdrop, lit, paint_of, shown
from lib.world.surface import Look, rough, step, swelling, vec3


@wp.struct
class Shape:
    """What all people of one kind of body share; P points."""

    rest: wp.array(dtype=wp.vec3)  # (P,) template
    outward: wp.array(dtype=wp.vec3)  # (P,) the template's normals; 0 for things worn
    parts: wp.array(dtype=int)  # (P,)
    masks: wp.array(dtype=wp.vec4)  # (P,)
    shade: wp.array(dtype=float)  # (P,)
    bones: wp.array2d(dtype=int)  # (P, 4)
    weights: wp.array2d(dtype=float)


@wp.struct
class People:
    """A chunk of B posed people."""

    shape: Shape
    meshes: wp.array(dtype=wp.uint64)  # (B,)
    normals: wp.array2d(dtype=wp.vec3)  # (B, P)
    looks: wp.array(dtype=Look)
    lines: wp.array3d(dtype=float)  # (B, 3, bins) as in `wear.lines`


@wp.struct
class Hit:
    """Where a ray meets a person; `part` is -1 where it meets nobody."""

    row: int
    part: int
    far: float
    at: wp.vec3
    rest: wp.vec3  # the same point of the template
    normal: wp.vec3
    mask: wp.vec4
    shade: float


@wp.kernel
def pose(
    shape: Shape, looks: wp.array(dtype=Look), still: wp.array2d(dtype=wp.vec3),
    turns: wp.array2d(dtype=wp.mat33), shifts: wp.array2d(dtype=wp.vec3), posed: wp.array2d(dtype=wp.vec3),
):  # fmt: skip
    """(B, P) points at rest to posed ones, clothes and beards raised from the skin."""
    row, point = wp.tid()
    at = still[row, point]
    if wp.length_sq(shape.outward[point]) > 0.5:
        raised = swelling(looks[row], shape.rest[point], shape.masks[point][0])
        at += shape.outward[point] * raised
    total = vec3(0.0, 0.0, 0.0)
    for k in range(4):
        weight = shape.weights[point, k]
        if weight > 0.0:
            bone = shape.bones[point, k]
            total += weight * (turns[row, bone] * at + shifts[row, bone])
    posed[row, point] = total


@wp.func
def meet(people: People, one: int, start: wp.vec3, ray: wp.vec3, longest: float, depth: int) -> Hit:
    """The first point of a person on a ray that is not a gap; at most `depth` gaps are passed."""
    out = Hit()
    out.part = -1
    mesh = people.meshes[one]
    begin = float(0.0)
    for _ in range(depth):
        query = wp.mesh_query_ray(mesh, start + ray * begin, ray, longest - begin)
        if not query.result:
            break
        begin += query.t
        a = wp.mesh_get_index(mesh, query.face * 3)
        b = wp.mesh_get_index(mesh, query.face * 3 + 1)
        c = wp.mesh_get_index(mesh, query.face * 3 + 2)
        u, v = query.u, query.v
        w = 1.0 - u - v
        part = people.shape.parts[a]
        rest = people.shape.rest[a] * u + people.shape.rest[b] * v + people.shape.rest[c] * w
        n = people.normals[one, a] * u + people.normals[one, b] * v + people.normals[one, c] * w
        n = wp.normalize(n)
        if part != wp.static(LENS) and shown(people.looks[one], part, rest, n, ray, people.lines, one):
            out.row = one
            out.part = part
            out.far = begin
            out.at = start + ray * begin
            out.rest = rest
            out.normal = n
            masks, shade = people.shape.masks, people.shape.shade
            out.mask = masks[a] * u + masks[b] * v + masks[c] * w
            out.shade = shade[a] * u + shade[b] * v + shade[c] * w
            break
        begin += 0.0004
    return out


@wp.func
def first(people: People, row: int, many: int, start: wp.vec3, ray: wp.vec3) -> Hit:
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
def open_to(people: People, row: int, many: int, start: wp.vec3, ray: wp.vec3) -> float:
    """1 where nothing but lashes is between a point and a lamp, else 0."""
    for k in range(many):
        hit = meet(people, row + k, start, ray, 12.0, 5)
        if hit.part >= 0 and hit.part != wp.static(LASHES):
            return 0.0
    return 1.0


@wp.func
def lens_on(people: People, one: int, start: wp.vec3, ray: wp.vec3, far: float) -> bool:
    """Whether a lens is the first thing on a ray."""
    query = wp.mesh_query_ray(people.meshes[one], start, ray, far)
    if not query.result:
        return False
    return people.shape.parts[wp.mesh_get_index(people.meshes[one], query.face * 3)] == wp.static(LENS)


@wp.func
def lighted(
    people: People, row: int, many: int, st: Stage, hit: Hit, eye: wp.vec3, ray: wp.vec3,
    angle: float, fine: float, sheen: float,
) -> wp.vec3:  # fmt: skip
    """Light that a point sends to the camera; angle: which part of the main lamp is asked for."""
    q = people.looks[hit.row]
    flat = hit.normal
    if wp.dot(flat, ray) > 0.0:
        flat = -flat
    paint = paint_of(q, hit.part, hit.rest, flat, hit.mask, people.lines, hit.row, fine)
    start = hit.at + flat * 0.012
    to = wp.normalize(st.lamp + vec3(wp.cos(angle), wp.sin(angle), 0.0) * st.spread)
    cosine = wp.dot(flat, to)
    n = paint.normal
    clear = float(0.0)
    if cosine > -0.3:
        bent = wp.normalize(to + hit.normal * wp.max(0.06 - cosine, 0.0))
        clear = open_to(people, row, many, start, bent)
    out = lit(paint, n, to, st.key_light, -ray) * clear
    sky = st.sky * (hit.shade * (0.5 + 0.5 * n[1])) + st.ground * (hit.shade * (0.5 - 0.5 * n[1]))
    bounce = wp.cw_mul(st.sky, q.skin) * (0.15 * (1.0 - hit.shade))
    out += wp.cw_mul(paint.colour, sky + bounce)
    out += lit(paint, n, st.fill, st.fill_light, -ray) * hit.shade
    if st.rim_light[0] > 0.01 and wp.dot(n, st.back) > 0.0:
        out += lit(paint, n, st.back, st.rim_light, -ray) * open_to(people, row, many, start, st.back)
    if (q.glasses > 0.5 or q.shades > 0.5) and lens_on(people, hit.row, eye, ray, hit.far):
        out = out * wp.where(q.shades > 0.5, 0.045, 0.9) + st.sky * (0.03 + 0.05 * sheen)
    return vec3(wp.min(out[0], 6.0), wp.min(out[1], 6.0), wp.min(out[2], 6.0))


@wp.func
def before(st: Stage, x: float, y: float, scene: wp.vec3) -> wp.vec3:
    """What comes between the people and the viewer: a thing near the lens, a line of text."""
    out = scene
    if st.overlay > 0.5:
        side = wp.sin(st.seed * 90.0)
        cover = step(0.35, 0.75, x * side + 0.35 * y * wp.cos(st.seed * 50.0) + 0.05) * 0.96
        thing = st.wall_b * (0.5 + 0.2 * rough(61, vec3(x * 2.0, y * 2.0, st.seed * 90.0)))
        out = wp.lerp(out, thing, cover)
    if st.text > 0.5:
        line = y - st.text_y
        letters = rough(62, vec3(x * 16.0, line * 18.0, st.seed * 90.0))
        ink = wp.where(wp.abs(letters) > 0.22 and wp.abs(line) < 0.07, 0.92, 0.0)
        out = wp.lerp(out, vec3(0.95, 0.95, wp.where(st.seed > 0.6, 0.2, 0.95)), ink)
    return out


@wp.kernel
def photograph(people: People, stages: wp.array(dtype=Stage), many: int, light: wp.array3d(dtype=wp.vec3)):
    """Linear light (B, H, W) of pictures of `many` people each.

    Two rays a pixel, and two more where they do not meet the same thing; where they do, one of them
    stands for both in light and shadow, unless the picture is large.
    """
    row, down, across = wp.tid()
    st = stages[row]
    high, wide = float(light.shape[1]), float(light.shape[2])
    eye = st.centre + vec3(0.0, 0.0, st.distance)
    fine = step(0.05, 0.012, 2.0 * st.tall * st.window[3] / high)
    noise = wp.rand_init(int(st.seed * 1.0e6), down * light.shape[2] + across)
    turn = 6.2831853 * wp.randf(noise)
    total = vec3(0.0, 0.0, 0.0)
    count = float(0.0)
    empty = float(0.0)
    far = float(0.0)
    part = int(-2)
    alike = int(0)
    for k in range(4):
        if k == 2 and alike == 1:
            break
        i = wp.where(k == 1, 3, wp.where(k > 1, k - 1, 0))
        sx = (float(across) + (float(i % 2) + wp.randf(noise)) * 0.5) / wide * 2.0 - 1.0
        sy = 1.0 - (float(down) + (float(i // 2) + wp.randf(noise)) * 0.5) / high * 2.0
        aim = vec3(st.window[0] + sx * st.window[2], st.window[1] + sy * st.window[3], 0.0) * st.tall
        ray = wp.normalize(aim - vec3(0.0, 0.0, st.distance))
        hit = first(people, st.first, many, eye, ray)
        if k == 0:
            part = hit.part
            far = hit.far
        if k == 1 and fine < 0.5 and hit.part == part and wp.abs(hit.far - far) < 0.12:
            alike = 1
            continue
        count += 1.0
        if hit.part < 0:
            empty += 1.0
            continue
        sheen = step(-0.3, 0.8, sy + 0.6 * sx)
        angle = turn + 1.5707963 * float(i)
        total += lighted(people, st.first, many, st, hit, eye, ray, angle, fine, sheen)
    x = st.window[0] + ((float(across) + 0.5) / wide * 2.0 - 1.0) * st.window[2]
    y = st.window[1] + (1.0 - (float(down) + 0.5) / high * 2.0) * st.window[3]
    if empty > 0.0:
        total += backdrop(st, x, y) * empty
    light[row, down, across] = before(st, x, y, total / count)
