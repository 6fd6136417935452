# ruff: noqa: RUF046, E501  (kernels: float() declares what a loop changes)
"""The kernels: posing with clothes and beards, and rays from the camera through every pixel."""

import warp as wp

from lib.world.shading import HAIR, LASHES, LENS, Stage, backdrop, lit, paint_of, shown
from lib.world.surface import Look, rough, step, swelling, vec3


@wp.struct
class Shape:
    """What all people of one kind of body share; P points, T triangles."""

    rest: wp.array(dtype=wp.vec3)  # (P,) template
    outward: wp.array(dtype=wp.vec3)  # (P,) the template's normals; 0 for things worn
    triangles: wp.array2d(dtype=int)  # (T, 3)
    parts: wp.array(dtype=int)  # (T,)
    masks: wp.array(dtype=wp.vec4)  # (P,)
    shade: wp.array(dtype=float)  # (P,)
    bones: wp.array2d(dtype=int)  # (P, 4)
    weights: wp.array2d(dtype=float)


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


@wp.struct
class Hit:
    found: int
    row: int
    part: int
    at: wp.vec3
    rest: wp.vec3
    normal: wp.vec3
    mask: wp.vec4
    shade: float
    far: float


@wp.func
def first(
    shape: Shape, meshes: wp.array(dtype=wp.uint64), normals: wp.array2d(dtype=wp.vec3), looks: wp.array(dtype=Look),
    lines: wp.array3d(dtype=float), row: int, people: int, start: wp.vec3, ray: wp.vec3, near: float,
) -> Hit:  # fmt: skip
    """The nearest thing along a ray, of the people of one picture, that is not a gap."""
    best = Hit()
    best.part = -1
    best.far = 1.0e6
    for k in range(people):
        one = row + k
        begin = near
        for _ in range(8):
            query = wp.mesh_query_ray(meshes[one], start + ray * begin, ray, best.far - begin)
            if not query.result:
                break
            a, b, c = (
                shape.triangles[query.face, 0],
                shape.triangles[query.face, 1],
                shape.triangles[query.face, 2],
            )
            u, v = query.u, query.v
            w = 1.0 - u - v
            part = shape.parts[query.face]
            rest = shape.rest[a] * u + shape.rest[b] * v + shape.rest[c] * w
            normal = wp.normalize(normals[one, a] * u + normals[one, b] * v + normals[one, c] * w)
            begin += query.t
            if part != wp.static(LENS) and shown(looks[one], part, rest, normal, ray, lines, one):
                best.found = 1
                best.row = one
                best.part = part
                best.far = begin
                best.at = start + ray * begin
                best.rest = rest
                best.normal = normal
                best.mask = shape.masks[a] * u + shape.masks[b] * v + shape.masks[c] * w
                best.shade = shape.shade[a] * u + shape.shade[b] * v + shape.shade[c] * w
                break
            begin += 0.0004
    return best


@wp.func
def lens_on(
    shape: Shape,
    meshes: wp.array(dtype=wp.uint64),
    one: int,
    start: wp.vec3,
    ray: wp.vec3,
    far: float,
) -> bool:
    """Whether a lens is the first thing on a ray."""
    query = wp.mesh_query_ray(meshes[one], start, ray, far)
    return query.result and shape.parts[query.face] == wp.static(LENS)


@wp.func
def open_to(
    shape: Shape, meshes: wp.array(dtype=wp.uint64), looks: wp.array(dtype=Look), lines: wp.array3d(dtype=float),
    normals: wp.array2d(dtype=wp.vec3), row: int, people: int, start: wp.vec3, ray: wp.vec3,
) -> float:  # fmt: skip
    """1 where nothing is between a point and a lamp, else 0."""
    for k in range(people):
        one = row + k
        begin = float(0.0)
        for _ in range(5):
            query = wp.mesh_query_ray(meshes[one], start + ray * begin, ray, 12.0)
            if not query.result:
                break
            part = shape.parts[query.face]
            if part < wp.static(HAIR) and part != wp.static(LASHES):
                return 0.0
            a, b, c = (
                shape.triangles[query.face, 0],
                shape.triangles[query.face, 1],
                shape.triangles[query.face, 2],
            )
            u, v = query.u, query.v
            rest = shape.rest[a] * u + shape.rest[b] * v + shape.rest[c] * (1.0 - u - v)
            if (
                part != wp.static(LENS)
                and part != wp.static(LASHES)
                and shown(looks[one], part, rest, normals[one, a], normals[one, a], lines, one)
            ):
                return 0.0
            begin += query.t + 0.0004
    return 1.0


