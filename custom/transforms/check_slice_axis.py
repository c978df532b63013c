"""The network reads axial slices: refuse stacks that would have to be invented between their slices."""

from __future__ import annotations

import nibabel as nib
import numpy as np
from monai.transforms import Transform

from ..types import InputError

SUPERIOR = 2
"""Index of the superior axis in RAS+."""
PLANES = ("sagittal", "coronal", "axial")
"""Stack names by the world axis (R, A, S) that the slices follow."""


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
        affine = np.asarray(data[self.key].affine, dtype=np.float64)
        spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
        world_axes = nib.io_orientation(affine)[:, 0].astype(int)  # voxel axis -> nearest of R, A, S
        through_plane = int(np.argmax(spacing_mm))
        anisotropy = spacing_mm.max() / spacing_mm.min()
        if world_axes[through_plane] != SUPERIOR and anisotropy > self.max_anisotropy:
            raise InputError(
                found=f"a {PLANES[world_axes[through_plane]]} stack of {spacing_mm.max():.1f} mm slices with "
                f"{spacing_mm.min():.1f} mm pixels",
                expected=f"axial slices, or voxels whose edges differ at most {self.max_anisotropy:g} times",
                where=data.get("study", {}).get("case", "study"),
                remedy="Use the axial series of the exam.",
            )
        return dict(data)
