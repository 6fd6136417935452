"""The colours of a head: skin, eyes, brows, mouth, beard, hair, painted in head coordinates.

Every feature is a soft mask over the surface, one pixel wide at its rim, laid over what is below.
`u` runs around the head and equals x near its front, so that features keep their width on the
cheek; `v` is y. Colours are linear RGB.
"""

import torch

from lib.world.geometry import Hit
from lib.world.hashing import smooth_noise
from lib.world.table import Latents

Colour = tuple[float | torch.Tensor, ...]


class Canvas:
    """Three colour planes and the surface they lie on; `lay` covers them with a colour."""

    def __init__(self, p: Latents, hit: Hit, pixel: torch.Tensor) -> None:
        self.p, self.hit, self.pixel = p, hit, pixel
        self.u = torch.atan2(hit.x, hit.z + 0.18) * 0.88
        self.au, self.v, self.side = self.u.abs(), hit.y, self.u.sign()
        self.front = self.soft(hit.z - 0.05, 4)
        self.noise = smooth_noise(self.u * 34 + p["place"] * 97, self.v * 34 + p["place"] * 31)
        self.mottle = smooth_noise(self.u * 7 + p["place"] * 57, self.v * 7 + p["place"] * 71)
        skin = [p[f"skin_{c}"] * (1 + 0.035 * self.mottle[0]) for c in "rgb"]
        self.planes = list(skin)
        self.gloss = torch.full_like(self.v, 0.22)

    def soft(self, inside: torch.Tensor, pixels: float = 1.0) -> torch.Tensor:
        """1 where a signed distance is positive, 0 where negative, soft over some pixels."""
        return (inside / (self.pixel * pixels) + 0.5).clamp_(0, 1)

    def lay(self, colour: Colour, mask: torch.Tensor) -> None:
        for i, value in enumerate(colour):
            self.planes[i] = self.planes[i] + (value - self.planes[i]) * mask

    def shade(self, amount: torch.Tensor) -> None:
        """Darken by a share; red the least, as blood and shadow do on skin."""
        for i, weight in enumerate((0.80, 1.0, 1.05)):
            self.planes[i] = self.planes[i] * (1 - amount * weight)

    def blob(self, u: float, v: float, wide: float, high: float) -> torch.Tensor:
        """A Gaussian spot on both sides of the face."""
        return fade(((self.au - u) / wide) ** 2 + ((self.v - v) / high) ** 2)


def fade(square: torch.Tensor) -> torch.Tensor:
    """exp(-square); past 40 nothing is left to see, and a processor's exp underflows slowly."""
    return square.clamp_max(40).neg_().exp_()


def paint(p: Latents, hit: Hit, pixel: torch.Tensor) -> Canvas:
    """The head with everything on its skin."""
    canvas = Canvas(p, hit, pixel)
    _skin(canvas)
    _folds(canvas)
    _mouth(canvas)
    _beard(canvas)
    _eyes(canvas)
    _brows(canvas)
    _hair(canvas)
    return canvas


def _skin(c: Canvas) -> None:
    p = c.p
    flush = 0.30 * c.blob(0.42, -0.20, 0.20, 0.16) + 0.35 * c.blob(0.0, -0.25, 0.12, 0.10)
    red = p["redness"] * flush
    c.planes[1], c.planes[2] = c.planes[1] * (1 - 0.5 * red), c.planes[2] * (1 - 0.5 * red)
    spots = torch.sigmoid((c.noise[1] - 0.75) * 6) * p["freckles"]
    c.shade(0.5 * spots * c.blob(0.25, -0.12, 0.32, 0.22))
    inner_ear = c.blob(1.42, 0.02, 0.05, 0.11) * (1 - c.front)
    c.shade(0.45 * inner_ear)
    nostril = c.blob(0.065 * 1.0, -0.305, 0.035, 0.022) * c.front
    c.shade(0.8 * nostril)


