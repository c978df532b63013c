"""Whether a reader named the phases of a random examination right, told by the images alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import nibabel
import numpy as np

from ....types import PHASES
from ..orientation import reoriented
from .random_exam import RandomExam
from .series import Moment

RIGHT, WRONG, INCOMPLETE = "right", "wrong", "incomplete"
DOUBTS = ("phase_choice_uncertain", "phase_evidence_against")
"""How flags begin that tell a user to look at the naming."""
_WINDOWS_S = {"arterial": (25, 45), "portal_venous": (55, 95), "delayed": (115, 330)}
"""When moments beyond the four phases serve as well; pre-contrast, all until contrast arrives."""


def judge(exam: RandomExam, phases: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> str:
    """Compare what was read with what was written.

    Args:
        exam: what was written.
        phases: data ``(X, Y, Z)`` and affine to RAS mm of each phase that was read.

    Returns:
        `RIGHT`, `WRONG` (a volume is another phase than its name says) or `INCOMPLETE` (a phase was left out).
    """
    affine = reoriented(exam.study, tilt_deg=exam.scanner.dialect.tilt_deg).affine
    written = [_pattern(moment.image, affine) for moment in exam.moments]
    serving = {phase: {k for k, moment in enumerate(exam.moments) if _serves(moment, phase, exam)} for phase in PHASES}
    for phase, (data, own_affine) in phases.items():
        read = _pattern(data, own_affine)
        if int(np.argmax([read @ pattern for pattern in written])) not in serving[phase]:
            return WRONG
    return RIGHT if all(phase in phases for phase, moments in serving.items() if moments) else INCOMPLETE


def is_doubted(flags: Sequence[str]) -> bool:
    """Whether a study's flags ask to look at the naming."""
    return any(flag.startswith(DOUBTS) for flag in flags)


def _serves(moment: Moment, phase: str, exam: RandomExam) -> bool:
    first_s, last_s = _WINDOWS_S.get(phase, (-np.inf, exam.arrival_s))
    return moment.name == phase or (moment.name not in PHASES and first_s <= moment.time_s <= last_s)


def _pattern(data: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Voxels along R, A, S, free of scale and offset: their products are correlations."""
    image = nibabel.as_closest_canonical(nibabel.Nifti1Image(np.asarray(data, np.float32), affine))
    values = np.asarray(image.dataobj, dtype=np.float64).ravel()
    values = values - values.mean()
    return values / max(np.linalg.norm(values), 1e-12)
