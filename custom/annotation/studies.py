"""A datalist as a studies folder for MONAI Label, which knows one file a study.

::

    <case>.nii.gz                     the reference phase: what the server lists and viewers show
    phases/<case>_<phase>.nii.gz      the other phases
    labels/final/<case>.nii.gz        the tumour mask in class values, on the reference phase's grid
    labels/final/<case>.json          {"class": ...}, where it is known

Files are copied, never linked: a label that a viewer saves is written into the file that is there already.  Phases of
DICOM studies are brought to where the reference phase lies, as everywhere: a NIfTI file tells nobody that they are not.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config_check import raise_mistakes
from ..data import Study, load_datalist
from ..data.annotated import CLASS, sidecar_of
from ..data.datalist import read_datalist
from ..data.label_values import label_values
from ..data.load import plan_study
from ..data.nifti import NIFTI_SUFFIXES, dimensions, is_nifti
from ..data.plan import VolumePlan
from ..data.splits import SECTIONS
from ..outputs import write_volume
from ..transforms.alignment import Alignment, align_phases
from ..transforms.load_study import main_label, to_reference
from ..types import DEFAULT_CLASSES, REFERENCE_PHASE, UNKNOWN_CLASS, InputError

UNLABELLED = "test"
"""Section whose labels stay out: the server trains on every label that it finds."""


@dataclass(frozen=True)
class StudiesFolder:
    """What was laid out."""

    folder: Path
    studies: int
    labelled: int


def write_studies(
    datalist: str | os.PathLike,
    output: str | os.PathLike,
    *,
    dataset_dir: str | os.PathLike | None = None,
    classes: Sequence[str] | None = None,
    reference_phase: str = REFERENCE_PHASE,
    phase_map: str | Mapping | None = None,
) -> StudiesFolder:
    """Lay out every study of a datalist; the folder appears when all of them are complete.

    Args:
        datalist: JSON file.
        output: folder that is missing or empty.
        dataset_dir: where its relative paths start; default: its own folder.
        classes: class names in head order; default: those of the datalist, else those of the bundle.
        reference_phase: the phase that viewers show and labels are drawn on.
        phase_map: as ``load_study`` takes it.

    Raises:
        InputError: studies that cannot be used (all of them are named), or a folder that holds something.
    """
    datalist, output = Path(datalist), Path(output)
    _check_empty(output)
    content = read_datalist(datalist)
    root = Path(dataset_dir) if dataset_dir is not None else datalist.parent
    classes = tuple(classes or content.get("classes") or DEFAULT_CLASSES)
    chosen = [
        (item, section != UNLABELLED)
        for section in SECTIONS
        if content.get(section)
        for item in load_datalist(dataset_dir=root, section=section, datalist=datalist)
    ]
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.partial-", dir=output.parent) as temporary:
        folder = Path(temporary, "studies")
        for place in (folder / "phases", folder / "labels" / "final"):
            place.mkdir(parents=True)
        mistakes, labelled = [], 0
        for item, with_label in chosen:
            try:
                study, alignments = _write_phases(item, folder, reference_phase, phase_map)
                labelled += with_label and _write_label(study, alignments, folder, classes)
            except InputError as error:
                mistakes.append(error)
        raise_mistakes(mistakes)
        if output.exists():
            output.rmdir()  # empty: Windows does not replace folders
        os.replace(folder, output)
    return StudiesFolder(output, len(chosen), labelled)


def _write_phases(
    item: Mapping, folder: Path, reference_phase: str, phase_map: str | Mapping | None
) -> tuple[Study, dict[str, Alignment]]:
    """The study, and how its phases were brought together."""
    plan = plan_study(item, phase_map=phase_map, reference_phase=reference_phase)
    study = plan.read()
    reference, alignments = study.phases[reference_phase], align_phases(study, "auto")
    for phase, planned in plan.phases.items():
        stem = plan.case if phase == reference_phase else f"phases/{plan.case}_{phase}"
        if phase in alignments and (motion := alignments[phase].motion) is not None:
            there = to_reference(study.phases[phase], reference, motion, nearest=False)
            write_volume(_as_nifti_takes_it(there.data), reference.affine, folder / f"{stem}.nii.gz")
        elif (suffix := _suffix_to_keep(planned, item)) is not None:
            shutil.copyfile(planned.path, folder / f"{stem}{suffix}")
        else:
            volume = study.phases[phase]
            write_volume(_as_nifti_takes_it(volume.data), volume.affine, folder / f"{stem}.nii.gz")
    return study, alignments


def _suffix_to_keep(planned: VolumePlan, item: Mapping) -> str | None:
    """The ending of a file that can be taken as it is: one volume, placed by its own header."""
    if item.get("affines") or not is_nifti(planned.path) or dimensions(planned.path, planned.where) != 3:
        return None
    return next(suffix for suffix in NIFTI_SUFFIXES if planned.path.name.lower().endswith(suffix))


def _write_label(study: Study, alignments: Mapping[str, Alignment], folder: Path, classes: Sequence[str]) -> bool:
    """The mask in class values on the reference grid, and the study's class; whether there is a mask."""
    if study.label is None and not study.phase_labels:
        return False
    mask, drawn_in = main_label(study)
    reference, alignment = study.phases[study.reference_phase], alignments.get(drawn_in)
    there = to_reference(mask, reference, alignment.motion if alignment else None, nearest=True)
    values = label_values(there.data, study.lesion_class, classes, where=f"{study.case}/{mask.source}")
    path = folder / "labels" / "final" / f"{study.case}.nii.gz"
    write_volume(values.data, reference.affine, path)
    if values.lesion_class != UNKNOWN_CLASS:
        sidecar_of(path).write_text(json.dumps({CLASS: classes[values.lesion_class]}) + "\n", encoding="utf-8")
    return True


def _as_nifti_takes_it(data: np.ndarray) -> np.ndarray:
    return data if data.dtype in (np.int16, np.uint16, np.uint8) else data.astype(np.float32)


def _check_empty(output: Path) -> None:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(
            found="a file or a folder that is not empty",
            expected="a folder that is missing or empty",
            where=str(output),
            remedy="Choose another --output; a folder that a server has used holds labels of its users.",
        )
