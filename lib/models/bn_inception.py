"""Batch-Normalized Inception (Ioffe & Szegedy 2015), the trunk of the DCN (Section 4.2)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

# The inception blocks of Batch-Normalized Inception (Ioffe & Szegedy 2015, Figure 5):
# 1x1, 3x3 reduce, 3x3, double 3x3 reduce, double 3x3, pool kind, pool projection, stride.
# (Weights that circulate for Caffe belong to a variant with 128 projections in 4c and 4d.)
BLOCKS = {
    "3a": (64, 64, 64, 64, 96, "avg", 32, 1),
    "3b": (64, 64, 96, 64, 96, "avg", 64, 1),
    "3c": (0, 128, 160, 64, 96, "max", 0, 2),
    "4a": (224, 64, 96, 96, 128, "avg", 128, 1),
    "4b": (192, 96, 128, 96, 128, "avg", 128, 1),
    "4c": (160, 128, 160, 128, 160, "avg", 96, 1),
    "4d": (96, 128, 192, 160, 192, "avg", 96, 1),
    "4e": (0, 128, 192, 192, 256, "max", 0, 2),
    "5a": (352, 192, 320, 160, 224, "avg", 128, 1),
    "5b": (352, 192, 320, 192, 224, "max", 128, 1),
}
SMALL = ("3a", "3c", "4a", "4e", "5b")  # one block for each side of the maps, both of stride 2


class ConvBN(nn.Sequential):
    """Convolution, batch normalisation, ReLU; (B, C_in, H, W) -> (B, C_out, H/s, W/s).

    pool: halve the result by a 3x3 maximum, taken before the ReLU: the same numbers, and the
    ReLU has a quarter of the work.
    """

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int = 1, *, pool: bool = False
    ) -> None:
        super().__init__(
            nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(out),
            *([nn.MaxPool2d(3, 2, 1)] if pool else []),
            nn.ReLU(inplace=True),
        )


class Inception(nn.Module):
    """One block: four branches side by side, joined over channels.

    A block of stride 2 has no 1x1 branch, and its pooling branch no projection. The 1x1
    convolutions that read the block's input (the 1x1 branch and the two reductions) are one
    convolution here, `entry`: the same numbers in fewer calls. Its ReLU comes after the split,
    so that each part is whole in memory.
    """

    def __init__(self, channels: int, block: tuple, scale: Callable[[int], int]) -> None:
        super().__init__()
        one, reduce3, three, reduce33, double, pool, project, stride = block
        self.split = [scale(width) for width in (one, reduce3, reduce33) if width]
        width = sum(self.split)
        self.entry = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width))
        self.three = ConvBN(scale(reduce3), scale(three), 3, stride)
        self.double3 = nn.Sequential(
            ConvBN(scale(reduce33), scale(double), 3),
            ConvBN(scale(double), scale(double), 3, stride),
        )
        pooling = nn.AvgPool2d(3, 1, 1) if pool == "avg" else nn.MaxPool2d(3, stride, 1)
        projection = ConvBN(channels, scale(project), 1) if project else nn.Identity()
        self.pool = nn.Sequential(pooling, projection)
        widths = (one, three, double, project)
        self.channels = sum(scale(width) for width in widths if width) + (
            0 if project else channels
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = self.entry(x).split(self.split, 1)
        *one, reduced3, reduced33 = (part.relu() for part in parts)
        return torch.cat([*one, self.three(reduced3), self.double3(reduced33), self.pool(x)], 1)


class BNInception(nn.Module):
    """Batch-Normalized Inception: images (B, 3, S, S) -> features (B, features).

    width: multiplies every number of channels; 1 is the published network.
    features: dimension of x. At the published width the last block gives 1024 by itself; any
        other number is reached by one linear projection.
    small: for inputs of some 64 px. The published network would come down to 8 x 8 places before
        its first block, and its ten blocks learn little in the first thousands of steps; so the
        second maximum of the stem is left out, and of the blocks `SMALL` are built.
    """

    def __init__(self, width: float = 1.0, features: int = 1024, *, small: bool = False) -> None:
        super().__init__()

        def scale(channels: int) -> int:
            return max(4, round(channels * width / 4) * 4)

        self.stem = nn.Sequential(
            ConvBN(3, scale(64), 7, 2, pool=True),
            ConvBN(scale(64), scale(64), 1),
            ConvBN(scale(64), scale(192), 3, pool=not small),
        )
        self.names = SMALL if small else tuple(BLOCKS)
        self.blocks, channels = nn.Sequential(), scale(192)
        for name in self.names:
            self.blocks.append(block := Inception(channels, BLOCKS[name], scale))
            channels = block.channels
        self.project = nn.Identity() if channels == features else nn.Linear(channels, features)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        return self.project(self.blocks(self.stem(images)).mean((2, 3)))  # (B, features)
