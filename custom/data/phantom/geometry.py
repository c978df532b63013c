"""Shapes as signed distances and smooth random fields, evaluated on a grid of world coordinates (RAS mm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPLINE_FIELD_SD = 0.34
"""Standard deviation of a cubic B-spline field with unit-variance coefficients."""


def cubic_basis(positions: np.ndarray, count: int) -> np.ndarray:
    """Uniform cubic B-spline weights.

    Args:
        positions: ``(N,)`` in knot units, 1 = the second of ``count`` knots.
        count: number of knots.

    Returns:
        ``(N, count)`` float32.
    """
    u = np.abs(positions[:, None] - np.arange(count)[None])
    near, far = 2 / 3 - u**2 + u**3 / 2, np.clip(2 - u, 0, None) ** 3 / 6
    return np.where(u < 1, near, far).astype(np.float32)


@dataclass(frozen=True)
class SmoothField:
    """A smooth random field: cubic B-splines over random coefficients.

    Args:
        coefficients: ``(M, nx, ny, nz)`` float32, M components.
        spacing_mm: distance of the knots along x, y, z.
        centre_mm: world position of the middle of the knots.
    """

    coefficients: np.ndarray
    spacing_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @classmethod
    def draw(cls, rng: np.random.Generator, *, components: int, sd: float, spacing_mm: float, half_mm) -> SmoothField:
        """A field of standard deviation ``sd`` with features of ``spacing_mm`` that covers ``+-half_mm``."""
        counts = [int(np.ceil(2 * half / spacing_mm)) + 4 for half in half_mm]
        coefficients = rng.normal(0.0, sd / SPLINE_FIELD_SD, size=(components, *counts)).astype(np.float32)
        return cls(coefficients, (spacing_mm,) * 3)

    def on_grid(self, axes_mm: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        """Values on the grid spanned by three axes: ``(M, X, Y, Z)`` float32."""
        field = self.coefficients
        for axis in (2, 1, 0):  # always contract the last axis, put the new one in front
            count = self.coefficients.shape[axis + 1]
            knot = (axes_mm[axis] - self.centre_mm[axis]) / self.spacing_mm[axis] + (count - 1) / 2
            field = np.moveaxis(field @ cubic_basis(knot, count).T, -1, 1)
        return np.ascontiguousarray(field)  # (M, X, Y, Z)


@dataclass(frozen=True)
class Ellipsoid:
    """An axis-aligned ellipsoid, RAS mm."""

    centre_mm: tuple[float, float, float]
    semi_mm: tuple[float, float, float]

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Approximate signed distance in mm, negative inside."""
        (cx, cy, cz), (ax, ay, az) = self.centre_mm, self.semi_mm
        qx, qy, qz = (x - cx) / ax, (y - cy) / ay, (z - cz) / az
        radius = np.sqrt(qx * qx + qy * qy + qz * qz)
        return (radius - 1) * min(self.semi_mm)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner, mm."""
        centre, semi = np.array(self.centre_mm), np.array(self.semi_mm)
        return centre - semi, centre + semi


@dataclass(frozen=True)
class Tube:
    """A straight vessel segment that tapers linearly, RAS mm."""

    start_mm: tuple[float, float, float]
    end_mm: tuple[float, float, float]
    start_radius_mm: float
    end_radius_mm: float

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Signed distance in mm, negative inside."""
        start, end = np.array(self.start_mm, np.float32), np.array(self.end_mm, np.float32)
        axis = end - start
        px, py, pz = x - start[0], y - start[1], z - start[2]
        along = np.clip((px * axis[0] + py * axis[1] + pz * axis[2]) / float(axis @ axis), 0, 1)
        dx, dy, dz = px - along * axis[0], py - along * axis[1], pz - along * axis[2]
        radius = self.start_radius_mm + along * np.float32(self.end_radius_mm - self.start_radius_mm)
        return np.sqrt(dx * dx + dy * dy + dz * dz) - radius

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner, mm."""
        ends = np.array([self.start_mm, self.end_mm])
        radius = max(self.start_radius_mm, self.end_radius_mm)
        return ends.min(0) - radius, ends.max(0) + radius


def coverage(distance_mm: np.ndarray, width_mm: float) -> np.ndarray:
    """Share of a voxel inside a surface: a linear ramp of one voxel's width across it, in [0, 1]."""
    return np.clip(np.float32(0.5) - distance_mm * np.float32(1.0 / width_mm), 0, 1)


def smooth_union(first: np.ndarray, second: np.ndarray, blend_mm: float) -> np.ndarray:
    """Union of two signed distances with a fillet of about ``blend_mm``."""
    h = np.clip(0.5 + (second - first) * np.float32(0.5 / blend_mm), 0, 1)
    return second + (first - second) * h - np.float32(blend_mm) * h * (1 - h)
