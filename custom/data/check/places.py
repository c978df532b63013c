"""Where things lie: points of one grid in another, in world coordinates (RAS+ mm)."""

from __future__ import annotations

import numpy as np

from ..plan import VolumePlan
from ..study import Volume

_SAMPLES = 15  # along each axis


def coverage(volume: VolumePlan, grid: VolumePlan) -> float:
    """Share of a grid's voxels, 0..1, that lie inside a volume, by a sample of them."""
    axes = [np.linspace(0, size - 1, min(size, _SAMPLES)) for size in grid.shape]
    voxels = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    return float(inside(to_world(voxels, grid.affine), volume.shape, volume.affine).mean())


def to_world(voxels: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Voxel indices ``(N, 3)`` → world coordinates ``(N, 3)`` in mm."""
    return voxels @ affine[:3, :3].T + affine[:3, 3]


def to_voxels(points_mm: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """World coordinates ``(N, 3)`` in mm → voxel indices ``(N, 3)``, not rounded."""
    return np.linalg.solve(affine[:3, :3], (points_mm - affine[:3, 3]).T).T


def inside(points_mm: np.ndarray, shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """Whether points ``(N, 3)`` lie in a grid's voxels, up to half a voxel outside the outermost centres: ``(N)``."""
    voxels = to_voxels(points_mm, affine)
    return ((voxels >= -0.5 - 1e-6) & (voxels <= np.array(shape) - 0.5 + 1e-6)).all(1)


def values_at(volume: Volume, points_mm: np.ndarray) -> np.ndarray:
    """Values of the voxels in which points ``(N, 3)`` lie; points outside are left out."""
    there = points_mm[inside(points_mm, volume.data.shape, volume.affine)]
    voxels = np.rint(to_voxels(there, volume.affine)).astype(int)
    i, j, k = np.clip(voxels, 0, np.array(volume.data.shape) - 1).T
    return volume.data[i, j, k]


def marked_mm(mask: Volume, most: int = 50_000) -> np.ndarray:
    """World coordinates ``(N, 3)`` of a mask's voxels above 0; evenly drawn where there are more than ``most``."""
    voxels = np.argwhere(mask.data)
    return to_world(voxels[:: 1 + len(voxels) // most], mask.affine)
