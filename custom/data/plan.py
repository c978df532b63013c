"""What the headers say of a study before any voxel is read: the plan that is then read, or only checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ..types import InputError
from .study import Study, Volume, check_affine, check_shape, corners_mm


@dataclass(frozen=True, eq=False)
class VolumePlan:
    """One 3-D image or mask as its headers declare it.

    Args:
        shape: ``(X, Y, Z)`` voxels, claimed from the study's memory budget.
        affine: ``(4, 4)`` voxel index to RAS+ mm.
        source: as ``Volume.source``: its name without the study.
        where: its name for messages, with the study.
        path: the file, or the folder of its files.
        load: reads the voxels, ``(X, Y, Z)``.
        time_s, evidence: as ``Volume`` has them.

    Raises:
        InputError: a single slice or a singular affine.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray
    source: str
    where: str
    path: Path
    load: Callable[[], np.ndarray]
    time_s: float | None = None
    evidence: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_shape(self.shape, self.where)
        check_affine(self.affine, self.where)

    def corners_mm(self) -> np.ndarray:
        """World coordinates of the eight corner voxels, ``(8, 3)`` in RAS+ mm."""
        return corners_mm(self.shape, self.affine)

    def read(self) -> Volume:
        """The volume with its voxels.

        Raises:
            InputError: unreadable voxels, or intensities that are not finite.
        """
        data = self.load()
        try:
            return Volume(data, self.affine, self.source, self.time_s, self.evidence)
        except InputError as error:  # a volume knows its own name only; the message names the study too
            raise InputError(
                found=error.found, expected=error.expected, where=self.where, remedy=error.remedy
            ) from None


@dataclass(frozen=True)
class Fault:
    """What is wrong with a study, and with which file, folder and phase of it (``None``: the study as a whole)."""

    error: InputError
    path: Path | None = None
    phase: str | None = None


class Faults:
    """Collects what is wrong instead of stopping at the first of it, so that one look at a study finds everything."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self.found)

    def hide(self, phase: str) -> bool:
        """Whether a fault, of this phase or of no phase in particular, may be why the phase is not there."""
        return any(fault.phase in (phase, None) for fault in self.found)

    @contextmanager
    def at(self, path: Path | None = None, phase: str | None = None) -> Iterator[None]:
        """Keep an ``InputError`` of the block as a fault of this file and phase; the block ends there."""
        try:
            yield
        except InputError as error:
            self.found.append(Fault(error, path, phase))


@dataclass(frozen=True)
class Origin:
    """Digests of DICOM's PatientID and StudyInstanceUID (empty when absent); they are compared, never written."""

    patient: str
    exam: str

    @classmethod
    def of(cls, patient: str, exam: str) -> Origin:
        """Digests of the identifiers as they stand in the headers."""
        return cls(_digest(patient), _digest(exam))


def _digest(identifier: str) -> str:
    return blake2b(identifier.encode(), digest_size=16).hexdigest() if identifier else ""


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """A study as its headers declare it: everything but the voxels, and everything that is wrong so far.

    Args:
        faults: what is wrong; a plan with faults cannot be read as a study, though its sound volumes can.
        origin: digests that tell whether two studies come from one patient or exam, for comparison only; ``None``
            when nothing of it is DICOM.

    The other fields are those of ``Study``, with plans for volumes.
    """

    case: str
    phases: dict[str, VolumePlan]
    reference_phase: str
    label: VolumePlan | None = None
    phase_labels: dict[str, VolumePlan] = field(default_factory=dict)
    liver: VolumePlan | None = None
    lesion_class: str | None = None
    patient: str | None = None
    flags: tuple[str, ...] = ()
    set_aside: tuple[dict, ...] = ()
    faults: tuple[Fault, ...] = ()
    origin: Origin | None = None

    def read(self) -> Study:
        """The study with its voxels.

        Raises:
            InputError: the first of the faults, or what is wrong with the voxels.
        """
        if self.faults:
            raise self.faults[0].error
        return Study(
            case=self.case,
            phases={phase: volume.read() for phase, volume in self.phases.items()},
            reference_phase=self.reference_phase,
            label=None if self.label is None else self.label.read(),
            phase_labels={phase: volume.read() for phase, volume in self.phase_labels.items()},
            liver=None if self.liver is None else self.liver.read(),
            lesion_class=self.lesion_class,
            patient=self.patient,
            flags=self.flags,
            set_aside=self.set_aside,
            from_dicom=self.origin is not None,
        )
