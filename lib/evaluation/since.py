"""Results on the paper's datasets that others have published since: `params/reported/since.csv`."""

import pandas as pd

from lib.params import FOLDER

TABLE = FOLDER / "reported" / "since.csv"


def published_since(dataset: str) -> pd.DataFrame:
    """Later results on one dataset, oldest first; the index is the method.

    dataset: CelebA, SFEW 2.0, CK+ or ExpW. Columns year, value (percent, text with the digits of
    its source), protocol and source. No row compares with another or with the paper: classes, folds
    and training data differ. ValueError where there is no such dataset.
    """
    rows = pd.read_csv(TABLE, dtype=str)
    chosen = rows[rows["dataset"] == dataset].drop(columns="dataset")
    if chosen.empty:
        known = ", ".join(rows["dataset"].unique())
        raise ValueError(f"{TABLE} has no results on {dataset!r}: use one of {known}")
    return chosen.sort_values("year", kind="stable").set_index("method")
