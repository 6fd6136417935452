"""Metrics, methods side by side with intervals, baselines, the paper's claims.

May import vocabulary, params, workspace and the sets of `data`; it never trains.
"""

from lib.evaluation.metrics import balanced_accuracy

__all__ = ["balanced_accuracy"]
