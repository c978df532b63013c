"""What one study is like: grids, intensities, the lesions' volumes and curves, and what looks wrong about it.

The study is read once and let go; what remains is a record of plain JSON values. Curves are measured on the files'
own grids: where a phase lies on another grid than the mask, its intensities are interpolated at the mask's voxels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import nibabel
import numpy as np
from scipy.ndimage import label as connected_components
from scipy.ndimage import map_coordinates

from ...types import InputError
from ..geometry import same_grid
from ..load import load_study
from ..study import Study, Volume
from .suspicions import BODY_FRACTION, suspicions

MOST_POINTS = 100_000
"""Voxels of a region or volume that are looked at; of larger ones every n-th."""

SPECK_ML = 0.05
"""Components below this volume (a ball of 4.6 mm) are slips of the pen, not lesions."""


def measure_study(entry: Mapping, *, classes: Sequence[str], reference_phase: str) -> dict:
    """Read one study and measure it.

    Args:
        entry: a datalist entry with absolute paths.
        classes: class names in head order: class k is label value k + 1.
        reference_phase: as ``load_study`` takes it.

    Returns:
        ``case``, ``lesion_class``, ``has_mask``, ``phases`` {phase: size, spacing_mm, orientation, median, p99_5},
        ``scale``, ``lesions`` [class, volume_ml], ``curves`` [class, signal {phase: raw}, lesion_to_liver
        {phase: ratio}], ``centre_spread_mm``, ``flags``, ``findings``; or ``case`` and ``error`` when it cannot be
        read.
    """
    try:
        study = load_study(entry, reference_phase=reference_phase)
    except InputError as error:
        return {"case": entry["case"], "error": str(error)}
    main = study.label or study.phase_labels.get(reference_phase) or next(iter(study.phase_labels.values()), None)
    bodies = {phase: _body(volume) for phase, volume in study.phases.items()}
    record = {
        "case": study.case,
        "lesion_class": study.lesion_class,
        "phases": {phase: _describe(volume, bodies[phase]) for phase, volume in study.phases.items()},
        "scale": _percentile(np.concatenate(list(bodies.values())), 99.5),
        "lesions": [],
        "curves": [],
        "has_mask": main is not None,
        "centre_spread_mm": _centre_spread_mm(study),
        "flags": list(study.flags),
    }
    if main is not None:
        regions = _regions(main, study.lesion_class, classes)
        for name, value in regions.items():
            record["lesions"] += [{"class": name, "volume_ml": ml} for ml in _volumes_ml(main, value)]
            record["curves"] += [{"class": name, **_curve(study, main, value, alone=len(regions) == 1)}]
    return record | {"findings": suspicions(study, main, record, classes)}


def _body(volume: Volume) -> np.ndarray:
    """Intensities of some of the voxels that are brighter than air, ``(N,)``."""
    values = _every_nth(volume.data.ravel())
    return values[values > BODY_FRACTION * np.percentile(values, 99)]


def _describe(volume: Volume, body: np.ndarray) -> dict:
    return {
        "size": [int(n) for n in volume.data.shape],
        "spacing_mm": [round(x, 4) for x in volume.spacing_mm],
        "orientation": "".join(nibabel.aff2axcodes(volume.affine)),
        "median": _percentile(body, 50),
        "p99_5": _percentile(body, 99.5),
    }


def _percentile(values: np.ndarray, percent: float) -> float:
    return _rounded(np.percentile(values, percent)) if values.size else 0.0


def _regions(mask: Volume, lesion_class: str | None, classes: Sequence[str]) -> dict[str | None, int | None]:
    """Class name → label value; ``None`` for every value above zero. Masks of 0 and 1 have the study's class."""
    values = [int(v) for v in np.unique(mask.data) if v]
    if not values:
        return {}
    if values == [1] or values[-1] > len(classes):
        return {lesion_class: None}
    return {classes[value - 1]: value for value in values}


def _inside(mask: Volume, value: int | None) -> np.ndarray:
    return mask.data > 0 if value is None else mask.data == value


