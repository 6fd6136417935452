"""What comes into this package: parameters; tensors or arrays, checked once at the entrance."""

from typing import Any, Protocol

import torch
from torch import Tensor

Device = torch.device | str | None
LARGEST = 1e15  # of a feature: the squared distance of larger ones exceeds float32


class FieldParams(Protocol):  # `lib.params.PropagationParams` explains every value
    neighbours: int  # h
    symmetric: bool
    covariance: str
    unary_weight: float
    prior_weight: float
    pairwise_weight: float
    sample: bool
    tolerance: float
    max_iterations: int

    @property
    def shrinkage(self) -> str | float: ...
    @property
    def class_prior(self) -> str: ...
    @property
    def potentials(self) -> str: ...


def task(features: Any, labels: Any, weights: Any, graph: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Features (N, D), labels (N, A) and classifier weights (A, D) of `propagate` as tensors.

    ValueError where they are wrong, or do not fit each other or the graph, if there is one.
    """
    features = matrix(features)
    labels, weights = labels_of(labels), matrix(weights, "weight", "classifier")
    (faces, width), (known, attributes) = features.shape, labels.shape
    if known != faces or weights.shape != (attributes, width):
        shapes = [tuple(part.shape) for part in (features, labels, weights)]
        raise ValueError(
            f"features {shapes[0]}, labels {shapes[1]} and classifier weights {shapes[2]} do not "
            "fit: expected (N, D), (N, A) and (A, D)"
        )
    if not labels.numel():
        raise ValueError(f"no faces or no attributes to propagate: labels {tuple(labels.shape)}")
    if graph is not None:
        edges(graph.index, graph.distance, faces)
    return features, labels, weights


def edges(index: Tensor, distance: Tensor, faces: int) -> None:
    """ValueError unless these are the neighbours (N, k) of so many faces, and their distances."""
    if len(index) != faces:
        raise ValueError(
            f"the graph has {len(index)} faces, the features {faces}: it belongs to others"
        )
    if index.numel() and not 0 <= index.min() <= index.max() < faces:
        raise ValueError(f"the graph names neighbours outside the {faces} faces")
    if not torch.isfinite(distance).all():
        raise ValueError("the graph has distances that are not finite")


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
