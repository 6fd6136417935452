"""What networks are given, checked once on entry: shapes, types, devices."""

import torch
from torch import Tensor, nn


def check_images(images: Tensor, network: nn.Module, name: str = "images") -> None:
    """ValueError unless images are (B, 3, S, S) floats on the network's device."""
    _check_tensor(images, network, name, "training.prepare makes them from uint8")
    if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
        raise ValueError(f"{name} must be (B, 3, S, S), found {tuple(images.shape)}")


def check_cues(cues: Tensor, count: int, network: nn.Module) -> None:
    """ValueError unless spatial cues are (B, 11) floats, one row for each of `count` pairs."""
    _check_tensor(cues, network, "cues", "faces.spatial_cues makes them")
    if tuple(cues.shape) != (count, 11):
        raise ValueError(f"cues must be ({count}, 11), found {tuple(cues.shape)}")


def _check_tensor(value: Tensor, network: nn.Module, name: str, source: str) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a tensor, found {type(value).__name__}: torch.from_numpy")
    if not value.is_floating_point():
        raise ValueError(f"{name} must be floats, found {value.dtype}: {source}")
    weights = next(network.parameters(), torch.empty(0))
    if weights.device != value.device and weights.numel():
        raise ValueError(f"{name} are on {value.device}, the network is on {weights.device}")


def check_sizes(**sizes: float) -> None:
    """ValueError unless each number is positive; those that count something are whole."""
    for name, value in sizes.items():
        whole = isinstance(value, int) or name == "width"
        if isinstance(value, bool) or not whole or not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a positive number, found {value!r}")


def check_features(features: Tensor, wide: int) -> None:
    """ValueError unless a trunk gave (B, wide) features."""
    if features.ndim != 2 or features.shape[1] != wide:
        raise ValueError(
            f"the trunk gives {tuple(features.shape)}, not (B, {wide}): name its own number of "
            "features"
        )
