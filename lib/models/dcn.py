"""The DCN (Section 4.2): one network for all attributes."""

import torchvision
from torch import Tensor, nn

from lib.models.bn_inception import BNInception
from lib.models.inputs import check_features, check_images, check_sizes

OURS = ("bn_inception", "bn_inception_small")
AUXILIARY = ("googlenet", "inception_v3")  # torchvision gives them further outputs unless told


def make_trunk(name: str, width: float, features: int) -> nn.Module:
    """The network that makes features.

    name: `bn_inception`; `bn_inception_small`, for small inputs; or a classifier of torchvision. Of
    torchvision's the last layer is replaced by a linear projection to `features`; they have their
    own width. ValueError if there is no such network.
    """
    if name in OURS:
        return BNInception(width, features, small=name == OURS[1])
    if name not in torchvision.models.list_models(module=torchvision.models):
        raise ValueError(f"no network {name!r}: use bn_inception or a torchvision classifier")
    options = {"aux_logits": False, "init_weights": True} if name in AUXILIARY else {}
    return torchvision.models.get_model(name, weights=None, num_classes=features, **options)


class DCN(nn.Module):
    """Features and one logistic classifier per attribute (Section 4.2).

    images (B, 3, S, S) float, as `training.prepare` makes them
    -> features x = Phi(I | K) (B, features), logits w_a x (B, attributes).
    `heads.weight` (attributes, features) holds the w_a that Eqn. 2 correlates.

    ValueError for images of another shape, type or device; for a trunk that gives other features.
    """

    def __init__(
        self,
        width: float = 1.0,
        features: int = 1024,
        attributes: int = 24,
        trunk: str | nn.Module = "bn_inception",
    ) -> None:
        super().__init__()
        check_sizes(width=width, features=features, attributes=attributes)
        self.trunk = make_trunk(trunk, width, features) if isinstance(trunk, str) else trunk
        self.heads = nn.Linear(features, attributes)
        nn.init.normal_(self.heads.weight, std=0.01)
        nn.init.zeros_(self.heads.bias)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        check_images(images, self)
        features = self.trunk(images)
        check_features(features, self.heads.in_features)
        return features, self.heads(features)
