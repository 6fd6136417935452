"""How sure posteriors are, and how large log-odds are: by hand, and against NumPy."""

import numpy as np
import pandas as pd
import pytest
import torch

from lib.evaluation import certainty, metrics
from lib.evaluation.certainty import ERROR, SURE, SURE_WRONG, WRONG


def test_five_answers_by_hand():
    truth = torch.tensor([[1, 0], [0, 1], [-1, 1]])
    said = torch.tensor([[0.995, 0.999], [0.3, 0.2], [1.0, 0.6]])
    found = certainty.rows(truth, {"a": said}, np.arange(3), resamples=20).set_index("metric")[
        "value"
    ]
    assert found[SURE] == pytest.approx(40) and found[SURE_WRONG] == pytest.approx(50)
    assert found[WRONG] == pytest.approx(40)
    assert found[ERROR] == pytest.approx(metrics.expected_calibration_error(truth, said))


def test_intervals_are_over_people_and_missing_labels_do_not_count():
    """400 people with two equal faces each, and one answer a face."""
    chance = torch.Generator().manual_seed(0)
    face = torch.rand(400, 1, generator=chance).expand(400, 6)
    truth = (torch.rand(400, 1, generator=chance) < 0.5).long().expand(400, 6).clone()
    truth[:, 3:] = -1
    twice = truth.repeat(2, 1), {"a": face.repeat(2, 1)}, np.tile(np.arange(400), 2)
    table = certainty.rows(*twice, resamples=2000).set_index("metric")
    error = ((face[:, 0] > 0.5) != (truth[:, 0] == 1)).double().mean()
    spread = 100 * 1.96 * float((error * (1 - error) / 400).sqrt())
    assert table.loc[WRONG, "value"] == pytest.approx(100 * float(error))
    width = table.loc[WRONG, "high"] - table.loc[WRONG, "low"]
    assert width == pytest.approx(2 * spread, rel=0.1)


def test_nothing_sure_has_no_share_of_errors():
    unsure, four = {"a": torch.full((4, 1), 0.6)}, np.arange(4)
    table = certainty.rows(torch.ones(4, 1).long(), unsure, four, resamples=5)
    assert pd.isna(table.set_index("metric").loc[SURE_WRONG, "value"])


@pytest.mark.parametrize("bad", [-1.0, 1.5, float("nan")])
def test_no_probability_is_refused(bad):
    with pytest.raises(ValueError, match="a probability is NaN or not in"):
        certainty.rows(torch.ones(2, 1).long(), {"a": torch.full((2, 1), bad)}, np.arange(2))


def test_quantiles_of_log_odds_are_those_of_numpy_within_their_interval():
    chance = np.random.default_rng(0)
    odds = torch.from_numpy(chance.lognormal(1, 1, 3000) * chance.choice([-1, 1], 3000))
    people = np.arange(3000) // 3 + 7
    table = certainty.size_rows({"unary": odds}, people, method="used", resamples=500)
    for metric, share in certainty.QUANTILES.items():
        row = table.set_index("metric").loc[metric]
        assert row["value"] == pytest.approx(np.quantile(odds.abs(), share), rel=0.01)
        assert row["low"] < row["value"] < row["high"]
        drawn = [np.quantile(chance.choice(odds.abs(), 3000), share) for _ in range(500)]
        assert row["high"] - row["low"] == pytest.approx(
            np.ptp(np.quantile(drawn, [0.025, 0.975])), rel=0.3
        )
