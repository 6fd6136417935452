"""A plain network as a method compared: five convolutions, two fully connected layers.

After the "customized DCN (five convolutional layers and two fully connected layers)" of Yu and
Zhang (2015) in Table 8.
"""

from torch import nn

from lib.models.bn_inception import ConvBN

CHANNELS = (64, 128, 256, 256, 512)  # of the five convolutions at width 1


class PlainTrunk(nn.Sequential):
    """Five convolutions and one linear layer; the DCN's heads are the second linear layer.

    Images (B, 3, S, S) -> features (B, features). The first convolution has stride 2; a maximum
    over 2 x 2 follows the first and the third.
    """

    def __init__(self, width: float = 1.0, features: int = 1024) -> None:
        sizes = [3, *(max(8, round(channels * width / 8) * 8) for channels in CHANNELS)]
        one, two, three, four, five = (
            ConvBN(sizes[k], sizes[k + 1], 3 if k else 5, 1 if k else 2) for k in range(5)
        )
        flat = (nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * sizes[5], features), nn.ReLU())
        pools = nn.MaxPool2d(2), nn.MaxPool2d(2)
        super().__init__(one, pools[0], two, three, pools[1], four, five, *flat)
