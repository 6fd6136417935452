"""Fig. 1: two people, their faces, and eight traits of their relation."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from lib import vocabulary
from lib.figures.palette import GREEN
from lib.figures.scenes import Scene, closeup

TRAITS = tuple(vocabulary.TRAITS)


def pair(scene: Scene, traits: pd.DataFrame, xlabel: str = "probability") -> Figure:
    """Fig. 1: a picture of two people, their faces, and eight bars of traits with intervals.

    traits: one row per trait, columns value, low, high, in [0, 1]; xlabel: what they are.
    """
    tight = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.04, wspace=0.03)
    figure = Figure(figsize=(9.5, 4.7), layout=tight)
    left, right = figure.subplots(1, 2, width_ratios=(1.12, 1))
    closeup(left, scene, 0.46)
    left.set_title("two people and their faces", fontsize=11)
    rows = traits.reindex(list(TRAITS)).astype(float)
    places = np.arange(len(rows))
    right.barh(places, rows["value"], 0.66, color=GREEN, alpha=0.75)
    right.hlines(places, rows["low"], rows["high"], color="black", linewidth=1.6)
    right.axvline(0.5, color="black", linewidth=0.8, linestyle=(0, (2, 2)))
    right.set_yticks(places, rows.index, fontsize=12)
    right.set(xlim=(-0.01, 1.01), ylim=(len(rows) - 0.5, -0.5))
    right.set_xlabel(xlabel, fontsize=12)
    right.set_title("eight traits of their relation (line: 95 % interval)", fontsize=11)
    right.spines[["top", "right"]].set_visible(False)
    return figure
