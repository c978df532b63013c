"""The truth of a phantom study: mask at the reference phase's breath-hold, and what each lesion really does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...types import DEFAULT_CLASSES, PHASES

if TYPE_CHECKING:
    from .acquisition import Acquisition
    from .patient import Patient


def measure_truth(
    patient: Patient,
    acquisition: Acquisition,
    aligned: np.ndarray,
    covers: np.ndarray,
    liver: np.ndarray,
    affine: np.ndarray,
) -> tuple[np.ndarray, dict]:
    """Mask, and true curves: its means of aligned, noise-free images in the stored raw units (receive bias included).

    Args:
        aligned: ``(P, X, Y, Z)`` noise-free phases at the reference breath-hold, raw units.
        covers: ``(L, X, Y, Z)`` share of each voxel that a lesion fills; liver: ``(X, Y, Z)`` the same for the liver.
        affine: voxel to RAS mm.

    Returns:
        Tumour mask ``(X, Y, Z)`` uint8 (`label_value`), and plain values for the manifest.
    """
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000.0
    tumour = np.zeros(aligned.shape[1:], np.uint8)
    lesions = []
    for lesion, cover in zip(patient.lesions, covers, strict=True):
        inside = cover > 0.5
        tumour[inside] = label_value(lesion.kinetics.lesion_class)
        centre = affine[:3, :3] @ np.argwhere(inside).mean(0) + affine[:3, 3]
        lesions.append(
            {
                "class": lesion.kinetics.lesion_class,
                "kind": lesion.kinetics.kind,
                "atypical": lesion.kinetics.atypical,
                "centre_ras_mm": [round(float(c), 2) for c in centre],
                "diameter_mm": round(lesion.shape.diameter_mm, 2),
                "volume_ml": round(float(inside.sum() * voxel_ml), 4),
                "true_enhancement": _curve(aligned, inside),
            }
        )
    parenchyma = (liver > 0.98) & (covers.sum(0) < 0.02)
    times = dict(zip(PHASES, (round(t, 2) for t in acquisition.times_s), strict=True))
    shifts = {p: [round(s, 2) for s in pose.shift_mm] for p, pose in zip(PHASES, acquisition.poses, strict=True)}
    return tumour, {
        "lesions": lesions,
        "true_enhancement": _curve(aligned, tumour > 0) if lesions else None,
        "liver_enhancement": _curve(aligned, parenchyma),
        "times_s": times,
        "shifts_ras_mm": shifts,
        "snr": round(acquisition.snr, 3),
        "gain": round(acquisition.gain, 5),
    }


def label_value(lesion_class: str | None) -> int:
    """Class index + 1; 1, which alone in a mask says where and not what, for a lesion of no class."""
    return 1 if lesion_class is None else DEFAULT_CLASSES.index(lesion_class) + 1


def _curve(aligned: np.ndarray, inside: np.ndarray) -> list[float]:
    """Mean of each phase under a mask, ``(P,)`` as plain numbers."""
    return [round(float(v), 3) for v in aligned[:, inside].mean(1, dtype=np.float64)]
