"""A phantom study as DICOM in a vendor's dialect: MR Image Storage, or enhanced multi-frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import MRImageStorage

from ...types import PHASES
from .dicom_dialects import Dialect, get_dialect
from .dicom_headers import (
    Exam,
    SliceGeometry,
    add_patient_and_study,
    add_pixels,
    add_series,
    clock,
    decimal_string,
    decimals,
    new_file,
)
from .simulate import PhantomStudy
from .write_enhanced import write_enhanced_series
from .write_nifti import save_nifti

FIRST_SERIES_NUMBER = 5


def write_dicom(
    study: PhantomStudy,
    folder: Path,
    *,
    layout: str = "series",
    seed: int = 0,
    phases: tuple[str, ...] = PHASES,
    shuffle_instance_numbers: bool = False,
    localiser: bool = False,
) -> None:
    """Write ``<folder>/<series>/*.dcm`` with shuffled file names, and the mask as ``<folder>/tumour.nii.gz``.

    Args:
        study: what to write, in any orientation (see `reoriented`).
        folder: created if need be.
        layout: one of `DIALECTS`.
        seed: of the fictitious patient, the UIDs and the shuffling.
        phases: which phases to write; the others are missing.
        shuffle_instance_numbers: InstanceNumber follows neither space nor time.
        localiser: add a three-slice localiser series, as every examination has.
    """
    dialect, folder = get_dialect(layout), Path(folder)
    exam = Exam.draw(seed, study.truth["times_s"])
    indices = [PHASES.index(phase) for phase in PHASES if phase in phases]
    groups = [indices] if dialect.one_series else [[index] for index in indices]
    for number, group in enumerate(groups, start=FIRST_SERIES_NUMBER):
        target = folder / f"S{number:04d}"
        target.mkdir(parents=True, exist_ok=True)
        if dialect.multi_frame:
            write_enhanced_series(study, target, exam=exam, dialect=dialect, number=number, phases=group)
        else:
            files = _series_files(study, exam, dialect, number, group, shuffle_instance_numbers)
            _save_shuffled(files, target, np.random.default_rng([seed, 7, number]))
    if localiser:
        (folder / "S0001").mkdir(exist_ok=True)
        _save_shuffled(_localiser_files(study, exam, dialect), folder / "S0001", np.random.default_rng([seed, 7, 1]))
    save_nifti(study.tumour, study.affine, folder / "tumour.nii.gz")


def _series_files(
    study: PhantomStudy, exam: Exam, dialect: Dialect, number: int, phases: list[int], shuffle: bool
) -> list[FileDataset]:
    """One file for each slice of each phase of a series."""
    slices = study.images.shape[-1]
    geometry = SliceGeometry.of(study.affine, slices)
    instance_numbers = np.arange(1, len(phases) * slices + 1)
    if shuffle:
        instance_numbers = np.random.default_rng([exam.seed, 8, number]).permutation(instance_numbers)
    files = []
    for position, phase in enumerate(phases):
        for k in range(slices):
            instance = int(instance_numbers[position * slices + k])
            file = new_file("", MRImageStorage, exam.uid("instance", number, phase, k))
            add_patient_and_study(file, exam)
            description = dialect.descriptions[0 if dialect.one_series else phase]
            add_series(file, exam, dialect, number=number, description=description, start=phases[0])
            _add_time(file, exam, dialect, phases, position)
            _add_plane(file, geometry, k)
            file.ImageType, file.InstanceNumber = ["ORIGINAL", "PRIMARY", "M", "NONE"], instance
            add_pixels(file, _stored(file, study.images[phase, :, :, k].T, dialect, phase))
            files.append(file)
    return files


def _add_time(file: FileDataset, exam: Exam, dialect: Dialect, phases: list[int], position: int) -> None:
    """When the slice was acquired, in the dialect's attributes."""
    phase = phases[position]
    acquired = exam.acquired(phase if dialect.acquisition_time else phases[0])
    file.AcquisitionDate, file.AcquisitionTime = acquired.strftime("%Y%m%d"), clock(acquired)
    file.ContentDate, file.ContentTime = file.AcquisitionDate, clock(exam.acquired(phase))
    file.AcquisitionNumber = 1
    if dialect.temporal_position:
        file.TemporalPositionIdentifier, file.NumberOfTemporalPositions = position + 1, len(phases)
    if dialect.trigger_time:
        file.TriggerTime = decimal_string(round(1000 * (exam.times_s[phase] - exam.times_s[phases[0]]), 1))


def _add_plane(file: FileDataset, geometry: SliceGeometry, k: int) -> None:
    """Where the slice lies; lengths as exact as a decimal string allows."""
    file.ImageOrientationPatient = decimals(geometry.orientation)
    file.ImagePositionPatient = decimals(geometry.positions_mm[k])
    file.PixelSpacing = decimals((geometry.row_spacing_mm, geometry.column_spacing_mm))
    file.SliceThickness = file.SpacingBetweenSlices = decimal_string(geometry.slice_spacing_mm)
    normal = np.cross(geometry.orientation[:3], geometry.orientation[3:])
    file.SliceLocation = decimal_string(round(float(normal @ geometry.positions_mm[k]), 4))


def _stored(file: FileDataset, raw: np.ndarray, dialect: Dialect, phase: int) -> np.ndarray:
    """Stored values of a slice, and the header's word on how to read them."""
    slope = dialect.rescale_slopes[phase]
    file.RescaleSlope, file.RescaleIntercept, file.RescaleType = decimal_string(slope), "0", "US"
    if dialect.scale_slopes is None:
        return np.rint(raw / slope).astype(np.uint16)
    block = file.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0x0E, "FL", dialect.scale_slopes[phase])
    return np.rint(raw * dialect.scale_slopes[phase]).astype(np.uint16)


def _localiser_files(study: PhantomStudy, exam: Exam, dialect: Dialect) -> list[FileDataset]:
    """Three coarse slices from before the examination."""
    geometry = SliceGeometry.of(study.affine, study.images.shape[-1])
    files = []
    for instance, k in enumerate(np.arange(3) * ((study.images.shape[-1] - 1) // 2), start=1):
        file = new_file("", MRImageStorage, exam.uid("instance", "localiser", instance))
        add_patient_and_study(file, exam)
        add_series(file, exam, dialect, number=1, description="localizer", start=0)
        file.AcquisitionDate, file.AcquisitionTime = file.StudyDate, file.StudyTime
        file.AcquisitionNumber, file.InstanceNumber = 1, instance
        file.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        _add_plane(file, geometry, int(k))
        file.PixelSpacing = decimals((2 * geometry.row_spacing_mm, 2 * geometry.column_spacing_mm))
        add_pixels(file, study.images[0, ::2, ::2, k].T.astype(np.uint16))
        files.append(file)
    return files


def _save_shuffled(files: list[FileDataset], folder: Path, rng: np.random.Generator) -> None:
    """Save under names whose order tells nothing."""
    for name, file in zip(rng.permutation(len(files)), files, strict=True):
        file.save_as(folder / f"IM{name + 1:06d}.dcm")
