"""The tissue that a lesion is compared with: the liver mask where there is one, else a ring around the lesion."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

RING_MM = (5.0, 15.0)
"""Inner and outer distance of the ring from the lesion's surface."""

MIN_REFERENCE_VOXELS = 20
"""Fewer voxels than this say nothing about the liver."""

BODY_SHARE = 0.1
"""Voxels whose mean signal over the phases is below this share of the study's scale are air, bowel gas or bone."""


def reference_curve(
    instances: np.ndarray,
    number: int,
    image: np.ndarray,
    *,
    spacing_mm: np.ndarray,
    phase_mask: np.ndarray,
    scale: float,
    liver: np.ndarray | None = None,
) -> tuple[np.ndarray | None, int]:
    """Median signal of the tissue around one lesion.

    The tissue lies 5 to 15 mm from the lesion and at least 5 mm from every other one, inside the body, and inside the
    liver mask when there is one (then at any distance from 5 mm on within the neighbourhood).

    Args:
        instances: ``(X, Y, Z)`` lesion numbers.
        number: the lesion.
        image: ``(4, X, Y, Z)`` raw units, 0 outside a phase's field of view.
        spacing_mm: ``(3)``.
        phase_mask: ``(4)`` bool.
        scale: the study's joint scale in raw units, > 0.
        liver: ``(X, Y, Z)`` bool, or None.

    Returns:
        ``(4)`` raw units, NaN where a phase is missing or covers fewer than 20 voxels, and the number of voxels; None
        with fewer than 20 of them.
    """
    box = _neighbourhood(instances == number, spacing_mm)
    lesions, tissue = instances[box], image[(slice(None), *box)]  # (x, y, z), (4, x, y, z)
    from_lesion_mm = ndimage.distance_transform_edt(lesions != number, sampling=spacing_mm)
    from_any_mm = ndimage.distance_transform_edt(lesions == 0, sampling=spacing_mm)
    ring = (from_lesion_mm <= RING_MM[1]) & (from_any_mm >= RING_MM[0])
    covered = tissue != 0
    mean = tissue[phase_mask].sum(axis=0) / np.maximum(covered[phase_mask].sum(axis=0), 1)  # over the phases that reach
    ring &= mean > BODY_SHARE * scale
    if liver is not None:
        ring &= liver[box]
    count = int(ring.sum())
    if count < MIN_REFERENCE_VOXELS:
        return None, count
    signal = [values[ring & inside] for values, inside in zip(tissue, covered, strict=True)]
    told = [there and len(values) >= MIN_REFERENCE_VOXELS for there, values in zip(phase_mask, signal, strict=True)]
    return np.array([np.median(v) if here else np.nan for v, here in zip(signal, told, strict=True)]), count


def _neighbourhood(mask: np.ndarray, spacing_mm: np.ndarray) -> tuple[slice, slice, slice]:
    """The lesion's box, widened by the ring and by the distance that it keeps from lesions beyond it."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    reach = np.ceil(sum(RING_MM) / spacing_mm).astype(int) + 1
    return tuple(slice(max(0, s.start - r), min(n, s.stop + r)) for s, r, n in zip(box, reach, mask.shape, strict=True))
