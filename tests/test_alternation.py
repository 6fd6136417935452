"""Algorithm 1's outer loop: what it trains on, what it returns, and that it resumes."""

import pandas as pd
import pytest
import torch
from lightning_fabric import Fabric

from lib import propagation, training
from lib.experiments import alternation
from lib.models import DCN
from lib.params import AlternationParams
from tests.small import REFINE, noise, same, settings

ITERATIONS = 2


@pytest.fixture(scope="module")
def world():
    """48 tiny faces whose brightness gives the label, half of the labels missing; 8 are tests."""
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(48, 24, generator=generator) < 0.5).to(torch.int8)
    images = noise(48, 3, 34, 34, high=60) + (120 * labels[:, :1, None, None]).byte()
    labels[torch.rand(48, 24, generator=generator) < 0.5] = -1
    return images, labels, torch.arange(48) < 40


@pytest.fixture
def params():
    return settings(stage2=AlternationParams(iterations=ITERATIONS, refine=REFINE))


def network(seed: int = 0) -> DCN:
    torch.manual_seed(seed)
    return DCN(width=0.0625, features=16)


def test_true_labels_are_never_overwritten(world, params):
    images, labels, train = world
    known = labels[train]
    for each in alternation.alternate(network(), images, labels, train, params=params):
        assert torch.equal(each.labels[known >= 0], known[known >= 0])
        assert set(each.labels.unique().tolist()) <= {0, 1}
        assert each.logits.shape == labels[~train].shape


def test_first_round_is_one_propagation_and_one_fit(world, params):
    """Written out by hand: Algorithm 1, lines 3 and 4."""
    images, labels, train = world
    rounds = alternation.alternate(network(), images, labels, train, params=params)

    model = network()
    features, _ = training.extract(model, images[train], size=32)
    classifiers, options = model.heads.weight.detach(), {"seed": params.seed}
    inferred = propagation.propagate(
        features, labels[train], classifiers, params=params.propagation, **options
    )
    assert torch.equal(rounds[0].labels, inferred.labels)
    torch.testing.assert_close(rounds[0].posterior, inferred.posterior)

    options = {"train": params.stage2.refine, "size": 32, "seed": params.seed + 1000}
    training.fit(model, images[train], inferred.labels.float(), **options)
    _, logits = training.extract(model, images[~train], size=32)
    torch.testing.assert_close(rounds[0].logits, logits)


def test_test_faces_change_nothing_that_is_learnt(world, params):
    """Another test face, with another label, changes neither network nor pseudo labels."""
    images, labels, train = world
    changed, other = images.clone(), labels.clone()
    changed[~train], other[~train] = 255 - images[~train], 1
    one, two = network(), network()
    first = alternation.alternate(one, images, labels, train, params=params)
    second = alternation.alternate(two, changed, other, train, params=params)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.posterior, b.posterior)
        assert not torch.allclose(a.logits, b.logits)
    assert same(one, two)


@pytest.mark.parametrize("filling", ["propagation", "own output", "control"])
def test_killed_run_continues_where_it_was(world, params, tmp_path, filling):
    images, labels, train = world
    given = {"params": params, "filling": filling}
    whole, resumed = network(), network()
    expected = alternation.alternate(whole, images, labels, train, **given)
    alternation.alternate(network(), images, labels, train, folder=tmp_path, **given)
    (last,) = tmp_path.glob(f"round-*-m{ITERATIONS:02d}.safetensors")
    last.unlink()  # killed before the last round ended
    rounds = alternation.alternate(resumed, images, labels, train, folder=tmp_path, **given)
    pd.testing.assert_frame_equal(alternation.table(rounds), alternation.table(expected))
    torch.testing.assert_close(rounds[-1].logits, expected[-1].logits)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value)


@pytest.mark.parametrize(
    ("seed", "row", "left_out"),
    [(1, [], []), (0, [47], []), (0, [0], []), (0, [], [0])],
    ids=["weights", "a test face", "a training face", "a face is left out"],
)
def test_rounds_made_of_something_else_are_not_continued(
    world, params, tmp_path, seed, row, left_out
):
    images, labels, train = (part.clone() for part in world)
    given = {"params": params, "filling": "control"}
    alternation.alternate(network(), images, labels, train, folder=tmp_path, **given)
    images[row], train[left_out] = 255 - images[row], False
    again = alternation.alternate(network(seed), images, labels, train, folder=tmp_path, **given)
    expected = alternation.alternate(network(seed), images, labels, train, **given)
    torch.testing.assert_close(again[-1].logits, expected[-1].logits)


def test_rounds_are_of_one_precision(world, params, tmp_path):
    given = {"params": params, "folder": tmp_path, "filling": "control"}
    first = alternation.alternate(network(), *world, **given)
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    second = alternation.alternate(network(), *world, fabric=fabric, **given)
    assert not torch.equal(first[-1].logits, second[-1].logits)


def test_control_sees_no_pseudo_label(world, params):
    images, labels, train = world
    given = {"params": params, "filling": "control"}
    rounds = alternation.alternate(network(), images, labels, train, **given)
    assert all(torch.equal(each.labels, labels[train]) for each in rounds)


def test_network_s_own_labels_are_its_decisions(world, params):
    """Lee's pseudo labels: missing labels as the network of the round before predicts them."""
    images, labels, train = world
    known = labels[train]
    once = settings(stage2=AlternationParams(iterations=1, refine=REFINE))
    after_one = network()
    alternation.alternate(after_one, *world, params=once, filling="own output")
    rounds = alternation.alternate(network(), *world, params=params, filling="own output")
    for each, model in zip(rounds, (network(), after_one), strict=True):
        predicted = (training.extract(model, images[train], size=32)[1] > 0).to(torch.int8)
        assert torch.equal(each.labels, torch.where(known < 0, predicted, known))


@pytest.mark.parametrize("tolerance", [1e-9, 2.0])
def test_trace_says_whether_algorithm_2_converged(world, params, tolerance):
    field = params.propagation.model_copy(update={"tolerance": tolerance, "max_iterations": 4})
    given = params.model_copy(update={"propagation": field})
    table = alternation.table(alternation.alternate(network(), *world, params=given))
    assert list(table.index) == [1, 2]
    assert list(table.columns) == ["loss", "sweeps", "still moving", "flipped", "positive"]
    assert ((table["still moving"] == 0) == (tolerance == 2.0)).all()
    assert ((table["sweeps"] == 4) == (tolerance < 1)).all()


def test_targets_and_weights():
    known = torch.tensor([[1, -1], [-1, 0]], dtype=torch.int8)
    inferred = propagation.Propagation(
        torch.tensor([[1, 0], [1, 0]], dtype=torch.int8), torch.tensor([[1, 0.2], [0.7, 0]]), []
    )
    hard, weights = alternation.aim(known, inferred, AlternationParams(pseudo_weight=0.5))
    assert hard.tolist() == [[1, 0], [1, 0]]
    assert weights.tolist() == [[1, 0.5], [0.5, 1]]
    soft, _ = alternation.aim(known, inferred, AlternationParams(targets="soft"))
    torch.testing.assert_close(soft, torch.tensor([[1, 0.2], [0.7, 0]]))
    alone, _ = alternation.aim(known, None, AlternationParams())
    assert alone.tolist() == known.tolist()
