"""Algorithm 2 against the literal version in NumPy float64, and on cases worked by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression

from lib import propagation
from lib.evaluation.metrics import balanced_accuracy
from lib.params import PropagationParams
from lib.propagation import affinity, neighbours
from lib.propagation.engine import Rows
from lib.propagation.field import uniform
from lib.propagation.gaussians import Densities, covariance_of, mean_of, shrunk
from lib.propagation.prior import prior_odds
from tests import literal

VARIANTS = {
    "literal": {},
    "shared": {"covariance": "shared"},
    "diagonal": {"covariance": "diagonal"},
    "pca": {"covariance": "pca-2"},
    "fixed": {"shrinkage": 0.3},
    "unshrunk": {"shrinkage": 0.0, "covariance": "shared"},
    "weights": {"unary_weight": 0.1, "prior_weight": 2.0, "pairwise_weight": 0.5},
    "no_unary": {"unary_weight": 0.0},
    "mean_field": {"sample": False},
    "symmetric": {"symmetric": True},
    "class_prior": {"class_prior": "frequency"},
}


def case(seed: int, faces: int, dimensions: int, attributes: int, quirks=frozenset()):
    """Features (N, D), labels (N, A) and classifier weights (A, D) in float64 and int."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(faces, dimensions)).astype(np.float32).astype(float)
    labels = chance.integers(-1, 2, (faces, attributes))
    weights = chance.normal(size=(attributes, dimensions)).astype(np.float32).astype(float)
    if "duplicates" in quirks:
        features[faces // 2 :] = features[: faces - faces // 2]
    if "constant" in quirks:
        features[:, 0] = 3
    if "isolated" in quirks:
        features[0] = 40
    if "nowhere" in quirks:
        labels[:, 0] = -1
    if "everywhere" in quirks:
        labels[:, -1] = np.abs(labels[:, -1])
    if "single" in quirks:
        labels[:, 0] = np.where(np.arange(faces) == 1, 1, -labels[:, 0] % 2 - 1)
    if "one_class" in quirks:
        labels[:, 0] = np.minimum(labels[:, 0], 0)
    return features, labels, weights


def tensors(features, labels, weights):
    return (
        torch.tensor(features, dtype=torch.float32),
        torch.tensor(labels, dtype=torch.int8),
        torch.tensor(weights, dtype=torch.float32),
    )


def variant(**changes) -> PropagationParams:
    return PropagationParams(**{"neighbours": 4, "max_iterations": 6, **changes})


def assert_terms(features, labels, weights, current, params):
    """The three log-odds agree up to float32's rounding of the largest number on the way.

    That number is |x|^2 times the largest precision: a class of duplicates has precision 1e6.
    """
    given = tensors(features, labels, weights)
    graph = neighbours(given[0], params.neighbours)
    ours = propagation.terms(*given, torch.tensor(current, dtype=torch.int8), graph, params)
    v = literal.affinity(graph.index.numpy(), graph.distance.double().numpy(), params.symmetric)
    rho, kind = literal.pearson(weights), params.covariance
    points = literal.components(features, kind)
    for a in range(labels.shape[1]):
        expected = literal.odds(features, labels, rho, v, current, a, kind, params.shrinkage)
        largest = 1.0
        if expected[:, 0].any():
            models = literal.gaussians(points, current[:, a], kind, params.shrinkage)
            precision = max(1 / np.linalg.eigvalsh(covariance)[0] for _, covariance in models)
            largest += precision * (points**2).sum(1).max()
        missing = labels[:, a] < 0
        np.testing.assert_allclose(ours[0][:, a], expected[:, 0], atol=2e-6 * largest, rtol=1e-4)
        np.testing.assert_allclose(ours[1][missing, a], expected[missing, 1], atol=1e-5)
        np.testing.assert_allclose(ours[2][:, a], expected[:, 2], atol=1e-4)


QUIRKS = (
    "duplicates",
    "constant",
    "isolated",
    "nowhere",
    "everywhere",
    "single",
    "one_class",
)


@given(
    seed=st.integers(0, 10_000),
    faces=st.integers(2, 16),
    dimensions=st.integers(3, 7),
    attributes=st.integers(1, 3),
    quirks=st.frozensets(st.sampled_from(QUIRKS), max_size=3),
    name=st.sampled_from(sorted(VARIANTS)),
)
@settings(max_examples=150, deadline=None)
def test_three_terms_equal_the_literal_version(seed, faces, dimensions, attributes, quirks, name):
    features, labels, weights = case(seed, faces, dimensions, attributes, quirks)
    current = np.where(labels < 0, np.random.default_rng(seed).integers(0, 2, labels.shape), labels)
    params = variant(**VARIANTS[name]).model_copy(update={"unary_weight": 1.0})
    assert_terms(features, labels, weights, current, params)


@given(
    seed=st.integers(0, 10_000),
    faces=st.integers(5, 18),
    quirks=st.frozensets(st.sampled_from(["nowhere", "everywhere", "one_class"]), max_size=2),
    name=st.sampled_from(sorted(VARIANTS)),
)
@settings(max_examples=60, deadline=None)
def test_whole_runs_equal_the_literal_version(seed, faces, quirks, name):
    """Posterior and labels of whole runs, the same numbers simulating the labels."""
    features, labels, weights = case(seed, faces, 3, 3, quirks)
    params = variant(shrinkage=0.5).model_copy(update=VARIANTS[name])
    ours = propagation.propagate(*tensors(features, labels, weights), params=params, seed=seed)

    def draw(iteration):
        return uniform(labels.shape, seed, iteration).double().numpy()

    given = (features, labels, weights, params)
    expected, posterior = literal.propagate(*given, draw if params.sample else None)
    np.testing.assert_allclose(ours.posterior, posterior, atol=2e-3)
    np.testing.assert_array_equal(ours.labels, expected)


@given(
    seed=st.integers(0, 10_000),
    faces=st.integers(1, 12),
    quirks=st.frozensets(st.sampled_from(QUIRKS), max_size=4),
    name=st.sampled_from(sorted(VARIANTS)),
)
@settings(max_examples=60, deadline=None)
def test_posteriors_are_finite_and_annotations_stay(seed, faces, quirks, name):
    """And annotations stay, and the same seed gives the same."""
    if faces < 2:
        quirks -= {"single", "duplicates"}
    given = tensors(*case(seed, faces, 4, 2, quirks))
    first, second = (
        propagation.propagate(*given, params=variant(**VARIANTS[name]), seed=seed) for _ in range(2)
    )
    known = given[1] >= 0
    assert torch.isfinite(first.posterior).all()
    assert ((first.posterior >= 0) & (first.posterior <= 1)).all()
    assert set(first.labels.unique().tolist()) <= {0, 1}
    assert torch.equal(first.labels[known], given[1][known])
    assert torch.equal(first.posterior[known], given[1][known].float())
    assert torch.equal(first.labels, second.labels)
    assert torch.equal(first.posterior, second.posterior)


def test_attribute_without_annotations_starts_at_one_half():
    features, labels, weights = case(0, 8, 3, 1, {"nowhere"})
    params = variant(max_iterations=1, sample=False, pairwise_weight=0.0)
    ours = propagation.propagate(*tensors(features, labels, weights), params=params)
    assert (ours.posterior == 0.5).all()
    assert not ours.labels.any()


def test_propagation_tells_whether_it_converged():
    given, rest = tensors(*case(0, 30, 3, 2)), {"sample": False, "unary_weight": 0.0}
    cut = propagation.propagate(*given, params=variant(max_iterations=1, **rest))
    ended = propagation.propagate(*given, params=variant(max_iterations=50, **rest))
    assert cut.moving > 0 and not cut.converged
    assert ended.moving == 0 and ended.converged and len(ended.trace) < 50


def test_attribute_annotated_everywhere_ends_at_once():
    features, labels, weights = case(0, 8, 3, 2)
    ours = propagation.propagate(*tensors(features, np.abs(labels), weights), params=variant())
    np.testing.assert_array_equal(ours.labels, np.abs(labels))
    assert len(ours.trace) == 1


# Densities ----------------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_mean_and_covariance_stay_right_while_labels_flip(seed, rounds):
    """mu and Sigma of running sums are those of Eqns. 13 and 14 over the members."""
    chance = np.random.default_rng(seed)
    points = chance.normal(size=(40, 5)) + 7
    odds = Densities(Rows(torch.tensor(points, dtype=torch.float32)), "diagonal", 0.0).log_odds
    current = chance.integers(0, 2, (40, 1))
    for _ in range(rounds + 1):
        odds.update(torch.tensor(current, dtype=torch.int8), [0])
        flips = chance.integers(0, 40, 6)
        before, current = current, current.copy()
        current[flips] = 1 - current[flips]
    ones = odds.positive[0]
    for part, level in ((ones, 1), (odds.total.plus(ones, -1), 0)):
        members = points[before[:, 0] == level]
        assert part.count == len(members)
        if len(members):
            np.testing.assert_allclose(odds.rows.mean + mean_of(part), members.mean(0), atol=1e-5)
            expected = np.cov(members.T, bias=True)
            np.testing.assert_allclose(covariance_of(part), expected, atol=1e-5)


@given(st.integers(0, 1000), st.integers(2, 60), st.integers(2, 12))
@settings(max_examples=30, deadline=None)
def test_shrinkage_is_that_of_scikit_learn(seed, members, dimensions):
    points = np.random.default_rng(seed).normal(size=(members, dimensions)) ** 3
    rows = Rows(torch.tensor(points, dtype=torch.float32))
    total = Densities(rows, "diagonal", "ledoit-wolf").log_odds.total
    ours = shrunk(covariance_of(total), total.count, total.spread(), "ledoit-wolf")
    expected, _ = ledoit_wolf(points)
    np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["full", "shared", "diagonal", "pca-16"])
