"""One study's prediction against its truth, as one plain record; every summary, table and file is made from these.

Undefined values are None, never NaN: a DSC without a tumour, a curve without a prediction, a class that is not known.

Shapes: ``H W`` in-plane pixels, ``D`` slices, ``P`` phases, ``K`` classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from monai.data.utils import affine_to_spacing
from scipy.ndimage import binary_erosion, distance_transform_edt

from .curves import compare_curves, curve_as_list
from .lesions import count_false_positives, true_lesions

Record = dict[str, Any]


def measure_study(data: Mapping[str, Any], *, surface_distance: bool = True) -> Record:
    """Compare one post-processed study with its truth.

    Args:
        data: a decollated item: ``pred (1, H, W, D)``, ``label (1, H, W, D)``, ``phase_mask (P)``, ``scale``,
            ``lesion_class`` and, as far as the network has them, ``class_prob (K)``, ``enhancement_pred (P)``,
            ``enhancement_measured (P)``, ``enhancement (P)``, ``slice_class_prob (K, D)``, ``true_enhancement (P)``;
            ``class_values``, False where the label's values are no classes; ``kind``, what no class names;
            ``group``, which the studies of one patient share.
        surface_distance: also compute HD95, the slowest figure.

    Returns:
        Plain JSON values: ``case``, ``lesion_class``, ``kind``, ``dsc``, ``iou``, ``hd95_mm``, ``class_probabilities``,
        ``curves`` (raw units), curve errors, ``lesions``, ``false_positives``, ``slice_dsc``, ``slice_correct``.
    """
    predicted, label = _array(data["pred"])[0] > 0, _array(data["label"])[0].round().astype(int)  # (H, W, D)
    spacing_mm = tuple(float(value) for value in affine_to_spacing(_affine(data)))
    true = label > 0
    lesion_class = int(_array(data["lesion_class"]).reshape(-1)[0])
    record: Record = {"case": _case(data), "group": str(data.get("group") or _case(data))}
    record["kind"] = data.get("kind")
    record |= {"lesion_class": lesion_class, "has_tumour": bool(true.any()), "found_tumour": bool(predicted.any())}
    record |= {"volume_ml": _volume_ml(true, spacing_mm), "predicted_volume_ml": _volume_ml(predicted, spacing_mm)}
    record |= overlap(predicted, true)
    record["hd95_mm"] = hd95_mm(predicted, true, spacing_mm) if surface_distance else None
    class_values = bool(_array(data.get("class_values", True)))
    record["lesions"] = true_lesions(label, predicted, spacing_mm, class_values=class_values)
    record["false_positives"] = count_false_positives(predicted, true)
    record["slice_dsc"] = [
        overlap(predicted[..., d], true[..., d])["dsc"] for d in range(true.shape[-1]) if true[..., d].any()
    ]
    record["slice_correct"] = _slice_correct(data.get("slice_class_prob"), label) if class_values else []
    probabilities = curve_as_list(data.get("class_prob"))
    record["class_probabilities"] = None if probabilities is None or None in probabilities else probabilities
    record["predicted_class"] = None if record["class_probabilities"] is None else int(np.argmax(probabilities))
    return record | compare_curves(data, has_tumour=record["has_tumour"])


def overlap(predicted: np.ndarray, true: np.ndarray) -> dict[str, float | None]:
    """``DSC = 2|A∩B| / (|A|+|B|)`` and ``IoU = |A∩B| / |A∪B|``; None without a true voxel."""
    if not true.any():
        return {"dsc": None, "iou": None}
    common = int(np.count_nonzero(predicted & true))
    total = int(np.count_nonzero(predicted)) + int(np.count_nonzero(true))
    return {"dsc": 2 * common / total, "iou": common / (total - common)}


def hd95_mm(predicted: np.ndarray, true: np.ndarray, spacing_mm: tuple[float, ...]) -> float | None:
    """The larger of the two directed 95th percentiles of surface distance; None unless both masks hold something."""
    if not (predicted.any() and true.any()):
        return None
    box = tuple(slice(max(int(axis.min()) - 1, 0), int(axis.max()) + 2) for axis in np.nonzero(predicted | true))
    surfaces = [mask[box] & ~binary_erosion(mask[box]) for mask in (predicted, true)]
    distances = [distance_transform_edt(~surface, sampling=spacing_mm) for surface in surfaces]
    directed = [distances[1][surfaces[0]], distances[0][surfaces[1]]]  # from one surface to the other, both ways
    return max(float(np.percentile(values, 95)) for values in directed)


def _slice_correct(slice_class_prob: Any, label: np.ndarray) -> list[bool]:
    """For each slice with a tumour of one class: does the slice's most probable class agree?"""
    probabilities = None if slice_class_prob is None else _array(slice_class_prob)  # (K, D)
    if probabilities is None or not np.isfinite(probabilities).all():
        return []
    correct = []
    for d in range(label.shape[-1]):
        values = np.unique(label[..., d])
        values = values[values > 0]
        if len(values) == 1 and values[0] <= len(probabilities):
            correct.append(bool(np.argmax(probabilities[:, d]) == values[0] - 1))
    return correct


def _array(value: Any) -> np.ndarray:
    return torch.as_tensor(value).detach().cpu().numpy()


def _affine(data: Mapping[str, Any]) -> torch.Tensor:
    for key in ("label", "pred", "image"):
        if hasattr(data.get(key), "affine"):
            return data[key].affine
    raise AssertionError("the study lost its affine on the way")


def _case(data: Mapping[str, Any]) -> str:
    study = data.get("study")
    return str(study["case"] if isinstance(study, Mapping) else data["case"])


def _volume_ml(mask: np.ndarray, spacing_mm: tuple[float, ...]) -> float:
    return float(np.count_nonzero(mask) * np.prod(spacing_mm) / 1000)
