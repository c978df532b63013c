"""The network reads axial slices: refuse stacks that would have to be invented between their slices."""

from __future__ import annotations

import numpy as np
from monai.transforms import Transform

from ..data.geometry import check_slice_axis


class CheckSliceAxisd(Transform):
    """Raise an error for a thick-slice stack that is not axial; near-isotropic ones may be read as axial slices.

    Looks at the affine alone, so it may stand anywhere after loading.

    Args:
        max_anisotropy: largest voxel edge over smallest, >= 1, up to which a non-axial stack is near-isotropic.
        key: the image, with an affine.

    Raises:
        InputError: slices follow another axis than superior and are thicker than that.
    """

    def __init__(self, *, max_anisotropy: float = 2.0, key: str = "image") -> None:
        self.max_anisotropy = max_anisotropy
        self.key = key

    def __call__(self, data: dict) -> dict:
        check_slice_axis(
            np.asarray(data[self.key].affine, dtype=np.float64),
            max_anisotropy=self.max_anisotropy,
            where=data.get("study", {}).get("case", "study"),
        )
        return dict(data)
