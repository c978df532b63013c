"""Volumes as NIfTI: the label map on the reference phase's native grid, and phases that came in another form."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
from monai.data import MetaTensor

SCANNER_COORDINATES = 1
"""NIfTI's code for "scanner anatomical" sform and qform."""


def write_label_map(label_map: MetaTensor, path: str | os.PathLike) -> None:
    """Writes a uint8 label map; the file appears complete or not at all.

    Args:
        label_map: ``(1, X, Y, Z)`` class values with the native affine (RAS+ mm).
        path: ends in ``.nii.gz``.
    """
    values = np.asarray(label_map.as_tensor()[0].cpu(), dtype=np.uint8)  # (X, Y, Z)
    write_volume(values, np.asarray(label_map.affine, dtype=np.float64), path)


def write_volume(data: np.ndarray, affine: np.ndarray, path: str | os.PathLike) -> None:
    """Writes a volume as it is; the file appears complete or not at all.

    Args:
        data: ``(X, Y, Z)``, of a type that NIfTI knows.
        affine: ``(4, 4)`` voxel index to RAS+ mm.
        path: ends in ``.nii.gz``.
    """
    path = Path(path)
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, SCANNER_COORDINATES)
    image.set_qform(affine, SCANNER_COORDINATES)
    image.header.set_xyzt_units("mm")
    unfinished = path.with_name(f".unfinished-{path.name}")
    nib.save(image, unfinished)
    os.replace(unfinished, path)
