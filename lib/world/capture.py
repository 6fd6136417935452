"""From linear light to the bytes of a photograph: exposure, grade, blur, grain, JPEG."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.fft import dct

from lib.world.hashing import grain
from lib.world.table import Latents

LUMA = (0.299, 0.587, 0.114)
QUANT = torch.tensor(  # Annex K of the JPEG standard, luminance
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)  # fmt: skip
COSINES = dct(np.eye(8), axis=0, norm="ortho").tolist()  # the orthonormal transform
REACH = 3.0  # sigma, px of a 64-px crop: the widest blur any source asks for


def expose(p: Latents, light: torch.Tensor) -> torch.Tensor:
    """Linear light (B, 3, H, W) to display values in [0, 1], graded."""
    height, width = light.shape[-2:]
    image = (light * p["exposure"][:, None]).clamp_min(0)
    image = image / (1 + 0.18 * image) * 1.12
    image = image.clamp(1e-5, 1.0) ** (1 / 2.2)
    luma = sum(w * image[:, i] for i, w in enumerate(LUMA))[:, None]
    image = luma + (image - luma) * p["saturation"][:, None]
    coloured = (p["saturation"] > 0).float()[:, None]
    shadow = (1 - luma).clamp(0, 1) * 0.5
    casts = torch.cat([p[f"cast_{c}"][:, None] for c in "rgb"], 1) * coloured
    image = image * (1 + casts * (0.4 + shadow)) + 0.06 * casts * shadow
    image = (image - 0.45) * p["contrast"][:, None] + 0.45
    down = torch.linspace(-1, 1, height, device=light.device)[:, None]
    across = torch.linspace(-1, 1, width, device=light.device) * (width / height)
    return (image * (1 - p["vignette"] * (down**2 + across**2) * 0.5)[:, None]).clamp(0, 1)


def blur(p: Latents, image: torch.Tensor, unit: float) -> torch.Tensor:
    """Gaussian blur of each image by its own `blur`, wider along its motion; `unit` px each."""
    for axis, motion in ((3, p.flat("motion_x")), (2, p.flat("motion_y"))):
        sigma = (p.flat("blur") ** 2 + motion**2).sqrt() * unit
        kernel = _bell(sigma.clamp_max(REACH * unit), int(2.2 * REACH * unit))
        reach = kernel.shape[1] // 2
        pad = (reach, reach, 0, 0) if axis == 3 else (0, 0, reach, reach)
        image = _blur_along(F.pad(image, pad, mode="replicate"), kernel, axis)
    return image


def _bell(sigma: torch.Tensor, radius: int) -> torch.Tensor:
    """(B, 2 radius + 1) Gaussian weights that add up to 1."""
    steps = torch.arange(-radius, radius + 1, device=sigma.device)
    kernel = torch.exp(-0.5 * (steps / sigma[:, None].clamp_min(0.05)) ** 2)
    return kernel / kernel.sum(1, keepdim=True)


def _blur_along(padded: torch.Tensor, kernel: torch.Tensor, axis: int) -> torch.Tensor:
    taps = kernel.shape[1]
    size = padded.shape[axis] - taps + 1
    windows = [padded.narrow(axis, i, size) for i in range(taps)]
    out = padded.new_zeros(windows[0].shape)
    for i, window in enumerate(windows):
        out.addcmul_(window, kernel[:, i, None, None, None])
    return out


def add_noise(p: Latents, image: torch.Tensor) -> torch.Tensor:
    """Sensor noise: stronger in the dark, grey where the picture is grey."""
    noise = grain(p.flat("grain"), *image.shape[-2:])
    mono = noise[:, :1].expand_as(noise)
    colour = (p["saturation"] > 0.05).float()[:, None]
    noise = mono + 0.6 * (noise - mono) * colour
    return image + noise * (p["noise"][:, None] * (1.25 - 0.6 * image))


def jpeg(p: Latents, image: torch.Tensor) -> torch.Tensor:
    """What JPEG at each image's quality leaves of values in [0, 1]; chroma at full size."""
    quality = p["jpeg"][:, None]
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    height, width = image.shape[-2:]
    image = F.pad(image, (0, -width % 8, 0, -height % 8), mode="replicate") * 255 - 128
    luma = sum(w * image[:, i] for i, w in enumerate(LUMA))
    planes = torch.stack([luma, (image[:, 2] - luma) * 0.564, (image[:, 0] - luma) * 0.713], 1)
    table = torch.stack([QUANT, *[(QUANT * 1.4).clamp_max(99)] * 2]).to(image.device)
    steps = (table[None] * scale).clamp_min(1.0)  # (B, 3, 8, 8)
    blocks = planes.unflatten(2, (-1, 8)).unflatten(4, (-1, 8))  # (B, 3, H / 8, 8, W / 8, 8)
    coded = _coded(blocks, steps)
    luma, blue, red = coded.flatten(4, 5).flatten(2, 3).unbind(1)
    red, blue = luma + red / 0.713, luma + blue / 0.564
    green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    image = (torch.stack([red, green, blue], 1) + 128) / 255
    return image[..., :height, :width]


def _coded(blocks: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Blocks (B, 3, rows, 8, columns, 8) in steps (B, 3, 8, 8) of their cosine transform."""
    wave = torch.tensor(COSINES, device=blocks.device)
    blocks, steps = blocks.transpose(3, 4), steps[:, :, None, None]
    coded = (wave @ blocks @ wave.T / steps).round() * steps
    return (wave.T @ coded @ wave).transpose(3, 4)


def photograph(p: Latents, light: torch.Tensor, unit: float) -> torch.Tensor:
    """Linear light (B, 3, H, W) to uint8 (B, 3, H, W); `unit`: px per px of a 64-px crop."""
    return _developed(p, blur(p, expose(p, light), unit))


def _developed(p: Latents, image: torch.Tensor) -> torch.Tensor:
    image = jpeg(p, add_noise(p, image))
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)
