"""A section of a volume as a radiologist hangs it, with its true proportions."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel as nib
import numpy as np

PLANES = ("sagittal", "coronal", "axial")
"""Plane whose normal is the patient's x, y, z axis."""

LOOKING_AT = {"sagittal": ("A", "S"), "coronal": ("R", "S"), "axial": ("R", "A")}
"""Letters at the left and at the top of the picture: patient's right on the left, front or head on top."""


@dataclass(frozen=True)
class Section:
    """How to cut and hang sections of a grid.

    Args:
        axis: voxel axis across the section: the acquisition's slice axis.
        index: which slice.
        rows: voxel axis that runs down the picture.
        columns: voxel axis that runs to the right.
        flip_rows: whether the voxel order must be turned for it.
        flip_columns: likewise.
        row_mm: distance of rows.
        column_mm: distance of columns.
        plane: "axial", "coronal" or "sagittal", the nearest one.
    """

    axis: int
    index: int
    rows: int
    columns: int
    flip_rows: bool
    flip_columns: bool
    row_mm: float
    column_mm: float
    plane: str

    def of(self, volume: np.ndarray) -> np.ndarray:
        """``(X, Y, Z)`` -> ``(rows, columns)``, first row on top, patient's right (or front) at the left."""
        picture = np.take(volume, self.index, axis=self.axis)
        if self.rows > self.columns:
            picture = picture.T
        return picture[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]


def largest_section(mask: np.ndarray, affine: np.ndarray) -> Section:
    """The slice with the largest tumour area; the middle one when there is no tumour.

    Args:
        mask: ``(X, Y, Z)``, > 0 is tumour.
        affine: ``(4, 4)``, voxel to RAS+ mm.

    Returns:
        The section across the axis with the widest spacing (of equal ones: the one nearest to head-feet).
    """
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    orientation = nib.io_orientation(affine)  # for each voxel axis: the patient axis, and +1 if it runs the RAS+ way
    patient_axis = orientation[:, 0].astype(int)
    widest = np.flatnonzero(spacing_mm >= 0.99 * spacing_mm.max())
    axis = int(widest[np.argmax(patient_axis[widest])])
    area = (mask > 0).sum(axis=tuple(a for a in range(3) if a != axis))  # (slices,)
    index = int(area.argmax()) if area.any() else mask.shape[axis] // 2
    normal = int(patient_axis[axis])
    # of the two patient axes in the plane the lower one (right-left before front-back before head-feet) runs across
    columns, rows = sorted((a for a in range(3) if a != axis), key=lambda a: patient_axis[a])
    return Section(
        axis=axis,
        index=index,
        rows=rows,
        columns=columns,
        flip_rows=bool(orientation[rows, 1] > 0),  # pictures start at the front, the head and the patient's right
        flip_columns=bool(orientation[columns, 1] > 0),
        row_mm=float(spacing_mm[rows]),
        column_mm=float(spacing_mm[columns]),
        plane=PLANES[normal],
    )
