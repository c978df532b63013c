"""From slice-wise predictions to lesions: 3-D components, and what the network says about each of them.

A lesion is a 3-D connected component (26 neighbours) of the soft mask above the threshold that holds at least
``min_volume_ml`` and whose certainty, the mean tumour probability over its voxels, is at least ``min_certainty``:
false components can be as large as small lesions, but the network hesitates about them.  It speaks once a slice, so
a slice in which two lesions lie says nothing about either of them alone::

    class probabilities of lesion l = sum_d a_ld p_d / sum_d a_ld

over the slices ``d`` where ``l`` is alone, with its area ``a_ld`` there, and likewise for the regressed curve.  A
lesion that is never alone is flagged ``shared_slice``: its regressed curve is its measured one, its class comes from
a classifier on that curve or, when there is none, from the same mean over the shared slices.

Pure numpy and scipy on one grid ``(H, W, D)`` whose last axis is the slice axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..coverage import MOST_OUTSIDE
from ..enhancement_classifier import CurveClassifier


@dataclass(frozen=True)
class Lesion:
    """One lesion on the network's grid; curves in the image's (normalised) unit, NaN where a phase is missing or does
    not cover the lesion.

    Args:
        id: 1 for the largest lesion, 2 for the next.
        volume_ml: volume on this grid.
        certainty: mean tumour probability over its voxels.
        class_probabilities: ``(K)``, or None when the network has no class head.
        regressed: ``(4)`` curve of the regression head, or None when the network has none.
        measured: ``(4)`` mean signal under the lesion's mask.
        shared_slice: True when the lesion is in no slice alone.
    """

    id: int
    volume_ml: float
    certainty: float
    class_probabilities: np.ndarray | None
    regressed: np.ndarray | None
    measured: np.ndarray
    shared_slice: bool


def find_lesions(
    probability: np.ndarray,
    *,
    voxel_volume_ml: float,
    threshold: float = 0.5,
    min_volume_ml: float = 0.1,
    min_certainty: float = 0.0,
) -> np.ndarray:
    """Numbers the connected components of a soft mask, the largest first.

    Args:
        probability: ``(H, W, D)`` in [0, 1].
        voxel_volume_ml: > 0.
        threshold: a voxel is tumour when its probability is above it.
        min_volume_ml: smaller components are left out.
        min_certainty: components whose mean probability is lower are left out.

    Returns:
        ``(H, W, D)`` int32: 0 background, 1 the largest lesion, 2 the next.
    """
    components, count = ndimage.label(probability > threshold, structure=np.ones((3, 3, 3)))
    voxels = np.bincount(components.ravel(), minlength=count + 1)[1:]  # (count,)
    certainty = np.bincount(components.ravel(), weights=probability.ravel(), minlength=count + 1)[1:] / voxels
    kept = (voxels * voxel_volume_ml >= min_volume_ml - 1e-9) & (certainty >= min_certainty - 1e-9)
    order = np.argsort(-voxels, kind="stable")
    order = order[kept[order]]
    number = np.zeros(count + 1, dtype=np.int32)
    number[order + 1] = np.arange(1, len(order) + 1)
    return number[components]


def describe_lesions(
    instances: np.ndarray,
    probability: np.ndarray,
    image: np.ndarray,
    *,
    voxel_volume_ml: float,
    phase_mask: np.ndarray,
    slice_probabilities: np.ndarray | None = None,
    slice_enhancement: np.ndarray | None = None,
    classifier: CurveClassifier | None = None,
) -> list[Lesion]:
    """Gives every lesion its class probabilities and its two curves.

    Args:
        instances: ``(H, W, D)`` lesion numbers as ``find_lesions`` makes them.
        probability: ``(H, W, D)`` tumour probability.
        image: ``(4, H, W, D)`` in one linear unit.
        voxel_volume_ml: > 0.
        phase_mask: ``(4)`` bool, the phases that are present.
        slice_probabilities: ``(K, D)`` class probabilities of each slice, or None.
        slice_enhancement: ``(4, D)`` regressed curve of each slice in the image's unit, NaN where a phase does not
            reach the slice, or None.
        classifier: speaks for lesions that are never alone in a slice.

    Returns:
        One record a lesion, in order of their numbers.
    """
    area = slice_areas(instances)  # (L, D)
    alone = (area > 0).sum(0) == 1  # (D,)
    measured = measured_curves(instances, image, phase_mask)  # (L, 4)
    lesions = []
    for index, lesion_area in enumerate(area):
        shared = not (alone & (lesion_area > 0)).any()
        weight = lesion_area * (1.0 if shared else alone)
        weight = weight / weight.sum()  # (D,)
        probabilities = None if slice_probabilities is None else slice_probabilities @ weight  # (K,)
        regressed = None if slice_enhancement is None else _mean_over_slices(slice_enhancement, weight)
        if regressed is not None:
            regressed = measured[index].copy() if shared else np.where(np.isnan(measured[index]), np.nan, regressed)
        if shared and probabilities is not None and classifier is not None:
            probabilities = classifier.predict_proba(measured[index])[0]
        volume_ml = float(lesion_area.sum() * voxel_volume_ml)
        certainty = float(probability[instances == index + 1].mean())
        lesions.append(Lesion(index + 1, volume_ml, certainty, probabilities, regressed, measured[index], shared))
    return lesions


def _mean_over_slices(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``(4, D)``, ``(D)`` -> ``(4)`` over the slices that have a value; NaN where none has."""
    there = np.isfinite(values) * weight  # (4, D)
    total = there.sum(-1)
    return np.where(total > 0, (np.nan_to_num(values) * there).sum(-1) / np.maximum(total, 1e-12), np.nan)