def _folds(c: Canvas) -> None:
    """Lines of age and of the moving face."""
    p, au, v = c.p, c.au, c.v
    old, smile = p["wrinkles"], p["au_corner_up"]
    along = ((-0.24 - v) / 0.34).clamp(0, 1)  # from the wing of the nose to the mouth's corner
    fold = au - (0.165 + (0.15 + 0.05 * smile) * along)
    strength = 0.10 + 0.60 * old + 0.30 * smile + 0.3 * p["au_nose_wrinkle"]
    ends = c.soft(-0.22 - v, 4) * c.soft(v + 0.60, 4) * c.front
    c.shade(0.55 * strength.clamp(0, 1) * ends * fade((fold / 0.028) ** 2))
    lifted = (0.8 * p["au_brow_inner"] + 0.5 * p["au_brow_outer"]).clamp(0, 1)
    waves = torch.exp(-((torch.sin((v - 0.03 * c.hit.x**2) * 32) - 1) ** 2) * 3)
    brow = c.blob(0, 0.50, 0.36, 0.12) * (0.55 * old + (0.2 + 0.5 * old) * lifted)
    c.shade(0.55 * brow.clamp(0, 1) * waves)
    frown = p["au_brow_low"] * fade(((au - 0.045) / 0.016) ** 2 + ((v - 0.26) / 0.08) ** 2)
    c.shade(0.7 * frown * c.front)
    scrunch = torch.exp(-((torch.sin(v * 60 + au * 12) - 1) ** 2) * 2) * c.blob(0, 0.02, 0.12, 0.10)
    c.shade(0.6 * p["au_nose_wrinkle"] * scrunch)
    eye = 0.355 * p["eye_spacing"]
    crow = c.blob(eye + 0.24, 0.07, 0.07, 0.10) * (0.6 * old + (0.2 + 0.5 * old) * p["au_cheek"])
    c.shade(0.6 * crow * torch.exp(-((torch.sin(v * 70 + (au - eye) * 25) - 1) ** 2) * 2))
    c.shade((0.12 + 0.45 * old) * c.blob(eye - 0.02, -0.035, 0.12, 0.035))


def _eyes(c: Canvas) -> None:
    p = c.p
    wide, tight = p["au_lid_up"], p["au_lid_tight"]
    width = 0.150 * p["eye_size"]
    across = (c.au - 0.355 * p["eye_spacing"]) / width
    up = c.v - 0.085 - p["eye_slant"] * 0.03 * across
    arch = (1 - across * across).clamp_min(0)
    fan = arch.sqrt() * 0.55 + arch * 0.45
    open_ = p["eye_open"] * (1 + 0.50 * wide) * (1 - 0.62 * tight)
    top = fan * 0.068 * open_ + 0.004
    low = fan * 0.040 * p["eye_open"] * (1 - 0.55 * tight - 0.25 * p["au_cheek"] + 0.15 * wide)
    face = c.front * c.soft(1.12 - across.abs(), 5)
    hood = fade(((up - top - 0.045) / 0.03) ** 2) * c.soft(1.05 - across.abs(), 6) * c.front
    c.shade(hood * (0.18 + 0.30 * p["makeup"]))
    inside = c.soft(torch.minimum(top - up, up + low)) * face
    c.lay((0.50, 0.46, 0.44), inside)
    iris_u = (c.u - c.side * 0.355 * p["eye_spacing"]) - 0.075 * p["gaze_x"]
    iris_v = up - 0.012 - 0.035 * p["gaze_y"]
    radius = (iris_u**2 + iris_v**2).sqrt()
    iris = inside * c.soft(0.062 - radius)
    c.lay(tuple(p[f"iris_{k}"] for k in "rgb"), iris)
    c.lay((0.006, 0.005, 0.005), inside * c.soft(0.030 - radius))
    c.shade(0.45 * inside * fade(((top - up).clamp_min(0) / 0.022) ** 2))
    glint = fade(((iris_u + 0.022) ** 2 + (iris_v - 0.022) ** 2) / 0.013**2) * inside
    c.lay((1.0, 1.0, 1.0), glint * 0.8)
    c.gloss = c.gloss + inside * 0.4
    lash = (up - top).abs()
    dark = 0.018 + 0.014 * p["makeup"]
    c.lay((0.02, 0.013, 0.01), (0.75 + 0.25 * p["makeup"]) * c.soft(dark - lash) * face)
    c.shade(0.35 * fade(((up + low + 0.006) / 0.012) ** 2) * face)


