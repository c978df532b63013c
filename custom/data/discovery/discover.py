"""A folder → its studies, each with a name, a patient and what ``load_study`` reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..dicom.identity import ExamFiles
from ..nifti import is_nifti, nifti_stem
from ..phase_map import PhaseMap
from ..splits import natural_key
from .homes import drop_twice_read, settle
from .pseudonyms import case_name, pseudonym
from .units import Unit, dicom_units, nifti_units, walk

SALT = "mti-net"


@dataclass(frozen=True, eq=False)
class Found:
    """One study.

    Args:
        case: its name, without identifiers.
        folder: where its files, and the masks beside them, lie.
        image: what ``load_study`` reads: a folder or a file.
        form: ``"NIfTI"`` or ``"DICOM"``.
        shared: whether its folder holds other studies, too.
        exam: one of its DICOM files, where the folder holds other exams, too.
        patient: whose it is; ``None`` when unknown.
        files: its DICOM files without MR images, wherever they lie: masks among them.
        aliases: what a user may call it: its case, folder names, identifiers. Never written.
    """

    case: str
    folder: Path
    image: Path
    form: str
    shared: bool = False
    exam: Path | None = None
    patient: str | None = None
    files: tuple[Path, ...] = ()
    aliases: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NotFound:
    """A folder or exam that is no study, and why."""

    name: str
    folder: Path
    why: str


def discover(
    root: Path,
    *,
    phase_map: PhaseMap | None = None,
    salt: str = SALT,
    keep_names: bool = False,
    spread: Callable = map,
) -> tuple[list[Found], list[NotFound]]:
    """Find the studies below a folder.

    Args:
        root: the folder.
        phase_map: names NIfTI files that do not name their phases themselves.
        salt: of the hashes that stand for names which identify somebody.
        keep_names: folder names are pseudonyms already.
        spread: a ``map``, perhaps over several processes.

    Returns:
        Studies and what is none, both in natural order.
    """
    niftis = {folder: [path for path in paths if is_nifti(path)] for folder, paths in walk(root)}
    in_nifti, reasons = nifti_units(niftis, root, phase_map)
    in_dicom, without_mr = dicom_units(list(niftis), spread)
    units, twice = drop_twice_read(in_nifti + in_dicom, root)
    settle(units, root)

    def name(folder: Path, exam: ExamFiles | None = None) -> str:
        uid, known = ("", ()) if exam is None else (exam.exam, () if keep_names else exam.identifiers)
        return case_name(_parts(folder, root), known, exam=uid, salt=salt)

    rest = [NotFound(name(folder), folder, why) for folder, why in reasons.items()]
    rest += [
        NotFound(name(unit.common, unit.exam), unit.common, "DICOM beside NIfTI phases, which are read instead")
        for unit in twice
    ]
    for exam in without_mr:
        folder = Path(os.path.commonpath([path.parent for path in exam.others]))
        if not any(folder.is_relative_to(unit.home) for unit in units):
            rest.append(NotFound(name(folder, exam), folder, "a DICOM exam without MR images"))
    return _name_all(units, root, salt, keep_names), sorted(rest, key=lambda entry: natural_key(entry.name))


def _parts(folder: Path, root: Path) -> tuple[str, ...]:
    """Folders from below the root; of the root itself its name."""
    return folder.relative_to(root).parts or (root.absolute().name,)


def _name_all(units: list[Unit], root: Path, salt: str, keep_names: bool) -> list[Found]:
    first_exams = _first_exam_of_each_patient(units)
    found: dict[str, Found] = {}
    for unit in sorted(units, key=lambda unit: natural_key(str(unit.image or unit.common))):
        study = _dicom_study(unit, root, salt, keep_names, first_exams) if unit.is_dicom else _nifti_study(unit, root)
        case = _distinct(study.case, found)
        found[case.casefold()] = Found(**{**vars(study), "case": case})
    return list(found.values())


def _nifti_study(unit: Unit, root: Path) -> Found:
    parts = _parts(unit.home, root)
    if unit.image is not None and (unit.home == root or not unit.alone):
        parts = (*unit.home.relative_to(root).parts, nifti_stem(unit.image))
    return Found(
        case=case_name(parts, (), exam="", salt=SALT),
        folder=unit.home,
        image=unit.image or unit.home,
        form="NIfTI",
        shared=not unit.alone,
        patient=case_name(parts[:-1], (), exam="", salt=SALT) if len(parts) > 1 else None,
        aliases=_aliases(parts, unit, root),
    )


def _dicom_study(unit: Unit, root: Path, salt: str, keep_names: bool, first_exams: dict[str, str]) -> Found:
    parts, exam = _parts(unit.home, root), unit.exam
    known = () if keep_names else exam.identifiers
    case = case_name(parts, known, exam=exam.exam, salt=salt)
    patient, patient_id = None, next(iter(exam.patients))
    if patient_id:
        patient = pseudonym("patient", first_exams[patient_id], salt)
    elif len(parts) > 1:
        patient = case_name(parts[:-1], known, exam=exam.exam, salt=salt)
    return Found(
        case=case if unit.alone else pseudonym("exam", exam.exam, salt),
        folder=unit.home,
        image=unit.home,
        form="DICOM",
        shared=not unit.alone,
        exam=None if unit.alone else exam.image,
        patient=patient,
        files=tuple(exam.others),
        aliases=_aliases(parts, unit, root) | ({exam.exam, patient_id} - {""}),
    )


def _first_exam_of_each_patient(units: list[Unit]) -> dict[str, str]:
    """A PatientID could be guessed from its hash, a StudyInstanceUID cannot."""
    exams: dict[str, str] = {}
    for exam in (unit.exam for unit in units if unit.is_dicom):
        for patient in exam.patients:
            exams[patient] = min(exams.get(patient, exam.exam), exam.exam)
    return exams


def _aliases(parts: Sequence[str], unit: Unit, root: Path) -> frozenset[str]:
    """Every folder from the study's own down to its images, by name and by place; nothing where others lie, too."""
    if unit.is_dicom and not unit.alone:
        return frozenset()
    inside = () if unit.image is not None else (unit.common, *unit.common.parents)
    deeper = [folder for folder in inside if folder != unit.home and folder.is_relative_to(unit.home)]
    ways = [parts, *(folder.relative_to(root).parts for folder in deeper)]
    return frozenset(name for way in ways for name in ("_".join(way), "/".join(way), way[-1]))


def _distinct(case: str, taken: Collection[str]) -> str:
    """Two folders may come to one name, such as a/b and a_b; Windows does not tell "A" from "a"."""
    names = [case, *(f"{case}-{number}" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name.casefold() not in taken)