def slice_areas(instances: np.ndarray) -> np.ndarray:
    """Voxels of each lesion in each slice: ``(H, W, D)`` lesion numbers -> ``(L, D)`` float64."""
    count, depth = int(instances.max(initial=0)), instances.shape[-1]
    x, y, z = np.nonzero(instances)
    number = instances[x, y, z].astype(np.int64)
    return np.bincount((number - 1) * depth + z, minlength=count * depth).reshape(count, depth).astype(np.float64)


def measured_curves(instances: np.ndarray, image: np.ndarray, phase_mask: np.ndarray) -> np.ndarray:
    """Mean signal under each lesion: ``(X, Y, Z)``, ``(4, X, Y, Z)`` -> ``(L, 4)``.

    NaN where a phase is missing, or where more than `MOST_OUTSIDE` of the lesion lies outside its field of view, where
    the image is exactly 0: a mean over nothing would pass for signal that is not there.
    """
    count = int(instances.max(initial=0))
    where = np.nonzero(instances)  # only the tumour's voxels are touched, however large the study is
    number = instances[where].astype(np.int64)
    voxels = np.bincount(number, minlength=count + 1)[1:]  # (L,)
    signal = [phase[where] for phase in image]
    sums = np.stack([np.bincount(number, weights=s, minlength=count + 1)[1:] for s in signal], axis=1)  # (L, 4)
    inside = np.stack([np.bincount(number, weights=s != 0, minlength=count + 1)[1:] for s in signal], axis=1)
    covered = np.asarray(phase_mask, dtype=bool) & (inside > 0) & (inside >= (1 - MOST_OUTSIDE) * voxels[:, None])
    return np.where(covered, sums / np.maximum(inside, 1), np.nan)


def volume_weighted(values: list[np.ndarray], volumes_ml: list[float]) -> np.ndarray:
    """The study's value from its lesions': ``sum_l v_l x_l / sum_l v_l``; ``L x (n)`` -> ``(n)``."""
    weight = np.asarray(volumes_ml, dtype=np.float64)
    return weight @ np.stack(values) / weight.sum()