def test_attributes_together_and_one_by_one_have_the_same_log_odds(kind):
    """Together as on a GPU; also with features that stay where they are."""
    chance = np.random.default_rng(0)
    points = torch.tensor(chance.normal(size=(600, 40)) * np.geomspace(0.01, 3, 40) + 5)
    current = torch.tensor(chance.random((600, 6)) < np.linspace(0.1, 0.6, 6)).to(torch.int8)
    current[:, 1] = 0  # an empty class
    current[:, 2] = 0
    current[7, 2] = 1  # a class of one face
    wanted = torch.tensor(chance.random((600, 6)) < 0.7)
    found = []
    for together, device in ((False, None), (True, None), (True, "cpu")):
        odds = Densities(Rows(points.float(), device), kind, "ledoit-wolf").log_odds
        odds.together = together
        odds.update(current, list(range(6)))
        found.append(odds([0, 1, 2, 3, 5], wanted))
    single, *several = found
    for odds in several:
        assert (odds[~wanted] == 0).all() and (odds[:, [1, 4]] == 0).all()
        np.testing.assert_allclose(odds, single, atol=2e-4 * float(single[wanted].abs().mean()))


@pytest.mark.parametrize("kind", ["full", "shared", "diagonal", "pca-16"])
def test_log_odds_of_ten_members_in_1024_dimensions_are_those_of_float64(kind):
    """The log-odds in float32 are those of float64 where a class has ten members."""
    chance = np.random.default_rng(0)
    scale = np.linspace(0.05, 3, 1024)
    features = (chance.normal(size=(300, 1024)) * scale + 5).astype(np.float32).astype(float)
    labels = np.full((300, 1), -1)
    labels[:10], labels[10:20] = 1, 0
    current = np.zeros((300, 1), int)
    current[:10] = 1
    features[:10] += 0.5
    params = PropagationParams(covariance=kind)
    given = tensors(features, labels, np.ones((1, 1024)))
    graph = neighbours(given[0])
    unary, _, _ = propagation.terms(*given, torch.tensor(current, dtype=torch.int8), graph, params)
    points = literal.components(features, kind)
    models = literal.gaussians(points, current[:, 0], kind, "ledoit-wolf")
    expected = np.zeros(300)
    for sign, (mean, covariance) in zip((-1, 1), models, strict=True):
        gap, (_, size) = points - mean, np.linalg.slogdet(covariance)
        form = (gap * np.linalg.solve(covariance, gap.T).T).sum(1)
        expected -= sign * (form + size) / 2
    typical = np.abs(expected[20:]).mean()
    np.testing.assert_allclose(unary[20:, 0], expected[20:], atol=1e-4 * typical)


