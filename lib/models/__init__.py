"""The networks of Sections 4.2 and 5; imports torch and torchvision alone."""

from lib.models.networks import BLOCKS, DCN, BNInception, ConvBN, Inception, RelationNet

__all__ = ["BLOCKS", "DCN", "BNInception", "ConvBN", "Inception", "RelationNet"]
