"""A phantom series as one enhanced multi-frame MR file, frames in mixed order, each described by functional groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage

from .dicom_dialects import Dialect
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


def write_enhanced_series(
    study: PhantomStudy, folder: Path, *, exam: Exam, dialect: Dialect, number: int, phases: list[int]
) -> None:
    """Write all slices of all ``phases`` into one file; frame order follows neither space nor time."""
    slices = study.images.shape[-1]
    geometry = SliceGeometry.of(study.affine, slices)
    file = new_file("", EnhancedMRImageStorage, exam.uid("instance", number))
    add_patient_and_study(file, exam)
    add_series(file, exam, dialect, number=number, description=dialect.descriptions[0], start=phases[0])
    first = exam.acquired(phases[0])
    file.ContentDate, file.ContentTime = first.strftime("%Y%m%d"), clock(first)
    file.AcquisitionDateTime = first.strftime("%Y%m%d%H%M%S.%f")
    file.AcquisitionNumber, file.InstanceNumber = 1, 1
    file.ImageType = ["ORIGINAL", "PRIMARY", "DYNAMIC", "NONE"]
    file.PixelPresentation, file.VolumetricProperties, file.ComplexImageComponent = "MONOCHROME", "VOLUME", "MAGNITUDE"
    file.SharedFunctionalGroupsSequence = Sequence([_shared_groups(geometry)])
    frames = [(position, k) for position in range(len(phases)) for k in range(slices)]
    order = np.random.default_rng([exam.seed, 9, number]).permutation(len(frames))
    stored, groups = [], []
    for position, k in (frames[index] for index in order):
        phase = phases[position]
        slope = dialect.rescale_slopes[phase]
        stored.append(np.rint(study.images[phase, :, :, k].T / slope).astype(np.uint16))  # (rows, columns)
        groups.append(_frame_groups(exam, geometry, position=position, phase=phase, k=k, slope=slope))
    file.PerFrameFunctionalGroupsSequence = Sequence(groups)
    file.NumberOfFrames = len(frames)
    add_pixels(file, np.stack(stored))
    file.save_as(folder / "IM000001.dcm")


def _item(**attributes) -> Sequence:
    """A sequence of one item."""
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return Sequence([item])


def _shared_groups(geometry: SliceGeometry) -> Dataset:
    """What all frames share: pixel measures and orientation."""
    shared = Dataset()
    thickness = decimal_string(geometry.slice_spacing_mm)
    shared.PixelMeasuresSequence = _item(
        PixelSpacing=decimals((geometry.row_spacing_mm, geometry.column_spacing_mm)),
        SliceThickness=thickness,
        SpacingBetweenSlices=thickness,
    )
    shared.PlaneOrientationSequence = _item(ImageOrientationPatient=decimals(geometry.orientation))
    return shared


def _frame_groups(exam: Exam, geometry: SliceGeometry, *, position: int, phase: int, k: int, slope: float) -> Dataset:
    """One frame: when, where, and how to read its values."""
    moment = exam.acquired(phase).strftime("%Y%m%d%H%M%S.%f")
    groups = Dataset()
    groups.FrameContentSequence = _item(
        FrameAcquisitionDateTime=moment,
        FrameReferenceDateTime=moment,
        FrameAcquisitionNumber=1,
        TemporalPositionIndex=position + 1,
        StackID="1",
        InStackPositionNumber=k + 1,
        DimensionIndexValues=[1, k + 1, position + 1],
    )
    groups.PlanePositionSequence = _item(ImagePositionPatient=decimals(geometry.positions_mm[k]))
    groups.PixelValueTransformationSequence = _item(
        RescaleIntercept="0", RescaleSlope=decimal_string(slope), RescaleType="US"
    )
    groups.MRImageFrameTypeSequence = _item(
        FrameType=["ORIGINAL", "PRIMARY", "DYNAMIC", "NONE"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        ComplexImageComponent="MAGNITUDE",
    )
    return groups
