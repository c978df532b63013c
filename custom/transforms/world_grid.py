"""Volumes of one study brought onto one grid by their world coordinates, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import affine_transform, map_coordinates

from .motion import Motion

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
    data: np.ndarray,
    affine: np.ndarray,
    *,
    shape: tuple[int, int, int],
    target_affine: np.ndarray,
    nearest: bool,
    motion: Motion | None = None,
) -> OnGrid:
    """Sample a volume at the voxel centres of another grid: ``x' = inv(affine) @ motion(target_affine @ x)``.

    Grid and motion make one interpolation.  A voxel is a box: up to half a voxel outside the outermost centres the edge
    value holds, beyond it the result is 0.  The field of view is taken without the motion: where a shift reaches
    beyond it, the edge value holds, since a correction must not turn signal into nothing.

    Args:
        data: ``(X, Y, Z)``, any real type; its type is kept.
        affine: ``(4, 4)`` float64 of ``data``, voxel to millimetres.
        shape: of the target grid.
        target_affine: ``(4, 4)`` float64 of the target grid.
        nearest: nearest neighbour (masks) instead of linear (intensities).
        motion: where the volume's anatomy lies relative to the target's; ``None`` for the same place.

    Returns:
        The volume on the target grid and the share of target voxels that lie inside its field of view.
    """
    same = same_grid(data.shape, affine, shape, target_affine)
    if same and motion is None:
        return OnGrid(data, 1.0)
    affine, target_affine = affine.astype(np.float64), target_affine.astype(np.float64)
    matrix = np.eye(4) if motion is None else motion.matrix
    to_source = np.linalg.solve(affine, matrix @ target_affine)  # target index -> source index
    order = 0 if nearest else 1
    if motion is None or motion.field is None:
        sampled = affine_transform(
            data,
            to_source[:3, :3],
            offset=to_source[:3, 3],
            output_shape=shape,
            output=data.dtype,
            order=order,
            mode="nearest",
            prefilter=False,
        )
    else:
        sampled = _sample_along_field(data, to_source, np.linalg.inv(affine), shape, target_affine, motion, order)
    coverage = 1.0 if same else _clear_outside(sampled, np.linalg.solve(affine, target_affine), data.shape)
    return OnGrid(sampled, coverage)


def _sample_along_field(data, to_source, from_world, shape, target_affine, motion: Motion, order: int) -> np.ndarray:
    """The same with the motion's smooth remainder, slice by slice: a coordinate volume would be six times the image."""
    sampled = np.empty(shape, dtype=data.dtype)
    to_field = np.linalg.solve(motion.field_affine, target_affine)  # target index -> index of the field's grid
    i, j = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    for k in range(shape[2]):
        index = np.stack([i, j, np.full_like(i, k), np.ones_like(i)]).astype(np.float64)  # (4, X, Y)
        place = np.tensordot(to_field[:3], index, axes=1)
        remainder = np.stack([map_coordinates(part, place, order=1, mode="nearest") for part in motion.field])
        source = np.tensordot(to_source[:3], index, axes=1) + np.tensordot(from_world[:3, :3], remainder, axes=1)
        map_coordinates(data, source, output=sampled[:, :, k], order=order, mode="nearest", prefilter=False)
    return sampled


def _clear_outside(sampled: np.ndarray, to_source: np.ndarray, source_shape: tuple) -> float:
    """Set what lies outside the source's field of view to 0; returns the share that lies inside."""
    covered = 0
    shape = sampled.shape
    i, j = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    for k in range(shape[2]):
        inside = np.ones(shape[:2], dtype=bool)
        for axis in range(3):
            m = to_source[axis]
            position = (m[0] * i + m[1] * j) + (m[2] * k + m[3])  # (X, Y)
            inside &= (position >= -0.5 - 1e-6) & (position <= source_shape[axis] - 0.5 + 1e-6)
        sampled[:, :, k][~inside] = 0
        covered += int(inside.sum())
    return covered / float(np.prod(shape))
