"""What one pass over the headers keeps: plain records, so that every later step is a pure function over lists.

Patient, study and series identifiers serve comparison only; they never leave this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...types import InputError
from ..shown import redacted


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What all frames of one DICOM file share.

    Args:
        path: the file; ``name`` is how messages call it, ``folder`` its place inside the study.
        patient, exam, series: identifiers, for comparison only.
        description: SeriesDescription, in which people write all sorts of things; ``title`` is what is shown of it.
        identifiers: lower-case texts that name the patient or the exam.
        shape: ``(rows, columns)``.
        pixels: byte offset and length of uncompressed pixel data, or ``None`` when pydicom has to decode.
        dtype: stored type of uncompressed pixels, little endian; of its bits the lower ``bits_stored`` count.
        injection_clock_s: start of the contrast injection, in seconds on the scanner's clock.
    """

    path: Path
    name: str
    folder: str
    patient: str
    exam: str
    series: str
    series_number: int | None
    description: str
    identifiers: frozenset[str]
    sequence: tuple[str, ...]
    manufacturer: str
    contrast_agent: str
    injection_clock_s: float | None
    repetition_time_ms: float | None
    declared_time_points: int | None
    shape: tuple[int, int]
    frame_count: int
    bits_stored: int
    dtype: str
    pixels: tuple[int, int] | None
    transfer_syntax: str

    @property
    def title(self) -> str:
        """The description without identifiers."""
        return redacted(self.description, self.identifiers)


@dataclass(frozen=True, slots=True)
class Frame:
    """One 2-D image: a classic file, or one frame of a multi-frame file.

    Args:
        index: frame number in the file, from 0.
        position_mm, row_cosine, column_cosine: ImagePositionPatient and ImageOrientationPatient, LPS mm.
        spacing_mm: PixelSpacing, ``(between rows, between columns)``.
        clock_s: acquisition time in seconds on the scanner's clock.
        component: magnitude, phase, real or imaginary (``M P R I``).
        slope, intercept: stored value → real value, Philips' scale slope included.
        scale_undone: whether real values of different volumes can be compared.
        rescaled: whether a RescaleSlope is stated.
    """

    file: FileHeader
    index: int
    position_mm: tuple[float, float, float]
    row_cosine: tuple[float, float, float]
    column_cosine: tuple[float, float, float]
    spacing_mm: tuple[float, float]
    instance_number: int | None = None
    temporal_position: int | None = None
    acquisition_number: int | None = None
    trigger_time_ms: float | None = None
    clock_s: float | None = None
    echo_time_ms: float | None = None
    b_value: float | None = None
    image_type: tuple[str, ...] = ()
    component: str = "M"
    slope: float = 1.0
    intercept: float = 0.0
    scale_undone: bool = True
    rescaled: bool = False


@dataclass(frozen=True, eq=False)
class TimePoint:
    """One 3-D volume that the headers hold: a candidate for a phase, its pixels not read yet.

    Args:
        label: how a phase map names its series (``"5"``; ``"5#2"`` for the second stack of a mixed series).
        number, count: which time point of how many in its series, from 1.
        frames: slices in order along the normal.
        affine: ``(4, 4)`` RAS mm; identity when there is a fault.
        split_by: header field that told the time points apart; empty for a single one.
        clock_s: scanner's clock; ``None`` when the headers do not tell this time point's own.
        order_clock_s: clock of its series, enough to order series.
        fault: why it cannot be used, raised when it is chosen.
        shear_deg: angle between slice step and normal.
    """

    label: str
    number: int
    count: int
    frames: tuple[Frame, ...]
    affine: np.ndarray
    split_by: str = ""
    clock_s: float | None = None
    order_clock_s: float | None = None
    fault: InputError | None = None
    shear_deg: float = 0.0

    @property
    def file(self) -> FileHeader:
        """Header of its first slice's file."""
        return self.frames[0].file

    @property
    def source(self) -> str:
        """Name without identifiers, e.g. ``"series 5, time point 2"``."""
        return f"series {self.label}" + (f", time point {self.number}" if self.count > 1 else "")

    def describe(self) -> dict:
        """Plain values for reports."""
        points = {"time_point": self.number, "time_points": self.count, "split_by": self.split_by}
        return {"series": self.label, "description": self.file.title} | (points if self.count > 1 else {})
