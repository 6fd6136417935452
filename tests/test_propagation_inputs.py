"""What propagation is given is checked where it comes in, and refused in words."""

import numpy as np
import pytest
import torch

from lib import propagation
from lib.params import PropagationParams
from lib.propagation import NeighbourGraph, affinity, cooccurrence, neighbours

CHANCE = np.random.default_rng(0)
FEATURES = CHANCE.normal(size=(12, 4)).astype(np.float32)
LABELS = CHANCE.integers(-1, 2, (12, 3)).astype(np.int8)
WEIGHTS = CHANCE.normal(size=(3, 4)).astype(np.float32)
PARAMS = PropagationParams(neighbours=3, max_iterations=2)


def put(array: np.ndarray, value: float, row: int = 2, column: int = 1) -> np.ndarray:
    changed = array.astype(float) if isinstance(value, float) else array.copy()
    changed[row, column] = value
    return changed


def propagate(features=FEATURES, labels=LABELS, weights=WEIGHTS, **options):
    return propagation.propagate(features, labels, weights, params=PARAMS, **options)


def test_arrays_give_what_tensors_give():
    ours = propagate(*(torch.from_numpy(part) for part in (FEATURES, LABELS, WEIGHTS)))
    assert torch.equal(propagate().posterior, ours.posterior)
    assert torch.equal(neighbours(FEATURES, 3).index, neighbours(torch.tensor(FEATURES), 3).index)
    assert torch.equal(cooccurrence(WEIGHTS), cooccurrence(torch.tensor(WEIGHTS)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_a_number_that_cannot_be_computed_with_is_named(value):
    for call in (
        lambda: propagate(features=put(FEATURES, value)),
        lambda: neighbours(put(FEATURES, value)),
        lambda: propagation.vote(put(FEATURES, value), torch.tensor(LABELS), 3),
    ):
        with pytest.raises(ValueError, match="feature 1 of face 2 is"):
            call()
    for call in (
        lambda: propagate(weights=put(WEIGHTS, value)),
        lambda: cooccurrence(put(WEIGHTS, value)),
    ):
        with pytest.raises(ValueError, match="weight 1 of classifier 2 is"):
            call()


@pytest.mark.parametrize("value", [0.5, np.nan, 2, -2])
def test_a_label_that_is_none_is_named(value):
    with pytest.raises(ValueError, match=r"label 1 of face 2 is .*use 1, 0, or -1 if missing"):
        propagate(labels=put(LABELS, value))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": FEATURES[0]}, r"features: expected .*found .*\(4,\)"),
        ({"features": FEATURES[:11]}, "do not fit"),
        ({"weights": WEIGHTS[:2]}, "do not fit"),
        ({"weights": WEIGHTS[:, :3]}, "do not fit"),
        ({"labels": LABELS[:, 0]}, r"labels: expected shape \(N, A\)"),
        ({"labels": "many"}, "labels: expected a tensor or an array of numbers, found str"),
        ({"features": None}, "features: expected a tensor or an array of numbers, found NoneType"),
        ({"features": FEATURES + 1j}, "features: expected real numbers"),
        ({"graph": neighbours(FEATURES[:9], 3)}, "graph has 9 faces, the features 12"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_in_words(changed, message):
    with pytest.raises(ValueError, match=message):
        propagate(**changed)


@pytest.mark.parametrize("k", [0, -1, 2.5, "3", True, None])
def test_a_number_of_neighbours_is_whole_and_positive(k):
    with pytest.raises(ValueError, match=r"k is .*; expected a whole number of at least 1"):
        neighbours(FEATURES, k)
    with pytest.raises(ValueError, match="k is"):
        propagation.vote(torch.tensor(FEATURES), torch.tensor(LABELS), k)


@pytest.mark.parametrize("rows", [[12], [-1], [0.5], [[0]]])
def test_rows_that_do_not_exist_are_refused(rows):
    for name in ("of", "among"):
        with pytest.raises(ValueError, match=f"{name}: expected numbers"):
            neighbours(FEATURES, 2, **{name: torch.tensor(rows)})


@pytest.mark.parametrize(
    ("index", "distance", "message"),
    [
        ([[1], [2]], [[1.0], [1.0]], "outside the 2 faces"),
        ([[1], [-1]], [[1.0], [1.0]], "outside the 2 faces"),
        ([[1], [0]], [[1.0], [np.nan]], "distances that are not finite"),
        ([[1], [0]], [[1.0, 2.0], [1.0, 2.0]], r"must both be \(N, k\)"),
    ],
)
def test_a_graph_of_other_faces_is_refused(index, distance, message):
    with pytest.raises(ValueError, match=message):
        affinity(NeighbourGraph(torch.tensor(index), torch.tensor(distance)))
