"""The networks of Sections 4.2 and 5; imports torch, torchvision and numpy alone.

`bn_inception` the trunk, `dcn` the network for attributes, `siamese` the one for relations,
`plain` a small network that is compared, `layers` the table of a network's layers, `pretrained` the
trained networks that come with the repository.
"""

from lib.models.bn_inception import BLOCKS, BNInception, ConvBN, Inception
from lib.models.dcn import DCN
from lib.models.plain import PlainTrunk
from lib.models.pretrained import built, find, load, save
from lib.models.siamese import RelationNet

__all__ = [
    "BLOCKS",
    "DCN",
    "BNInception",
    "ConvBN",
    "Inception",
    "PlainTrunk",
    "RelationNet",
    "built",
    "find",
    "load",
    "save",
]
