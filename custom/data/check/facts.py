"""What is compared between studies, and what a comparison shows: one image in two places, one exam under two names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..plan import Origin
from .problem import Problem, StudyReport

_SPLIT = "Keep all studies of one patient in one section, and give them the same 'patient'."
_ONCE = "Remove one of them."


@dataclass(frozen=True)
class StudyFacts:
    """What is kept of every study until all have been seen; a few hundred bytes.

    Args:
        case, section: which study; the section of the datalist, or ``None``.
        origin: digests of its identifiers, where it is DICOM.
        volumes: phase and a digest of the volume: of its place, or of its voxels.
    """

    case: str
    section: str | None
    origin: Origin | None = None
    volumes: tuple[tuple[str, str], ...] = ()


def compare_studies(facts: Sequence[StudyFacts], root: Path) -> list[Problem]:
    """Studies that share an image, an exam or a patient: between sections, a network is tested on what it learnt."""
    problems: list[Problem] = []
    first_volume: dict[str, tuple[StudyFacts, str]] = {}
    first_exam: dict[str, StudyFacts] = {}
    patients = _patients_worth_comparing(facts)
    first_patient: dict[str, StudyFacts] = {}
    for study in facts:
        report = StudyReport(study.case, root)
        for phase, digest in study.volumes:
            other, its_phase = first_volume.setdefault(digest, (study, phase))
            if other is not study:
                _shared(report, f"the {phase} phase is the {its_phase} phase of case {other.case}", other, study)
        if study.origin is not None and study.origin.exam:
            other = first_exam.setdefault(study.origin.exam, study)
            if other is not study:
                _shared(report, f"the same exam as case {other.case}, by its StudyInstanceUID", other, study)
        if study.origin is not None and study.origin.patient in patients:
            other = first_patient.setdefault(study.origin.patient, study)
            if other.section != study.section:
                report.warning(
                    f"the same PatientID as case {other.case}, which is in {other.section}, not {study.section}", _SPLIT
                )
        problems += report.problems
    return problems


def _shared(report: StudyReport, finding: str, other: StudyFacts, study: StudyFacts) -> None:
    """An error where the two are in different sections, else worth a look."""
    if other.section == study.section:
        report.warning(finding, _ONCE)
    else:
        report.error(f"{finding}, which is in {other.section}, not {study.section}", _SPLIT)


def _patients_worth_comparing(facts: Iterable[StudyFacts]) -> set[str]:
    """PatientIDs that tell patients apart: not one that an anonymiser gave to everybody."""
    identifiers = [study.origin.patient for study in facts if study.origin is not None and study.origin.patient]
    distinct = set(identifiers)
    return distinct if len(distinct) > 1 else set()
