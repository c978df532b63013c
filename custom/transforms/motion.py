"""Where a phase's anatomy lies, relative to the reference phase."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Motion(NamedTuple):
    """A map from the reference phase's world to another phase's, ``x -> matrix @ x + field(x)``, RAS+ mm.

    Args:
        matrix: ``(4, 4)`` float64, invertible.
        field: ``(3, X, Y, Z)`` float32 mm, a smooth remainder on a coarse grid; ``None`` for an affine motion.
        field_affine: ``(4, 4)`` of that grid, voxel to RAS+ mm.
    """

    matrix: np.ndarray
    field: np.ndarray | None = None
    field_affine: np.ndarray | None = None

    @classmethod
    def translation(cls, shift_mm) -> Motion:
        """A shift in RAS+ mm."""
        matrix = np.eye(4)
        matrix[:3, 3] = shift_mm
        return cls(matrix)