def _brows(c: Canvas) -> None:
    p = c.p
    along = (c.au - 0.355 * p["eye_spacing"]) / 0.205  # -1 inner end, 1 outer end
    inner, outer = (1 - along) / 2, (1 + along) / 2
    low = p["au_brow_low"]
    line = 0.235 + 0.035 * (1 - along * along) - 0.03 * outer.clamp_min(0) ** 2
    line = line + 0.105 * p["au_brow_inner"] * inner + 0.100 * p["au_brow_outer"] * outer
    line = line - low * (0.025 + 0.090 * inner) - 0.03 * p["au_nose_wrinkle"] * inner
    thick = 0.030 * p["brow_thick"] * (1.15 - 0.40 * along.clamp(-1, 1))
    ends = c.soft(1 - along.abs() + 0.22 * low * (along < 0), 6)
    mask = c.soft(thick - (c.v - line).abs(), 1.3) * ends * c.front
    hairs = (0.80 + 0.22 * c.noise[2]).clamp(0, 1) * (0.35 + 0.65 * p["brow_dark"])
    c.lay(tuple(p[f"hair_{k}"] * 0.8 for k in "rgb"), mask * hairs)


def _mouth(c: Canvas) -> None:
    p, v = c.p, c.v
    up, down, drop = p["au_corner_up"], p["au_corner_down"], p["au_jaw"]
    pucker, press, stretch = p["au_pucker"], p["au_press"], p["au_stretch"]
    half = p["mouth_width"] * (1 + 0.24 * stretch + 0.22 * up - 0.30 * pucker - 0.22 * drop)
    across = c.u / half
    arch = (1 - across * across).clamp_min(0)
    rim = arch.sqrt()
    bend = (0.110 * up - 0.105 * down) * (1 - arch) - 0.025 * up + 0.025 * down
    middle = -0.515 + bend + 0.035 * p["au_lip_up"] * arch
    upper = (0.010 * p["part"] + 0.045 * p["au_lip_up"] + 0.022 * up * p["part"]) * rim
    lower = (0.185 * drop + 0.016 * p["part"] + 0.020 * up * p["part"]) * rim
    full = p["lip_full"] * (1 - 0.75 * press) * (1 + 0.25 * pucker)
    bow = 1 - 0.22 * fade((c.u / 0.035) ** 2)
    top = middle + upper + (0.022 + 0.030 * full) * bow * arch
    low = middle - lower - (0.026 + 0.046 * full) * arch
    near = c.front * c.soft(1 - across.abs(), 3)
    lips = c.soft(torch.minimum(top - v, v - low)) * near
    red = (0.55 + 0.45 * p["makeup"]) * (0.95 - 0.45 * press)
    c.lay(tuple(p[f"lip_{k}"] for k in "rgb"), lips * red)
    c.gloss = c.gloss + lips * (0.10 + 0.25 * p["makeup"])
    gap = torch.minimum(middle + upper - v, v - middle + lower)
    hole = c.soft(gap - 0.004) * near
    c.lay((0.045, 0.010, 0.009), hole)
    tongue = fade(((v - middle + lower) / 0.06) ** 2 + (across / 0.6) ** 2)
    c.lay((0.30, 0.07, 0.06), hole * tongue * 0.8)
    edge = middle + upper - (0.030 + 0.035 * p["teeth"]) * (0.4 + 0.6 * arch)
    teeth = c.soft(v - edge) * hole * p["teeth"].clamp(0, 1) * c.soft(0.86 - across.abs(), 4)
    c.lay((0.72, 0.68, 0.60), teeth)
    seam = fade(((v - middle) / 0.011) ** 2) * near * (1 - hole)
    c.shade(0.72 * seam)
    corner = fade(((c.au - half) / 0.035) ** 2 + ((v - middle) / 0.03) ** 2) * c.front
    c.shade((0.30 + 0.30 * up + 0.2 * down) * corner)
    below = fade(((v - low + 0.035) / 0.03) ** 2) * arch * c.front
    c.shade(0.20 * below)
    c.lips, c.hole = lips, hole


