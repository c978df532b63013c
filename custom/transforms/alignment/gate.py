"""Whether a motion is believed: a measure that did not look for it must say that the edges fit better."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from ..motion import Motion
from .working_image import WorkingImage

SMOOTHING_MM = 4.0
"""Standard deviation before edges are compared: noise has edges, too, and an interpolated image has less noise."""
GAIN_PER_MM, GAIN_OF_RICHER = 0.002, 0.01
"""Relative gain of `edge_agreement` that a shift must bring for each mm, and a richer motion on top of the shift."""
NEGLIGIBLE_MM = 1.0
"""A smaller shift is left alone: it lies within the error of measurement, and interpolation costs sharpness."""
LEAST_AGREEMENT = 0.4
"""What two unrelated abdomens reach; noise reaches 0.2, aligned phases of one exam 0.65 and more (phantom)."""
LARGEST_SHIFT_MM = 25.0
"""Breath-holds of one exam do not lie further apart."""
LARGEST_TURN_DEG = 10.0


class Alignment(NamedTuple):
    """What was found for one phase.

    Args:
        outcome: ``"applied"``; ``"negligible"`` (a shift below `NEGLIGIBLE_MM`); ``"rejected"`` (no better, not
            plausible, or not measurable).  A phase is left as it was acquired unless the motion is applied.
        motion: what to resample with; ``None`` to leave the phase as it was acquired.
        shift_mm: displacement of the region's centre from the reference to this phase, RAS+ mm; ``None`` when it could
            not be measured.
        agreement: `edge_agreement` as acquired and with the motion; ``None`` when it could not be measured.
    """

    outcome: str
    motion: Motion | None = None
    shift_mm: tuple[float, float, float] | None = None
    agreement: tuple[float, float] | None = None

    @property
    def distance_mm(self) -> float | None:
        """Length of the shift."""
        return None if self.shift_mm is None else float(np.linalg.norm(self.shift_mm))


class Gate:
    """Judges the motions that were found for one phase.

    Args:
        reference: the reference phase.
        phase: the other one, on the reference's grid.
        region: ``(X, Y, Z)`` bool, where the edges are compared.
    """

    def __init__(self, reference: WorkingImage, phase: WorkingImage, region: np.ndarray) -> None:
        self.reference, self.phase, self.region = reference, phase, region
        self.acquired = edge_agreement(reference, phase, region)
        self.centre_mm = (reference.affine @ [*np.argwhere(region).mean(axis=0), 1.0])[:3]

    def judge(self, motion: Motion, simpler: Alignment | None = None) -> Alignment:
        """Apply a motion, or not.

        Args:
            motion: what a registration found.
            simpler: what is applied otherwise, and must be improved on.
        """
        shift_mm = displacement(motion, self.centre_mm)
        after = edge_agreement(self.reference, self.phase.at(self.reference, motion), self.region)
        measured = tuple(float(x) for x in shift_mm), (self.acquired, after)
        if simpler is None and np.linalg.norm(shift_mm) < NEGLIGIBLE_MM:
            return Alignment("negligible", None, *measured)
        before = self.acquired if simpler is None or simpler.motion is None else simpler.agreement[1]
        gain = GAIN_PER_MM * np.linalg.norm(shift_mm) if simpler is None else GAIN_OF_RICHER
        if plausible(motion, self.centre_mm) and after > max((1 + gain) * before, LEAST_AGREEMENT):
            return Alignment("applied", motion, *measured)
        return Alignment("rejected", None, *measured)


def edge_agreement(reference: WorkingImage, phase: WorkingImage, region: np.ndarray) -> float:
    """How far the edges of two images run along each other, whichever side is brighter: normalised gradient fields.

    ``sum |g_a| |g_b| cos²(g_a, g_b) / sqrt(sum |g_a|² · sum |g_b|²)`` over the region: 1 for the same edges at the same
    places with the same relative strength.

    Args:
        reference, phase: on one grid.
        region: ``(X, Y, Z)`` bool.

    Returns:
        0..1.
    """
    a, b = (_gradient(image)[:, region] for image in (reference, phase))  # (3, N) each
    tiny = np.finfo(np.float32).tiny
    strength = np.sqrt((a * a).sum(0) * (b * b).sum(0))  # (N)
    along = (a * b).sum(0) ** 2 / np.maximum(strength, tiny)
    return float(along.sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), tiny))


def displacement(motion: Motion, point_mm: np.ndarray) -> np.ndarray:
    """How far a motion carries a point of the reference: ``(3,)`` RAS+ mm."""
    moved = motion.matrix[:3, :3] @ point_mm + motion.matrix[:3, 3]
    if motion.field is not None:
        place = np.linalg.solve(motion.field_affine, [*point_mm, 1.0])[:3, None]
        moved = moved + [ndimage.map_coordinates(part, place, order=1, mode="nearest")[0] for part in motion.field]
    return moved - point_mm


def plausible(motion: Motion, centre_mm: np.ndarray) -> bool:
    """Whether breathing makes such a motion: not too far, not turned too much, and nothing folded over.

    Args:
        motion: of a phase.
        centre_mm: the region's centre, RAS+ mm.
    """
    matrix = motion.matrix[:3, :3]
    turn_deg = np.degrees(np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1.0, 1.0)))
    furthest_mm = np.linalg.norm(matrix @ centre_mm + motion.matrix[:3, 3] - centre_mm)
    if motion.field is not None:
        furthest_mm += np.linalg.norm(motion.field, axis=0).max()
    return bool(furthest_mm <= LARGEST_SHIFT_MM and turn_deg <= LARGEST_TURN_DEG and not _folds(motion))


def _folds(motion: Motion) -> bool:
    """Whether space is turned inside out anywhere: a Jacobian determinant that is not positive."""
    if motion.field is None:
        return False
    by_index = np.stack([np.stack(np.gradient(part)) for part in motion.field])  # (mm, index, X, Y, Z)
    by_mm = np.einsum("ijxyz,jk->xyzik", by_index, np.linalg.inv(motion.field_affine[:3, :3]))
    return bool(np.linalg.det(by_mm + motion.matrix[:3, :3]).min() <= 0)


def _gradient(image: WorkingImage) -> np.ndarray:
    """``(3, X, Y, Z)``, per mm along each voxel axis."""
    smooth = ndimage.gaussian_filter(image.data, SMOOTHING_MM / image.spacing_mm)
    return np.stack(np.gradient(smooth, *image.spacing_mm)).astype(np.float32)
