"""A study: the phases of one exam with their geometry, valid once built.

Everything downstream (transforms, report) relies on what is checked here and checks nothing of it again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from ..types import PHASES, InputError

EDGE_MM = (0.02, 200.0)
"""Voxel edges outside this range are another unit or a damaged header."""
_UNSAFE_CASE = re.compile(r'[<>:"/\\|?*\x00-\x1f]|^\.+$|^\s|[\s.]$')


@dataclass(frozen=True, eq=False)
class Volume:
    """One 3-D image or mask on its native grid.

    Args:
        data: ``(X, Y, Z)``, float32 and finite for an image, unsigned integer for a mask.
        affine: ``(4, 4)`` float64, voxel index to RAS+ millimetres, invertible.
        source: what it was read from, without identifiers, e.g. ``"series 5, time point 2"``.
        time_s: seconds after injection when the header tells, else after the first volume of the exam, else ``None``.
        evidence: plain JSON values that say why this volume is this phase.

    Raises:
        InputError: a single slice, non-finite intensities or a singular affine.
    """

    data: np.ndarray
    affine: np.ndarray
    source: str
    time_s: float | None = None
    evidence: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "affine", np.asarray(self.affine, dtype=np.float64))
        _check_shape(self.data, self.source)
        _check_finite(self.data, self.source)
        check_affine(self.affine, self.source)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along each axis, in mm."""
        return tuple(float(x) for x in np.linalg.norm(self.affine[:3, :3], axis=0))

    def corners_mm(self) -> np.ndarray:
        """World coordinates of the eight corner voxels, ``(8, 3)`` in RAS+ mm."""
        last = np.array(self.data.shape) - 1
        corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * last
        return corners @ self.affine[:3, :3].T + self.affine[:3, 3]


@dataclass(frozen=True, eq=False)
class Study:
    """One patient's exam: up to four phases, optionally with masks and a lesion class.

    Args:
        case: name of the study, also the name of its output folder.
        phases: volumes keyed by the names in ``PHASES``; missing phases are absent.
        reference_phase: the phase whose grid the others are brought to; must be there.
        label: tumour mask, 0 and > 0, or 0 and k + 1 for class k.
        phase_labels: masks of single phases.
        liver: liver mask.
        lesion_class: name of the class of the study's lesions.
        patient: whose exam it is (for splits by patient); ``None`` when unknown.
        flags: short machine-readable remarks, e.g. ``"missing_phase:delayed"``.
        set_aside: what was found and not used, each ``{"series": ..., "reason": ...}``.

    Raises:
        InputError: the parts do not make a study.
    """

    case: str
    phases: dict[str, Volume]
    reference_phase: str
    label: Volume | None = None
    phase_labels: dict[str, Volume] = field(default_factory=dict)
    liver: Volume | None = None
    lesion_class: str | None = None
    patient: str | None = None
    flags: tuple[str, ...] = ()
    set_aside: tuple[dict, ...] = ()

    def __post_init__(self) -> None:
        check_case(self.case)
        check_phase_names(self.phases, where=self.case)
        check_phase_names(self.phase_labels, where=f"{self.case}, labels")
        check_phase_names([self.reference_phase], where="reference_phase")
        check_optional_text(self.lesion_class, f"{self.case}, lesion_class", "the name of a class, or null")
        check_optional_text(self.patient, f"{self.case}, patient", "a patient's name in the data set, or null")
        if self.reference_phase not in self.phases:
            raise InputError(
                found=f"no reference phase ({self.reference_phase}), only {_listed(self.phases)}",
                expected="the reference phase, on whose grid the others are brought",
                where=self.case,
                remedy="Choose another with --reference_phase, or name the phases in a phase map (--phase_map).",
            )
        _check_overlap(self)


def check_phase_names(names, where: str) -> None:
    """Raise an ``InputError`` for a name that is not one of the four phases."""
    for name in names:
        if name not in PHASES:
            raise InputError(
                found=f"phase {name!r}",
                expected=f"one of {', '.join(PHASES)}",
                where=where,
                remedy="Use these names of the phases.",
            )


def check_case(case: object) -> None:
    """Raise an ``InputError`` unless the case can name an output folder on every system."""
    if not isinstance(case, str) or not case or _UNSAFE_CASE.search(case):
        raise InputError(
            found=f"{case!r}",
            expected="a short text that can name a folder",
            where="case",
            remedy='Leave out separators and the characters <>:"|?*.',
        )


def check_optional_text(value: object, where: str, expected: str) -> None:
    """Raise an ``InputError`` unless the value is ``None`` or a text that is not empty."""
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise InputError(found=f"{value!r}", expected=expected, where=where, remedy="Correct the entry.")


def check_affine(affine: np.ndarray, where: str) -> None:
    """Raise an ``InputError`` unless the matrix is a finite, invertible map from voxels to plausible millimetres."""
    columns = affine[:3, :3] if affine.shape == (4, 4) else np.zeros((3, 3))
    lengths = np.linalg.norm(columns, axis=0)
    usable = np.isfinite(affine).all() and (lengths > 1e-6).all()
    if not usable or abs(np.linalg.det(columns / lengths)) < 1e-3 or not np.allclose(affine[3], (0, 0, 0, 1)):
        raise InputError(
            found="a singular affine (voxel axes without length, parallel, or not finite)",
            expected="an invertible map from voxels to millimetres",
            where=where,
            remedy="Export the image again with its geometry.",
        )
    if lengths.min() < EDGE_MM[0] or lengths.max() > EDGE_MM[1]:
        raise InputError(
            found=f"voxels of {' × '.join(f'{length:g}' for length in lengths)} mm",
            expected=f"edges from {EDGE_MM[0]:g} to {EDGE_MM[1]:g} mm",
            where=where,
            remedy="Check the unit of length, and export the image again with its geometry.",
        )


def _check_shape(data: np.ndarray, where: str) -> None:
    if data.ndim != 3:
        raise InputError(
            found=f"{data.ndim} dimensions {data.shape}",
            expected="three",
            where=where,
            remedy="Give one volume for each phase.",
        )
    if min(data.shape) < 2:
        raise InputError(
            found=f"a single slice {data.shape}",
            expected="a volume of at least two slices",
            where=where,
            remedy="Give the whole stack.",
        )


def _check_finite(data: np.ndarray, where: str) -> None:
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        count = int(data.size - np.isfinite(data).sum())
        raise InputError(
            found=f"{count} voxels that are NaN or infinite",
            expected="finite intensities",
            where=where,
            remedy="Export the image again, or replace these voxels.",
        )


def _check_overlap(study: Study) -> None:
    """Phases of one exam lie in the same place; an empty intersection means another exam or a lost position."""
    reference = study.phases[study.reference_phase].corners_mm()
    for name, volume in study.phases.items():
        corners = volume.corners_mm()
        gap_mm = np.maximum(corners.min(0) - reference.max(0), reference.min(0) - corners.max(0)).max()
        if gap_mm > 0:
            raise InputError(
                found=f"phase {name} lies {gap_mm:.0f} mm beside the reference phase {study.reference_phase}",
                expected="phases that overlap in space",
                where=study.case,
                remedy="Check that they belong to one exam and keep their position.",
            )


def _listed(names) -> str:
    return ", ".join(names) or "none"
