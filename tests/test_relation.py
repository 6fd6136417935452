"""The S-DCN's variants: what they start from, what they see, what their training minimises."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from lib import params, training, vocabulary
from lib.evaluation.judging import Judge
from lib.experiments import networks, relation
from lib.training import processes
from tests.small import faces_of, labels_of, pairs_of, same

RECIPE = {"batch": 8, "rate": 0.01}
SMALL = {
    "data.size": 32,
    "model": {"size": 32, "width": 0.125, "features": 16},
    "relation.shared": 8,
    **{f"relation.train.{name}": value for name, value in (RECIPE | {"epochs": 1}).items()},
    **{f"relation.pretrain.{name}": value for name, value in (RECIPE | {"epochs": 0}).items()},
}
PARAMS = params.load("smoke", SMALL)


def some_pairs(count=24, seed=0):
    """Pairs of noise in couples of two; every trait holds for some and not for others."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (2, count, 3, 32, 32), generator=generator).byte()
    labels = torch.randint(2, (count, 8), generator=generator)
    labels[:2] = torch.tensor([[0], [1]])
    cues = torch.rand(count, 11, generator=generator) + 0.5
    couples = [f"couple {k // 2:02d}" for k in range(count)]
    return pairs_of(labels, images, cues, split="train", identity=couples)


def some_faces():
    """Six faces: two with gender alone, two with expressions alone, two with poses and gender.

    Another gender label is held out.
    """
    expressions = dict.fromkeys(vocabulary.GROUPS["expression"], (-1, -1, 0, 0, -1, -1))
    poses = dict.fromkeys(vocabulary.POSES, (-1, -1, -1, -1, 0, 0))
    visible = labels_of(gender=[1, 1, -1, -1, 0, 0], **expressions, **poses)
    labels = visible.clone()
    labels[3, vocabulary.column("gender")] = 1
    images = torch.arange(6 * 3 * 32 * 32).reshape(6, 3, 32, 32).byte()
    return faces_of(labels, images, visible=visible, source="aflw")


@pytest.fixture(scope="module")
def source():
    return networks.dcn(PARAMS, 7)


# Building -----------------------------------------------------------------------------------------


def test_swapping_the_faces_equals_swapping_the_halves_of_the_projection(source):
    model = networks.siamese(PARAMS, source, spatial=False).eval()
    left, right = torch.randn(2, 5, 3, 32, 32)
    with torch.no_grad():
        swapped = model(right, left, None)
        model.projection.weight.copy_(model.projection.weight.roll(16, 1))
        torch.testing.assert_close(model(left, right, None), swapped, rtol=1e-4, atol=1e-5)


def test_training_a_network_does_not_change_the_dcn_it_was_built_from(source):
    before, model = copy.deepcopy(source), networks.siamese(PARAMS, source)
    assert same(model.trunk, source.trunk)
    relation.fit(model, some_pairs(), PARAMS)
    assert not same(model.trunk, source.trunk)
    assert same(source, before)


@pytest.mark.parametrize("name", relation.NETWORKS)
def test_variants_start_as_section_6_2_says(name, source):
    untrained = params.load("smoke", {**SMALL, "seed": 3, "relation.train.epochs": 0})
    model = relation.variant(name, some_faces(), some_pairs(), untrained, source)
    begin = source if name in ("full", "no_spatial") else networks.dcn(untrained)
    assert same(model.trunk, begin.trunk)  # pre-training for 0 epochs changes nothing
    assert (model.standardise is None) == (name == "no_spatial")
    assert model.heads.in_features == (8 if name == "no_spatial" else 19)


@pytest.mark.parametrize("name", ["hog_svm", "expresion"])
def test_an_unknown_network_is_refused(name, source):
    with pytest.raises(ValueError, match=f"no network '{name}': use one of random, gender"):
        relation.variant(name, some_faces(), some_pairs(), PARAMS, source)


@pytest.mark.parametrize(("group", "rows"), [("gender", [0, 1, 4, 5]), ("expression", [2, 3])])
def test_pretraining_sees_the_visible_labels_of_one_group_only(group, rows, monkeypatch):
    seen = {}

    def note(model, images, labels, **options):
        seen.update(images=images, labels=labels)

    monkeypatch.setattr(training, "fit", note)
    faces = some_faces()
    before = faces.visible.clone()
    relation.pretrain(faces, group, PARAMS)
    assert torch.equal(seen["images"], faces.images[rows])
    columns = vocabulary.columns(vocabulary.GROUPS[group])
    assert torch.equal(seen["labels"][:, columns], faces.visible[rows][:, columns])
    assert int((seen["labels"] >= 0).sum()) == len(rows) * len(columns)
    assert torch.equal(faces.visible, before)


# Training -----------------------------------------------------------------------------------------


def test_pretraining_on_a_group_without_labels_is_refused():
    """As where CelebA is absent, the only source with ages."""
    learning = params.load("smoke", {**SMALL, "relation.pretrain.epochs": 1})
    with pytest.raises(ValueError, match=r"DCN on age .*has nothing to learn from"):
        relation.pretrain(some_faces(), "age", learning)


