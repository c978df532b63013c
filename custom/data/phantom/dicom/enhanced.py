"""A series as one enhanced multi-frame MR file, frames in mixed order, each described by functional groups."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage

from .dialects import ABSENT, OWN, Dialect
from .headers import (
    Exam,
    SliceGeometry,
    add_patient_and_study,
    add_pixels,
    add_scale_slope,
    add_series,
    clock,
    decimal_string,
    decimals,
    new_file,
    rescale_slope,
    stored_values,
)
from .series import Series


def enhanced_file(series: Series, exam: Exam, dialect: Dialect, *, part: int) -> FileDataset:
    """All slices of all moments in one file; frame order follows neither space nor time.

    Args:
        part: which part of a series of several kinds it is, from 0.
    """
    slices = series.moments[0].image.shape[2]
    geometry = SliceGeometry.of(series.affine, slices)
    file = new_file("", EnhancedMRImageStorage, exam.uid("instance", series.number, part))
    add_patient_and_study(file, exam)
    add_series(file, exam, dialect, series)
    if dialect.clocks != ABSENT:
        first_s = series.moments[0].time_s if dialect.clocks == OWN else exam.start_s
        file.ContentDate, file.ContentTime = exam.at(first_s).strftime("%Y%m%d"), clock(exam.at(first_s))
        file.AcquisitionDateTime = _stamp(exam, first_s)
    file.AcquisitionNumber, file.InstanceNumber, file.ImageType = 1, part + 1, list(series.image_type)
    file.PixelPresentation, file.VolumetricProperties, file.ComplexImageComponent = "MONOCHROME", "VOLUME", "MAGNITUDE"
    file.SharedFunctionalGroupsSequence = Sequence([_shared_groups(geometry, series)])
    frames = [(position, k) for position in range(len(series.moments)) for k in range(slices)]
    order = np.random.default_rng([exam.seed, 9, series.number]).permutation(len(frames))
    stored, groups = [], []
    for position, k in (frames[index] for index in order):
        stored.append(stored_values(series.moments[position].image[:, :, k].T, dialect, position))  # (rows, columns)
        groups.append(_frame_groups(series, exam, dialect, geometry, position=position, k=k))
    file.PerFrameFunctionalGroupsSequence = Sequence(groups)
    file.NumberOfFrames = len(frames)
    add_pixels(file, np.stack(stored))
    return file


def _stamp(exam: Exam, time_s: float) -> str:
    return exam.at(time_s).strftime("%Y%m%d%H%M%S.%f")


def _item(**attributes) -> Sequence:
    """A sequence of one item."""
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return Sequence([item])


def _shared_groups(geometry: SliceGeometry, series: Series) -> Dataset:
    """What all frames share: pixel measures, orientation, echo, diffusion."""
    shared = Dataset()
    thickness = decimal_string(geometry.slice_spacing_mm)
    shared.PixelMeasuresSequence = _item(
        PixelSpacing=decimals((geometry.row_spacing_mm, geometry.column_spacing_mm)),
        SliceThickness=thickness,
        SpacingBetweenSlices=thickness,
    )
    shared.PlaneOrientationSequence = _item(ImageOrientationPatient=decimals(geometry.orientation))
    shared.MREchoSequence = _item(EffectiveEchoTime=series.echo_ms)
    if series.b_value is not None:
        shared.MRDiffusionSequence = _item(DiffusionBValue=series.b_value)
    return shared


def _frame_groups(
    series: Series, exam: Exam, dialect: Dialect, geometry: SliceGeometry, *, position: int, k: int
) -> Dataset:
    """One frame: when, where, and how to read its values."""
    groups = Dataset()
    groups.FrameContentSequence = _item(
        FrameAcquisitionNumber=1,
        TemporalPositionIndex=position + 1,
        StackID="1",
        InStackPositionNumber=k + 1,
        DimensionIndexValues=[1, k + 1, position + 1],
    )
    if dialect.clocks != ABSENT:
        stamp = _stamp(exam, series.moments[position].time_s if dialect.clocks == OWN else exam.start_s)
        content = groups.FrameContentSequence[0]
        content.FrameAcquisitionDateTime = content.FrameReferenceDateTime = stamp
    groups.PlanePositionSequence = _item(ImagePositionPatient=decimals(geometry.positions_mm[k]))
    groups.PixelValueTransformationSequence = _item(
        RescaleIntercept="0", RescaleSlope=decimal_string(rescale_slope(dialect, position)), RescaleType="US"
    )
    groups.MRImageFrameTypeSequence = _item(
        FrameType=list(series.image_type),
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        ComplexImageComponent="MAGNITUDE",
    )
    if dialect.scale_slopes is not None and dialect.scale_slope_written:
        private = Dataset()
        add_scale_slope(private, dialect, position)
        groups.add_new(0x20050014, "LO", "Philips MR Imaging DD 005")  # reserves (2005,14xx)
        groups.add_new(0x2005140F, "SQ", Sequence([private]))
    return groups
