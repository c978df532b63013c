"""The same study stored otherwise: axes permuted or flipped, or the patient tilted in the scanner."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np

from .simulate import PhantomStudy


def reoriented(
    study: PhantomStudy,
    *,
    axes: tuple[int, int, int] = (0, 1, 2),
    flip: tuple[int, ...] = (),
    tilt_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> PhantomStudy:
    """Store a study on another grid without interpolation.

    Args:
        study: any study.
        axes: order of the array's axes; ``(0, 2, 1)`` makes an axial study coronal (slices run front to back).
        flip: array axes, after ``axes``, that run the other way; every voxel keeps its place in the world.
        tilt_deg: rotation of the whole patient about the world's x, y, z axes through the volume's centre.

    Returns:
        The same values with the affine, and the lesions' centres, to match.
    """
    images, tumour, affine = study.images.transpose(0, *(a + 1 for a in axes)), study.tumour.transpose(axes), np.eye(4)
    affine[:3, :3], affine[:3, 3] = study.affine[:3, list(axes)], study.affine[:3, 3]
    for axis in flip:
        images, tumour = np.flip(images, axis + 1), np.flip(tumour, axis)
        affine[:3, 3] += affine[:3, axis] * (tumour.shape[axis] - 1)
        affine[:3, axis] *= -1
    rotation = _rotation_about(tilt_deg, affine[:3, :3] @ ((np.array(tumour.shape) - 1) / 2) + affine[:3, 3])
    truth = deepcopy(study.truth)
    for lesion in truth["lesions"]:
        centre = rotation @ np.array([*lesion["centre_ras_mm"], 1.0])
        lesion["centre_ras_mm"] = [round(float(c), 2) for c in centre[:3]]
    return replace(
        study,
        images=np.ascontiguousarray(images),
        tumour=np.ascontiguousarray(tumour),
        affine=rotation @ affine,
        truth=truth,
    )


def _rotation_about(tilt_deg: tuple[float, float, float], centre_mm: np.ndarray) -> np.ndarray:
    """Rigid ``(4, 4)``: rotations about x, then y, then z, through a point."""
    rotation = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(tilt_deg)):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[u, u] = turn[v, v] = np.cos(angle)
        turn[v, u], turn[u, v] = np.sin(angle), -np.sin(angle)
        rotation = turn @ rotation
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = rotation, centre_mm - rotation @ centre_mm
    return rigid
