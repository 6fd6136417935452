"""The plain formulas in less time, behind two calls, `search` and `LogOdds`, that take `Rows`."""

from lib.propagation.engine.nearest import search
from lib.propagation.engine.odds import Gaussian, LogOdds, Sums
from lib.propagation.engine.rows import Device, Rows

__all__ = ["Device", "Gaussian", "LogOdds", "Rows", "Sums", "search"]
