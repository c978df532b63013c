"""One pass over a folder's files: each header parsed once, MR images kept, everything else set aside with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from ...types import InputError
from ..plan import Faults
from ..shown import place_in_exam
from .identifiers import KEYWORDS, identifiers_of
from .multiframe import frames_of_multiframe
from .open_file import DEFLATED, NOT_DICOM, UNKNOWN, open_header
from .pixel_format import pixel_format
from .records import FileHeader, Frame
from .scaling import scaling
from .values import READ_ERRORS, clock_s, integer, number, numbers, once_for_same_bytes, quiet_pydicom, text, texts

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = ("1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4")  # enhanced, legacy converted
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_UNKNOWN_MR = "not an MR image (unknown kind)"
UNREAD = (UNKNOWN, DEFLATED, _UNKNOWN_MR)
"""Reasons of files that were set aside without knowing what they are: a slice may be among them."""
_LONGEST_DESCRIPTION = 128  # characters

_KEYWORDS = [
    *("SOPClassUID", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription"),
    *("ImageType", "ScanningSequence", "PulseSequenceName", "EchoPulseSequence", "Manufacturer", "ContrastBolusAgent"),
    *("ContrastBolusAgentSequence", "ContrastBolusStartTime", "RepetitionTime", "NumberOfTemporalPositions"),
    *("StudyDate", "SeriesDate", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "AcquisitionNumber"),
    *("TemporalPositionIdentifier", "TriggerTime", "InstanceNumber", "EchoTime", "DiffusionBValue"),
    *("ComplexImageComponent", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData", "FloatPixelData"),
    *("RescaleSlope", "RescaleIntercept", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
]
_SCALE_SLOPE = Tag(0x2005, 0x100E)
_TAGS = frozenset(int(tag) for tag in (*map(Tag, (*_KEYWORDS, *KEYWORDS)), _SCALE_SLOPE))  # plain numbers are faster


def read_headers(files: Iterable[Path], *, folder: Path, where: str, faults: Faults) -> tuple[list[Frame], list[dict]]:
    """Parse the headers of all files.

    Args:
        files: files of one study.
        folder: the study's folder; messages name files by their place inside it.
        where: the study, for messages.
        faults: takes each DICOM file that cannot be read: it may be a slice of any series.

    Returns:
        The frames of all MR images, and what was set aside with reasons.
    """
    frames: list[Frame] = []
    set_aside: Counter[tuple[str, str]] = Counter()
    with quiet_pydicom():
        for path in files:
            with faults.at(path):
                found = _read_file(path, folder, where)
                if isinstance(found, tuple):
                    set_aside[found] += 1
                else:
                    frames += found
    aside = [
        {"series": series, "reason": reason, "files": count} for (series, reason), count in sorted(set_aside.items())
    ]
    return frames, aside


def _read_file(path: Path, folder: Path, where: str) -> list[Frame] | tuple[str, str]:
    """The frames of a file, or (series, reason) when it is set aside."""
    name = f"{where}/{place_in_exam(path.relative_to(folder))}"
    try:
        opened = open_header(path, _TAGS)
        if isinstance(opened, str):
            if opened == NOT_DICOM and path.name.lower().endswith(_DICOM_SUFFIXES):
                raise _unreadable("no DICOM in it", name)  # such as the zeros of a broken copy
            return "other files", opened
        dataset, size = opened
        reason = _reason(dataset, name)
        if reason:
            return _series_name(dataset), reason
        return _frames(dataset, path, folder, name, size)
    except InputError:
        raise
    except READ_ERRORS as error:
        raise _unreadable(type(error).__name__, name) from None  # its text may quote header values


def _unreadable(how: str, where: str) -> InputError:
    return InputError(
        found=f"an unreadable or truncated DICOM file ({how})",
        expected="complete files",
        where=where,
        remedy="Copy the exam again, or remove the file when it does not belong to it.",
    )


def _reason(dataset: Dataset, where: str) -> str | None:
    """Why a file is no MR image that can be used; a cut-off header may hide a slice and is an error."""
    kind = text(dataset, "SOPClassUID")
    if UID(kind).name == kind:  # absent, or cut off in the middle: the file's meta group comes first
        kind = text(dataset.file_meta, "MediaStorageSOPClassUID") or kind
    if not kind:
        raise _unreadable("no SOP class", where)
    if kind != MR_IMAGE and kind not in ENHANCED_MR:
        return f"not an MR image ({UID(kind).name})" if UID(kind).name != kind else _UNKNOWN_MR
    if "PixelData" not in dataset and "FloatPixelData" not in dataset:
        raise _unreadable("no pixel data", where)
    if (integer(dataset, "SamplesPerPixel") or 1) != 1 or text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        return "a colour or inverted image"
    return None


def _series_name(dataset: Dataset) -> str:
    series_number = integer(dataset, "SeriesNumber")
    return "other files" if series_number is None else str(series_number)


def _frames(dataset: Dataset, path: Path, folder: Path, name: str, size: int) -> list[Frame]:
    header = _file_header(dataset, path, folder, name, size)
    if text(dataset, "SOPClassUID") in ENHANCED_MR:
        return frames_of_multiframe(dataset, header)
    orientation, position = numbers(dataset, "ImageOrientationPatient", 6), numbers(dataset, "ImagePositionPatient", 3)
    spacing = numbers(dataset, "PixelSpacing", 2)
    if header.frame_count != 1:
        raise InputError(
            found=f"{header.frame_count} frames in a file of the single-frame kind",
            expected="one frame, or enhanced multi-frame MR with a place for each frame",
            where=name,
            remedy="Export the exam again.",
        )
    if orientation is None or position is None or spacing is None:
        raise InputError(
            found="an MR image without position, orientation or pixel spacing",
            expected="ImagePositionPatient, ImageOrientationPatient and PixelSpacing",
            where=name,
            remedy="Export the exam again with its geometry, or remove the file.",
        )
    image_type = tuple(word.upper() for word in texts(dataset, "ImageType"))
    slope, intercept, undone = scaling(dataset, dataset.get(_SCALE_SLOPE), header.manufacturer, name)
    return [
        Frame(
            file=header,
            index=0,
            position_mm=position,
            row_cosine=orientation[:3],
            column_cosine=orientation[3:],
            spacing_mm=spacing,
            instance_number=integer(dataset, "InstanceNumber"),
            temporal_position=integer(dataset, "TemporalPositionIdentifier"),
            acquisition_number=integer(dataset, "AcquisitionNumber"),
            trigger_time_ms=number(dataset, "TriggerTime"),
            clock_s=_frame_clock_s(dataset),
            echo_time_ms=number(dataset, "EchoTime"),
            b_value=number(dataset, "DiffusionBValue"),
            image_type=image_type,
            component=_component(dataset, image_type),
            slope=slope,
            intercept=intercept,
            scale_undone=undone,
            rescaled="RescaleSlope" in dataset,
        )
    ]


def _file_header(dataset: Dataset, path: Path, folder: Path, name: str, size: int) -> FileHeader:
    pixels = pixel_format(dataset, name, size)
    inside = path.parent.relative_to(folder)
    return FileHeader(
        path=path,
        name=name,
        folder="" if inside == Path() else inside.as_posix(),
        **_of_series(dataset),
        shape=pixels.shape,
        frame_count=pixels.frame_count,
        bits_stored=pixels.bits_stored,
        dtype=pixels.dtype,
        pixels=pixels.location,
        transfer_syntax=pixels.transfer_syntax,
    )


@once_for_same_bytes(
    *("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", *KEYWORDS),
    *("ScanningSequence", "EchoPulseSequence", "Manufacturer", "ContrastBolusAgent", "ContrastBolusAgentSequence"),
    *("AcquisitionDate", "SeriesDate", "StudyDate", "ContrastBolusStartTime", "RepetitionTime"),
    "NumberOfTemporalPositions",
)
def _of_series(dataset: Dataset) -> dict:
    """Fields of ``FileHeader`` that are mostly the same for a whole series."""
    return {
        "patient": text(dataset, "PatientID"),
        "exam": text(dataset, "StudyInstanceUID"),
        "series": text(dataset, "SeriesInstanceUID"),
        "series_number": integer(dataset, "SeriesNumber"),
        "description": text(dataset, "SeriesDescription")[:_LONGEST_DESCRIPTION],
        "identifiers": identifiers_of(dataset),
        "sequence": (*texts(dataset, "ScanningSequence"), text(dataset, "EchoPulseSequence")),
        "manufacturer": text(dataset, "Manufacturer").lower(),
        "contrast_agent": _contrast_agent(dataset),
        "injection_clock_s": clock_s(_day(dataset), text(dataset, "ContrastBolusStartTime")),
        "repetition_time_ms": number(dataset, "RepetitionTime"),
        "declared_time_points": integer(dataset, "NumberOfTemporalPositions"),
    }


def _component(dataset: Dataset, image_type: tuple[str, ...]) -> str:
    """Magnitude, phase, real or imaginary (``M P R I``)."""
    stated = text(dataset, "ComplexImageComponent").upper()
    if stated:
        return stated[:1]
    return next((word for word in image_type[2:] if word in ("M", "P", "R", "I")), "M")


def _contrast_agent(dataset: Dataset) -> str:
    agents = [text(dataset, "ContrastBolusAgent")]
    for item in dataset.get("ContrastBolusAgentSequence") or []:
        agents.append(text(item, "CodeMeaning"))
    return " ".join(agent for agent in agents if agent)


def _day(dataset: Dataset) -> str:
    return text(dataset, "AcquisitionDate") or text(dataset, "SeriesDate") or text(dataset, "StudyDate")


def _frame_clock_s(dataset: Dataset) -> float | None:
    stamp = text(dataset, "AcquisitionDateTime")
    return (
        clock_s(stamp[:8], stamp[8:]) if len(stamp) >= 14 else clock_s(_day(dataset), text(dataset, "AcquisitionTime"))
    )
