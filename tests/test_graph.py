"""Neighbour graphs against brute force in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lib.propagation import affinity, neighbours
from lib.propagation.engine import nearest
from lib.propagation.engine.distances import Bounds, Distances
from lib.propagation.engine.strips import smallest
from tests import literal

# Small whole numbers: many ties and duplicates, and every distance is exact in float32.
PLACES = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 30), st.integers(1, 3)),
    elements=st.integers(-3, 3).map(float),
)


@pytest.fixture(params=[Distances, Bounds], scope="module", autouse=True)
def _quickest(request):
    """With distances and with bounds, whichever is faster on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "quickest", lambda device: request.param)
        yield


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def clusters(count: int, intrinsic: int, noise: float) -> torch.Tensor:
    """Faces (count, 256) around 20 centres in some dimensions, and noise in all of them."""
    chance = torch.Generator().manual_seed(0)
    centres = torch.randn(20, intrinsic, generator=chance)
    latent = centres[torch.randint(20, (count,), generator=chance)]
    latent = latent + torch.randn(count, intrinsic, generator=chance)
    spread = torch.randn(intrinsic, 256, generator=chance) / intrinsic**0.5
    return latent @ spread + noise * torch.randn(count, 256, generator=chance)


@given(PLACES, st.integers(1, 12), st.sampled_from(["exact", "fast", "auto"]))
def test_distances_are_those_of_brute_force(places, k, method):
    """Ties may be broken either way, so distances are compared, and that they belong to faces."""
    _, distance = literal.nearest(places, k)
    ours = neighbours(tensor(places), k, method=method)
    assert ours.index.shape == (len(places), min(k, len(places) - 1))
    np.testing.assert_allclose(ours.distance, distance, rtol=1e-6)
    gap = places[ours.index.numpy()] - places[:, None]
    np.testing.assert_allclose(ours.distance, np.sqrt((gap**2).sum(2)), rtol=1e-6)
    for i, row in enumerate(ours.index.tolist()):
        assert i not in row
        assert len(set(row)) == len(row)


@pytest.mark.parametrize("count", [513, 1700])  # more than one strip, and one row too many
def test_exact_search_in_strips_and_in_blocks(count, monkeypatch):
    monkeypatch.setattr("lib.propagation.engine.rows.BLOCK", 400)
    points = torch.randn(count, 20, generator=torch.Generator().manual_seed(1)) + 100
    distances = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf)
    distance, index = distances.topk(7, dim=1, largest=False)
    for device in (None, "cpu"):  # at once in strips, or streaming in blocks
        ours = neighbours(points, 7, method="exact", device=device)
        assert torch.equal(ours.index, index)
        torch.testing.assert_close(ours.distance, distance.float(), rtol=1e-4, atol=0)
        assert ours.recall == 1


