"""The Siamese network S-DCN (Section 5, Fig. 5): two faces in, eight relation traits out."""

import torch
from torch import Tensor, nn

from lib.models.inputs import check_cues, check_features, check_images, check_sizes


class RelationNet(nn.Module):
    """The S-DCN (Section 5, Fig. 5): two faces through one trunk, eight traits out.

    left, right (B, 3, S, S) float, cues x_s (B, 11) -> logits (B, 8).
    The two DCNs share their filters (Eqn. 16: K_l = K_r), so there is one trunk, run once over
    both faces. W_R projects the 2 x features to x_g; a ReLU makes it the "hidden features" the
    paper speaks of. The cues have different scales, so batch statistics standardise them.

    ValueError for faces or cues of another shape, type or device.
    """

    def __init__(
        self, trunk: nn.Module, spatial: bool = True, *, features: int = 1024, shared: int = 256
    ) -> None:
        super().__init__()
        check_sizes(features=features, shared=shared)
        self.trunk = trunk
        self.projection = nn.Linear(2 * features, shared)  # W_R
        self.standardise = nn.BatchNorm1d(11, affine=False) if spatial else None
        self.heads = nn.Linear(shared + 11 * spatial, 8)  # w_g

    def forward(self, left: Tensor, right: Tensor, cues: Tensor) -> Tensor:
        check_images(left, self, "left")
        check_images(right, self, "right")
        if left.shape != right.shape:
            raise ValueError(f"left is {tuple(left.shape)}, right {tuple(right.shape)}")
        if self.standardise is not None:
            check_cues(cues, len(left), self)
        faces = self.trunk(torch.cat([left, right]))  # (2B, features)
        check_features(faces, self.projection.in_features // 2)
        both = torch.cat(faces.chunk(2), 1)  # (B, 2 features)
        hidden = torch.relu(self.projection(both))  # x_g (B, shared)
        if self.standardise is not None:
            hidden = torch.cat([self.standardise(cues), hidden], 1)  # [x_s; x_g]
        return self.heads(hidden)