@pytest.mark.parametrize("task", ["fit", "pretrain", "predict"])
def test_without_a_fabric_the_profile_chooses_the_device(source, task, monkeypatch):
    model, pairs = networks.siamese(PARAMS, source), some_pairs()
    asked, single = [], processes.single
    monkeypatch.setattr(processes, "single", lambda p=None: asked.append(p) or single(p))
    if task == "pretrain":
        relation.pretrain(some_faces(), "pose", PARAMS)
    else:
        getattr(relation, task)(model, pairs, PARAMS)
    assert asked == [PARAMS]


def test_the_decay_is_that_of_equation_17(source):
    """Gradient of Eqn. 17 as written, over 8 x pairs, against loss and decay as SGD has them."""
    pairs = some_pairs(6)
    model = networks.siamese(PARAMS, source).eval()
    faces = [training.prepare(side, 32) for side in (pairs.left, pairs.right)]
    weights = [value for value in model.parameters() if value.ndim > 1]

    def literal():
        chance = torch.sigmoid(model(*faces, pairs.cues))
        total = 0.0
        for g, p in zip(pairs.labels.double(), chance.double(), strict=True):
            for i in range(8):
                total = total - (1 - g[i]) * torch.log(1 - p[i]) - g[i] * torch.log(p[i])
        return total + sum((value.double() ** 2).sum() for value in weights)

    expected = torch.autograd.grad(literal() / (8 * 6), weights)
    loss = training.masked_loss(model(*faces, pairs.cues), pairs.labels)
    decay = relation.recipe(PARAMS, 6).weight_decay
    found = torch.autograd.grad(loss, weights)
    total = [part + decay * value for part, value in zip(found, weights, strict=True)]
    torch.testing.assert_close(total, list(expected), rtol=1e-3, atol=1e-6)
    chosen = params.load("smoke", {"relation.decay": 0.25})
    assert relation.recipe(chosen, 100).weight_decay == 0.25


def test_a_finished_run_is_loaded_and_another_rate_trains_anew(source, tmp_path):
    pairs = some_pairs()
    one, two, other = (networks.siamese(PARAMS, source) for _ in range(3))
    relation.fit(one, pairs, PARAMS, folder=tmp_path)
    (path,) = tmp_path.glob("full-*.safetensors")
    written = path.stat().st_mtime_ns
    relation.fit(two, pairs, PARAMS, folder=tmp_path)
    assert same(one, two)
    assert path.stat().st_mtime_ns == written
    faster = params.load("smoke", {**SMALL, "relation.train.rate": 0.02})
    relation.fit(other, pairs, faster, folder=tmp_path)
    assert not same(one, other)
    assert len(list(tmp_path.glob("full-*.safetensors"))) == 2


# Measuring ----------------------------------------------------------------------------------------


def striped(where: torch.Tensor) -> torch.Tensor:
    """Faces of upright stripes where true, of level ones elsewhere: (N, 3, 32, 32) uint8."""
    wave = (torch.arange(32) // 4 % 2 * 200).byte().expand(32, 32)
    return torch.where(where[:, None, None, None], wave, wave.T).expand(-1, 3, -1, -1)


def test_hog_svm_uses_both_faces():
    """The first trait is the left face's stripes, the second the right face's."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(40, 2, generator=generator) < 0.5
    labels = some_pairs(40).labels
    labels[:, :2] = truth.to(torch.int8)
    noise = torch.randint(40, (2, 40, 3, 32, 32), generator=generator).byte()
    pairs = pairs_of(labels, torch.stack([striped(truth[:, k]) for k in (0, 1)]) + noise)
    scores = relation.hog_scores(pairs.select(range(30)), pairs.select(range(30, 40)), seed=0)
    assert scores.shape == (10, 8)
    assert torch.equal(scores[:, :2] > 0, truth[30:])


def test_intervals_are_over_couples_and_frequencies_are_those_of_training():
    train, test = some_pairs(), some_pairs(40, seed=1)
    scores = {"a": torch.rand(40, 8, generator=torch.Generator().manual_seed(2))}
    judge = relation.judge(train, test, params.load("smoke", {"evaluation.bootstrap": 50}))
    frequency = (train.labels == 1).float().mean(0).numpy()
    expected = Judge(test.labels, frequency, 50, 0, tuple(vocabulary.TRAITS), np.arange(40) // 2)
    assert np.allclose(judge.frequency, frequency)
    pd.testing.assert_frame_equal(judge.rows(scores), expected.rows(scores))


def test_comparisons_name_two_methods_of_table_11():
    for label, pair in relation.COMPARISONS.items():
        assert len(set(pair) & set(relation.VARIANTS.values())) == 2, label
    assert relation.COMPARISONS["no spatial cue minus HOG+SVM"] == (
        "S-DCN without spatial cue",
        "HOG+SVM",
    )