def test_faces_sorted_by_cluster_have_exact_neighbours():
    """Strips then hold whole clusters, and columns change all at once."""
    points = clusters(1500, 8, 0.01).sort(dim=0).values
    exact = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf)
    distance = exact.topk(10, dim=1, largest=False).values
    ours = neighbours(points, 10, method="exact")
    torch.testing.assert_close(ours.distance, distance.float(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("apart", [0, 1.5, 8])
def test_search_is_exact_where_bounds_are_wide(apart):
    """Far from the centre: a few faces, or all, are searched in float32."""
    chance = torch.Generator().manual_seed(4)
    points = torch.randn(3000, 64, generator=chance)
    points[:300] *= 0.3
    points += apart * torch.randn(2, 64, generator=chance)[torch.arange(3000) // 1500]
    distance = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf)
    expected = distance.topk(10, dim=1, largest=False).values
    found = neighbours(points, 10, method="exact")
    torch.testing.assert_close(found.distance.double(), expected, rtol=1e-4, atol=1e-3)


def test_duplicates_and_constant_features():
    points = torch.zeros(6, 4)
    ours = neighbours(points, 3)
    assert not ours.distance.any()
    torch.testing.assert_close(affinity(ours), torch.full((6, 3), 1 / 3))  # v = 1, row sums of 3


@pytest.mark.parametrize("noise", [0.1, 0.7])
def test_fast_search_reports_its_recall(noise):
    points = clusters(4500, 24, noise)
    exact, fast = neighbours(points, method="exact"), neighbours(points, method="fast")
    recall = (exact.index[:, :, None] == fast.index[:, None]).any(2).float().mean()
    assert recall >= 0.998
    assert abs(fast.recall - recall) < 0.002  # measured on a fifth of the faces
    close = exact.index == fast.index
    torch.testing.assert_close(fast.distance[close], exact.distance[close])


@pytest.mark.parametrize("count", [513, 1500, 2100])
def test_sorted_faces_have_exact_neighbours(count):
    """A strip then holds all neighbours of some faces and none of others."""
    points = torch.randn(count, 20, generator=torch.Generator().manual_seed(3))
    points += 30 * torch.arange(count)[:, None] // 700
    distance = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf)
    expected, index = distance.topk(10, dim=1, largest=False)
    found = neighbours(points, method="exact")
    torch.testing.assert_close(found.distance.double(), expected, rtol=1e-4, atol=1e-4)
    assert (found.index == index).double().mean() > 0.999


@pytest.mark.parametrize("k", [120, 290, 299])
def test_fast_search_can_return_more_neighbours_than_candidates(k, monkeypatch):
    monkeypatch.setattr(nearest, "SAMPLE", 50)
    points = clusters(300, 24, 0.1)
    exact, fast = neighbours(points, k, method="exact"), neighbours(points, k, method="fast")
    torch.testing.assert_close(fast.distance, exact.distance)


def test_exact_search_runs_where_components_do_not_help():
    points = torch.randn(4500, 256, generator=torch.Generator().manual_seed(2))
    fast = neighbours(points, method="fast")
    assert fast.recall == 1
    assert torch.equal(fast.index, neighbours(points, method="exact").index)


def test_auto_is_fast_for_many_faces(monkeypatch):
    monkeypatch.setattr(nearest, "EXACT_BELOW", 4400)
    chosen = []
    monkeypatch.setattr(nearest, "through_components", lambda *given: chosen.append(given))
    neighbours(clusters(4300, 24, 0.7))
    assert not chosen
    neighbours(clusters(4500, 24, 0.7))
    assert chosen


@given(st.integers(1, 40), st.integers(0, 3), st.booleans())
@settings(max_examples=40)
def test_smallest_values_are_those_of_a_sort(k, seed, ties):
    values = torch.rand(5, 9000, generator=torch.Generator().manual_seed(seed))
    values = (values * 100).floor() if ties else values
    expected = values.sort(dim=1).values[:, :k]
    assert torch.equal(values.gather(1, smallest(values, k, ordered=True)), expected)
    found = smallest(values, k)
    assert torch.equal(values.gather(1, found).sort(dim=1).values, expected)
    assert all(len(set(row)) == k for row in found.tolist())


@given(PLACES.filter(lambda places: len(places) > 1), st.integers(1, 5), st.booleans())
def test_affinity_equals_the_formula(places, k, symmetric):
    graph = neighbours(tensor(places), k)
    v = literal.affinity(graph.index.numpy(), graph.distance.double().numpy(), symmetric)
    expected = np.take_along_axis(v, graph.index.numpy(), 1)
    ours = affinity(graph, symmetric=symmetric).numpy()
    if symmetric:  # what a pair weighs: half from either list
        back = np.zeros_like(v)
        np.put_along_axis(back, graph.index.numpy(), ours.astype(float), 1)
        np.testing.assert_allclose((back + back.T) / 2, v, rtol=1e-4, atol=1e-6)
    else:
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_feature_that_is_not_finite_is_named(value, device):
    points = torch.zeros(5, 3)
    points[4, 2] = value
    with pytest.raises(ValueError, match=f"feature 2 of face 4 is {value}"):
        neighbours(points, device=device)


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match="exact or fast"):
        neighbours(torch.zeros(3, 2), method="quick")


def test_single_face_has_no_neighbours():
    ours = neighbours(torch.ones(1, 4))
    assert ours.index.shape == ours.distance.shape == affinity(ours).shape == (1, 0)


@pytest.mark.parametrize("of", [None, torch.tensor([7, 2, 30])])
@pytest.mark.parametrize("among", [None, torch.tensor([0, 2, 11, 40])])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_neighbours_of_some_faces_among_some_others(of, among, device):
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(5))
    distances = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf)
    chosen, others = (torch.arange(50) if some is None else some for some in (of, among))
    distance, place = distances[chosen][:, others].topk(3, dim=1, largest=False)
    ours = neighbours(points, 3, of=of, among=among, device=device)
    assert torch.equal(ours.index, others[place])
    torch.testing.assert_close(ours.distance, distance.float(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("count", [2, 385, 512, 513])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_search_is_exact_for_fewer_faces_than_a_strip(count, k):
    """One strip has all of them and no column beside it; with one face more it has one."""
    points = torch.randn(count, 4, generator=torch.Generator().manual_seed(count))
    distance = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf)
    expected = distance.sort(dim=1).values[:, : min(k, count - 1)]
    found = neighbours(points, k, method="exact").distance
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