# Worked by hand -----------------------------------------------------------------------------------


def test_prior_of_two_faces_by_hand():
    """Classifiers (1, -1, 0) and (1, 0, -1) correlate by 1/2, and oppose (-1, 1, 0) by 1."""
    weights = torch.tensor([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    rho = propagation.cooccurrence(weights)
    torch.testing.assert_close(
        rho, torch.tensor([[0.0, 0.5, -1.0], [0.5, 0.0, -0.5], [-1.0, -0.5, 0.0]])
    )
    labels = torch.tensor([[-1, 1, 0], [-1, -1, 1]], dtype=torch.int8)
    odds = prior_odds(labels, weights)
    assert odds[:, 0].tolist() == pytest.approx([0.5 + 1.0, -1.0])
    assert float(odds[1, 1]) == pytest.approx(-0.5)


def test_classifiers_without_variance_do_not_correlate():
    assert not propagation.cooccurrence(torch.tensor([[2.0, 2.0], [1.0, 0.0]])).any()


def test_vote_of_three_neighbours_by_hand():
    points = torch.tensor([[0.0], [1.0], [2.0], [3.0], [10.0]])
    labels = torch.tensor([[-1], [1], [0], [1], [0]], dtype=torch.int8)
    share = propagation.vote(points, labels, 3)
    assert share[:, 0].tolist() == pytest.approx([2 / 3, 1, 0, 1, 0])
    few = propagation.vote(points, labels, 10)  # only four are labelled
    assert float(few[0, 0]) == pytest.approx(0.5)


def test_mean_field_finds_the_labels_of_least_energy():
    """Mean field on a chain with weak ties ends in the labelling of least energy (all 2^5)."""
    features = torch.tensor([[0.0], [1.0], [2.0], [3.5], [4.5], [5.5], [6.5]])
    labels = torch.tensor([[1], [-1], [-1], [-1], [-1], [-1], [0]], dtype=torch.int8)
    params = PropagationParams(neighbours=2, sample=False, unary_weight=0.0)
    ours = propagation.propagate(features, labels, torch.ones(1, 1), params=params)
    graph = neighbours(features, 2)
    v = np.zeros((7, 7))
    np.put_along_axis(v, graph.index.numpy(), affinity(graph).double().numpy(), 1)
    energies = {}
    for code in range(32):
        z = np.array([1, *(2 * (code >> bit & 1) - 1 for bit in range(5)), -1])
        energies[tuple(z)] = -(v * np.outer(z, z)).sum()
    best = min(energies, key=energies.get)
    assert (2 * ours.labels[:, 0] - 1).tolist() == list(best)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": torch.zeros(0, 2), "labels": torch.zeros(0, 1)}, "no faces or no attributes"),
        ({"labels": torch.zeros(4, 0), "classifier_weights": torch.zeros(0, 2)}, "no attributes"),
        ({"features": torch.zeros(3, 2)}, r"features \(3, 2\), labels \(4, 1\)"),
        ({"classifier_weights": torch.zeros(2, 2)}, r"classifier weights \(2, 2\)"),
        ({"labels": torch.tensor([[0], [2], [1], [-1]])}, "label 0 of face 1 is 2"),
        (
            {"features": torch.tensor([[0.0, 1], [1, 0], [0, np.nan], [2, 2]])},
            "feature 1 of face 2",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(change, message):
    given = {
        "features": torch.rand(4, 2),
        "labels": torch.tensor([[0], [1], [-1], [-1]], dtype=torch.int8),
        "classifier_weights": torch.rand(1, 2),
    }
    with pytest.raises(ValueError, match=message):
        propagation.propagate(**{**given, **change}, params=variant())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_cpu_and_gpu_agree(name):
    given = tensors(*case(3, 2000, 16, 6))
    here, there = (
        propagation.propagate(
            *(part.to(device) for part in given), params=variant(**VARIANTS[name])
        )
        for device in ("cpu", "cuda")
    )
    assert (here.labels != there.labels.cpu()).float().mean() < 1e-3
    assert (here.posterior - there.posterior.cpu()).abs().mean() < 1e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_watch_gets_labels_on_the_device_of_the_given_ones():
    given, seen = tensors(*case(3, 200, 16, 6)), []
    result = propagation.propagate(
        *given, params=variant(), device="cuda", watch=lambda t, labels, _: seen.append(labels)
    )
    assert {labels.device for labels in seen} == {given[1].device}
    assert torch.equal(seen[-1], result.labels)


@pytest.mark.parametrize("seed", range(8))
def test_labels_cross_to_a_shifted_source_where_classifier_and_vote_fail(seed):
    """Notebook 00's case: source A labels one attribute, source B the other; B is shifted so far
    that A's classifier and the nearest labelled faces mislead there. Neighbours and the other
    label, together, do not."""
    chance = torch.Generator().manual_seed(seed)
    kind, source = torch.randint(3, (240,), generator=chance), torch.arange(240) % 2
    centres = torch.tensor([[-2.0, -0.6], [0.6, -1.0], [3.0, 0.7]])
    points = centres[kind] + 0.5 * torch.randn(240, 2, generator=chance)
    points[source == 1] += torch.tensor([1.3, 0.8])
    truth = torch.stack([kind > 0, kind == 2], 1).to(torch.int8)
    labels = torch.where(source[:, None] == torch.arange(2), truth, -1).to(torch.int8)
    known = [labels[:, a] >= 0 for a in (0, 1)]
    fits = [LogisticRegression().fit(points[k], labels[k, a]) for a, k in enumerate(known)]
    weights = torch.from_numpy(np.concatenate([fit.coef_ for fit in fits])).float()
    params = PropagationParams(sample=False, tolerance=1e-4)
    found = propagation.propagate(points, labels, weights, params=params).labels
    voted = propagation.vote(points, labels, params.neighbours) > 0.5
    for a, fit in enumerate(fits):
        gap = ~known[a]
        ours, vote, alone = (
            balanced_accuracy(truth[gap, a], guess[gap])
            for guess in (found[:, a], voted[:, a], torch.from_numpy(fit.predict(points)))
        )
        assert ours > max(vote, alone)
