"""Series as MR Image Storage: one file for each slice of each moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import MRImageStorage

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


def series_files(parts: Sequence[Series], exam: Exam, dialect: Dialect, *, shuffle: bool) -> list[FileDataset]:
    """The files of all parts of one series.

    Args:
        parts: of equal SeriesNumber.
        shuffle: InstanceNumber follows neither space nor time; else it counts slices, moment by moment.
    """
    count = sum(len(part.moments) * part.moments[0].image.shape[2] for part in parts)
    numbers = np.arange(1, count + 1)
    if shuffle:
        numbers = np.random.default_rng([exam.seed, 8, parts[0].number]).permutation(numbers)
    files = []
    for p, part in enumerate(parts):
        geometry = SliceGeometry.of(part.affine, part.moments[0].image.shape[2])
        for position, moment in enumerate(part.moments):
            for k in range(moment.image.shape[2]):
                file = new_file("", MRImageStorage, exam.uid("instance", part.number, p, position, k))
                add_patient_and_study(file, exam)
                add_series(file, exam, dialect, part)
                _add_time(file, exam, dialect, part, position)
                _add_plane(file, geometry, k)
                file.ImageType, file.InstanceNumber = list(part.image_type), int(numbers[len(files)])
                if part.b_value is not None:
                    file.DiffusionBValue = part.b_value
                file.RescaleSlope = decimal_string(rescale_slope(dialect, position))
                file.RescaleIntercept, file.RescaleType = "0", "US"
                add_scale_slope(file, dialect, position)
                add_pixels(file, stored_values(moment.image[:, :, k].T, dialect, position))  # (rows, columns)
                files.append(file)
    return files


def _add_time(file: FileDataset, exam: Exam, dialect: Dialect, series: Series, position: int) -> None:
    """When the slice was acquired, in the dialect's attributes."""
    first_s, own_s = series.moments[0].time_s, series.moments[position].time_s
    if dialect.clocks != ABSENT:
        acquired = exam.at(own_s if dialect.clocks == OWN else exam.start_s)
        file.AcquisitionDate, file.AcquisitionTime = acquired.strftime("%Y%m%d"), clock(acquired)
        file.ContentDate, file.ContentTime = file.AcquisitionDate, clock(exam.at(own_s))
    file.AcquisitionNumber = position + 1 if dialect.acquisition_number else 1
    if dialect.temporal_position:
        file.TemporalPositionIdentifier, file.NumberOfTemporalPositions = position + 1, len(series.moments)
    if dialect.trigger_time:
        file.TriggerTime = decimal_string(round(1000 * (own_s - first_s), 1))


def _add_plane(file: FileDataset, geometry: SliceGeometry, k: int) -> None:
    """Where the slice lies; lengths as exact as a decimal string allows."""
    file.ImageOrientationPatient = decimals(geometry.orientation)
    file.ImagePositionPatient = decimals(geometry.positions_mm[k])
    file.PixelSpacing = decimals((geometry.row_spacing_mm, geometry.column_spacing_mm))
    file.SliceThickness = file.SpacingBetweenSlices = decimal_string(geometry.slice_spacing_mm)
    normal = np.cross(geometry.orientation[:3], geometry.orientation[3:])
    file.SliceLocation = decimal_string(round(float(normal @ geometry.positions_mm[k]), 4))
