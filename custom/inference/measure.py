"""What is measured on the native grid, in the scanner's own intensities: volumes, positions, curves, surroundings."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform

from .lesions import measured_curves, volume_weighted
from .reference_tissue import reference_curve


class MeasureLesionsd(Transform):
    """Adds the native measurements to every lesion, and the study's values as volume-weighted means of its lesions'.

    Reads ``native`` ``(4, X, Y, Z)`` raw units, ``native_instances``, ``lesions``, ``phase_mask``, ``scale`` and, if it
    is there, ``liver`` ``(1, X, Y, Z)`` on the same grid.  Each lesion gains

    ``voxels``, ``volume_ml`` (replacing that of the network's grid), ``centroid_mm`` (x, y, z in RAS+ mm),
    ``measured_raw``, ``regressed_raw`` (curves of 4 in raw units), ``reference_raw`` (median of the tissue around the
    lesion), ``reference_tissue`` ("ring" or "liver") and ``reference_voxels``.

    Sets ``study_values``: ``volume_ml, class_probabilities, measured_raw, regressed_raw``.  None stands for what does
    not exist: no lesion, no such task, a missing phase.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        image = torch.as_tensor(d["native"]).numpy()  # (4, X, Y, Z)
        numbers = torch.as_tensor(d["native_instances"])[0].numpy()  # (X, Y, Z)
        affine = np.asarray(d["native"].affine, dtype=np.float64)
        present = np.asarray(torch.as_tensor(d["phase_mask"]).cpu(), dtype=bool).reshape(-1)
        scale = float(d["scale"])
        liver = torch.as_tensor(d["liver"])[0].numpy() > 0 if d.get("liver") is not None else None
        spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
        voxel_ml = float(abs(np.linalg.det(affine[:3, :3]))) / 1000.0

        curves = measured_curves(numbers, image, present)  # (L, 4)
        lesions = []
        for lesion in d["lesions"]:
            number = lesion["id"]
            where = np.argwhere(numbers == number)  # (voxels, 3)
            centroid_mm = affine[:3, :3] @ where.mean(axis=0) + affine[:3, 3]
            reference, reference_voxels = reference_curve(
                numbers, number, image, spacing_mm=spacing_mm, phase_mask=present, scale=scale, liver=liver
            )
            lesions.append(
                {
                    **lesion,
                    "voxels": len(where),
                    "volume_ml": len(where) * voxel_ml,
                    "centroid_mm": [float(x) for x in centroid_mm],
                    "measured_raw": _listed(curves[number - 1]),
                    "regressed_raw": _scaled(lesion["regressed"], scale),
                    "reference_raw": _listed(reference),
                    "reference_tissue": None if reference is None else ("ring" if liver is None else "liver"),
                    "reference_voxels": reference_voxels,
                }
            )
        for lesion in lesions:  # which has the measured curve for its regressed one, here in the native measurement
            if lesion["shared_slice"] and lesion["regressed_raw"] is not None:
                lesion["regressed_raw"] = lesion["measured_raw"]
        d["lesions"] = lesions
        d["study_values"] = _study_values(lesions)
        return d


def _study_values(lesions: list[dict[str, Any]]) -> dict[str, Any]:
    volumes_ml = [lesion["volume_ml"] for lesion in lesions]

    def mean(key: str) -> list[float | None] | None:
        if not lesions or lesions[0][key] is None:
            return None
        values = [np.array([np.nan if x is None else x for x in lesion[key]], dtype=np.float64) for lesion in lesions]
        return _listed(volume_weighted(values, volumes_ml))

    return {
        "volume_ml": float(sum(volumes_ml)),
        "class_probabilities": mean("class_probabilities"),
        "measured_raw": mean("measured_raw"),
        "regressed_raw": mean("regressed_raw"),
    }


def _scaled(curve: list[float | None] | None, scale: float) -> list[float | None] | None:
    return None if curve is None else [None if x is None else x * scale for x in curve]


def _listed(values: np.ndarray | None) -> list[float | None] | None:
    return None if values is None else [float(x) if np.isfinite(x) else None for x in values]
