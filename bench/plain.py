"""The usual way to train: the published table as modules, a DataLoader, a loop."""

import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.models import googlenet
from torchvision.transforms import v2

from lib import training
from lib.models import DCN, ConvBN, Inception


class Separate(nn.Module):
    """An inception block as the table has it: each 1x1 convolution reads the input by itself."""

    def __init__(self, block: Inception) -> None:
        super().__init__()
        joined = block.entry[0]
        self.entries = nn.ModuleList(ConvBN(joined.in_channels, out, 1) for out in block.split)
        for entry, weight in zip(self.entries, joined.weight.split(block.split), strict=True):
            entry[0].weight = nn.Parameter(weight.detach().clone())
        self.three, self.double3, self.pool = block.three, block.double3, block.pool

    def forward(self, x: Tensor) -> Tensor:
        *one, reduced3, reduced33 = (entry(x) for entry in self.entries)
        return torch.cat([*one, self.three(reduced3), self.double3(reduced33), self.pool(x)], 1)


def published(model: DCN) -> DCN:
    """Take a new DCN's blocks apart, in place, and put its pooling after the ReLU.

    The same function of the images; batch normalisation must still be as it was made.
    """
    trunk, stem = model.trunk, []
    for conv, norm, *pool, relu in trunk.stem:
        stem += [nn.Sequential(conv, norm, relu), *pool]
    trunk.stem = nn.Sequential(*stem)
    trunk.blocks = nn.Sequential(*(Separate(block) for block in trunk.blocks))
    return model


class GoogLeNet(nn.Module):
    """torchvision's, without its two helping classifiers, with a logit for each attribute."""

    def __init__(self, attributes: int = 24) -> None:
        super().__init__()
        options = {"weights": None, "aux_logits": False, "init_weights": False}
        self.network = googlenet(num_classes=attributes, **options)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, S, S) -> the logits (N, A), twice: a DCN gives features and logits."""
        logits = self.network(x)
        return logits, logits


class Crops(Dataset):
    """The usual data set: one face at a time, through a chain of transforms."""

    def __init__(self, images: np.ndarray, targets: Tensor, size: int) -> None:
        self.images, self.targets = images, targets
        steps = [v2.ToImage(), v2.RandomCrop(size), v2.RandomHorizontalFlip()]
        steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
        self.transform = v2.Compose(steps)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor]:
        return self.transform(self.images[k].transpose(1, 2, 0)), self.targets[k]


def one_epoch(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    size: int,
    batch: int,
    workers: int,
    bf16: bool = False,
) -> float:
    """Images per second of one epoch: NCHW, transforms per face, SGD."""
    device = next(model.parameters()).device
    model.to(memory_format=torch.contiguous_format).train()
    optimiser = torch.optim.SGD(model.parameters(), 0.001, 0.9)
    data = Crops(images.numpy(), targets, size)
    loader = DataLoader(data, batch, True, num_workers=workers, drop_last=True)
    begin, count = 0.0, 0
    for pixels, labels in loader:
        begin = begin or time.perf_counter()  # the workers' start is not counted
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            _, logits = model(pixels.to(device))
        training.masked_loss(logits.float(), labels.to(device)).backward()
        optimiser.step()
        count += len(pixels)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return count / (time.perf_counter() - begin)
