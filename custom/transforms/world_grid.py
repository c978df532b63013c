"""Volumes of one study brought onto one grid by their world coordinates, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import affine_transform

SAME_GRID_TOLERANCE = 0.01
"""Two grids agree when none of their corners lies further apart than this share of the smallest voxel edge."""


class OnGrid(NamedTuple):
    """A volume on another grid, and the share of that grid that it covers."""

    data: np.ndarray  # (X, Y, Z)
    coverage: float  # 0..1


def same_grid(shape_a: tuple, affine_a: np.ndarray, shape_b: tuple, affine_b: np.ndarray) -> bool:
    """Whether two grids are the same, so that resampling would only blur."""
    if tuple(shape_a) != tuple(shape_b):
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape_a], [1], indexing="ij")).reshape(4, -1)  # (4, 8)
    distance_mm = np.linalg.norm(((affine_a - affine_b) @ corners)[:3], axis=0).max()
    return bool(distance_mm < SAME_GRID_TOLERANCE * np.linalg.norm(affine_b[:3, :3], axis=0).min())


def resample_to_grid(
    data: np.ndarray, affine: np.ndarray, *, shape: tuple[int, int, int], target_affine: np.ndarray, nearest: bool
) -> OnGrid:
    """Sample a volume at the voxel centres of another grid: ``x' = inv(affine) @ target_affine @ x``.

    A voxel is a box: up to half a voxel outside the outermost centres the edge value holds, beyond it the result is 0.

    Args:
        data: ``(X, Y, Z)``, any real type; its type is kept.
        affine: ``(4, 4)`` float64 of ``data``, voxel to millimetres.
        shape: of the target grid.
        target_affine: ``(4, 4)`` float64 of the target grid.
        nearest: nearest neighbour (masks) instead of linear (intensities).

    Returns:
        The volume on the target grid and the share of target voxels that lie inside its field of view.
    """
    if same_grid(data.shape, affine, shape, target_affine):
        return OnGrid(data, 1.0)
    to_source = np.linalg.solve(affine.astype(np.float64), target_affine.astype(np.float64))  # target index -> source
    sampled = affine_transform(
        data,
        to_source[:3, :3],
        offset=to_source[:3, 3],
        output_shape=shape,
        output=data.dtype,
        order=0 if nearest else 1,
        mode="nearest",
        prefilter=False,
    )
    covered = 0
    i, j = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    for k in range(shape[2]):  # slice by slice: a coordinate volume would be six times the image
        inside = np.ones(shape[:2], dtype=bool)
        for axis in range(3):
            m = to_source[axis]
            position = (m[0] * i + m[1] * j) + (m[2] * k + m[3])  # (X, Y)
            inside &= (position >= -0.5 - 1e-6) & (position <= data.shape[axis] - 0.5 + 1e-6)
        sampled[:, :, k][~inside] = 0
        covered += int(inside.sum())
    return OnGrid(sampled, covered / float(np.prod(shape)))
