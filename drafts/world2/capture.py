"""From linear light to the bytes of a photograph: exposure, grade, blur, grain, JPEG."""

import functools

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.fft import dct

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
COLUMNS = ("exposure", "contrast", "saturation", "cast_r", "cast_g", "cast_b", "vignette", "blur",
           "motion_x", "motion_y", "noise", "grain", "jpeg")  # fmt: skip
REACH = 3.0  # sigma, px of a 64-px crop: the widest blur any source asks for


def settings(p: pd.DataFrame, device: str) -> torch.Tensor:
    """(N, len(COLUMNS)) float32 of the latents that `develop` needs."""
    return torch.from_numpy(p[list(COLUMNS)].to_numpy(np.float32, copy=True)).to(device)


def develop(p: torch.Tensor, light: torch.Tensor, unit: float) -> torch.Tensor:
    """Linear light (B, 3, H, W) to uint8 (B, 3, H, W); `unit`: px per px of a 64-px crop."""
    latents = {name: p[:, i, None, None, None] for i, name in enumerate(COLUMNS)}
    image = _blur(latents, _expose(latents, light), unit)
    image = _jpeg(latents, _noise(latents, image, p[:, COLUMNS.index("grain")]))
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)


def _expose(p: dict[str, torch.Tensor], light: torch.Tensor) -> torch.Tensor:
    """Linear light to display values in [0, 1], graded."""
    height, width = light.shape[-2:]
    image = (light * p["exposure"]).clamp_min(0)
    image = (image * (1 + 0.06 * image) / (1 + 0.55 * image) * 1.30).clamp(1e-5, 1.0) ** (1 / 2.2)
    luma = sum(w * image[:, i] for i, w in enumerate(LUMA))[:, None]
    image = luma + (image - luma) * p["saturation"]
    coloured = (p["saturation"] > 0).float()
    shadow = (1 - luma).clamp(0, 1) * 0.5
    casts = torch.cat([p[f"cast_{c}"] for c in "rgb"], 1) * coloured
    image = image * (1 + casts * (0.4 + shadow)) + 0.06 * casts * shadow
    image = (image - 0.45) * p["contrast"] + 0.45
    down = torch.linspace(-1, 1, height, device=light.device)[:, None]
    across = torch.linspace(-1, 1, width, device=light.device) * (width / height)
    return (image * (1 - p["vignette"] * (down**2 + across**2) * 0.5)).clamp(0, 1)


def _blur(p: dict[str, torch.Tensor], image: torch.Tensor, unit: float) -> torch.Tensor:
    """Gaussian blur of each image by its own `blur`, wider along its motion; `unit` px each."""
    radius = int(2.2 * REACH * unit)
    steps = torch.arange(-radius, radius + 1, device=image.device)
    for motion, pad in (
        (p["motion_x"], (radius, radius, 0, 0)),
        (p["motion_y"], (0, 0, radius, radius)),
    ):
        sigma = ((p["blur"] ** 2 + motion**2).sqrt() * unit).clamp(0.05, REACH * unit)
        kernel = torch.exp(-0.5 * (steps / sigma[:, :, :, :1]) ** 2)  # (B, 1, 1, taps)
        kernel = kernel / kernel.sum(-1, keepdim=True)
        if pad[2]:
            kernel = kernel.transpose(2, 3)
        flat = F.pad(image, pad, mode="replicate").flatten(0, 1)[None]
        image = F.conv2d(flat, kernel.repeat_interleave(3, 0), groups=3 * len(image))[0].unflatten(
            0, (-1, 3)
        )
    return image


@functools.cache
def _table(device: str) -> torch.Tensor:
    values = np.random.Generator(np.random.Philox(2026)).standard_normal((3, 256, 256))
    return torch.from_numpy(values.astype(np.float32)).to(device)


def _noise(p: dict[str, torch.Tensor], image: torch.Tensor, grain: torch.Tensor) -> torch.Tensor:
    """Sensor noise: stronger in the dark, grey where the picture is grey."""
    height, width = image.shape[-2:]
    place = (grain.double() * 65536).long()[:, None]
    rows = (torch.arange(height, device=image.device) + place // 256) % 256
    columns = (torch.arange(width, device=image.device) + place % 256) % 256
    noise = _table(str(image.device))[:, rows[:, :, None], columns[:, None, :]].transpose(0, 1)
    mono = noise[:, :1]
    noise = mono + 0.6 * (noise - mono) * (p["saturation"] > 0.05).float()
    return image + noise * (p["noise"] * (1.25 - 0.6 * image))


@functools.cache
def _wave(device: str) -> torch.Tensor:
    return torch.from_numpy(dct(np.eye(8), axis=0, norm="ortho").astype(np.float32)).to(device)


def _jpeg(p: dict[str, torch.Tensor], image: torch.Tensor) -> torch.Tensor:
    """What JPEG at each image's quality leaves of values in [0, 1]; chroma at full size."""
    quality = p["jpeg"]
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)[..., None, None]
    height, width = image.shape[-2:]
    image = F.pad(image, (0, -width % 8, 0, -height % 8), mode="replicate") * 255 - 128
    luma = sum(w * image[:, i] for i, w in enumerate(LUMA))
    planes = torch.stack([luma, (image[:, 2] - luma) * 0.564, (image[:, 0] - luma) * 0.713], 1)
    table = torch.stack([QUANT, *[(QUANT * 1.4).clamp_max(99)] * 2]).to(image.device)
    steps = (table[None, :, None, None] * scale).clamp_min(1.0)
    wave = _wave(str(image.device))
    blocks = planes.unflatten(2, (-1, 8)).unflatten(4, (-1, 8)).transpose(3, 4)
    coded = (wave @ blocks @ wave.T / steps).round() * steps
    luma, blue, red = (wave.T @ coded @ wave).transpose(3, 4).flatten(4, 5).flatten(2, 3).unbind(1)
    red, blue = luma + red / 0.713, luma + blue / 0.564
    green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    image = (torch.stack([red, green, blue], 1) + 128) / 255
    return image[..., :height, :width]
