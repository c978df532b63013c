"""A phantom study as NIfTI: one file per phase and the tumour mask."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from ...types import PHASES
from .simulate import PhantomStudy


def write_nifti(study: PhantomStudy, folder: Path, *, phases: tuple[str, ...] = PHASES) -> dict[str, str]:
    """Write ``<phase>.nii.gz`` (int16) and ``tumour.nii.gz`` (uint8), gzip level 1.

    Args:
        study: what to write.
        folder: created if need be.
        phases: which phases to write; the others are missing.

    Returns:
        File name by phase.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {phase: f"{phase}.nii.gz" for phase in phases}
    for phase, name in names.items():
        save_nifti(study.images[PHASES.index(phase)], study.affine, folder / name)
    save_nifti(study.tumour, study.affine, folder / "tumour.nii.gz")
    return names


def save_nifti(data: np.ndarray, affine: np.ndarray, path: Path) -> None:
    """One volume with scanner-anatomical qform and sform in mm (nibabel compresses at level 1)."""
    image = nib.Nifti1Image(data, affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