def _volumes_ml(mask: Volume, value: int | None) -> list[float]:
    """Volumes of the connected parts of a region, largest first."""
    inside = _inside(mask, value)
    corners = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    box = inside[tuple(slice(axis[0], axis[-1] + 1) for axis in corners)]
    parts, _ = connected_components(box, structure=np.ones((3, 3, 3)))
    voxel_ml = abs(np.linalg.det(mask.affine[:3, :3])) / 1000
    volumes = np.bincount(parts.ravel())[1:] * voxel_ml
    return sorted((round(float(ml), 4) for ml in volumes if ml >= SPECK_ML), reverse=True)


def _curve(study: Study, main: Volume, value: int | None, *, alone: bool) -> dict:
    """Mean signal of each phase in a region, in raw units, and its ratio to the liver where that is known.

    Args:
        value: of the region in ``main``; masks of single phases may say where without saying what (``alone``: there
            is one region only, so that any value stands for it).
    """
    signal, ratio = {}, {}
    liver = None if study.liver is None else _healthy_liver(study.liver, main)
    for phase, volume in study.phases.items():
        mask, inside = main, _inside(main, value)
        if (own := study.phase_labels.get(phase)) is not None:
            own_inside = _inside(own, None if alone else value)
            mask, inside = (own, own_inside) if own_inside.any() else (mask, inside)
        signal[phase] = _mean(volume, mask, inside)
        if liver is not None and signal[phase] is not None:
            around = _mean(volume, study.liver, liver)
            ratio[phase] = round(signal[phase] / around, 4) if around else None
    return {"signal": signal, "lesion_to_liver": ratio or None}


def _healthy_liver(liver: Volume, tumour: Volume) -> np.ndarray:
    inside = liver.data > 0
    if same_grid(liver.data.shape, liver.affine, tumour.data.shape, tumour.affine):
        return inside & (tumour.data == 0)
    points = np.argwhere(inside)
    index = np.rint(_to_voxels(_to_world(points, liver.affine), tumour.affine)).astype(int)  # (N, 3)
    reached = ((index >= 0) & (index < tumour.data.shape)).all(axis=1)
    tumourous = np.zeros(len(points), dtype=bool)
    tumourous[reached] = tumour.data[tuple(index[reached].T)] > 0
    inside[tuple(points[tumourous].T)] = False
    return inside


def _mean(volume: Volume, grid: Volume, inside: np.ndarray) -> float | None:
    """Mean of a volume over a region given on a mask's grid; ``None`` where the volume does not reach it."""
    if same_grid(volume.data.shape, volume.affine, grid.data.shape, grid.affine):
        values = volume.data[inside]
    else:
        index = _to_voxels(_to_world(_every_nth(np.argwhere(inside)), grid.affine), volume.affine)  # (N, 3)
        reached = ((index > -0.5) & (index < np.array(volume.data.shape) - 0.5)).all(axis=1)
        values = map_coordinates(volume.data, index[reached].T, order=1, mode="nearest")
    return _rounded(values.mean(dtype=np.float64)) if values.size else None


def _centre_spread_mm(study: Study) -> float | None:
    """The largest distance between the centres of the tumour masks of two phases."""
    masks = [mask for phase, mask in study.phase_labels.items() if phase in study.phases and mask.data.any()]
    if len(masks) < 2:
        return None
    centres = [_to_world(np.argwhere(mask.data).mean(axis=0)[None], mask.affine)[0] for mask in masks]
    return round(float(max(np.linalg.norm(a - b) for a in centres for b in centres)), 2)


def _to_world(index: np.ndarray, affine: np.ndarray) -> np.ndarray:
    return index @ affine[:3, :3].T + affine[:3, 3]


def _to_voxels(points_mm: np.ndarray, affine: np.ndarray) -> np.ndarray:
    return np.linalg.solve(affine[:3, :3], (points_mm - affine[:3, 3]).T).T


def _every_nth(values: np.ndarray) -> np.ndarray:
    return values[:: max(1, -(-len(values) // MOST_POINTS))]


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
