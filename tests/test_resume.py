"""A killed run ends as if it had not been killed; a state of another run is not continued."""

import os
import random
import signal
import time

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from lib import models, training
from lib.params import TrainParams
from lib.training import checkpoints
from lib.workspace import provenance
from tests.small import forked, noise, same

RECIPE = TrainParams(
    epochs=60, batch=16, rate=0.05, schedule="cosine", warmup=0.1, average=0.9, weight_decay=1e-4
)
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def network(seed=0):
    """A tiny DCN with every part that has a memory: batch statistics, dropout."""
    torch.manual_seed(seed)
    trunk = nn.Sequential(
        models.ConvBN(3, 8, 3, 2), models.Inception(8, models.BLOCKS["3c"], lambda c: c // 8)
    )
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2))
    return models.DCN(features=40, trunk=nn.Sequential(trunk, head))


def faces(count=150):
    return noise(count, 3, 36, 36), noise(count, 24, high=3).float() - 1


def recipe(**changes):
    return RECIPE.model_copy(update=changes)


def fit(place, model=None, train=RECIPE, **options):
    model = model or network()
    options = {"size": 32, "seed": 0, "every": 0.0} | options
    history = training.fit(model, *faces(), train=train, checkpoint=place, **options)
    return model, history


def state(place):
    """The file of the one run that has been kept at a place; None if there is none yet."""
    found = list(place.parent.glob(f"{place.name}-*.safetensors"))
    assert len(found) <= 1
    return found[0] if found else None


def child(place, result):
    """A forked process that trains, and leaves its final weights at `result`."""

    def work():
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        model, history = fit(place)
        torch.save(model.state_dict() | {"loss": torch.tensor(history["loss"])}, result)

    return forked(work)


def test_ten_kills_change_no_bit(tmp_path):
    """SIGKILL at ten random moments; each run continues where the one before was killed."""
    begin = time.monotonic()
    os.waitpid(child(tmp_path / "one", tmp_path / "one.pt"), 0)
    seconds = time.monotonic() - begin
    place, result = tmp_path / "two", tmp_path / "two.pt"
    moments, steps = random.Random(0), []
    for _ in range(10):
        pid = child(place, result)
        time.sleep(moments.uniform(0, seconds / 20))
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])  # it was alive until then
        steps.append(checkpoints.read(state(place))[1]["steps_done"] if state(place) else 0)
    assert steps == sorted(steps)
    assert 0 < steps[-1] < 60 * 9  # some way, but not to the end
    os.waitpid(child(place, result), 0)
    expected, found = torch.load(tmp_path / "one.pt"), torch.load(result)
    assert list(expected) == list(found)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    left = sorted(file.name for file in tmp_path.glob(".*") if ".two-" in file.name)
    assert left == []


def test_finished_run_returns_at_once_with_the_same(tmp_path):
    place = tmp_path / "run"
    one, first = fit(place, train=recipe(epochs=2))
    written = state(place).stat().st_mtime_ns
    two, second = fit(place, train=recipe(epochs=2))
    assert first.equals(second)
    assert state(place).stat().st_mtime_ns == written
    assert same(one, two)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_cut_file_is_called_damaged(tmp_path, share):
    fit(tmp_path / "run", train=recipe(epochs=1))
    path = state(tmp_path / "run")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"run-.*\.safetensors is damaged.*delete it"):
        fit(tmp_path / "run", train=recipe(epochs=1))


def test_other_safetensors_file_is_no_training_state(tmp_path):
    checkpoints.safetensors.torch.save_file({"x": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"x\.safetensors is not a training state"):
        checkpoints.read(tmp_path / "x.safetensors")


# Which state belongs to a run ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"train": recipe(epochs=1, rate=0.01)},
        {"seed": 1},
        {"size": 34},
        {"model": network(seed=1)},
        {"fabric": Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")},
    ],
    ids=["recipe", "seed", "size", "weights", "precision"],
)
def test_run_made_otherwise_has_a_state_of_its_own(tmp_path, options):
    fit(tmp_path / "run", train=recipe(epochs=1))
    fit(tmp_path / "run", **({"train": recipe(epochs=1)} | options))
    assert len(list(tmp_path.glob("run-*.safetensors"))) == 2


def named(images, model=None):
    model = model or torch.nn.Linear(2, 3)
    return checkpoints.named(provenance.ROOT / "run", model, [images], {}).name


@pytest.mark.parametrize("row", [1, 50, 199])
def test_change_of_any_face_is_another_run(row):
    """Also of a face between 64 that are evenly spaced."""
    model, images = torch.nn.Linear(2, 3), torch.zeros(200, 3, 8, 8, dtype=torch.uint8)
    before = named(images, model)
    assert named(images.clone(), model) == before
    images[row, 0, 0, 0] = 1  # in place: a stored hash must not be used again
    assert named(images, model) != before
    assert named(torch.cat([images] * 2), model) != before


def test_unchanged_array_is_hashed_once(monkeypatch):
    counted, content_hash = [], provenance.content_hash
    monkeypatch.setattr(provenance, "content_hash", lambda x: counted.append(x) or content_hash(x))
    images, model = torch.zeros(200, 3, 8, 8, dtype=torch.uint8), torch.nn.Linear(2, 3)
    assert len({named(images, model) for _ in range(10)}) == 1
    assert sum(x is images for x in counted) == 1


def test_network_of_other_structure_is_another_run():
    images, linear = torch.zeros(4, 2), nn.Linear(2, 3)
    one, other = (nn.Sequential(linear, layer) for layer in (nn.ReLU(), nn.Tanh()))
    assert named(images, one) != named(images, other)


def test_change_of_code_or_torch_is_another_run(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(checkpoints, "source", checkpoints.source.__wrapped__)
    for name in ("models/one.py", "training/two.py", "vocabulary.py", "figures/three.py"):
        (tmp_path / "lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lib" / name).write_text("import torch\n")
    model, images = torch.nn.Linear(2, 3), torch.zeros(4, 2)
    found = [named(images, model)]
    for name in ("models/one.py", "training/two.py", "vocabulary.py"):
        (tmp_path / "lib" / name).write_text("import torch  # changed\n")
        found.append(named(images, model))
    (tmp_path / "lib" / "figures" / "three.py").write_text("import torch  # changed\n")
    assert named(images, model) == found[-1]
    monkeypatch.setattr(torch, "__version__", "9.0.0")
    assert len({*found, named(images, model)}) == 5
