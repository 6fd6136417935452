"""The S-DCN's variants: what they start from, what they see, what their training minimises."""

import numpy as np
import pandas as pd
import pytest
import torch

from lib import params, training, vocabulary
from lib.data.faces import FaceSet, PairSet
from lib.evaluation import results
from lib.evaluation.judging import Judge
from lib.experiments import networks, relation
from lib.training import processes

SMALL = {
    "data.size": 32,
    "model": {"size": 32, "width": 0.125, "features": 16},
    "relation": {
        "shared": 8,
        "train": {"epochs": 1, "batch": 8, "rate": 0.01},
        "pretrain": {"epochs": 0, "batch": 8, "rate": 0.01},
    },
}
SETTINGS = params.load("smoke", SMALL)
UNTRAINED = params.load("smoke", {**SMALL, "relation.train.epochs": 0})


def some_pairs(count=24, seed=0):
    """Pairs of noise in couples of two; every trait holds for some and not for others."""
    generator = torch.Generator().manual_seed(seed)
    left, right = torch.randint(256, (2, count, 3, 32, 32), generator=generator).byte()
    labels = torch.randint(2, (count, 8), generator=generator).to(torch.int8)
    labels[:2] = torch.tensor([[0], [1]])
    table = pd.DataFrame({"key": [f"p{k}" for k in range(count)], "part": "web", "split": "train"})
    table["identity"] = [f"couple {k // 2:02d}" for k in range(count)]
    return PairSet(left, right, torch.rand(count, 11, generator=generator) + 0.5, labels, table)


def some_faces():
    """Six faces: two with gender alone, two with expressions alone, two with poses and gender."""
    labels = torch.full((6, 24), -1, dtype=torch.int8)
    labels[:2, vocabulary.columns(vocabulary.GROUPS["gender"])] = 1
    labels[2:4, vocabulary.columns(vocabulary.GROUPS["expression"])] = 0
    labels[4:, vocabulary.columns(vocabulary.POSES)] = 0
    labels[4:, vocabulary.column("gender")] = 0
    table = pd.DataFrame({"key": list("abcdef"), "identity": list("abcdef")})
    table = table.assign(source="aflw", split="train")
    images = torch.arange(6 * 3 * 32 * 32).reshape(6, 3, 32, 32).byte()
    return FaceSet(images, labels, table, visible=labels)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def source():
    return networks.dcn(SETTINGS, 7)


# Building -----------------------------------------------------------------------------------------


def test_swapping_the_faces_is_swapping_the_halves_of_the_projection(source):
    model = networks.siamese(SETTINGS, source, spatial=False, seed=0).eval()
    left, right = torch.randn(2, 5, 3, 32, 32)
    with torch.no_grad():
        swapped = model(right, left, None)
        model.projection.weight.copy_(model.projection.weight.roll(16, 1))
        torch.testing.assert_close(model(left, right, None), swapped, rtol=1e-4, atol=1e-5)


def test_a_network_is_built_on_a_copy(source):
    before = {name: value.clone() for name, value in source.state_dict().items()}
    model = networks.siamese(SETTINGS, source, seed=0)
    assert same(model.trunk, source.trunk)
    own = {value.data_ptr() for value in model.trunk.state_dict().values()}
    assert not own & {value.data_ptr() for value in source.trunk.state_dict().values()}
    relation.fit(model, some_pairs(), SETTINGS, seed=0)
    assert not same(model.trunk, source.trunk)
    assert all(torch.equal(value, before[name]) for name, value in source.state_dict().items())


@pytest.mark.parametrize("name", relation.NETWORKS)
def test_variants_start_where_section_6_2_says(name, source):
    model = relation.variant(name, some_faces(), some_pairs(), UNTRAINED, source, seed=3)
    begin = source if name in ("full", "no_spatial") else networks.dcn(SETTINGS, 3)
    assert same(model.trunk, begin.trunk)  # pre-training for 0 epochs changes nothing
    assert (model.standardise is None) == (name == "no_spatial")
    assert model.heads.in_features == (8 if name == "no_spatial" else 19)


@pytest.mark.parametrize("name", ["hog_svm", "expresion"])
def test_what_is_no_network_is_refused(name, source):
    with pytest.raises(ValueError, match=f"no network '{name}': use one of random, gender"):
        relation.variant(name, some_faces(), some_pairs(), SETTINGS, source, seed=0)


@pytest.mark.parametrize(("group", "rows"), [("gender", [0, 1, 4, 5]), ("expression", [2, 3])])
def test_pretraining_sees_one_group_only(group, rows, monkeypatch):
    seen = {}

    def note(model, images, labels, **options):
        seen.update(images=images, labels=labels)

    monkeypatch.setattr(training, "fit", note)
    faces = some_faces()
    relation.pretrain(faces, group, SETTINGS, seed=0)
    assert torch.equal(seen["images"], faces.images[rows])
    columns = vocabulary.columns(vocabulary.GROUPS[group])
    assert torch.equal(seen["labels"][:, columns], faces.labels[rows][:, columns])
    assert int((seen["labels"] >= 0).sum()) == len(rows) * len(columns)
    assert int((faces.labels >= 0).sum()) == 2 + 20 + 12  # the faces themselves are as they were


# Training -----------------------------------------------------------------------------------------


