"""Algorithm 1's outer loop: what it trains on, what it leaves, and that it resumes."""

import pandas as pd
import pytest
import torch
from lightning_fabric import Fabric

from lib import propagation, training, vocabulary
from lib.data import heldout
from lib.experiments import alternation
from lib.models import DCN
from lib.params import AlternationParams, DataParams, ModelParams, Params, TrainParams

ITERATIONS = 2


@pytest.fixture(scope="module")
def world():
    """48 tiny faces whose brightness tells the label, half of the labels missing; 8 are tests."""
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(48, 24, generator=generator) < 0.5).to(torch.int8)
    noise = torch.randint(0, 60, (48, 3, 34, 34), generator=generator)
    images = (noise + 120 * labels[:, :1, None, None]).to(torch.uint8)
    labels[torch.rand(48, 24, generator=generator) < 0.5] = -1
    return images, labels, torch.arange(48) < 40


@pytest.fixture
def params():
    refine = TrainParams(epochs=1, batch=20, rate=0.01)
    return Params(
        profile="smoke",
        device="cpu",
        data=DataParams(size=34),
        model=ModelParams(size=32, width=0.0625, features=16),
        stage2=AlternationParams(iterations=ITERATIONS, refine=refine),
    )


def network() -> DCN:
    torch.manual_seed(0)
    return DCN(width=0.0625, features=16)


def test_true_labels_are_never_overwritten(world, params):
    images, labels, train = world
    known = labels[train]
    for each in alternation.alternate(network(), images, labels, train, params=params):
        assert torch.equal(each.labels[known >= 0], known[known >= 0])
        assert set(each.labels.unique().tolist()) <= {0, 1}
        assert each.logits.shape == labels.shape


def test_the_first_round_is_one_propagation_and_one_fit(world, params):
    """Written out by hand: Algorithm 1, lines 3 and 4."""
    images, labels, train = world
    rounds = alternation.alternate(network(), images, labels, train, params=params)

    model = network()
    features, _ = training.extract(model, images[train], size=32)
    inferred = propagation.propagate(
        features,
        labels[train],
        model.heads.weight.detach(),
        params=params.propagation,
        seed=params.seed,
    )
    assert torch.equal(rounds[0].labels, inferred.labels)
    torch.testing.assert_close(rounds[0].posterior, inferred.posterior)

    training.fit(
        model,
        images[train],
        inferred.labels.float(),
        train=params.stage2.refine,
        size=32,
        seed=params.seed + 1000,
    )
    _, logits = training.extract(model, images, size=32)
    torch.testing.assert_close(rounds[0].logits, logits)


def test_test_faces_teach_nothing(world, params):
    """Another test face, with another label, changes neither network nor pseudo labels."""
    images, labels, train = world
    changed, other = images.clone(), labels.clone()
    changed[~train], other[~train] = 255 - images[~train], 1
    first = alternation.alternate(network(), images, labels, train, params=params)
    second = alternation.alternate(network(), changed, other, train, params=params)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.posterior, b.posterior)
        torch.testing.assert_close(a.logits[train], b.logits[train])
        assert not torch.allclose(a.logits[~train], b.logits[~train])


@pytest.mark.parametrize("filling", ["propagation", "network", "nothing"])
def test_a_killed_run_continues_where_it_was(world, params, tmp_path, filling):
    images, labels, train = world
    given = {"params": params, "filling": filling}
    whole, resumed = network(), network()
    expected = alternation.alternate(whole, images, labels, train, **given)
    alternation.alternate(network(), images, labels, train, folder=tmp_path, **given)
    (tmp_path / f"m{ITERATIONS:02d}.safetensors").unlink()  # killed before the last round ended
    rounds = alternation.alternate(resumed, images, labels, train, folder=tmp_path, **given)
    assert [each.trace for each in rounds] == [each.trace for each in expected]
    torch.testing.assert_close(rounds[-1].logits, expected[-1].logits)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value)


