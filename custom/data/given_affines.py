"""Geometry that a datalist entry states for images whose files have none (``affines``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..types import InputError
from .plan import VolumePlan
from .study import check_affine, check_phase_names


def place_phases(phases: Mapping[str, VolumePlan], affines: Mapping | None, *, case: str) -> dict[str, VolumePlan]:
    """Put phases to the place that the entry states; their file's own geometry is then not used.

    Args:
        phases: volumes as planned.
        affines: ``{phase: 4 × 4 numbers}``, voxel to RAS+ mm; phases that it does not name keep their own.
        case: the study, for messages.

    Raises:
        InputError: an unknown phase, or no invertible 4 × 4 matrix.
    """
    where = f"{case}, affines"
    check_phase_names(affines or {}, where=where)
    placed = dict(phases)
    for phase, rows in (affines or {}).items():
        try:
            affine = np.array(rows, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(
                found=f"{rows!r} for {phase}",
                expected="4 rows of 4 numbers, voxel to RAS mm",
                where=where,
                remedy="Correct the entry.",
            ) from error
        check_affine(affine, where)
        if phase in placed:
            evidence = {**placed[phase].evidence, "affine": "datalist"}
            placed[phase] = replace(placed[phase], affine=affine, evidence=evidence)
    return placed
