"""The masked loss, the training loop, prediction, and two processes against one."""

import math
import os
import socket
from types import SimpleNamespace

import pytest
import torch
from lightning_fabric import Fabric, connector
from torch import nn

from lib import models, params, training
from lib.evaluation import metrics
from lib.params import TrainParams
from lib.training import checkpoints, loop, processes
from tests.small import forked, noise, pairs_of, same

RECIPE = TrainParams(epochs=2, batch=16, rate=0.05, schedule="cosine", warmup=0.1)


def network(features=16, seed=0):
    """A tiny DCN, the same for the same seed."""
    torch.manual_seed(seed)
    trunk = nn.Sequential(
        models.ConvBN(3, 8, 3, 2),
        models.ConvBN(8, features, 3, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return models.DCN(features=features, trunk=trunk)


def bright_faces(count=96, stored=18):
    """Noise whose brightness decides on every label; some labels are missing."""
    chance = torch.Generator().manual_seed(1)
    level = torch.randint(40, 200, (count, 1, 1, 1), generator=chance).byte()
    labels = (level[:, :, 0, 0] > 120).float().expand(-1, 24).clone()
    labels[torch.rand(count, 24, generator=chance) < 0.5] = -1
    return level + noise(count, 3, stored, stored, high=50), labels


def fit(model, images, targets, train=RECIPE, **options):
    return training.fit(model, images, targets, train=train, **{"size": 16, "seed": 3} | options)


def recipe(**changes):
    return RECIPE.model_copy(update=changes)


@pytest.mark.parametrize(("steps", "taken"), [(0, 4), (3, 3), (9, 4)])
def test_an_epoch_ends_after_a_number_of_steps(monkeypatch, steps, taken):
    images, targets = bright_faces(64)
    step, count = loop.Run._step, []
    monkeypatch.setattr(loop.Run, "_step", lambda *given: count.append(1) or step(*given))
    history = fit(network(), images, targets, recipe(steps=steps))
    assert len(history) == 2 and len(count) == 2 * taken


# The loss ----------------------------------------------------------------------------------------


def test_loss_is_the_mean_over_present_labels():
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 3, generator=chance, dtype=torch.float64)
    targets = torch.tensor([[1, 0, -1], [-1, -1, -1], [0.3, -1, 1], [1, 1, 0], [-1, 0.9, -1]])
    weights = torch.rand(5, 3, generator=chance)
    total, present = 0.0, 0.0
    for row in range(5):
        for column in range(3):
            y, z, w = (float(t[row, column]) for t in (targets, logits, weights))
            if y >= 0:
                p = 1 / (1 + math.exp(-z))
                total -= w * (y * math.log(p) + (1 - y) * math.log(1 - p))
                present += w
    loss = training.masked_loss(logits, targets, weights)
    assert float(loss) == pytest.approx(total / present, rel=1e-6)


@pytest.mark.parametrize("rows", [slice(1, 2), slice(0, 4)], ids=["alone", "mixed"])
@pytest.mark.parametrize("value", [0.5, math.nan, math.inf, -math.inf])
def test_missing_label_has_zero_gradient_whatever_its_logit(rows, value):
    targets = torch.tensor([[1.0, 0, -1], [-1, -1, -1], [0, -1, 1], [1, 1, 0]])[rows]
    plain = torch.randn(len(targets), 3) * 2
    logits = plain.masked_fill(targets < 0, value).requires_grad_()
    loss = training.masked_loss(logits, targets)
    loss.backward()
    assert torch.equal(loss, training.masked_loss(plain, targets))
    assert (logits.grad[targets < 0] == 0).all()
    assert (logits.grad[targets >= 0] != 0).all()


def test_frequency_logits_give_the_entropy_of_the_labels():
    labels = torch.tensor([[1, 0, -1], [0, 0, -1], [1, -1, -1], [1, 0, -1]])
    logits = training.frequency_logits(labels)
    share = metrics.class_frequency(labels)
    assert logits.sigmoid()[0].tolist() == pytest.approx([share[0], 1e-4, 0.5])


def test_head_without_labels_is_unchanged():
    images, targets = bright_faces()
    targets[:, 5] = -1
    model, before = network(), network().heads
    fit(model, images, targets, recipe(mirror=False))
    changed = (model.heads.weight != before.weight).any(1)
    assert not changed[5]
    assert model.heads.bias[5] == 0
    assert changed.sum() == 23


# A run -------------------------------------------------------------------------------------------


def test_training_learns_labels_from_pixels():
    images, targets = bright_faces()
    model = network()
    history = fit(model, images, targets, recipe(epochs=20, rate=0.2))
    _, logits = training.extract(model, images, size=16)
    right = ((logits > 0) == (targets > 0))[targets >= 0].float().mean()
    assert right > 0.95
    assert history["loss"].iloc[-1] < 0.5 * history["loss"].iloc[0]
    assert list(history["epoch"]) == list(range(1, 21))


def test_same_seed_gives_the_same_weights():
    one, two, other = network(), network(), network()
    for model, seed in ((one, 3), (two, 3), (other, 4)):
        fit(model, *bright_faces(), seed=seed)
    assert same(one, two)
    assert not same(one, other)


def test_weight_zero_is_the_same_as_missing():
    images, targets = bright_faces()
    one, two = network(), network()
    fit(one, images, targets)
    fit(two, images, targets.clamp(min=0), weights=(targets >= 0).float())
    assert same(one, two)


def test_one_step_is_plain_sgd():
    images, targets = bright_faces(16)
    model, twin = network(), network()
    train = TrainParams(epochs=1, batch=16, rate=0.1, translate=0.0, mirror=False, weight_decay=0.5)
    fit(model, images, targets, train)
    loss = training.masked_loss(twin(training.prepare(images, 16))[1], targets)
    loss.backward()
    for value, old in zip(model.parameters(), twin.parameters(), strict=True):
        decay = 0.5 * old if old.ndim > 1 else 0  # filters and matrices, Eqn. 17
        torch.testing.assert_close(value, old - 0.1 * (old.grad + decay), rtol=1e-4, atol=1e-6)


def test_rate_rises_then_falls_to_zero():
    train = TrainParams(epochs=10, rate=0.2, schedule="cosine", warmup=0.1)
    run = loop.Run(None, None, train, 0, None, None, 1, False, "")
    run.steps = 10
    rates = [run.rate(step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * (k + 1) / 10 for k in range(10)])
    cosine = [0.1 * (1 + math.cos(math.pi * k / 90)) for k in range(90)]
    assert rates[10:] == pytest.approx(cosine)


def test_a_network_prints_one_line(capsys):
    first, last = fit(network(), *bright_faces(), description="DCN")["loss"]
    line = capsys.readouterr().out
    assert line.startswith(f"DCN: epochs 2, loss {first:.4f} → {last:.4f}, ")
    assert line.count("\n") == 1


def test_finished_run_has_the_running_average_of_weights():
    model = network()
    state = checkpoints.State(model, torch.optim.SGD(model.parameters()), 0.5, torch.zeros(1))
    expected, weight = model.heads.weight.detach().clone(), model.heads.weight
    statistics = model.trunk[0][1].running_mean
    for step in range(1, 20):
        with torch.no_grad():
            weight += step
            statistics += 1
        state.done = step
        state.average()
        decay = min(0.5, (1 + step) / (10 + step))  # at first, faster
        expected = decay * expected + (1 - decay) * weight.detach()
    state.finish()
    torch.testing.assert_close(model.heads.weight.detach(), expected)
    assert 17 < float(statistics[0]) < 19  # batch statistics are averaged with the weights


# Errors ------------------------------------------------------------------------------------------


def test_diverging_run_names_the_step_and_keeps_good_weights(tmp_path):
    images, targets = bright_faces()
    model, calls = network(), iter(range(100))

    def poison(layer, inputs, output):
        return output * float("nan") if next(calls) == 8 else None  # epoch 2 of 6 steps, step 3

    model.heads.register_forward_hook(poison)
    train = recipe(schedule="constant", warmup=0.0)
    words = r"smoke diverged: the loss is nan in epoch 2, step 3, at learning rate 0\.05"
    with pytest.raises(ValueError, match=words):
        fit(model, images, targets, train, checkpoint=tmp_path / "run", description="smoke")
    one, kept = network(), network()  # the last good weights are those after the first epoch
    fit(one, images, targets, recipe(schedule="constant", warmup=0.0, epochs=1))
    (path,) = tmp_path.glob("run-*.safetensors")
    kept.load_state_dict(checkpoints.part(checkpoints.read(path)[0], "model."))
    assert same(model, one) and same(kept, one)


def test_much_too_high_rate_is_an_error():
    model = network()
    with pytest.raises(ValueError, match=r"diverged.*epoch 1.*Lower `rate`"):
        fit(model, *bright_faces(), recipe(rate=1e30, warmup=0.0))
    assert same(model, network())


@pytest.mark.parametrize(
    ("count", "columns", "target", "train", "words"),
    [
        (8, 24, 2.0, RECIPE, r"row 3, happy: target 2\.0 must be in \[0, 1\]"),
        (8, 7, 1.0, RECIPE, r"\(8, 7\) for 24 attributes"),
        (0, 24, 1.0, RECIPE, r"DCN on age has nothing to learn from .*`make data`"),
        (1, 24, 1.0, RECIPE, r"DCN on age has 1 samples.*needs at least 2"),
        (8, 24, 1.0, recipe(batch=1), r"8 samples in batches of 1.*needs at least 2"),
    ],
)
def test_data_that_cannot_be_trained_on_is_refused(count, columns, target, train, words):
    images, targets = bright_faces(8)
    targets[3, 9] = target
    with pytest.raises(ValueError, match=words):
        fit(network(), images[:count], targets[:count, :columns], train, description="DCN on age")


def test_every_batch_is_whole():
    """33 faces in batches of 16: two steps, and no last batch of one."""
    images, targets = bright_faces(33)
    model, seen = network(), []
    model.register_forward_hook(lambda layer, inputs, output: seen.append(len(inputs[0])))
    fit(model, images, targets)
    assert seen == [16] * 4


# Devices and processes ---------------------------------------------------------------------------


@pytest.mark.parametrize("slurm", [{}, {"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}])
def test_several_processes_need_a_launcher(monkeypatch, slurm):
    """Also where SLURM has started one task alone, as under `srun --pty`."""
    for name in ("RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)
    words = r"asks for 6 processes.*`torchrun --nnodes 3 --nproc-per-node 2 .*-p profile smoke"
    with pytest.raises(ValueError, match=words):
        training.start(params.load("smoke", {"devices": 2, "nodes": 3}))


def engine(**wanted):
    """In the place of Fabric: what it was asked for, and a launcher that started one process."""
    return SimpleNamespace(world_size=1, wanted=wanted, launch=lambda: None)


def test_launcher_that_started_too_few_processes_is_an_error(monkeypatch):
    monkeypatch.setattr(processes, "Fabric", engine)
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ValueError, match=r"devices: 2 times nodes: 3 asks for 6 .* started 1"):
        training.start(params.load("smoke", {"device": "cpu", "devices": 2, "nodes": 3}))


def test_single_process_has_device_and_precision_of_the_profile(monkeypatch):
    monkeypatch.setattr(processes, "Fabric", engine)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    profile = {"precision": "bf16-mixed", "devices": 2, "nodes": 2, "device": "cuda"}
    for device, asked in (("cuda", ("gpu", "bf16-mixed")), ("cpu", ("cpu", "32-true"))):
        wanted = processes.single(params.load("smoke", profile | {"device": device})).wanted
        assert (wanted["devices"], wanted["num_nodes"], wanted["strategy"]) == (1, 1, "auto")
        assert (wanted["accelerator"], wanted["precision"]) == asked


def launched(rank, port, work, result):
    """Start one of two processes as torchrun does, under a notebook; keep the tensors of `work`."""

    def start():
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK")
        os.environ |= dict(zip(names, map(str, (rank, rank, 2, 2, 0)), strict=True))
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        os.environ |= {"TORCHELASTIC_RUN_ID": "test"}
        connector._IS_INTERACTIVE = True
        two = params.load("smoke", {"device": "cpu", "devices": 2})
        torch.save(work(training.start(two)), result)

    return forked(start)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_two_processes_train_and_predict_as_one(tmp_path):
    """Each with 8 faces a step, against one with 16; labels are missing unevenly."""
    images, targets = bright_faces(64)
    targets[::3] = -1
    targets[:, 5] = -1

    def work(fabric):
        model = network()
        history = fit(model, images, targets, recipe(mirror=False, epochs=3), fabric=fabric)
        outputs = training.extract(model, images[:7], size=16, fabric=fabric)
        few = training.extract(model, images[:1], size=16, fabric=fabric)  # no row for one of two
        named = dict(zip(("features", "logits", "one", "one's"), (*outputs, *few), strict=True))
        return model.state_dict() | named | {"loss": torch.tensor(history["loss"])}

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    files = [tmp_path / f"{rank}.pt" for rank in range(2)]
    children = [launched(rank, port, work, file) for rank, file in enumerate(files)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    expected = work(None)
    for found in map(torch.load, files):  # every process ends with the same
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(found["loss"], expected["loss"], rtol=1e-5, atol=0)
        assert torch.equal(found["heads.weight"][5], network().heads.weight[5])  # never labelled


# Prediction --------------------------------------------------------------------------------------


def test_extraction_is_the_network_in_evaluation():
    images, targets = bright_faces(21)
    model = network()
    fit(model, images, targets)
    found = training.extract(model, images, size=16, batch=8)
    model.eval()
    with torch.no_grad():
        single = [model(training.prepare(image[None], 16)) for image in images]
    expected = tuple(torch.cat(parts) for parts in zip(*single, strict=True))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert not found[1].requires_grad


def test_logits_are_those_of_the_features_in_any_precision():
    """Mixed precision concerns the trunk alone."""
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    model, (images, _) = network(), bright_faces(21)
    nn.init.normal_(model.heads.weight)
    features, logits = training.extract(model, images, size=16, fabric=fabric)
    exact, _ = training.extract(model, images, size=16)
    assert (features != exact).any()  # the trunk did compute in bfloat16
    torch.testing.assert_close(logits, model.heads(features).detach())


def test_relation_network_learns_and_predicts_pairs():
    """The traits say whether the two faces together are bright."""
    left, right = bright_faces(48)[0], bright_faces(48)[0].flip(0)
    cues = torch.rand(48, 11, generator=torch.Generator().manual_seed(2)) + 0.1
    bright = (left.float().mean((1, 2, 3)) + right.float().mean((1, 2, 3))) > 290
    labels = bright[:, None].expand(-1, 8).to(torch.int8).clone()
    labels[::5, 3] = -1
    data = pairs_of(labels, torch.stack([left, right]), cues)
    model = models.RelationNet(network().trunk, features=16, shared=8)
    train = recipe(epochs=40, rate=0.1)
    history = training.fit_pairs(model, data, train=train, size=16, seed=0)
    logits = training.predict_pairs(model, data, size=16)
    assert logits.shape == (48, 8)
    assert ((logits > 0) == (data.labels > 0))[data.labels >= 0].float().mean() > 0.9
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
