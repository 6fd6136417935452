"""Pictures of attributes say which of them nobody labelled."""

import numpy as np
import pandas as pd

from lib.figures import attributes as figures


def test_a_gain_that_nobody_could_judge_is_named():
    """From rare to common, the unlabelled last."""
    columns = ("difference", "low", "high", "paper", "positive share (%)")
    rows = {
        "gender": (1.0, 0.0, 2.0, 0.5, 55.1),
        "left": (*[np.nan] * 3, 11.0, np.nan),
        "bald": (2.0, 1.0, 3.0, 6.9, 2.0),
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    labels = figures.gains(table, "points").axes[0].get_yticklabels()
    names = [label.get_text() for label in labels]
    assert names == ["bald (2 %)", "gender (55 %)", "left (not labelled)"]
