"""From the network's grid back to the reference phase's native grid: the label map that is written.

Both grids have an affine to the same millimetres, so the way back is one matrix, ``inv(A_network) @ A_native``, and
only the native voxels around the lesions need to be looked at: no volume of coordinates, however large the study.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform
from scipy import ndimage
from scipy.spatial import cKDTree

MARGIN_VOXELS = 1
"""Linear interpolation carries a lesion at most this many network voxels beyond itself."""


class KeepNatived(Transform):
    """Keeps the loaded study in raw units for the report, before preprocessing moves ``image`` to the network's grid.

    ``native`` shares its memory with ``image`` as it is then: the transforms that follow make new tensors, so a copy
    would only double the largest array of the whole run.

    Args:
        key: the loaded image, ``(4, X, Y, Z)``.
        native_key: where to keep it; must not start with ``<key>_`` (MONAI's Spacingd takes such keys for metadata).
    """

    def __init__(self, *, key: str = "image", native_key: str = "native") -> None:
        self.key, self.native_key = key, native_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        image = data[self.key]
        native = MetaTensor(image.as_tensor(), meta=deepcopy(image.meta))  # the affine is part of meta
        return {**data, self.native_key: native}


class ReturnToNatived(Transform):
    """Brings lesions back to the native grid and paints each with its class.

    The tumour probability is interpolated linearly and cut at the threshold there; every tumour voxel belongs to the
    nearest lesion of the network's grid.  On identical grids the result is voxel-identical.

    Reads ``probability``, ``instances``, ``lesions`` (from ``AggregateStudyd``) and ``native`` (``KeepNatived``).
    Sets ``native_instances`` ``(1, X, Y, Z)`` int16 and ``pred`` ``(1, X, Y, Z)`` uint8, k + 1 for a lesion of class k
    (1 when the network has no class head), both MetaTensors with the native affine.  Lesions that hold no native
    voxel centre leave the list and are named in ``study["flags"]``.

    Args:
        threshold: the same as in ``AggregateStudyd``.
    """

    def __init__(self, *, threshold: float = 0.5) -> None:
        self.threshold = float(threshold)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        native = d["native"]
        numbers = native_instances(
            _array(d["probability"])[0],
            _array(d["instances"])[0],
            network_affine=_array(d["probability"].affine),
            native_shape=tuple(native.shape[1:]),
            native_affine=_array(native.affine),
            threshold=self.threshold,
        )
        found = set(np.unique(numbers).tolist())
        lost = [lesion["id"] for lesion in d["lesions"] if lesion["id"] not in found]
        d["lesions"] = [lesion for lesion in d["lesions"] if lesion["id"] in found]
        if lost:
            study = d.get("study", {})
            flags = [*study.get("flags", []), *(f"lesion_below_resolution:{number}" for number in lost)]
            d["study"] = {**study, "flags": flags}
        value = np.zeros(numbers.max(initial=0) + 1, dtype=np.uint8)
        for lesion in d["lesions"]:
            value[lesion["id"]] = class_index(lesion["class_probabilities"]) + 1
        d["native_instances"] = _on_grid_of(native, numbers)
        d["pred"] = _on_grid_of(native, value[numbers])
        return d


def class_index(probabilities: list[float] | None) -> int:
    """Index of the most probable class; 0 when there is no class head, whose label map then only says "lesion"."""
    return 0 if probabilities is None else int(np.argmax(probabilities))


def native_instances(
    probability: np.ndarray,
    instances: np.ndarray,
    *,
    network_affine: np.ndarray,
    native_shape: tuple[int, int, int],
    native_affine: np.ndarray,
    threshold: float = 0.5,
) -> np.ndarray:
    """Lesion numbers on the native grid.

    Args:
        probability: ``(H, W, D)`` tumour probability, 0 in components that are no lesion.
        instances: ``(H, W, D)`` lesion numbers where ``probability > threshold``.
        network_affine: ``(4, 4)`` of these two, voxel to mm.
        native_shape: ``(X, Y, Z)``.
        native_affine: ``(4, 4)``, voxel to the same mm.
        threshold: a voxel is tumour above it.

    Returns:
        ``(X, Y, Z)`` int16.
    """
    native = np.zeros(native_shape, dtype=np.int16)
    if not instances.any():
        return native
    low, high = _bounds(instances, MARGIN_VOXELS)
    # rounding turns coordinates that differ from whole voxels by float noise into whole voxels
    to_network = np.round(np.linalg.inv(network_affine) @ native_affine, 9)
    # a voxel is a box: at the border of the volume its value holds up to its outer faces
    corners = np.array(np.meshgrid(*zip(low - 0.5, high - 0.5, strict=True), indexing="ij")).reshape(3, 8)
    at_native = np.linalg.inv(to_network) @ np.vstack([corners, np.ones(8)])  # (4, 8)
    start = np.clip(np.floor(at_native[:3].min(1)).astype(int), 0, native_shape)
    stop = np.clip(np.ceil(at_native[:3].max(1)).astype(int) + 1, 0, native_shape)
    if (stop <= start).any():
        return native
    near = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    sampling = {
        "matrix": to_network[:3, :3],
        "offset": to_network[:3, :3] @ start + to_network[:3, 3] - low,
        "output_shape": tuple(stop - start),
        "mode": "nearest",
        "prefilter": False,
    }
    tumour = ndimage.affine_transform(np.asarray(probability[near], np.float64), order=1, **sampling) > threshold
    where = np.argwhere(tumour) + start  # (voxels, 3)
    spacing_mm = np.linalg.norm(network_affine[:3, :3], axis=0)
    native[tuple(where.T)] = _nearest_lesion(where, instances, to_network, spacing_mm)
    return native


def _nearest_lesion(
    where: np.ndarray, instances: np.ndarray, to_network: np.ndarray, spacing_mm: np.ndarray
) -> np.ndarray:
    """Number of the lesion whose nearest voxel is nearest in mm: native voxels ``(N, 3)`` -> ``(N)``.

    There always is one close by: interpolation exceeds the threshold only beside a voxel that does, and of these each
    belongs to a lesion.
    """
    voxels = np.argwhere(instances)  # (M, 3)
    numbers = instances[tuple(voxels.T)]
    if numbers.min() == numbers.max():
        return numbers[0]
    at_network = where @ to_network[:3, :3].T + to_network[:3, 3]
    _, nearest = cKDTree(voxels * spacing_mm).query(at_network * spacing_mm)
    return numbers[nearest]


def _bounds(instances: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray]:
    where = np.nonzero(instances)
    low = np.array([axis.min() for axis in where]) - margin
    high = np.array([axis.max() for axis in where]) + margin + 1
    return np.maximum(low, 0), np.minimum(high, instances.shape)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return torch.as_tensor(tensor).detach().cpu().numpy()


def _on_grid_of(native: MetaTensor, values: np.ndarray) -> MetaTensor:
    return MetaTensor(torch.from_numpy(values)[None], meta=deepcopy(native.meta))
