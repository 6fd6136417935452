"""Attribute propagation in a Markov random field (Section 4.3): `prior` (Eqns. 2, 4, 5), `graph`,
`gaussians` (Eqns. 13, 14), `field` (Eqns. 6, 10, 11, Algorithm 2). Imports torch alone."""

from lib.propagation.field import Propagation, propagate, terms, vote
from lib.propagation.graph import NeighbourGraph, affinity, neighbours
from lib.propagation.prior import cooccurrence

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
