"""Small sets, networks and parameters that several test files share."""

import os
import threading
import traceback
from collections.abc import Callable, Sequence

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from lib.data.faces import FaceSet, PairSet
from lib.params import DataParams, ModelParams, Params, TrainParams
from lib.vocabulary import ATTRIBUTES, column

REFINE = TrainParams(epochs=1, batch=20, rate=0.01)


def settings(**sections) -> Params:
    """The smallest DCN that there is, on crops of 34 px; sections of the parameters."""
    model = ModelParams(size=32, width=0.0625, features=16)
    return Params(profile="smoke", device="cpu", data=DataParams(size=34), model=model, **sections)


def noise(*shape: int, low: int = 0, high: int = 256, seed: int = 0) -> Tensor:
    """Random pixels, uint8."""
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, shape, generator=chance).to(torch.uint8)


def labels_of(**columns: Sequence[int]) -> Tensor:
    """Labels (N, 24) int8, missing but for the columns given."""
    labels = torch.full((len(next(iter(columns.values()))), len(ATTRIBUTES)), -1)
    for name, values in columns.items():
        labels[:, column(name)] = torch.tensor(values)
    return labels.to(torch.int8)


def faces_of(
    labels: Tensor,
    images: Tensor | None = None,
    *,
    truth: Tensor | None = None,
    visible: Tensor | None = None,
    **columns,
) -> FaceSet:
    """Faces with these labels; without images, black ones of 8 px."""
    count = len(labels)
    images = torch.zeros(count, 3, 8, 8, dtype=torch.uint8) if images is None else images
    table = {"key": [f"face {k}" for k in range(count)], "source": "expw", "split": "train"}
    table = pd.DataFrame({**table, "identity": [f"person {k}" for k in range(count)], **columns})
    return FaceSet(images, labels.to(torch.int8), table, truth, visible)


def pairs_of(
    labels: Tensor, images: Tensor | None = None, cues: Tensor | None = None, **columns
) -> PairSet:
    """Pairs of a couple each; images (2, N, 3, S, S), black ones if not given."""
    count = len(labels)
    images = torch.zeros(2, count, 3, 4, 4, dtype=torch.uint8) if images is None else images
    cues = torch.zeros(count, 11) if cues is None else cues
    table = {"key": [f"pair {k}" for k in range(count)], "split": "test", "part": "web"}
    table = pd.DataFrame({**table, "identity": [f"couple {k}" for k in range(count)], **columns})
    return PairSet(images[0], images[1], cues, labels.to(torch.int8), table)


def forked(work: Callable[[], object]) -> int:
    """The id of a forked process that does some work, and ends with status 1 where that fails."""
    pid = os.fork()
    if pid == 0:
        try:
            torch.set_num_threads(1)  # a forked process cannot use its parent's threads
            tqdm.set_lock(threading.RLock())  # its own: a killed one would keep a shared one
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same weights, bit for bit."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
