"""What all forms of a mask share once their voxels are there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...types import InputError


def check_label_map(values: np.ndarray, where: str) -> np.ndarray:
    """Whole numbers from 0 to 255, as uint8.

    Raises:
        InputError: an image or a probability instead of a mask.
    """
    with np.errstate(invalid="ignore"):  # NaN is caught by the comparison
        whole = values.dtype.kind in "iu" or bool((values == np.rint(values)).all())
    if not whole or values.min() < 0 or values.max() > 255:
        raise InputError(
            found=f"values from {values.min():g} to {values.max():g}",
            expected="whole numbers from 0 to 255 (0 background, k + 1 for class k)",
            where=where,
            remedy="Give a label map, not an image or a probability.",
        )
    return values.astype(np.uint8)


def padded_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """A mask cropped to one slice along an axis gets an empty one behind it: a volume has at least two."""
    return tuple(size + (size == 1) for size in shape)


def pad_single_slices(data: np.ndarray) -> np.ndarray:
    """The voxels in their ``padded_shape``."""
    return np.pad(data, [(0, int(size == 1)) for size in data.shape])
