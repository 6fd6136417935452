"""Attribute propagation in a Markov random field (Section 4.3); imports torch and numpy alone."""

from lib.propagation.field import Propagation, cooccurrence, propagate, terms, vote
from lib.propagation.graph import NeighbourGraph, affinity, neighbours

__all__ = [
    "NeighbourGraph",
    "Propagation",
    "affinity",
    "cooccurrence",
    "neighbours",
    "propagate",
    "terms",
    "vote",
]
