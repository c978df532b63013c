"""Lesion shapes: size, place, irregular outline, and the depth coordinate along which enhancement patterns run.

Nothing here knows a lesion's class, so that class cannot be read from shape, size or place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .anatomy import MARGIN_MM, Anatomy
from .geometry import coverage
from .grid import Grid

HARMONICS = 6
DEPTHS = 6
"""Kinetic samples between the earliest (0) and the latest (DEPTHS - 1) enhancing part of a lesion."""


@dataclass(frozen=True)
class LesionShape:
    """A star-shaped lesion around a centre in the undeformed body.

    Args:
        centre_mm: RAS mm in the undeformed body.
        diameter_mm: diameter of the sphere of about the same volume.
        axes: ``(3, 3)`` rotation times inverse half axes (product of half axes = 1).
        waves: ``(H, 3)`` wave vectors of the outline's irregularity over directions; ``phases`` ``(H,)``.
        roughness: amplitude of the outline, share of the radius.
        texture_waves: ``(H, 3)`` wave vectors 1/mm of the inner pattern.
        core: radius of a scar or necrosis, share of the lesion's; 0 = none.
    """

    centre_mm: tuple[float, float, float]
    diameter_mm: float
    axes: np.ndarray
    waves: np.ndarray
    phases: np.ndarray
    roughness: float
    texture_waves: np.ndarray
    core: float

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Corners of a box that holds the lesion, mm."""
        reach = 0.5 * self.diameter_mm * np.linalg.norm(np.linalg.inv(self.axes), 2) * (1 + 2 * self.roughness)
        return np.array(self.centre_mm) - reach, np.array(self.centre_mm) + reach

    def depth(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where points lie in the lesion.

        Returns:
            ``radius`` (1 at the surface, 0 at the centre), ``nodularity`` and ``texture`` (smooth, about -1..1).
        """
        points = np.stack([p - np.float32(c) for p, c in zip((x, y, z), self.centre_mm, strict=True)])  # (3, ...)
        matrix = self.axes.astype(np.float32) * np.float32(2.0 / self.diameter_mm)
        ball = np.tensordot(matrix, points, axes=1)
        radius = np.sqrt((ball * ball).sum(0))
        direction = ball / np.maximum(radius, np.float32(1e-3))
        nodularity = _sines(self.waves, self.phases, direction)
        texture = _sines(self.texture_waves, self.phases[::-1], points)
        return radius / (1 + np.float32(self.roughness) * nodularity), nodularity, texture

    def coverage(self, radius: np.ndarray, edge_mm: float) -> np.ndarray:
        """Share of a voxel inside the lesion, from the radius of `depth`."""
        return coverage((radius - 1) * np.float32(0.5 * self.diameter_mm), edge_mm)


def _sines(waves: np.ndarray, phases: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Mean-free random function of ``points`` (3, ...) with unit variance: a sum of H sines."""
    total = np.zeros(points.shape[1:], np.float32)
    for wave, phase in zip(waves.astype(np.float32), phases.astype(np.float32), strict=True):
        total += np.sin(wave[0] * points[0] + wave[1] * points[1] + wave[2] * points[2] + phase)
    return total * np.float32(np.sqrt(2.0 / len(waves)))


def draw_diameter(rng: np.random.Generator, limits_mm: tuple[float, float]) -> float:
    """A diameter within ``limits_mm``: most between 25 and 55 mm when the limits are 8 and 60."""
    low, high = limits_mm
    return float(low + (high - low) * rng.beta(3.0, 2.0))


def draw_shape(rng: np.random.Generator, limits_mm: tuple[float, float]) -> LesionShape:
    """An irregular shape, not yet placed (centre at 0)."""
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    half_axes = np.exp(rng.normal(0, 0.14, 3))
    half_axes /= half_axes.prod() ** (1 / 3)
    directions = rng.normal(size=(2, HARMONICS, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    diameter = draw_diameter(rng, limits_mm)
    wavelength_mm = rng.uniform(0.25, 0.6, (HARMONICS, 1)) * max(diameter, 16.0)
    has_core = rng.random() < 0.25
    core = rng.uniform(0.2, 0.4)
    return LesionShape(
        centre_mm=(0.0, 0.0, 0.0),
        diameter_mm=diameter,
        axes=rotation / half_axes[:, None],
        waves=directions[0] * rng.uniform(2.0, 5.0, (HARMONICS, 1)),
        phases=rng.uniform(0, 2 * np.pi, HARMONICS),
        roughness=rng.uniform(0.03, 0.12),
        texture_waves=directions[1] * 2 * np.pi / wavelength_mm,
        core=core if has_core and diameter > 28.0 else 0.0,
    )


def place_shapes(
    rng: np.random.Generator, shapes: list[LesionShape], anatomy: Anatomy, grid: Grid, points: np.ndarray
) -> list[LesionShape] | None:
    """Put lesions into the liver, apart from each other and inside the slab, subcapsular at the outermost.

    Args:
        rng: the patient's shape stream.
        shapes: unplaced shapes.
        anatomy, grid: the patient and the slab.
        points: ``(3, X, Y, Z)`` the grid's coordinates at rest.

    Returns:
        The shapes with centres, or None where one found no room.
    """
    step = (slice(None, None, 4), slice(None, None, 4), slice(None, None, 2))
    axes = [axis[s] for axis, s in zip(grid.axes_mm, step, strict=True)]
    points = points[(slice(None), *step)]  # (3, x, y, z) candidates
    a, b = anatomy.cavity_semi_mm()
    radius = np.hypot(axes[0][:, None, None] / a, axes[1][None, :, None] / b)
    depth = np.minimum(-anatomy.liver_distance(*points), (1 - radius) * min(a, b))
    slab = np.abs(grid.axes_mm[2]).max() - np.abs(axes[2])  # mm to the slab's end
    placed: list[LesionShape] = []
    for shape in shapes:
        room = (depth > 0.45 * shape.diameter_mm / 2 + 2.0) & (slab > 0.6 * shape.diameter_mm / 2)
        for other in placed:
            gap = np.sqrt(sum((p - c) ** 2 for p, c in zip(points, other.centre_mm, strict=True)))
            room &= gap > 0.62 * (shape.diameter_mm + other.diameter_mm) + 6.0
        candidates = np.flatnonzero(room)
        if not len(candidates):
            return None
        centre = points.reshape(3, -1)[:, rng.choice(candidates)] + rng.uniform(-2.0, 2.0, 3)
        placed.append(replace(shape, centre_mm=tuple(float(c) for c in centre)))
    return placed


def mask_voxels(shape: LesionShape, grid: Grid, points: np.ndarray) -> int:
    """Voxels of the stored grid that a placed lesion would fill by more than half."""
    box = grid.box(shape.bounds(), MARGIN_MM)
    cover = np.zeros((*points[0][box].shape[:2], grid.shape[2]), np.float32)
    cover[..., box[2]] = shape.coverage(shape.depth(*(p[box] for p in points))[0], grid.edge_mm)
    return int((grid.thick(cover) > 0.5).sum())
