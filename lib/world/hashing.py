"""Random numbers that depend on what they are for, never on how many are asked for or where.

Every latent of image k is a hash of (seed, source, k, name of the latent), so that any image can be
made alone.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

Indices = Sequence[int] | np.ndarray


class Draws:
    """Named random columns for a list of indices.

    `Draws("aflw", [7, 9], seed=0).uniform("yaw")` gives two numbers; the one of index 9 is the same
    whichever other indices are asked for.
    """

    def __init__(self, space: str, indices: Indices, seed: int) -> None:
        index = np.asarray(indices)
        if index.ndim != 1 or (len(index) and (index.dtype.kind not in "iu" or index.min() < 0)):
            raise ValueError(f"indices must be a list of integers >= 0, found {indices!r:.80}")
        key = _mix(np.uint64(zlib.crc32(space.encode())) + (np.uint64(seed) << np.uint64(32)))
        self.base = _mix(index.astype(np.uint64) ^ key)

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """(N,) float64 in the open interval (low, high)."""
        bits = _mix(self.base ^ _mix(np.uint64(zlib.crc32(name.encode()))))
        unit = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        return low + (high - low) * unit

    def normal(self, name: str, mean: float = 0.0, spread: float = 1.0) -> np.ndarray:
        """(N,) normal numbers."""
        return mean + spread * ndtri(self.uniform(name))

    def flag(self, name: str, chance: float | np.ndarray) -> np.ndarray:
        """(N,) 1.0 with the given chance, else 0.0."""
        return (self.uniform(name) < chance).astype(np.float64)

    def choice(self, name: str, shares: Sequence[float] | np.ndarray) -> np.ndarray:
        """(N,) int64 positions, sampled in proportion to `shares`, which may be (N, K)."""
        shares = np.broadcast_to(np.asarray(shares, float), (len(self.base), np.shape(shares)[-1]))
        edges = np.cumsum(shares / shares.sum(1, keepdims=True), 1)
        return (self.uniform(name)[:, None] > edges[:, :-1]).sum(1)


def _mix(value: Any) -> Any:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014): 64 well-mixed bits."""
    with np.errstate(over="ignore"):
        value = value + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))
