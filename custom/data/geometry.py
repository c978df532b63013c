"""Slice positions → one affine: order along the normal, even steps, no gaps, no doubles; DICOM's LPS → RAS."""

from __future__ import annotations

import nibabel
import numpy as np

from ..types import InputError

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
STEP_TOLERANCE = 0.01  # of the slice step
ROUNDING_MM = 0.01  # positions are written as decimal text
MAX_SHEAR_DEG = 3.0
"""Slice step against normal: MR stacks lie within a degree or two; more is a tilted gantry or a re-sliced stack."""

_PLANES = ("sagittal", "coronal", "axial")  # stacks by the world axis (R, A, S) that their slices follow


def same_grid(shape_a: tuple, affine_a: np.ndarray, shape_b: tuple, affine_b: np.ndarray) -> bool:
    """Whether two grids have the same size and, within rounding, the same place (affines in mm)."""
    return tuple(shape_a) == tuple(shape_b) and bool(np.abs(affine_a - affine_b).max() < ROUNDING_MM)


def slice_normal(row_cosine, column_cosine) -> np.ndarray:
    """Unit vector through the slices, LPS."""
    normal = np.cross(row_cosine, column_cosine)
    return normal / max(np.linalg.norm(normal), 1e-12)


def check_cosines(row_cosine, column_cosine, where: str) -> None:
    """Raise an ``InputError`` unless both directions have unit length and are perpendicular."""
    lengths = np.linalg.norm([row_cosine, column_cosine], axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(np.dot(row_cosine, column_cosine)) > 0.01:
        raise InputError(
            found="an ImageOrientationPatient that is no pair of perpendicular unit vectors",
            expected="direction cosines",
            where=where,
            remedy="Export the exam again with its geometry.",
        )


def position_numbers(offsets_mm: np.ndarray) -> np.ndarray:
    """Number the slice positions: offsets along the normal ``(N,)`` → ranks ``(N,)``, equal within rounding."""
    order = np.argsort(offsets_mm, kind="stable")
    steps = np.diff(offsets_mm[order]) > 2 * ROUNDING_MM
    ranks = np.empty(len(offsets_mm), dtype=int)
    ranks[order] = np.concatenate([[0], np.cumsum(steps)])
    return ranks


def stack_affine(
    positions_mm: np.ndarray, row_cosine, column_cosine, spacing_mm, where: str
) -> tuple[np.ndarray, float]:
    """Affine of a stack of slices.

    The third column is the true step between neighbouring positions (not SliceThickness, and not forced onto the
    normal), so that a stack which is sheared a little keeps its true place.

    Args:
        positions_mm: ``(N, 3)`` ImagePositionPatient, ordered along the normal.
        row_cosine, column_cosine: ImageOrientationPatient.
        spacing_mm: PixelSpacing, ``(between rows, between columns)``.
        where: series, for messages.

    Returns:
        ``(4, 4)`` from (column, row, slice) to RAS+ mm, and the angle between step and normal in degrees.

    Raises:
        InputError: a single slice, doubled or missing positions, uneven or sheared steps.
    """
    check_cosines(row_cosine, column_cosine, where)
    if min(spacing_mm) <= 0:
        raise _fault(f"a pixel spacing of {spacing_mm[0]:g} × {spacing_mm[1]:g} mm", "positive distances", where)
    if len(positions_mm) < 2:
        raise _fault("a single slice", "a volume of at least two slices", where, "Give the whole stack.")
    normal = slice_normal(row_cosine, column_cosine)
    _check_steps(positions_mm, positions_mm @ normal, where)
    step = (positions_mm[-1] - positions_mm[0]) / (len(positions_mm) - 1)  # (3,)
    shear_deg = float(np.degrees(np.arccos(np.clip(step @ normal / np.linalg.norm(step), -1, 1))))
    if shear_deg > MAX_SHEAR_DEG:
        raise _fault(f"slices stacked {shear_deg:.1f}° off their normal", f"at most {MAX_SHEAR_DEG:g}°", where)
    affine = np.eye(4)
    affine[:3, 0] = np.multiply(row_cosine, spacing_mm[1])  # along a row: from column to column
    affine[:3, 1] = np.multiply(column_cosine, spacing_mm[0])
    affine[:3, 2] = step
    affine[:3, 3] = positions_mm[0]
    return LPS_TO_RAS @ affine, shear_deg


def check_slice_axis(affine: np.ndarray, *, max_anisotropy: float, where: str) -> None:
    """Raise an ``InputError`` for a thick-slice stack that is not axial; near-isotropic ones may be read axially.

    Args:
        affine: ``(4, 4)`` voxel to RAS+ mm.
        max_anisotropy: largest voxel edge over smallest, >= 1, up to which a stack is near-isotropic.
        where: the study, for messages.
    """
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    world_axes = nibabel.io_orientation(affine)[:, 0].astype(int)  # voxel axis -> nearest of R, A, S
    through_plane = int(np.argmax(spacing_mm))
    plane = _PLANES[world_axes[through_plane]]
    if plane != "axial" and spacing_mm.max() / spacing_mm.min() > max_anisotropy:
        raise InputError(
            found=f"a {plane} stack of {spacing_mm.max():.1f} mm slices with {spacing_mm.min():.1f} mm pixels",
            expected=f"axial slices, or voxels whose edges differ at most {max_anisotropy:g} times",
            where=where,
            remedy="Use the axial series of the exam.",
        )


def _check_steps(positions_mm: np.ndarray, offsets_mm: np.ndarray, where: str) -> None:
    steps_mm = np.diff(offsets_mm)
    doubled = np.flatnonzero(steps_mm <= 2 * ROUNDING_MM)
    if len(doubled):
        raise _fault(f"two slices at {offsets_mm[doubled[0]]:.2f} mm along the normal", "each position once", where)
    usual_mm = np.sort(steps_mm)[(len(steps_mm) - 1) // 2]
    off = np.flatnonzero(np.abs(steps_mm - usual_mm) > STEP_TOLERANCE * usual_mm + ROUNDING_MM)
    if len(off):
        k = off[0]
        ratio = steps_mm[k] / usual_mm
        missing = abs(ratio - round(ratio)) < 0.05 and round(ratio) > 1
        kind = f"{round(ratio) - 1} missing slice(s)" if missing else "an uneven step"
        raise _fault(
            f"{kind} between {offsets_mm[k]:.2f} and {offsets_mm[k + 1]:.2f} mm along the normal "
            f"(slices {k + 1} and {k + 2} of {len(offsets_mm)})",
            f"even steps of {usual_mm:.2f} mm",
            where,
        )
    line = positions_mm[0] + np.arange(len(positions_mm))[:, None] * (positions_mm[-1] - positions_mm[0]) / len(
        steps_mm
    )
    drift_mm = np.linalg.norm(positions_mm - line, axis=1).max()
    if drift_mm > 2 * (STEP_TOLERANCE * usual_mm + ROUNDING_MM):
        raise _fault(f"slices up to {drift_mm:.2f} mm off the line through the stack", "positions on one line", where)


def _fault(found: str, expected: str, where: str, remedy: str | None = None) -> InputError:
    remedy = remedy or "Export the series again, or name another one in a phase map (--phase_map)."
    return InputError(found=found, expected=expected, where=where, remedy=remedy)
