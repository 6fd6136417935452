"""What the public functions refuse, each in words that say what they expect."""

import numpy as np
import pytest
import torch
from torch import nn

from lib import models, training
from lib.evaluation import metrics
from lib.params import TrainParams

NAN = float("nan")
ONCE = TrainParams(epochs=1, batch=8, mirror=False)


def dcn(attributes=24, features=8, wide=8):
    trunk = nn.Sequential(models.ConvBN(3, wide, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return models.DCN(features=features, attributes=attributes, trunk=trunk)


def broken():
    model = dcn()
    with torch.no_grad():
        model.heads.weight[3, 2] = NAN
    return model


def relation(features=8, **options):
    return models.RelationNet(dcn().trunk, features=features, shared=4, **options)


def pictures(count=20, side=12, channels=3):
    return torch.zeros(count, channels, side, side, dtype=torch.uint8)


def fit(model=None, images=None, targets=None, **options):
    images = pictures() if images is None else images
    targets = torch.zeros(20, 24) if targets is None else targets
    return training.fit(
        model or dcn(), images, targets, **{"train": ONCE, "size": 10, "seed": 0} | options
    )


x, cues = torch.zeros(2, 3, 12, 12), torch.zeros(2, 11)
ones = np.ones(4, int)
REFUSED = [
    # networks
    (lambda: models.DCN(width=0), "width must be a positive number, found 0"),
    (lambda: models.DCN(features=2.5), "features must be a positive number"),
    (lambda: models.DCN(trunk="resnet19"), "no network 'resnet19'"),
    (lambda: dcn()(x[0]), r"images must be \(B, 3, S, S\), found \(3, 12, 12\)"),
    (lambda: dcn()(x[:, :1]), r"images must be \(B, 3, S, S\)"),
    (lambda: dcn()(pictures()), "images must be floats, found torch.uint8: training.prepare"),
    (lambda: dcn()(x.numpy()), "images must be a tensor, found ndarray"),
    (lambda: dcn()(x.to("meta")), "images are on meta, the network is on cpu"),
    (lambda: dcn(wide=4)(x), r"the trunk gives \(2, 4\), not \(B, 8\)"),
    (lambda: relation()(x, x[:1], cues), r"left is \(2, 3, 12, 12\), right \(1,"),
    (lambda: relation()(x, x, cues[:, :5]), r"cues must be \(2, 11\), found \(2, 5\)"),
    (lambda: relation()(x, x, cues.long()), "cues must be floats"),
    (lambda: relation(features=4)(x, x, cues), r"the trunk gives \(4, 8\), not \(B, 4\)"),
    # training
    (lambda: fit(targets=torch.zeros(40, 24)), "there are 20 images and 40 rows of targets"),
    (lambda: fit(images=pictures().float()), r"images must be \(N, 3, S, S\) uint8"),
    (lambda: fit(images=pictures(channels=1)), r"images must be \(N, 3, S, S\) uint8"),
    (lambda: fit(images=pictures(side=8)), "stored crops of 8 px are smaller"),
    (lambda: fit(targets=torch.full((20, 24), NAN)), "row 0, .*: target nan must be in"),
    (lambda: fit(weights=torch.ones(20, 3)), r"weights are \(20, 3\), targets \(20, 24\)"),
    (lambda: fit(weights=torch.full((20, 24), NAN)), "a weight is negative or not finite"),
    (lambda: fit(dcn(attributes=8)), "the network gives 8 columns for 24 attributes"),
    (lambda: fit(broken()), r"heads\.weight holds numbers that are not finite"),
    (lambda: training.fit_pairs(relation(), 3, train=ONCE, size=10, seed=0), "must be a PairSet"),
    (lambda: training.extract(broken(), pictures(), size=10), "not finite"),
    (lambda: training.extract(dcn(), pictures().float(), size=10), "uint8"),
    (lambda: training.extract(dcn(), pictures(), size=10, batch=0), "batch must be at least 1"),
    # losses
    (
        lambda: training.masked_loss(torch.zeros(2, 3), torch.zeros(2, 4)),
        r"targets must be \(B, A\)",
    ),
    (lambda: training.masked_loss(torch.zeros(2), torch.zeros(2)), r"logits must be \(B, A\)"),
    (lambda: training.masked_loss(torch.zeros(1, 1), torch.tensor([[2.0]])), "a target is above 1"),
    (lambda: training.masked_loss(torch.tensor([[NAN]]), torch.ones(1, 1)), "the logit .* is NaN"),
    (lambda: training.masked_loss(np.zeros((1, 1)), np.zeros((1, 1))), "logits must be a tensor"),
    (lambda: training.frequency_logits(torch.tensor([[0.5]])), "a label is none of 0, 1 and -1"),
    (lambda: training.frequency_logits(torch.zeros(3)), r"labels must be \(N, A\)"),
    # metrics
    (lambda: metrics.balanced_accuracy(ones, ones * 0.7), "predicted holds .*0.7"),
    (lambda: metrics.balanced_accuracy(ones * NAN, ones), "truth holds .*nan"),
    (lambda: metrics.per_attribute(ones[:, None], ones[:, None] * NAN), "a score is NaN"),
    (lambda: metrics.per_attribute(ones, ones), r"truth must be \(N, A\), found \(4,\)"),
    (lambda: metrics.per_attribute(ones[:, None], np.ones((4, 2))), r"truth has \(4, 1\) entries"),
    (lambda: metrics.per_attribute(ones[:, None], ones[:, None], 0.5, "f1"), "no measure 'f1'"),
    (
        lambda: metrics.per_attribute(ones[:, None], ones[:, None], [0.1, 0.2]),
        r"thresholds are \(2,",
    ),
    (lambda: metrics.class_frequency(np.full((2, 2), 0.5)), "labels holds .*0.5"),
    (lambda: metrics.fleiss_kappa(np.array([1, 7])), r"votes is not in \[0, 5\]"),
    (lambda: metrics.fleiss_kappa(np.array([])), "votes must be"),
    (lambda: metrics.reliability(ones, ones * 1.5), "a probability is NaN or not in"),
    (lambda: metrics.reliability(ones, ones * NAN), "a probability is NaN or not in"),
    (lambda: metrics.reliability(ones, ones[:2]), "truth has 4 entries, probability 2"),
    (lambda: metrics.moving_average(ones, 0), "a window of 0"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_what_does_not_fit_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_arrays_are_taken_as_tensors_are():
    one, two = dcn(), dcn()
    two.load_state_dict(one.state_dict())
    images, targets = torch.randint(0, 256, (20, 3, 12, 12)).to(torch.uint8), torch.ones(20, 24)
    fit(one, images, targets)
    fit(two, images.numpy(), targets.numpy(), weights=np.ones((20, 24)))
    assert torch.equal(one.heads.weight, two.heads.weight)
    found = training.extract(one, images.numpy(), size=10)
    assert torch.equal(found[1], training.extract(two, images, size=10)[1])


def test_a_relation_network_without_cues_asks_for_none():
    assert relation(spatial=False)(x, x, None).shape == (2, 8)
