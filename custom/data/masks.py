"""Several mask files of one study, such as one for each tumour, read as one label map: nothing is copied or merged
on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..types import InputError
from .geometry import same_grid
from .plan import VolumePlan


def plan_union(masks: Sequence[VolumePlan], *, where: str) -> VolumePlan:
    """Plan the union of label maps: a voxel has the value of the masks that mark it.

    Args:
        masks: at least one, all on one grid.
        where: the study, for messages.

    Returns:
        The plan of the label map on that grid; its ``source`` names all files. Reading it is an error when two masks
        claim one voxel for different classes.

    Raises:
        InputError: the grids differ.
    """
    first, *others = masks
    for mask in others:
        if not same_grid(mask.shape, mask.affine, first.shape, first.affine):
            raise InputError(
                found=f"{mask.source} on another grid than {first.source}",
                expected="the masks that are read together on one grid",
                where=where,
                remedy="Resample one of them, or give each phase its own mask under 'labels'.",
            )
    if not others:
        return first
    return replace(first, source=", ".join(mask.source for mask in masks), load=partial(_union, masks, where))


def _union(masks: Sequence[VolumePlan], where: str) -> np.ndarray:
    data = masks[0].load()
    for mask in masks[1:]:
        more = mask.load()
        both = (data > 0) & (more > 0)
        if (data[both] != more[both]).any():
            raise InputError(
                found=f"voxels that {mask.source} gives another class than the masks before it",
                expected="one class for each voxel",
                where=where,
                remedy="Correct one of the masks.",
            )
        np.maximum(data, more, out=data)
    return data


def plan_no_tumour(label: VolumePlan | None, reference: VolumePlan, *, where: str) -> VolumePlan:
    """The mask of a study that is said to be without tumour: the one that is there, or zeros on the reference grid.

    Reading it is an error when the mask holds tumour.
    """
    if label is not None:
        return replace(label, load=partial(_empty, label, where))
    return replace(reference, source="no tumour", load=partial(np.zeros, reference.shape, np.uint8), evidence={})


def _empty(label: VolumePlan, where: str) -> np.ndarray:
    data = label.load()
    if data.any():
        raise InputError(
            found=f"tumour in {label.source} of a study that is said to be without",
            expected="an empty mask, or a study that is not called lesion_free",
            where=where,
            remedy="Correct the datalist's entry.",
        )
    return data
