"""From linear light to the bytes of a photograph: exposure, grade, blur, grain, JPEG."""

import cv2
import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
REACH = 3.0  # sigma, px of a 64-px crop: the widest blur any source asks for
NOISE = np.random.Generator(np.random.Philox(2026)).standard_normal((256, 256, 3))
NOISE = NOISE.astype(np.float32)  # that all pictures take their grain from


def develop(light: np.ndarray, p: np.void, unit: float) -> np.ndarray:
    """One picture (H, W, 3) uint8 from linear light (H, W, 3) float32.

    p: a record of the latents of the picture; unit: px per px of a 64-px crop.
    """
    image = _grain(_blur(_expose(light, p), p, unit), p)
    image = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
    if p["saturation"] == 0:
        image[:] = np.rint(image @ LUMA)[..., None]
    full_colour = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    options = (cv2.IMWRITE_JPEG_QUALITY, round(p["jpeg"]), *full_colour)
    _, coded = cv2.imencode(".jpg", image[..., ::-1], options)
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1]


def _expose(light: np.ndarray, p: np.void) -> np.ndarray:
    """Linear light to display values in [0, 1], graded."""
    image = (light * p["exposure"]).clip(0)
    image = (image * (1 + 0.06 * image) / (1 + 0.55 * image) * 1.30).clip(1e-5, 1.0) ** (1 / 2.2)
    luma = (image @ LUMA)[..., None]
    image = luma + (image - luma) * p["saturation"]
    cast = np.array([p["cast_r"], p["cast_g"], p["cast_b"]], np.float32) * (p["saturation"] > 0)
    shadow = (1 - luma).clip(0, 1) * 0.5
    image = image * (1 + cast * (0.4 + shadow)) + 0.06 * cast * shadow
    image = (image - 0.45) * p["contrast"] + 0.45
    height, width = light.shape[:2]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    across = np.linspace(-1, 1, width, dtype=np.float32)[:, None] * (width / height)
    return (image * (1 - p["vignette"] * (down**2 + across**2) * 0.5)).clip(0, 1)


def _blur(image: np.ndarray, p: np.void, unit: float) -> np.ndarray:
    """A Gaussian blur that is wider along a motion; sigma in px of a 64-px crop."""
    sigmas = np.hypot(p["blur"], [p["motion_x"], p["motion_y"]]).clip(0.05, REACH)
    across, down = (float(sigma) * unit for sigma in sigmas)
    taps = 2 * int(2.2 * max(across, down)) + 3
    return cv2.GaussianBlur(image, (taps, taps), across, None, down, cv2.BORDER_REPLICATE)


def _grain(image: np.ndarray, p: np.void) -> np.ndarray:
    """Sensor noise: stronger in the dark, grey where the picture is grey."""
    place, (height, width) = int(p["grain"] * 65536), image.shape[:2]
    rows = (np.arange(height)[:, None] + place // 256) % 256
    noise = NOISE[rows, (np.arange(width) + place % 256) % 256]
    grey = noise[..., :1]
    noise = grey + 0.6 * (noise - grey) * (p["saturation"] > 0.05)
    return image + noise * (p["noise"] * (1.25 - 0.6 * image))
