"""The networks: MTI-Net and its discriminator. They know torch and nothing of files, engines or bundles."""

from .discriminator import TaskDrivenDiscriminator
from .mdief import MdIEF
from .mti_net import MTINet
from .peers import SegmentationPeer, SlicePeer
from .segmentation_only import SegmentationOnly
from .spectral import HighPass

__all__ = [
    "HighPass",
    "MTINet",
    "MdIEF",
    "SegmentationOnly",
    "SegmentationPeer",
    "SlicePeer",
    "TaskDrivenDiscriminator",
]
