"""The inputs of this package, checked once where they come in: tensors or NumPy arrays."""

from typing import Any

import torch
from torch import Tensor

Device = torch.device | str | None
LARGEST = 1e15  # of a feature: the squared distance of larger ones exceeds float32


def matrix(values: Any, entry: str = "feature", row: str = "face") -> Tensor:
    """A real, finite matrix as a tensor, e.g. features (N, D) or weights (A, D).

    ValueError in the words of `entry` (a column) and `row`.
    """
    values = tensor(f"{entry}s", values)
    if values.ndim != 2 or values.is_complex() or values.dtype == torch.bool:
        raise ValueError(
            f"{entry}s: expected real numbers of shape ({row}s, {entry}s), "
            f"found {values.dtype} of shape {tuple(values.shape)}"
        )
    low, high = values.aminmax() if values.numel() else (values.new_zeros(()),) * 2
    if not (low > -LARGEST and high < LARGEST):  # NaN is neither
        i, j = (~(values.abs() < LARGEST)).nonzero()[0].tolist()
        raise ValueError(
            f"{entry} {j} of {row} {i} is {float(values[i, j])}; {entry}s must be finite, "
            f"and smaller than {LARGEST:g}"
        )
    return values


def labels_of(values: Any) -> Tensor:
    """Labels (N, A) as int8. ValueError for another value than -1, 0 and 1."""
    values = tensor("labels", values)
    if values.ndim != 2:
        raise ValueError(f"labels: expected shape (N, A), found {tuple(values.shape)}")
    wrong = ~((values == -1) | (values == 0) | (values == 1))
    for row, column in wrong.nonzero()[:1].tolist():
        value = values[row, column].item()
        raise ValueError(f"label {column} of face {row} is {value}; use 1, 0, or -1 if missing")
    return values.to(torch.int8)


def count(name: str, value: Any) -> int:
    """A whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least 1")
    return value


def rows(name: str, values: Any, faces: int) -> Tensor | None:
    """Numbers of faces (R,), or None for all."""
    if values is None:
        return None
    values = tensor(name, values)
    if values.ndim != 1 or values.is_floating_point() or values.dtype == torch.bool:
        raise ValueError(f"{name}: expected numbers of faces, whole, of shape (R,)")
    if len(values) and not 0 <= values.min() <= values.max() < faces:
        raise ValueError(f"{name}: expected numbers from 0 to {faces - 1}")
    return values


def tensor(name: str, values: Any) -> Tensor:
    """A tensor from a tensor or anything that NumPy reads as numbers."""
    try:
        return torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{name}: expected a tensor or an array of numbers, found {type(values).__name__}: "
            f"{error}"
        ) from None


def device_of(name: Device) -> Device:
    """A device that exists here; `auto` and None are left to the caller."""
    if name is None or name == "auto":
        return name
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"unknown device {name!r}: use cpu, cuda, auto or None") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {name!r}: no GPU was found here; use cpu, auto or None")
    return device
