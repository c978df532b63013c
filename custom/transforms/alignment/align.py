"""Each phase of a study against the reference phase: find its motion, and believe it or not."""

from __future__ import annotations

import numpy as np

from ...data import Study
from ...types import REGISTRATIONS, InputError
from .gate import Alignment, Gate
from .region import ENOUGH_VOXELS, metric_region
from .register import Registration
from .working_image import WorkingImage, working_image


def check_registration(kind: object) -> str:
    """The kind of registration, or an ``InputError`` that names the choices."""
    if kind not in REGISTRATIONS:
        raise InputError(
            found=repr(kind),
            expected=f"one of {', '.join(REGISTRATIONS)}",
            where="configuration key 'registration'",
            remedy="Choose one of them (--registration).",
        )
    return str(kind)


def align_phases(study: Study, kind: str) -> dict[str, Alignment]:
    """Measure where each phase lies relative to the reference phase.

    Args:
        study: one exam.
        kind: one of `REGISTRATIONS`; ``"auto"``: translation for DICOM, none for NIfTI, which may have been aligned
            by whoever made it.

    Returns:
        An ``Alignment`` for each phase but the reference; nothing without registration.

    Raises:
        InputError: SimpleITK is not installed.
    """
    if kind == "auto":
        kind = "translation" if study.from_dicom else "none"
    if kind == "none":
        return {}
    reference = working_image(study.phases[study.reference_phase])
    region = metric_region(reference, None if study.liver is None else working_image(study.liver).at(reference))
    return {
        phase: align(reference, working_image(volume), region, kind)
        for phase, volume in study.phases.items()
        if phase != study.reference_phase
    }


def align(reference: WorkingImage, phase: WorkingImage, region: np.ndarray, kind: str) -> Alignment:
    """Find the translation, then what a richer motion adds to it, and judge both.

    Args:
        reference, phase: working images.
        region: ``(X, Y, Z)`` bool on the reference's grid.
        kind: ``"translation"``, ``"rigid"`` or ``"deformable"``.
    """
    covered = WorkingImage(np.ones_like(phase.data), phase.affine).at(reference).data > 0.99
    region = region & covered
    if region.sum() < ENOUGH_VOXELS or min(region.shape) < 2:  # edges are compared, and a single slice has none across
        return Alignment("rejected")
    phase = phase.at(reference)
    registration, gate = Registration(reference, phase, region, covered), Gate(reference, phase, region)
    found = Alignment("rejected")
    try:
        found = gate.judge(registration.translation())
        if kind == "translation" or found.outcome == "rejected":
            return found
        if found.motion is None:
            registration.forget_shift()
        richer = gate.judge(registration.rigid() if kind == "rigid" else registration.deformable(), simpler=found)
    except RuntimeError:  # SimpleITK: the images have nothing to compare, one grey value or hardly a common sample
        return found
    return richer if richer.outcome == "applied" else found