@wp.func
def lighted(
    shape: Shape, meshes: wp.array(dtype=wp.uint64), normals: wp.array2d(dtype=wp.vec3), looks: wp.array(dtype=Look),
    lines: wp.array3d(dtype=float), row: int, people: int, st: Stage, hit: Hit, eye: wp.vec3, ray: wp.vec3,
    angle: float, fine: float, sheen: float,
) -> wp.vec3:  # fmt: skip
    """Light that a point sends to the camera; angle: which part of the main lamp is asked for."""
    q = looks[hit.row]
    n = hit.normal
    if wp.dot(n, ray) > 0.0:
        n = -n
    paint = paint_of(q, hit.part, hit.rest, n, hit.mask, lines, hit.row, fine)
    start = hit.at + n * 0.012
    to = wp.normalize(st.lamp + vec3(wp.cos(angle), wp.sin(angle), 0.0) * st.spread)
    cosine = wp.dot(n, to)
    n = paint.normal
    clear = float(0.0)
    if cosine > -0.3:
        bent = to
        if cosine < 0.06:
            bent = wp.normalize(to + hit.normal * (0.06 - cosine))
        clear = open_to(shape, meshes, looks, lines, normals, row, people, start, bent)
    out = lit(paint, n, to, st.key_light, -ray) * clear
    sky = hit.shade * (0.5 + 0.5 * n[1])
    ground = hit.shade * (0.5 - 0.5 * n[1])
    bounce = paint.colour * (0.15 * (1.0 - hit.shade))
    out += wp.cw_mul(paint.colour, st.sky * sky + st.ground * ground) + wp.cw_mul(
        bounce, wp.cw_mul(st.sky, q.skin)
    )
    out += lit(paint, n, st.fill, st.fill_light, -ray) * hit.shade
    if st.rim_light[0] > 0.01 and wp.dot(n, st.back) > 0.0:
        out += lit(paint, n, st.back, st.rim_light, -ray) * open_to(
            shape, meshes, looks, lines, normals, row, people, start, st.back
        )
    if (q.glasses > 0.5 or q.shades > 0.5) and lens_on(shape, meshes, hit.row, eye, ray, hit.far):
        out = out * wp.where(q.shades > 0.5, 0.045, 0.9) + st.sky * (0.03 + 0.05 * sheen)
    return vec3(wp.min(out[0], 6.0), wp.min(out[1], 6.0), wp.min(out[2], 6.0))


@wp.func
def before(st: Stage, x: float, y: float, scene: wp.vec3) -> wp.vec3:
    """What comes between the people and the viewer: a thing near the lens, a line of text."""
    out = scene
    if st.overlay > 0.5:
        side = wp.sin(st.seed * 90.0)
        cover = step(0.35, 0.75, x * side + 0.35 * y * wp.cos(st.seed * 50.0) + 0.05) * 0.96
        out = wp.lerp(
            out, st.wall_b * (0.5 + 0.2 * rough(61, vec3(x * 2.0, y * 2.0, st.seed * 90.0))), cover
        )
    if st.text > 0.5:
        line = y - st.text_y
        letters = rough(62, vec3(x * 16.0, line * 18.0, st.seed * 90.0))
        ink = wp.where(wp.abs(letters) > 0.22 and wp.abs(line) < 0.07, 0.92, 0.0)
        out = wp.lerp(out, vec3(0.95, 0.95, wp.where(st.seed > 0.6, 0.2, 0.95)), ink)
    return out


@wp.kernel
def photograph(
    shape: Shape, meshes: wp.array(dtype=wp.uint64), normals: wp.array2d(dtype=wp.vec3), looks: wp.array(dtype=Look),
    stages: wp.array(dtype=Stage), lines: wp.array3d(dtype=float), people: int, light: wp.array3d(dtype=wp.vec3),
):  # fmt: skip
    """Linear light (B, H, W) of pictures of `people` each.

    Two rays a pixel, and two more where they do not meet the same thing.
    """
    row, down, across = wp.tid()
    st = stages[row]
    high, wide = light.shape[1], light.shape[2]
    seat = st.first
    tall = st.tall
    eye = st.centre + vec3(0.0, 0.0, st.distance)
    fine = step(0.05, 0.012, 2.0 * tall * st.window[3] / float(high))
    noise = wp.rand_init(int(st.seed * 1.0e6), down * wide + across)
    turn = 6.2831853 * wp.randf(noise)
    total = vec3(0.0, 0.0, 0.0)
    count = float(0.0)
    empty = float(0.0)
    part = int(-2)
    depth = float(0.0)
    alike = int(0)
    for k in range(4):
        if k == 2 and alike == 1:
            break
        i = wp.where(k == 1, 3, wp.where(k > 1, k - 1, 0))
        sx = (float(across) + (float(i % 2) + wp.randf(noise)) * 0.5) / float(wide) * 2.0 - 1.0
        sy = 1.0 - (float(down) + (float(i // 2) + wp.randf(noise)) * 0.5) / float(high) * 2.0
        px = st.window[0] + sx * st.window[2]
        py = st.window[1] + sy * st.window[3]
        ray = wp.normalize(vec3(px * tall, py * tall, -st.distance))
        hit = first(shape, meshes, normals, looks, lines, seat, people, eye, ray, 0.0)
        if k == 0:
            part = hit.part
            depth = hit.far
        if k == 1 and fine < 0.5 and hit.part == part and wp.abs(hit.far - depth) < 0.12:
            alike = 1
        count += 1.0
        if hit.found == 0:
            empty += 1.0
            continue
        sheen = step(-0.3, 0.8, sy + 0.6 * sx)
        angle = turn + 1.5707963 * float(i)
        total += lighted(
            shape,
            meshes,
            normals,
            looks,
            lines,
            seat,
            people,
            st,
            hit,
            eye,
            ray,
            angle,
            fine,
            sheen,
        )
    x = st.window[0] + ((float(across) + 0.5) / float(wide) * 2.0 - 1.0) * st.window[2]
    y = st.window[1] + (1.0 - (float(down) + 0.5) / float(high) * 2.0) * st.window[3]
    if empty > 0.0:
        total += backdrop(st, x, y) * empty
    out = before(st, x, y, total / count)
    light[row, down, across] = out