def test_rounds_made_from_other_weights_are_made_anew(world, params, tmp_path):
    images, labels, train = world
    alternation.alternate(network(), images, labels, train, params=params, folder=tmp_path)
    torch.manual_seed(1)
    other = DCN(width=0.0625, features=16)
    again = alternation.alternate(other, images, labels, train, params=params, folder=tmp_path)
    torch.manual_seed(1)
    fresh = DCN(width=0.0625, features=16)
    expected = alternation.alternate(fresh, images, labels, train, params=params)
    torch.testing.assert_close(again[-1].logits, expected[-1].logits)


@pytest.mark.parametrize("what", ["a test face", "a training face", "who takes part"])
def test_rounds_made_of_other_faces_are_made_anew(world, params, tmp_path, what):
    images, labels, train = (part.clone() for part in world)
    given = {"params": params, "filling": "nothing"}
    alternation.alternate(network(), images, labels, train, folder=tmp_path, **given)
    if what == "who takes part":
        train[-1] = True
    else:
        row = 47 if what == "a test face" else 0
        images[row] = 255 - images[row]
    again = alternation.alternate(network(), images, labels, train, folder=tmp_path, **given)
    expected = alternation.alternate(network(), images, labels, train, **given)
    torch.testing.assert_close(again[-1].logits, expected[-1].logits)


def test_rounds_are_of_one_precision(world, params, tmp_path):
    given = {"params": params, "folder": tmp_path, "filling": "nothing"}
    first = alternation.alternate(network(), *world, **given)
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    second = alternation.alternate(network(), *world, fabric=fabric, **given)
    assert not torch.equal(first[-1].logits, second[-1].logits)


def test_the_control_sees_no_pseudo_label(world, params):
    images, labels, train = world
    given = {"params": params, "filling": "nothing"}
    rounds = alternation.alternate(network(), images, labels, train, **given)
    assert all(torch.equal(each.labels, labels[train]) for each in rounds)


def test_the_networks_own_labels_are_its_decisions(world, params):
    """Lee's pseudo labels: what the network of the round before says where no label is."""
    images, labels, train = world
    known = labels[train]
    given = {"params": params, "filling": "network"}
    first, second = alternation.alternate(network(), images, labels, train, **given)
    before = training.extract(network(), images[train], size=32)[1]
    for each, logits in ((first, before), (second, first.logits[train])):
        said = (logits > 0).to(torch.int8)
        assert torch.equal(each.labels, torch.where(known < 0, said, known))


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


def test_held_out_labels_leave_by_person_and_group():
    labels = torch.randint(-1, 2, (3000, 24), generator=torch.Generator().manual_seed(0))
    labels = labels.to(torch.int8)
    identity = pd.Series([f"person-{i // 3}" for i in range(3000)])
    visible, held = heldout.hide(labels, identity, share=0.2)
    assert torch.equal(torch.maximum(visible, held), labels)
    assert (torch.minimum(visible, held) == -1).all()
    full, _ = heldout.hide(torch.ones_like(labels), identity, share=0.2)
    gone = full.view(1000, 3, 24) < 0
    assert (gone == gone[:, :1]).all()  # a person's faces share their fate
    for attributes in vocabulary.GROUPS.values():
        columns = gone[..., vocabulary.columns(attributes)]
        assert (columns == columns[..., :1]).all()
        assert 0.15 < columns.float().mean() < 0.25  # 4 standard errors of 1000 draws at 0.2
    subset, _ = heldout.hide(labels[30:60], identity[30:60], share=0.2)
    assert torch.equal(subset, visible[30:60])


def test_a_source_can_be_hidden():
    visible = torch.tensor([[1], [1], [-1], [-1]], dtype=torch.int8).repeat(1, 24)
    held = torch.tensor([[-1], [-1], [0], [-1]], dtype=torch.int8).repeat(1, 24)
    source = pd.Series(["aflw", "celeba", "aflw", "expw"])
    seen, sought = heldout.hide_source(visible, held, source, "aflw", "gender")
    assert seen[:, 0].tolist() == [-1, 1, -1, -1]
    assert torch.equal(seen[:, 1:], visible[:, 1:])
    assert sought[:, 0].tolist() == [-1, -1, 0, -1]
    assert (sought[:, 1:] == -1).all()
