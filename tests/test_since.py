"""Results published since the paper: each says where it is from and how it was measured."""

from pathlib import Path

import nbformat
import pandas as pd
import pytest

from lib.evaluation.since import TABLE, published_since
from lib.vocabulary import SOURCE_NAMES

ROWS = pd.read_csv(TABLE, dtype=str, keep_default_na=False)
DATASETS = [SOURCE_NAMES[name] for name in ("celeba", "sfew", "ckplus", "expw")]


@pytest.mark.parametrize("row", ROWS.to_dict("records"), ids=lambda row: row["method"])
def test_a_later_result_has_a_source_and_a_protocol(row):
    assert row["dataset"] in DATASETS
    assert "https://" in row["source"]
    assert "accuracy" in row["protocol"]
    assert any(unit in row["protocol"] for unit in ("expressions", "attributes"))
    assert int(row["year"]) >= 2018  # the year of the paper
    assert 0 < float(row["value"]) < 100


def test_no_result_is_listed_twice():
    assert not ROWS.duplicated(["dataset", "method", "year"]).any()


@pytest.mark.parametrize("dataset", DATASETS)
def test_later_results_of_a_dataset_are_in_order_of_their_years(dataset):
    found = published_since(dataset)
    assert list(found.columns) == ["year", "value", "protocol", "source"]
    assert len(found) == (ROWS["dataset"] == dataset).sum() > 0
    assert found["year"].is_monotonic_increasing


@pytest.mark.parametrize("row", published_since("ExpW").to_dict("records"))
def test_later_results_on_expw_are_in_the_words_of_the_notebook_on_film_stills(row):
    page = nbformat.read(Path(__file__).parent.parent / "notebooks" / "07_sfew.ipynb", as_version=4)
    (words,) = [cell.source for cell in page.cells if "Published since" in cell.source]
    assert f"{row['value']} %" in words and "https://arxiv.org/abs/2008.00859" in row["source"]
    assert "https://arxiv.org/abs/2008.00859" in words


def test_an_unknown_dataset_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match=r"LFW.*CelebA"):
        published_since("LFW")
