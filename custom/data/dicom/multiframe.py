"""Enhanced multi-frame MR: one file, many frames, each described by functional groups (its own or shared)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from ...types import InputError
from .records import FileHeader, Frame
from .scaling import scaling
from .values import clock_s, integer, number, numbers, text, texts

_PHILIPS_FRAME = Tag(0x2005, 0x140F)
_SCALE_SLOPE = Tag(0x2005, 0x100E)


def frames_of_multiframe(dataset: Dataset, header: FileHeader) -> list[Frame]:
    """The frames of an enhanced MR file.

    Args:
        dataset: the parsed header.
        header: what the frames share.

    Raises:
        InputError: functional groups missing, or a frame without position.
    """
    shared = next(iter(dataset.get("SharedFunctionalGroupsSequence") or []), Dataset())
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if len(groups) != header.frame_count:
        raise InputError(
            found=f"{len(groups)} per-frame functional groups for {header.frame_count} frames",
            expected="one for each frame",
            where=header.name,
            remedy="Export the exam again.",
        )
    return [_frame(dataset, header, shared, own, index) for index, own in enumerate(groups)]


def _frame(dataset: Dataset, header: FileHeader, shared: Dataset, own: Dataset, index: int) -> Frame:
    orientation = numbers(_group(own, shared, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    position = numbers(_group(own, shared, "PlanePositionSequence"), "ImagePositionPatient", 3)
    spacing = numbers(_group(own, shared, "PixelMeasuresSequence"), "PixelSpacing", 2)
    if orientation is None or position is None or spacing is None:
        raise InputError(
            found=f"frame {index + 1} without position, orientation or pixel spacing",
            expected="the plane functional groups",
            where=header.name,
            remedy="Export the exam again with its geometry, or remove the file.",
        )
    content = _group(own, shared, "FrameContentSequence")
    kind = _group(own, shared, "MRImageFrameTypeSequence")
    private = _group(own, shared, _PHILIPS_FRAME)
    transformation = _group(own, shared, "PixelValueTransformationSequence")
    holder = transformation if len(transformation) else private
    slope, intercept, undone = scaling(holder, private.get(_SCALE_SLOPE), header.manufacturer, header.name)
    trigger = number(_group(own, shared, "CardiacSynchronizationSequence"), "NominalCardiacTriggerDelayTime")
    stamp = text(content, "FrameAcquisitionDateTime") or text(dataset, "AcquisitionDateTime")
    acquisition = integer(content, "FrameAcquisitionNumber")
    return Frame(
        file=header,
        index=index,
        position_mm=position,
        row_cosine=orientation[:3],
        column_cosine=orientation[3:],
        spacing_mm=spacing,
        instance_number=(integer(dataset, "InstanceNumber") or 0) * 1_000_000 + index,
        temporal_position=integer(content, "TemporalPositionIndex"),
        acquisition_number=integer(dataset, "AcquisitionNumber") if acquisition is None else acquisition,
        trigger_time_ms=trigger,
        clock_s=clock_s(stamp[:8], stamp[8:]),
        echo_time_ms=number(_group(own, shared, "MREchoSequence"), "EffectiveEchoTime"),
        b_value=number(_group(own, shared, "MRDiffusionSequence"), "DiffusionBValue"),
        image_type=tuple(word.upper() for word in texts(kind, "FrameType") or texts(dataset, "ImageType")),
        component=(text(kind, "ComplexImageComponent") or text(dataset, "ComplexImageComponent") or "M").upper()[:1],
        slope=slope,
        intercept=intercept,
        scale_undone=undone,
        rescaled="RescaleSlope" in holder,
    )


def _group(own: Dataset, shared: Dataset, keyword) -> Dataset:
    """A functional group's item: the frame's own before the shared one; empty when neither holds it."""
    for groups in (own, shared):
        element = groups.get(keyword)
        items = getattr(element, "value", element)  # a tag gives an element, a keyword its value
        if items:
            return items[0]
    return Dataset()
