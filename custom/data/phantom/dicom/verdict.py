"""Whether a reader named the phases of a random examination right, told by the images alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from ....types import PHASES, InputError
from ..orientation import reoriented
from .random_exam import RandomExam, draw_exam
from .series import Moment
from .write import write_exam

RIGHT, INCOMPLETE, REFUSED, WRONG = "right", "incomplete", "refused", "wrong"
DOUBTS = ("phase_choice_uncertain", "phase_evidence_against")
"""How flags begin that tell a user to look at the naming."""
UNTIMED = "phase_order_from_acquisition_order"
"""The flag of an exam that tells neither times nor, in its descriptions, phases: order and image are all there is."""
_AFTER_ARRIVAL_S = {"arterial": (8, 28), "portal_venous": (38, 78), "delayed": (98, 313)}
"""When further moments serve as well, after contrast arrives in the aorta; before it they serve as pre-contrast."""


@dataclass(frozen=True)
class Outcome:
    """What became of one random examination.

    Args:
        seed: of the examination; layout: its dialect.
        verdict: `RIGHT`, `INCOMPLETE`, `WRONG`, or `REFUSED` when reading ended in an error that asks for a phase map.
        doubted: the study's flags ask to look at the naming.
        untimed: they say that neither times nor descriptions told the phases.
        about: what the scanner did, and what the reader said.
    """

    seed: int
    layout: str
    verdict: str
    doubted: bool
    untimed: bool
    about: str


def outcome_of(seed: int, read: Callable) -> Outcome:
    """Write the examination of a seed, read it, and judge.

    Args:
        seed: see `draw_exam`.
        read: ``load_study``.
    """
    exam = draw_exam(seed)
    scanner = exam.scanner
    about = (
        f"{scanner.naming}, times {scanner.dialect.clocks}, {'+'.join(scanner.phases)}, {scanner.further or 'no more'}"
    )
    with tempfile.TemporaryDirectory() as folder:
        write_exam(exam.study, exam.moments, Path(folder) / "case", scanner=scanner, seed=seed)
        try:
            study = read({"case": "case", "image": f"{folder}/case"})
        except InputError as error:
            return Outcome(seed, scanner.dialect.name, REFUSED, True, False, f"{about}: {error}")
    verdict = judge(exam, {phase: (volume.data, volume.affine) for phase, volume in study.phases.items()})
    about += f": {', '.join(study.flags) or 'no flag'}"
    return Outcome(seed, scanner.dialect.name, verdict, is_doubted(study.flags), UNTIMED in study.flags, about)


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
    first_s, last_s = _AFTER_ARRIVAL_S.get(phase, (-np.inf, 0))
    if phase == "arterial" and phase not in exam.scanner.phases:
        first_s = 0  # an early arterial phase is the arterial one where there is no other
    return moment.name == phase or (moment.name not in PHASES and first_s <= moment.time_s - exam.arrival_s <= last_s)


def _pattern(data: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Voxels along R, A, S, free of scale and offset: their products are correlations."""
    image = nibabel.as_closest_canonical(nibabel.Nifti1Image(np.asarray(data, np.float32), affine))
    values = np.asarray(image.dataobj, dtype=np.float64).ravel()
    values = values - values.mean()
    return values / max(np.linalg.norm(values), 1e-12)
