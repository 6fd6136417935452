"""The plain networks compared: five convolutions, two linear layers; an averaging ensemble."""

import pytest
import torch
from torch import nn

from lib import params, training
from lib.experiments import plain_networks
from lib.vocabulary import EXPRESSIONS, columns
from tests.small import faces_of, labels_of


@pytest.mark.parametrize(("width", "size", "features"), [(1.0, 96, 64), (0.125, 40, 16)])
def test_five_convolutions_and_two_linear_layers(width, size, features):
    trunk = plain_networks.PlainTrunk(width, features)
    kinds = [type(layer) for layer in trunk.modules()]
    assert kinds.count(nn.Conv2d) == 5
    assert kinds.count(nn.Linear) == 1  # the other one is the heads
    assert trunk.eval()(torch.zeros(2, 3, size, size)).shape == (2, features)


def test_networks_depend_on_their_seed_alone():
    settings = params.load("smoke")
    one, again, other = (plain_networks.build(settings, seed) for seed in (0, 0, 1))
    assert torch.equal(one.heads.weight, again.heads.weight)
    assert not torch.equal(one.heads.weight, other.heads.weight)


def test_ensemble_averages_probabilities():
    logits = [torch.tensor([[2.0, -1.0]]), torch.tensor([[-3.0, 0.5]])]
    mean = (logits[0].sigmoid() + logits[1].sigmoid()) / 2
    torch.testing.assert_close(plain_networks.together(logits).sigmoid(), mean)


def test_only_faces_with_an_expression_are_learnt_from(tmp_path, monkeypatch):
    seen = []

    def fit(model, images, labels, *, train, seed, **others):
        seen.append((images, labels, seed, others["checkpoint"]))

    monkeypatch.setattr(training, "fit", fit)
    labels = labels_of(sad=[-1, 1, 1, -1])
    labels[1:3, columns(EXPRESSIONS)] = 0
    images = torch.arange(4).byte().reshape(4, 1, 1, 1).expand(4, 3, 8, 8)
    faces = faces_of(labels, images)
    models = plain_networks.pretrained(faces, params.load("smoke"), seed=3, folder=tmp_path)
    assert len(models) == len(seen) == 5
    assert all(torch.equal(part[0], images[1:3]) for part in seen)
    assert len({part[2] for part in seen}) == 5  # five seeds
    assert len({part[3] for part in seen}) == 5  # and five files


def test_without_expressions_the_networks_stay_untrained(tmp_path, capsys):
    """For instance because ExpW is absent."""
    faces, settings = faces_of(labels_of(gender=[1] * 4), source="aflw"), params.load("smoke")
    models = plain_networks.pretrained(faces, settings, seed=3, folder=tmp_path)
    assert "ExpW" in capsys.readouterr().out
    for number, model in enumerate(models):
        first = plain_networks.build(settings, 300 + number)
        assert torch.equal(model.heads.weight, first.heads.weight)
