"""The networks: Batch-Normalized Inception, the DCN (Section 4.2) and the S-DCN (Section 5)."""

from collections.abc import Callable

import torch
import torchvision
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


AUXILIARY = ("googlenet", "inception_v3")  # torchvision gives them further outputs unless told


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
    """

    def __init__(self, width: float = 1.0, features: int = 1024) -> None:
        super().__init__()

        def scale(channels: int) -> int:
            return max(4, round(channels * width / 4) * 4)

        self.stem = nn.Sequential(
            ConvBN(3, scale(64), 7, 2, pool=True),
            ConvBN(scale(64), scale(64), 1),
            ConvBN(scale(64), scale(192), 3, pool=True),
        )
        channels, blocks = scale(192), []
        for block in BLOCKS.values():
            blocks.append(Inception(channels, block, scale))
            channels = blocks[-1].channels
        self.blocks = nn.Sequential(*blocks)
        self.project = nn.Identity() if channels == features else nn.Linear(channels, features)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        return self.project(self.blocks(self.stem(images)).mean((2, 3)))  # (B, features)


def make_trunk(name: str, width: float, features: int) -> nn.Module:
    """The network that makes features: `bn_inception`, or one of torchvision's by its name.

    Of torchvision's networks the last layer is replaced by a linear projection to `features`;
    they have their own width. ValueError if there is no such network.
    """
    if name == "bn_inception":
        return BNInception(width, features)
    if name not in torchvision.models.list_models(module=torchvision.models):
        raise ValueError(f"no network {name!r}: use bn_inception or a torchvision classifier")
    options = {"aux_logits": False, "init_weights": True} if name in AUXILIARY else {}
    return torchvision.models.get_model(name, weights=None, num_classes=features, **options)


class DCN(nn.Module):
    """Features and one logistic classifier per attribute (Section 4.2).

    images (B, 3, S, S) float, as `training.prepare` makes them
    -> features x = Phi(I | K) (B, features), logits w_a x (B, attributes).
    `heads.weight` (attributes, features) holds the w_a that Eqn. 2 correlates.
    """

    def __init__(
        self,
        width: float = 1.0,
        features: int = 1024,
        attributes: int = 24,
        trunk: str | nn.Module = "bn_inception",
    ) -> None:
        super().__init__()
        self.trunk = make_trunk(trunk, width, features) if isinstance(trunk, str) else trunk
        self.heads = nn.Linear(features, attributes)
        nn.init.normal_(self.heads.weight, std=0.01)
        nn.init.zeros_(self.heads.bias)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(images)
        return features, self.heads(features)


class RelationNet(nn.Module):
    """The S-DCN (Section 5, Fig. 5): two faces through one trunk, eight traits out.

    left, right (B, 3, S, S) float, cues x_s (B, 11) -> logits (B, 8).
    The two DCNs share their filters (Eqn. 16: K_l = K_r), so there is one trunk, run once over
    both faces. W_R projects the 2 x features to x_g; a ReLU makes it the "hidden features" the
    paper speaks of. The cues have different scales, so batch statistics standardise them.
    """

    def __init__(
        self, trunk: nn.Module, spatial: bool = True, *, features: int = 1024, shared: int = 256
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.spatial = spatial
        self.projection = nn.Linear(2 * features, shared)  # W_R
        self.standardise = nn.BatchNorm1d(11, affine=False) if spatial else None
        self.heads = nn.Linear(shared + 11 * spatial, 8)  # w_g

    def forward(self, left: Tensor, right: Tensor, cues: Tensor) -> Tensor:
        faces = self.trunk(torch.cat([left, right]))  # (2B, features)
        both = torch.cat(faces.chunk(2), 1)  # (B, 2 features)
        hidden = torch.relu(self.projection(both))  # x_g (B, shared)
        if self.spatial:
            hidden = torch.cat([self.standardise(cues), hidden], 1)  # [x_s; x_g]
        return self.heads(hidden)
