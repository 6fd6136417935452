"""The networks against the published table, and against their equations."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench import plain
from lib import models
from lib.models import layers
from lib.models.bn_inception import SMALL

# Ioffe & Szegedy (2015), Figure 5: side of the output at 224 px, channels in, then
# 1x1, 3x3 reduce, 3x3, double 3x3 reduce, double 3x3 (twice), pool projection.
TABLE = [
    (28, 192, 64, 64, 64, 64, 96, 32),
    (28, 256, 64, 64, 96, 64, 96, 64),
    (14, 320, 0, 128, 160, 64, 96, 0),
    (14, 576, 224, 64, 96, 96, 128, 128),
    (14, 576, 192, 96, 128, 96, 128, 128),
    (14, 576, 160, 128, 160, 128, 160, 96),
    (14, 576, 96, 128, 192, 160, 192, 96),
    (7, 576, 0, 128, 192, 192, 256, 0),
    (7, 1024, 352, 192, 320, 160, 224, 128),
    (7, 1024, 352, 192, 320, 192, 224, 128),
]


def published_convolutions():
    """(kernel, channels in, channels out, side of the output) of every convolution."""
    yield from [(7, 3, 64, 112), (1, 64, 64, 56), (3, 64, 192, 56)]
    for place, (side, inputs, one, reduce, three, reduce2, double, project) in enumerate(TABLE):
        before = side * 2 if place in (2, 7) else side  # stride 2 in the last convolutions
        if one:
            yield 1, inputs, one, side
        yield from [(1, inputs, reduce, before), (3, reduce, three, side)]
        yield from [(1, inputs, reduce2, before), (3, reduce2, double, before)]
        yield 3, double, double, side
        if project:
            yield 1, inputs, project, side


def test_layers_are_those_of_the_published_table():
    """Parameters to the last one, multiply-adds to the rounding of a row; heads: 24 x 1025."""
    model, expected = models.DCN(), list(published_convolutions())
    rows = {row["layer"]: row for row in layers.rows(model, 224)}
    assert isinstance(model.trunk.project, nn.Identity)  # 1024 features without a further layer
    assert rows.pop("heads")["parameters"] == 24 * 1025
    parameters = sum(k * k * i * o + 2 * o for k, i, o, _ in expected)
    multiply_adds = sum(k * k * i * o * side * side for k, i, o, side in expected) / 1e6
    assert sum(row["parameters"] for row in rows.values()) == parameters
    found = sum(row["multiply-adds"] for row in rows.values())
    assert found == pytest.approx(multiply_adds, abs=0.005 * len(rows))
    assert (round(parameters / 1e6, 1), round(multiply_adds / 1e3, 1)) == (10.2, 2.0)
    outputs = [row["output"] for name, row in rows.items() if name.startswith("blocks")]
    sides = [side for side, *_ in TABLE]
    assert [output.split(" × ")[1:] for output in outputs] == [[str(s)] * 2 for s in sides]
    assert (outputs[0], outputs[-1]) == ("256 × 28 × 28", "1024 × 7 × 7")


def test_the_small_trunk_has_half_of_the_blocks_on_maps_twice_as_large():
    model = models.DCN(width=0.25, features=256, trunk="bn_inception_small")
    rows = {row["layer"]: row["output"] for row in layers.rows(model, 64)}
    assert [name for name in rows if "blocks" in name] == [f"blocks.{n}" for n in SMALL]
    assert (rows["blocks.3a"][-7:], rows["blocks.5b"][-5:]) == ("16 × 16", "4 × 4")
    features, logits = model(torch.zeros(2, 3, 64, 64))
    assert (features.shape, logits.shape) == ((2, 256), (2, 24))


def conv_bn(x, layer, channels):
    """One branch of a joined convolution, from its share of the weights."""
    conv, norm = layer[0], layer[1]
    x = functional.conv2d(x, conv.weight[channels])
    values = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    return functional.batch_norm(x, *(value[channels] for value in values)).relu()


@pytest.mark.parametrize("name", ["3a", "3c", "5b"])
def test_block_is_four_branches_side_by_side(name):
    torch.manual_seed(0)
    block = models.Inception(24, models.BLOCKS[name], lambda channels: channels // 8).eval()
    x = torch.randn(2, 24, 8, 8)
    one, reduce, _, reduce2, *_, project, stride = [
        value // 8 if isinstance(value, int) and value > 2 else value
        for value in models.BLOCKS[name]
    ]
    second = block.three(conv_bn(x, block.entry, slice(one, one + reduce)))
    third = block.double3(conv_bn(x, block.entry, slice(one + reduce, one + reduce + reduce2)))
    if name == "3a":
        fourth = block.pool[1](functional.avg_pool2d(x, 3, 1, 1))
    else:
        pooled = functional.max_pool2d(x, 3, stride, 1)
        fourth = block.pool[1](pooled) if project else pooled
    first = [conv_bn(x, block.entry, slice(0, one))] if one else []
    torch.testing.assert_close(block(x), torch.cat([*first, second, third, fourth], 1))


@pytest.mark.parametrize(("width", "features", "size"), [(0.125, 64, 32), (0.25, 256, 48)])
def test_small_networks_give_the_features_asked_for(width, features, size):
    model = models.DCN(width, features).eval()
    x, logits = model(torch.randn(2, 3, size, size))
    assert x.shape == (2, features)
    assert model.heads.weight.shape == (24, features)
    torch.testing.assert_close(logits, x @ model.heads.weight.T + model.heads.bias)


@pytest.mark.parametrize("trunk", ["resnet18", "googlenet"])
def test_torchvision_networks_serve_as_trunk(trunk):
    model = models.DCN(features=32, trunk=trunk)
    x, logits = model(torch.randn(2, 3, 64, 64))
    assert (x.shape, logits.shape) == ((2, 32), (2, 24))


def test_unknown_trunk_is_an_error():
    with pytest.raises(ValueError, match=r"no network 'resnet19'.*bn_inception"):
        models.DCN(trunk="resnet19")


def relation(spatial=True):
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 6))
    model = models.RelationNet(trunk, spatial, features=6, shared=5)
    faces = torch.randn(2, 4, 3, 4, 4)
    return model, faces[0], faces[1], torch.randn(4, 11) * 3 + 1


def test_relation_logits_are_equation_15():
    model, left, right, cues = relation()
    logits = model(left, right, cues)
    hidden = torch.cat([model.trunk(left), model.trunk(right)], 1) @ model.projection.weight.T
    hidden = (hidden + model.projection.bias).relu()  # x_g
    standard = (cues - cues.mean(0)) / (cues.var(0, correction=0) + 1e-5).sqrt()  # x_s
    expected = torch.cat([standard, hidden], 1) @ model.heads.weight.T + model.heads.bias
    torch.testing.assert_close(logits, expected)


def test_both_faces_train_the_shared_trunk():
    model, left, right, cues = relation()
    full = []
    for faces in [(left, right), (left.detach() * 0, right), (left, right * 0)]:
        model.zero_grad()
        model(*faces, cues).sum().backward()
        full.append(model.trunk[1].weight.grad.clone())
    assert all(gradient.abs().sum() > 0 for gradient in full)
    assert sum(value.numel() for value in model.trunk.parameters()) == 6 * 48 + 6


def test_network_without_spatial_cues_ignores_them():
    model, left, right, cues = relation(spatial=False)
    assert torch.equal(model(left, right, cues), model(left, right, cues * 0))
    assert model.heads.in_features == 5


def test_benchmark_compares_with_the_same_network():
    torch.manual_seed(0)
    joined = models.DCN(0.125, 64)
    images = torch.randn(4, 3, 64, 64)
    expected = joined(images)
    apart = plain.published(joined)
    assert sum(isinstance(layer, nn.Conv2d) for layer in apart.modules()) == len(
        list(published_convolutions())
    )
    for a, b in zip(apart(images), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
