"""Attribute propagation in a Markov random field (Section 4.3); imports torch and numpy alone.

In the paper's order: `prior` (Eqns. 2, 4, 5), `graph` (neighbours and affinity), `gaussians`
(Eqns. 13, 14), `field` (Eqns. 6, 10, 11 and Algorithm 2). `engine` makes it fast.
"""

from lib.propagation.field import FieldParams, Propagation, propagate, terms, vote
from lib.propagation.graph import NeighbourGraph, affinity, neighbours
from lib.propagation.prior import cooccurrence

__all__ = [
    "FieldParams",
    "NeighbourGraph",
    "Propagation",
    "affinity",
    "cooccurrence",
    "neighbours",
    "propagate",
    "terms",
    "vote",
]
