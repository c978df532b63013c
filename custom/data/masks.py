"""Several mask files of one study, such as one for each tumour, read as one label map: nothing is copied or merged
on disk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..types import InputError
from .geometry import same_grid
from .study import Volume


def merge_masks(masks: Sequence[Volume], *, where: str) -> Volume:
    """Union of label maps: a voxel has the value of the masks that mark it.

    Args:
        masks: at least one, unsigned integers, all on one grid.
        where: the study, for messages.

    Returns:
        The label map on that grid; its ``source`` names all files.

    Raises:
        InputError: the grids differ, or two masks claim one voxel for different classes.
    """
    first, *others = masks
    data = first.data.copy() if others else first.data
    for mask in others:
        if not same_grid(mask.data.shape, mask.affine, first.data.shape, first.affine):
            raise InputError(
                found=f"{mask.source} on another grid than {first.source}",
                expected="the masks that are read together on one grid",
                where=where,
                remedy="Resample one of them, or give each phase its own mask under 'labels'.",
            )
        both = (data > 0) & (mask.data > 0)
        if (data[both] != mask.data[both]).any():
            raise InputError(
                found=f"voxels that {mask.source} gives another class than the masks before it",
                expected="one class for each voxel",
                where=where,
                remedy="Correct one of the masks.",
            )
        np.maximum(data, mask.data, out=data)
    return Volume(data, first.affine, ", ".join(mask.source for mask in masks))
