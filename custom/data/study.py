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
        check_shape(self.data.shape, self.source)
        _check_finite(self.data, self.source)
        check_affine(self.affine, self.source)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along each axis, in mm."""
        return tuple(float(x) for x in np.linalg.norm(self.affine[:3, :3], axis=0))

    def corners_mm(self) -> np.ndarray:
        """World coordinates of the eight corner voxels, ``(8, 3)`` in RAS+ mm."""
        return corners_mm(self.data.shape, self.affine)


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
        from_dicom: whether phases were read from DICOM: as they were acquired, not prepared by anybody.

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
    from_dicom: bool = False

    def __post_init__(self) -> None:
        check_case(self.case)
        check_phase_names(self.phases, where=self.case)
        check_phase_names(self.phase_labels, where=f"{self.case}, labels")
        check_phase_names([self.reference_phase], where="reference_phase")
        check_class_and_patient(self.lesion_class, self.patient, where=self.case)
        check_reference(self.phases, self.reference_phase, where=self.case)
        for phase, volume in self.phases.items():
            check_overlap(f"phase {phase}", volume, self.phases[self.reference_phase], where=self.case)


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


def check_reference(phases, reference_phase: str, where: str) -> None:
    """Raise an ``InputError`` unless the reference phase is among the phases."""
    if reference_phase not in phases:
        raise InputError(
            found=f"no reference phase ({reference_phase}), only {', '.join(phases) or 'none'}",
            expected="the reference phase, on whose grid the others are brought",
            where=where,
            remedy="Choose another with --reference_phase, or name the phases in a phase map (--phase_map).",
        )


def check_overlap(name: str, volume, reference, where: str) -> None:
    """Raise an ``InputError`` unless two volumes (or plans of them) share space.

    What is of one exam lies in the same place; an empty intersection means another exam or a lost position.
    """
    beside_mm = gap_mm(volume, reference)
    if beside_mm > 0:
        raise InputError(
            found=f"{name} lies {beside_mm:.0f} mm beside the reference phase",
            expected="phases and masks that overlap in space",
            where=where,
            remedy="Check that they belong to one exam and keep their position.",
        )


def gap_mm(volume, other) -> float:
    """How far the boxes of two volumes (or plans of them) are apart along R, A or S; below 0 where they overlap."""
    a, b = volume.corners_mm(), other.corners_mm()
    return float(np.maximum(a.min(0) - b.max(0), b.min(0) - a.max(0)).max())


def check_class_and_patient(lesion_class: object, patient: object, where: str) -> None:
    """Raise an ``InputError`` unless both are texts or ``None``."""
    check_optional_text(lesion_class, f"{where}, lesion_class", "the name of a class, or null")
    check_optional_text(patient, f"{where}, patient", "a patient's name in the data set, or null")


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


def corners_mm(shape, affine: np.ndarray) -> np.ndarray:
    """World coordinates of a grid's eight corner voxels, ``(8, 3)`` in RAS+ mm."""
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * (np.array(shape) - 1)
    return corners @ affine[:3, :3].T + affine[:3, 3]


def check_shape(shape: tuple[int, ...], where: str) -> None:
    """Raise an ``InputError`` unless the sizes are those of a volume of at least two slices."""
    if len(shape) != 3:
        raise InputError(
            found=f"{len(shape)} dimensions {shape}",
            expected="three",
            where=where,
            remedy="Give one volume for each phase.",
        )
    if min(shape) < 2:
        raise InputError(
            found=f"a single slice {shape}",
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
