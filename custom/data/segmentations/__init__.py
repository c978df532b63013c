"""Masks in every usual form: NIfTI, NRRD (3D Slicer) and DICOM SEG, found by name and read on their own grid."""

from .find import FoundMasks, find_masks
from .read import mask_file, mask_stem, plan_segmentation, read_segments
from .segments import Segment, parse_reference

__all__ = [
    "FoundMasks",
    "Segment",
    "find_masks",
    "mask_file",
    "mask_stem",
    "parse_reference",
    "plan_segmentation",
    "read_segments",
]
