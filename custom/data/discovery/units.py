"""Files that belong together: the NIfTI phases of one folder, a NIfTI file that is a study by itself, a DICOM exam."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...types import InputError
from ..dicom.identity import ExamFiles, group_by_exam
from ..folder import names_phases, phases_by_name
from ..nifti import dimensions, is_nifti, nifti_stem
from ..phase_map import PhaseMap, Selector
from ..phase_names import MASK_WORD
from ..segmentations.find import is_mask_file

FEW_FOLDERS = 100
"""So few are read in one process: starting others takes longer."""


@dataclass(eq=False)
class Unit:
    """One study's files, before it is known which folder is its own.

    Args:
        folders: that hold its images.
        image: the NIfTI file that is the study.
        exam: its DICOM files.
        home: the folder where its files and masks lie, set by ``settle``.
        alone: whether nothing of another study lies there.
    """

    folders: set[Path]
    image: Path | None = None
    exam: ExamFiles | None = None
    home: Path = Path()
    alone: bool = True

    @property
    def is_dicom(self) -> bool:
        """Whether it is an exam of DICOM files."""
        return self.exam is not None

    @property
    def common(self) -> Path:
        """The deepest folder that holds all of it."""
        return Path(os.path.commonpath(self.folders))


def walk(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Each folder and its files; links to folders are not followed, hidden files and folders are left out."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        yield Path(folder), _visible(folder, names)


def _visible(folder: str | Path, names: Iterable[str]) -> list[Path]:
    return [Path(folder, name) for name in sorted(names) if not name.startswith(".")]


def dicom_units(folders: Sequence[Path], spread: Callable = map) -> tuple[list[Unit], list[ExamFiles]]:
    """The exams with MR images, and those without; ``spread`` is a ``map``, perhaps over several processes."""
    exams: dict[str, ExamFiles] = {}
    look = spread if len(folders) > FEW_FOLDERS else map
    for of_folder in look(_exams_in, folders):
        for uid, files in of_folder.items():
            exams.setdefault(uid, ExamFiles(uid)).join(files)
    units = [Unit(exam.folders, exam=exam) for exam in exams.values() if exam.folders]
    return units, [exam for exam in exams.values() if not exam.folders]


def _exams_in(folder: Path) -> dict[str, ExamFiles]:
    """Of the files of one folder, not of those below it."""
    names = [entry.name for entry in os.scandir(folder) if not entry.is_dir()]
    return group_by_exam(path for path in _visible(folder, names) if not is_nifti(path))


def nifti_units(
    files: Mapping[Path, list[Path]], root: Path, phase_map: PhaseMap | None
) -> tuple[list[Unit], dict[Path, str]]:
    """The studies among the NIfTI files of each folder, and for each folder with NIfTI images that are none, why."""
    units, reasons = [], {}
    for folder, paths in files.items():
        images = [path for path in paths if not is_mask_file(path)]
        references = [path for path in images if _has_phases_beside(path, files)]
        units += [Unit({folder}, image=path) for path in references]
        rest = [path for path in images if path not in references]
        if not rest or _belongs_to_others(folder, files):
            continue
        if names_phases(rest, folder, _selectors(phase_map, folder, root)):
            units.append(Unit({folder}))
        elif whole := [path for path in rest if _is_4d(path)]:
            units += [Unit({folder}, image=path) for path in whole]
        else:
            reasons[folder] = _why_no_phases(rest, folder)
    return units, reasons


def _has_phases_beside(path: Path, files: Mapping[Path, list[Path]]) -> bool:
    """Whether it is a reference file: ``phases/<id>_<phase>.nii.gz`` lie beside it."""
    beside = [nifti_stem(other) for other in files.get(path.parent / "phases", ())]
    return any(stem.startswith(f"{nifti_stem(path)}_") for stem in beside)


def _belongs_to_others(folder: Path, files: Mapping[Path, list[Path]]) -> bool:
    """Whether its files are phases of reference files above, or masks (``labels/``) of studies elsewhere."""
    above = files.get(folder.parent)
    return (folder.name == "phases" and bool(above)) or MASK_WORD.match(folder.name.casefold()) is not None


def _selectors(phase_map: PhaseMap | None, folder: Path, root: Path) -> dict[str, Selector] | None:
    """What the phase map says of a folder, by its name or its place."""
    if phase_map is None:
        return None
    parts = folder.relative_to(root).parts
    names = (name for name in (folder.name, "_".join(parts), "/".join(parts)) if name in phase_map.cases)
    return phase_map.for_case(next(names, ""))


def _is_4d(path: Path) -> bool:
    try:
        return dimensions(path, path.name) == 4
    except InputError:
        return False


def _why_no_phases(images: Sequence[Path], folder: Path) -> str:
    try:
        phases_by_name(list(images), folder, folder.name)
    except InputError as error:
        return error.found
    return "no phases"
