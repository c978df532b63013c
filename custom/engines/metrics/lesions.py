"""Lesions found and missed, by size, and findings where there is no lesion.

A true lesion is a 3-D component (26 neighbours) of one class value; it counts as found when the predicted mask touches
it. Its diameter is the longest in-plane one, edge to edge, as it is measured on a workstation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage
from scipy.spatial.distance import pdist

from ...types import UNKNOWN_CLASS

SIZE_CLASSES_MM = ((0.0, 20.0), (20.0, 50.0), (50.0, float("inf")))
NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)


def size_class_name(bounds_mm: tuple[float, float]) -> str:
    low, high = bounds_mm
    return f"<{high:g} mm" if low == 0 else f">={low:g} mm" if high == float("inf") else f"{low:g}-{high:g} mm"


def true_lesions(
    label: np.ndarray, predicted: np.ndarray, spacing_mm: tuple[float, ...], *, class_values: bool = True
) -> list[dict[str, Any]]:
    """Every true lesion: ``class`` index, ``volume_ml``, ``diameter_mm``, ``found``.

    Label values are class + 1, or without ``class_values`` say where and not what.
    """
    lesions = []
    for value in np.unique(label[label > 0]).tolist():
        components, _ = ndimage.label(label == value, structure=NEIGHBOURS)
        for number, box in enumerate(ndimage.find_objects(components), start=1):
            mask = components[box] == number
            lesions.append(
                {
                    "class": int(value) - 1 if class_values else UNKNOWN_CLASS,
                    "volume_ml": float(mask.sum() * np.prod(spacing_mm) / 1000),
                    "diameter_mm": longest_diameter_mm(mask, spacing_mm[:2]),
                    "found": bool((predicted[box] & mask).any()),
                }
            )
    return lesions


def count_false_positives(predicted: np.ndarray, true: np.ndarray) -> int:
    """Predicted components without a single tumour voxel."""
    components, count = ndimage.label(predicted, structure=NEIGHBOURS)
    return count - len(np.unique(components[true & (components > 0)]))


def longest_diameter_mm(mask: np.ndarray, spacing_mm: tuple[float, ...]) -> float:
    """Longest in-plane distance between two pixels of one slice, plus one pixel: ``(H, W, D)`` -> mm."""
    longest = 0.0
    for d in range(mask.shape[-1]):
        edge = mask[..., d] & ~ndimage.binary_erosion(mask[..., d])
        points = np.argwhere(edge) * np.asarray(spacing_mm)  # (N, 2)
        if len(points) > 1:
            longest = max(longest, float(pdist(points).max()))
    return longest + float(np.mean(spacing_mm))