def test_a_group_that_nobody_labels_is_named():
    """As where CelebA is absent, which alone knows ages."""
    settings = params.load("smoke", {**SMALL, "relation.pretrain.epochs": 1})
    with pytest.raises(ValueError, match="DCN on age has nothing to learn from"):
        relation.pretrain(some_faces(), "age", settings, seed=0)


@pytest.mark.parametrize("task", ["fit", "pretrain", "predict"])
def test_without_an_engine_the_profile_chooses_it(source, task, monkeypatch):
    model, pairs = networks.siamese(SETTINGS, source, seed=0), some_pairs()
    asked, single = [], processes.single
    monkeypatch.setattr(processes, "single", lambda p=None: asked.append(p) or single(p))
    if task == "fit":
        relation.fit(model, pairs, SETTINGS, seed=0)
    elif task == "pretrain":
        relation.pretrain(some_faces(), "pose", SETTINGS, seed=0)
    else:
        relation.predict(model, pairs, SETTINGS)
    assert asked == [SETTINGS]


def test_the_decay_is_that_of_equation_17(source):
    """Gradient of Eqn. 17 as written, over 8 x pairs, against loss and decay as SGD has them."""
    pairs = some_pairs(6)
    model = networks.siamese(SETTINGS, source, seed=0).eval()
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
    decay = relation.recipe(SETTINGS, 6).weight_decay
    for found, value, wanted in zip(
        torch.autograd.grad(loss, weights), weights, expected, strict=True
    ):
        torch.testing.assert_close(found + decay * value, wanted, rtol=1e-3, atol=1e-6)


def test_a_decay_may_be_given():
    chosen = params.load("smoke", {"relation.decay": 0.25})
    assert relation.recipe(chosen, 100).weight_decay == 0.25


def test_a_finished_run_is_not_repeated_and_another_recipe_begins_anew(source, tmp_path):
    pairs, options = some_pairs(), {"seed": 0, "folder": tmp_path}
    one, two, other = (networks.siamese(SETTINGS, source, seed=0) for _ in range(3))
    relation.fit(one, pairs, SETTINGS, **options)
    (path,) = tmp_path.glob("full-*.safetensors")
    written = path.stat().st_mtime_ns
    relation.fit(two, pairs, SETTINGS, **options)
    assert same(one, two)
    assert path.stat().st_mtime_ns == written
    faster = params.load("smoke", {**SMALL, "relation.train.rate": 0.02})
    relation.fit(other, pairs, faster, **options)
    assert not same(one, other)
    assert len(list(tmp_path.glob("full-*.safetensors"))) == 2


# Judging ------------------------------------------------------------------------------------------


def striped(where: torch.Tensor) -> torch.Tensor:
    """Faces of upright stripes where true, of level ones elsewhere: (N, 3, 32, 32) uint8."""
    wave = (torch.arange(32) // 4 % 2 * 200).byte().expand(32, 32)
    return torch.where(where[:, None, None, None], wave, wave.T).expand(-1, 3, -1, -1)


def test_hog_reads_both_faces():
    """The first trait is the left face's stripes, the second the right face's."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(40, 2, generator=generator) < 0.5
    pairs = some_pairs(40)
    labels = pairs.labels.clone()
    labels[:, :2] = truth.to(torch.int8)
    noise = torch.randint(40, (2, 40, 3, 32, 32), generator=generator).byte()
    left, right = (striped(truth[:, k]) + noise[k] for k in (0, 1))
    pairs = PairSet(left, right, pairs.cues, labels, pairs.table)
    scores = relation.hog_scores(pairs.select(range(30)), pairs.select(range(30, 40)), seed=0)
    assert scores.shape == (10, 8)
    assert torch.equal(scores[:, :2] > 0, truth[30:])


def test_couples_are_drawn_together():
    train, test = some_pairs(), some_pairs(40, seed=1)
    scores = torch.rand(40, 8, generator=torch.Generator().manual_seed(2))
    judge = relation.judge(train, test, 50)
    assert judge.names == tuple(vocabulary.TRAITS)
    expected = (train.labels == 1).float().mean(0)
    assert np.allclose(judge.frequency, expected)
    by_hand = Judge(test.labels, judge.frequency, 50, 0, judge.names, np.arange(40) // 2)
    assert judge.number(scores) == by_hand.number(scores)


def test_differences_are_of_averages():
    test = some_pairs(40, seed=1)
    judge = relation.judge(some_pairs(), test, 20)
    generator = torch.Generator().manual_seed(2)
    scores = {name: torch.rand(40, 8, generator=generator) for name in relation.VARIANTS}
    means, gaps = relation.averages(judge, scores), relation.differences(judge, scores)
    for kind in relation.JUDGEMENTS:
        mean = results.wide(results.select(means, metric=kind))["average"]
        gap = results.bounds(results.select(gaps, metric=kind))
        pose, gender, full, hog = (
            relation.VARIANTS[n] for n in ("pose", "gender", "full", "hog_svm")
        )
        assert gap.loc[f"{pose} - {gender}", "value"] == pytest.approx(mean[pose] - mean[gender])
        expected = judge.difference(scores["full"], scores["hog_svm"], kind)
        assert gap.loc[f"{full} - {hog}"].to_dict() == expected
    traits = results.wide(relation.per_trait(judge, scores)).mean(axis=1)
    average = results.wide(results.select(means, metric=relation.JUDGEMENTS[0]))["average"]
    assert traits.to_dict() == pytest.approx(average.to_dict())
    assert relation.evidence(test) is None
