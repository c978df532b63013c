"""What the DICOM writers share: a fictitious patient, deterministic UIDs, geometry in LPS, base attributes."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, ExplicitVRLittleEndian, generate_uid

from ..kinetics import FLIP_ANGLE_DEG
from .dialects import ABSENT, Dialect
from .series import GRADIENT_ECHO, Series

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
FAMILY_NAMES = ("Testfall", "Phantomas", "Muster", "Doe-Sample", "Übung")
GIVEN_NAMES = ("Petra", "Juan", "Aiko", "Mikkel", "Noor")


@dataclass(frozen=True)
class Exam:
    """The fictitious frame of one examination.

    Args:
        seed: drawn from; the same seed gives the same names, dates and UIDs.
        injection: when contrast was given.
        start_s: first moment, seconds after the injection.
    """

    seed: int
    injection: datetime.datetime
    start_s: float

    @classmethod
    def draw(cls, seed: int, start_s: float) -> Exam:
        """The exam of a seed."""
        rng = np.random.default_rng([seed, 5])
        day = datetime.datetime(2022, 1, 3, 8, 0, 0) + datetime.timedelta(days=int(rng.integers(700)))
        return cls(seed, day + datetime.timedelta(seconds=int(rng.integers(8 * 3600))), start_s)

    def uid(self, *parts: object) -> str:
        """A UID that depends on the seed and ``parts`` only."""
        return generate_uid(entropy_srcs=["mti-net-phantom", str(self.seed), *map(str, parts)])

    def at(self, time_s: float) -> datetime.datetime:
        """The clock so many seconds after the injection."""
        return self.injection + datetime.timedelta(seconds=time_s)


@dataclass(frozen=True)
class SliceGeometry:
    """DICOM's description of an array ``(X, Y, Z)``: columns run along X, rows along Y, slices along Z; LPS mm."""

    orientation: list[float]
    row_spacing_mm: float
    column_spacing_mm: float
    slice_spacing_mm: float
    positions_mm: np.ndarray

    @classmethod
    def of(cls, affine: np.ndarray, slices: int) -> SliceGeometry:
        """Geometry of an affine to RAS mm; any orientation, flipped axes included."""
        lps = RAS_TO_LPS @ affine
        step = np.linalg.norm(lps[:3, :3], axis=0)
        cosines = lps[:3, :3] / step
        positions = lps[:3, 3] + np.arange(slices)[:, None] * lps[:3, 2]  # (Z, 3)
        return cls([*cosines[:, 0], *cosines[:, 1]], step[1], step[0], step[2], positions)


def decimal_string(value: float) -> str:
    """A number in DICOM's 16 characters, as exact as they allow."""
    for digits in range(16, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    raise AssertionError("a float always fits in 16 characters with one digit")


def decimals(values) -> list[str]:
    """`decimal_string` of each value."""
    return [decimal_string(float(value)) for value in values]


def clock(moment: datetime.datetime) -> str:
    """DICOM TM with microseconds."""
    return moment.strftime("%H%M%S.%f")


def new_file(path, sop_class: str, sop_instance: str) -> FileDataset:
    """An empty DICOM file with complete meta information, explicit little endian."""
    meta = FileMetaDataset()
    meta.FileMetaInformationGroupLength = 0  # set when written
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = sop_instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    file = FileDataset(str(path), Dataset(), file_meta=meta, preamble=b"\0" * 128, is_implicit_VR=False)
    file.SpecificCharacterSet = "ISO_IR 192"
    file.SOPClassUID, file.SOPInstanceUID = sop_class, sop_instance
    return file


def add_patient_and_study(file: Dataset, exam: Exam) -> None:
    """Fictitious patient, study and equipment site."""
    rng = np.random.default_rng([exam.seed, 6])
    file.PatientName = f"{FAMILY_NAMES[rng.integers(5)]}^{GIVEN_NAMES[rng.integers(5)]}"
    file.PatientID = f"PHANTOM-{rng.integers(10**6):06d}"
    file.PatientBirthDate, file.PatientSex = f"{rng.integers(1935, 1990)}0{rng.integers(1, 10)}15", "O"
    file.AccessionNumber = f"ACC{rng.integers(10**7):07d}"
    file.ReferringPhysicianName = "Referrer^Fictitious"
    file.InstitutionName = "Phantom General Hospital"
    file.StudyID, file.StudyDescription = "1", "MRI LIVER DYNAMIC"
    file.StudyInstanceUID = exam.uid("study")
    file.FrameOfReferenceUID, file.PositionReferenceIndicator = exam.uid("frame of reference"), ""
    file.StudyDate = file.SeriesDate = exam.injection.strftime("%Y%m%d")
    file.StudyTime = clock(exam.injection - datetime.timedelta(minutes=12))


def add_series(file: Dataset, exam: Exam, dialect: Dialect, series: Series) -> None:
    """Series, equipment, pulse sequence and contrast agent."""
    file.Modality, file.Manufacturer, file.ManufacturerModelName = "MR", dialect.manufacturer, dialect.model
    file.SeriesInstanceUID, file.SeriesNumber = exam.uid("series", series.number), series.number
    if series.description is not None:
        file.SeriesDescription = series.description
    file.ProtocolName = dialect.sequence
    if dialect.clocks != ABSENT:
        file.SeriesTime = clock(exam.at(series.moments[0].time_s))
    file.BodyPartExamined, file.PatientPosition, file.MagneticFieldStrength = "ABDOMEN", "HFS", "3"
    file.ScanningSequence, file.SequenceVariant = series.sequence[0], list(series.sequence[1])
    file.ScanOptions, file.MRAcquisitionType = "FS", "3D" if series.sequence == GRADIENT_ECHO else "2D"
    file.EchoTrainLength, file.NumberOfAverages = "1", "1"
    file.RepetitionTime, file.EchoTime = decimal_string(series.repetition_ms), decimal_string(series.echo_ms)
    file.FlipAngle = decimal_string(FLIP_ANGLE_DEG)
    if series.contrast_agent:
        file.ContrastBolusAgent, file.ContrastBolusRoute = series.contrast_agent, "IV"
        if dialect.bolus_time:
            file.ContrastBolusStartTime = clock(exam.injection)


def rescale_slope(dialect: Dialect, position: int) -> float:
    """RescaleSlope of the k-th moment."""
    return dialect.rescale_slopes[position % len(dialect.rescale_slopes)]


def scale_slope(dialect: Dialect, position: int) -> float | None:
    """Philips' private scale slope of the k-th moment; ``None`` for other vendors."""
    return None if dialect.scale_slopes is None else dialect.scale_slopes[position % len(dialect.scale_slopes)]


def stored_values(raw: np.ndarray, dialect: Dialect, position: int) -> np.ndarray:
    """What is stored of raw values, so that reading by the dialect's rule gives them back."""
    private = scale_slope(dialect, position)
    return np.rint(raw / rescale_slope(dialect, position) if private is None else raw * private).astype(np.uint16)


def add_scale_slope(item: Dataset, dialect: Dialect, position: int) -> None:
    """Philips' private element, where it is written."""
    if dialect.scale_slopes is not None and dialect.scale_slope_written:
        block = item.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", scale_slope(dialect, position))


def add_pixels(file: Dataset, stored: np.ndarray) -> None:
    """Monochrome 16-bit pixels.

    Args:
        stored: ``(rows, columns)`` or ``(frames, rows, columns)`` uint16.
    """
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.Rows, file.Columns = stored.shape[-2:]
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    file.PixelData = stored.astype("<u2").tobytes()
    file["PixelData"].VR = "OW"
