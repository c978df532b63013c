"""The rendering grid, and where a voxel of one breath-hold lies in the patient's undeformed body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometry import SmoothField
from .presets import Preset


@dataclass(frozen=True)
class Pose:
    """Where the moving organs are during one phase, relative to the reference phase's breath-hold.

    Args:
        shift_mm: rigid shift in RAS mm.
        deformation: smooth residual displacement, mm; None for the reference phase.
    """

    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deformation: SmoothField | None = None


@dataclass(frozen=True)
class Grid:
    """Axes of the rendered volume in the phantom's RAS frame.

    Args:
        axes_mm: centres of the rendered (thin) voxels along x, y, z; x and y fall with the index, as in axial DICOM.
        edge_mm: in-plane voxel size: the width over which an edge is blended.
        sub_slices: thin slices per stored slice.
    """

    axes_mm: tuple[np.ndarray, np.ndarray, np.ndarray]
    edge_mm: float
    sub_slices: int

    @classmethod
    def of(cls, preset: Preset) -> Grid:
        """The grid of a preset."""
        counts = (preset.shape[0], preset.shape[1], preset.shape[2] * preset.sub_slices)
        steps = (-preset.spacing_mm[0], -preset.spacing_mm[1], preset.spacing_mm[2] / preset.sub_slices)
        axes = tuple(
            ((np.arange(n) - (n - 1) / 2) * step).astype(np.float32) for n, step in zip(counts, steps, strict=True)
        )
        return cls(axes, preset.spacing_mm[0], preset.sub_slices)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rendered voxels (X, Y, Z * sub_slices)."""
        return tuple(len(axis) for axis in self.axes_mm)

    def box(self, bounds_mm: tuple[np.ndarray, np.ndarray], margin_mm: float, pose: Pose | None = None):
        """Index box of a shape's bounds, widened by a margin and moved with the pose."""
        shift = np.array(pose.shift_mm) if pose else np.zeros(3)
        lower, upper = bounds_mm[0] + shift - margin_mm, bounds_mm[1] + shift + margin_mm
        slices = []
        for axis, low, high in zip(self.axes_mm, lower, upper, strict=True):
            inside = np.flatnonzero((axis >= low) & (axis <= high))
            slices.append(slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0))
        return tuple(slices)

    def coordinates(self, warp: SmoothField, pose: Pose) -> np.ndarray:
        """Where each voxel of a pose lies in the undeformed body.

        Args:
            warp: the patient's anatomical warp.
            pose: breath-hold shift and deformation.

        Returns:
            ``(3, X, Y, Z)`` float32 mm.
        """
        moved = tuple(axis - np.float32(s) for axis, s in zip(self.axes_mm, pose.shift_mm, strict=True))
        points = warp.on_grid(moved)
        if pose.deformation is not None:
            points += pose.deformation.on_grid(self.axes_mm)
        points[0] += moved[0][:, None, None]
        points[1] += moved[1][None, :, None]
        points[2] += moved[2][None, None, :]
        return points

    def thick(self, volume: np.ndarray) -> np.ndarray:
        """Average thin slices: ``(..., X, Y, Z * sub)`` to ``(..., X, Y, Z)``."""
        return volume.reshape(*volume.shape[:-1], volume.shape[-1] // self.sub_slices, self.sub_slices).mean(-1)
