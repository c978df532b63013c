"""A coarse copy of a phase, in which its place is looked for."""

from __future__ import annotations

from typing import NamedTuple

import nibabel as nib
import numpy as np

from ...data import Volume
from ..motion import Motion
from ..world_grid import resample_to_grid

WORKING_MM = 5.0
"""Voxels are averaged in blocks up to this edge: coarse enough to be quick and quiet, a shift is found to a fifth."""


class WorkingImage(NamedTuple):
    """A volume whose axes run to the right, to the front and to the head, as nearly as its voxels allow.

    Args:
        data: ``(X, Y, Z)`` float32.
        affine: ``(4, 4)`` float64, voxel to RAS+ mm; positive along the diagonal.
    """

    data: np.ndarray
    affine: np.ndarray

    @property
    def spacing_mm(self) -> np.ndarray:
        """Voxel edges ``(3,)``."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    def at(self, target: WorkingImage, motion: Motion | None = None) -> WorkingImage:
        """This image on the grid of another, moved back by ``motion``; 0 where it was not acquired."""
        on_grid = resample_to_grid(
            self.data, self.affine, shape=target.data.shape, target_affine=target.affine, nearest=False, motion=motion
        )
        return WorkingImage(on_grid.data, target.affine)


def working_image(volume: Volume) -> WorkingImage:
    """Turn axes and average blocks of voxels, nothing is interpolated; of a mask, the share of each block."""
    turn = nib.io_orientation(volume.affine)
    affine = volume.affine @ nib.orientations.inv_ornt_aff(turn, volume.data.shape)
    data = nib.apply_orientation(volume.data, turn)
    data = data > 0 if data.dtype.kind == "u" else data
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    factors = np.clip((WORKING_MM / spacing_mm + 1e-3).astype(int), 1, data.shape)
    counts = np.array(data.shape) // factors
    whole = data[tuple(slice(n * f) for n, f in zip(counts, factors, strict=True))]
    blocks = whole.reshape([n for pair in zip(counts, factors, strict=True) for n in pair])
    scale = np.diag([*factors.astype(float), 1.0])
    scale[:3, 3] = (factors - 1) / 2  # a block's centre
    return WorkingImage(blocks.mean(axis=(1, 3, 5), dtype=np.float32), affine @ scale)
