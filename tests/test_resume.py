"""A killed run ends as if nobody had touched it; a file that is not its own is refused."""

import os
import random
import signal
import time
import traceback

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from lib import models, training
from lib.experiments import plain_networks
from lib.params import TrainParams
from lib.training import checkpoints
from workflow import imports

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
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 36, 36), generator=chance).to(torch.uint8)
    return images, torch.randint(-1, 2, (count, 24), generator=chance).float()


def fit(path, model=None, train=RECIPE, **options):
    model = model or network()
    options = {"size": 32, "seed": 0, "every": 0.0} | options
    history = training.fit(model, *faces(), train=train, checkpoint=path, **options)
    return model, history


def child(path, result):
    """A forked process that trains, and leaves its final weights at `result`."""
    pid = os.fork()
    if pid == 0:
        try:
            torch.set_num_threads(1)  # a fork cannot use its parent's threads
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            model, history = fit(path)
            whole = model.state_dict() | {"loss": torch.tensor(history["loss"])}
            torch.save(whole, result)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def test_ten_kills_change_no_bit(tmp_path):
    """SIGKILL at ten random moments, each run going on where the one before was cut."""
    begin = time.monotonic()
    os.waitpid(child(tmp_path / "one.safetensors", tmp_path / "one.pt"), 0)
    seconds = time.monotonic() - begin
    path, result = tmp_path / "two.safetensors", tmp_path / "two.pt"
    moments, steps = random.Random(0), []
    for _ in range(10):
        pid = child(path, result)
        time.sleep(moments.uniform(0, seconds / 20))
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])  # it was alive until then
        steps.append(checkpoints.read(path)[1]["steps_done"] if path.exists() else 0)
    assert steps == sorted(steps)
    assert 0 < steps[-1] < 60 * 9  # some way, but not to the end
    os.waitpid(child(path, result), 0)
    expected, found = torch.load(tmp_path / "one.pt"), torch.load(result)
    assert list(expected) == list(found)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    left = sorted(file.name for file in tmp_path.glob(".*") if ".two." in file.name)
    assert left == []


def test_a_finished_run_returns_at_once_with_the_same(tmp_path):
    path, train = tmp_path / "run.safetensors", RECIPE.model_copy(update={"epochs": 2})
    one, first = fit(path, train=train)
    written = path.stat().st_mtime_ns
    two, second = fit(path, train=train)
    assert first.equals(second)
    assert path.stat().st_mtime_ns == written
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.fixture
def finished(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(path, train=RECIPE.model_copy(update={"epochs": 1}))
    return path


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_file_is_called_damaged(finished, share):
    whole = finished.read_bytes()
    finished.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"run\.safetensors is damaged.*delete it"):
        fit(finished)


def test_another_file_is_called_foreign(finished):
    checkpoints.safetensors.torch.save_file({"x": torch.zeros(2)}, finished)
    with pytest.raises(ValueError, match=r"run\.safetensors is not a training checkpoint"):
        fit(finished)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"train": RECIPE.model_copy(update={"epochs": 1, "rate": 0.01})},
            r"rate 0\.05 \(now 0\.01",
        ),
        ({"seed": 1}, r"seed 0 \(now 1\)"),
        ({"size": 34}, r"size 32 \(now 34\)"),
        ({"model": network(seed=1)}, r"initial weights"),
        (
            {"fabric": Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")},
            r"precision 32-true \(now bf16-mixed\)",
        ),
    ],
)
def test_another_run_is_refused_by_what_differs(finished, options, words):
    options = {"train": RECIPE.model_copy(update={"epochs": 1})} | options
    with pytest.raises(ValueError, match=rf"is of another run, {words}.*: delete it"):
        fit(finished, **options)


def test_a_run_of_another_torch_is_refused(finished, monkeypatch):
    monkeypatch.setattr(torch, "__version__", "9.0.0")
    with pytest.raises(ValueError, match=r"torch .* \(now 9\.0\.0\)"):
        fit(finished, train=RECIPE.model_copy(update={"epochs": 1}))


def test_every_run_has_a_file_of_its_own(tmp_path):
    model, other = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    recipe, data = TrainParams(epochs=1), torch.zeros(4, 2)
    here = checkpoints.place(tmp_path, "run", model, recipe, 8, 0, data)
    assert here == checkpoints.place(tmp_path, "run", model, recipe, 8, 0, data.clone())
    others = [
        checkpoints.place(tmp_path, "run", other, recipe, 8, 0, data),
        checkpoints.place(tmp_path, "run", model, TrainParams(epochs=2), 8, 0, data),
        checkpoints.place(tmp_path, "run", model, recipe, 16, 0, data),
        checkpoints.place(tmp_path, "run", model, recipe, 8, 1, data),
        checkpoints.place(tmp_path, "run", model, recipe, 8, 0, data + 1),
    ]
    assert len({here, *others}) == 6
    assert checkpoints.place(None, "run", model, recipe, 8, 0, data) is None


def test_a_change_of_code_behind_a_module_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "one.py").write_text("from lib import two\n")
    (tmp_path / "lib" / "two.py").write_text("import torch\n")
    (tmp_path / "lib" / "three.py").write_text("import torch\n")
    code = checkpoints.code.__wrapped__
    before = code("lib.one"), code("lib.three"), code("torch.nn")
    (tmp_path / "lib" / "two.py").write_text("import torch  # otherwise\n")
    after = code("lib.one"), code("lib.three"), code("torch.nn")
    assert before[0] != after[0]
    assert before[1:] == after[1:]
    monkeypatch.setattr(torch, "__version__", "9.0.0")
    assert code("lib.one") != after[0]


def test_the_code_of_a_network_is_that_of_all_its_parts(tmp_path, monkeypatch):
    """A plain network is a DCN whose trunk has a module of its own."""
    model, counted = models.DCN(features=16, trunk=plain_networks.PlainTrunk(0.125, 16)), []
    monkeypatch.setattr(checkpoints, "code", lambda *names: counted.extend(names))
    checkpoints.place(tmp_path, "run", model, RECIPE, 8, 0, torch.zeros(4, 2))
    assert {"lib.training", "lib.models.networks", "lib.experiments.plain_networks"} <= set(counted)


def test_data_of_no_rows_has_a_fingerprint():
    nothing = checkpoints.fingerprint(torch.zeros(0, 3, 8, 8))
    assert nothing != checkpoints.fingerprint(torch.zeros(1, 3, 8, 8))