def _beard(c: Canvas) -> None:
    """Moustache, goatee, sideburns, full beard and stubble: hair densities over regions."""
    p, au, v = c.p, c.au, c.v
    drop = 0.2 * p["au_jaw"]
    jaw = -0.42 - 0.34 * fade((au / 0.42) ** 2) + 0.30 * ((au - 0.62) / 0.5).clamp(0, 1)
    cheeks = c.soft(jaw - v, 9) * c.soft(1.18 - au, 6)
    corner = c.blob(0.30, -0.60, 0.09, 0.22)
    lip = c.soft(-0.335 - 0.16 * au - v, 3) * c.soft(v + 0.50 + 0.28 * au**2 * 4, 4)
    lip = lip * c.soft(0.30 - au, 6)
    chin = c.blob(0, -0.83 - drop, 0.20, 0.17) + 0.6 * c.blob(0, -0.67 - drop, 0.05, 0.06)
    burns = c.soft(0.055 - (au - 1.10 - 0.10 * v).abs(), 4) * c.soft(v + 0.46, 4)
    burns = burns * c.soft(0.22 - v, 4)
    full = torch.maximum(cheeks, torch.maximum(lip, torch.maximum(corner, chin.clamp(0, 1))))
    skin = 1 - c.lips
    hairs = (0.72 + 0.30 * c.noise[0]).clamp(0.1, 1)
    density = torch.maximum(p["moustache"] * lip, p["goatee"] * chin.clamp(0, 1))
    density = torch.maximum(density, p["goatee"] * p["moustache"] * corner)
    density = torch.maximum(density, p["full_beard"] * full)
    density = torch.maximum(density, p["sideburns"] * burns) * skin
    c.lay(tuple(p[f"beard_{k}"] for k in "rgb"), (density * hairs * 0.97).clamp(0, 1))
    shadow = (full * skin * (1 - density)).clamp(0, 1) * p["stubble"]
    c.lay(
        tuple(p[f"skin_{k}"] * w for k, w in zip("rgb", (0.33, 0.38, 0.46), strict=True)),
        shadow * (0.62 + 0.38 * c.noise[3]).clamp(0, 1),
    )
    c.gloss = c.gloss * (1 - 0.8 * density.clamp(0, 1))


def _hair(c: Canvas) -> None:
    p, hit = c.p, c.hit
    angle = torch.atan2(hit.x - p["parting"] * 0.3, hit.y - 0.2 + 0.001)
    flow = torch.where(hit.y > 0.1, angle * 9, c.u * 12)
    curl = p["curl"]
    strands = smooth_noise(
        flow * (1 + curl) + p["place"] * 41 + 2 * curl * c.mottle[1], c.v * (2.5 + 9 * curl)
    )
    lock = 1 + 0.30 * strands[0] + 0.15 * strands[1] * curl
    scalp = p["scalp"] * c.soft(c.v - 0.42 + 0.4 * hit.z, 12) * (1 - hit.hair)
    c.lay(tuple(p[f"hair_{k}"] for k in "rgb"), 0.45 * scalp)
    c.lay(tuple(p[f"hair_{k}"] * lock.clamp(0.3, 1.9) for k in "rgb"), hit.hair)
    c.gloss = torch.lerp(c.gloss, 0.10 + 0.10 * strands[0].clamp(-1, 2), hit.hair)
