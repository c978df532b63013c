"""DICOM Segmentation objects: segments as bits, fractions or one label map, frames placed by their positions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from ...types import InputError
from ..budget import MemoryBudget
from ..dicom.open_file import open_header, read_head
from ..dicom.values import READ_ERRORS, integer, number, numbers, quiet_pydicom, text
from ..geometry import LPS_TO_RAS, ROUNDING_MM, check_cosines, slice_normal
from ..plan import VolumePlan
from ..shown import shown
from .label_map import pad_single_slices, padded_shape
from .segments import Segment

SEGMENTATION = b"1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_SEGMENTATION = b"1.2.840.10008.5.1.4.1.1.66.7"
_STORAGE = b"1.2.840.10008.5.1.4.1.1."  # how every kind of stored object begins
_HEAD_BYTES = 1024  # hold the meta group, which names the kind of object
_LATTICE_TOLERANCE = 0.05  # of the slice step


def is_dicom_seg(path: Path) -> bool:
    """Whether a file's meta group says that it is a segmentation."""
    head = read_head(path, _HEAD_BYTES)
    return head[128:132] == b"DICM" and (SEGMENTATION in head or LABEL_MAP_SEGMENTATION in head)


def is_unknown_dicom(path: Path) -> bool:
    """Whether a file that is or is called DICOM is so damaged that it does not say what it is."""
    head = read_head(path, _HEAD_BYTES)
    return (head[128:132] == b"DICM" or path.suffix.lower() == ".dcm") and _STORAGE not in head


def seg_segments(path: Path, where: str) -> tuple[Segment, ...]:
    """The segments of a file, without reading its pixels."""
    with quiet_pydicom():
        return _segments(_read(path, where), where)


def plan_seg(path: Path, chosen: Sequence[tuple[Segment, int]], *, where: str, budget: MemoryBudget) -> VolumePlan:
    """Plan chosen segments as one label map on the grid that the frames span.

    Slices without a frame are empty: writers leave them out.

    Args:
        path: the file.
        chosen: segments and the value of each; where they overlap, the later one counts.
        where: how to name it in messages.
        budget: memory to claim from.

    Raises:
        InputError: unreadable, oversized, or frames that are no even stack; when read: truncated.
    """
    with quiet_pydicom():
        dataset = _read(path, where)
        try:
            owners, positions = _frames(dataset, where)
            slices, affine = _grid(dataset, positions, where)
            shape = (integer(dataset, "Columns") or 0, integer(dataset, "Rows") or 0, int(slices.max()) + 1)
        except InputError:
            raise
        except READ_ERRORS as error:
            raise _unreadable(type(error).__name__, where) from None  # its text may quote header values
    _check_owners(owners, {segment.number for segment in _segments(dataset, where)}, where)
    budget.check((*shape[:2], len(slices)), where)
    budget.claim(shape, where)
    load = partial(_label_map, path, chosen, list(zip(owners, slices, strict=True)), shape, where)
    return VolumePlan(padded_shape(shape), affine, shown(path), where, path, load)


def _label_map(
    path: Path,
    chosen: Sequence[tuple[Segment, int]],
    frames: Sequence[tuple[int | None, int]],
    shape: tuple[int, int, int],
    where: str,
) -> np.ndarray:
    """Read the frames, each with the number of its segment and slice, into one label map."""
    with quiet_pydicom():
        dataset = _read(path, where)
        try:
            stored = dataset.pixel_array.reshape(len(frames), shape[1], shape[0])  # (F, rows, columns)
        except READ_ERRORS as error:
            raise _unreadable(type(error).__name__, where) from None
    data = np.zeros(shape, dtype=np.uint8)
    for segment, value in chosen:
        for (owner, k), pixels in zip(frames, stored, strict=True):
            data[:, :, k][_inside(dataset, pixels, owner, segment.number).T] = value
    return pad_single_slices(data)


def _read(path: Path, where: str) -> Dataset:
    """The header; pixels are read when asked for."""
    try:
        opened = open_header(path, None)
    except READ_ERRORS as error:
        raise _unreadable(type(error).__name__, where) from None
    if isinstance(opened, str):
        raise _fault(opened, "an uncompressed or RLE segmentation", where)
    return opened[0]


def _segments(dataset: Dataset, where: str) -> tuple[Segment, ...]:
    try:
        return tuple(
            Segment(integer(item, "SegmentNumber"), text(item, "SegmentLabel"), _codes(item))
            for item in dataset.get("SegmentSequence") or []
            if integer(item, "SegmentNumber")  # 0 is a label map's background
        )
    except READ_ERRORS as error:
        raise _unreadable(type(error).__name__, where) from None


def _codes(item: Dataset) -> tuple[str, ...]:
    codes = []
    for keyword in ("SegmentedPropertyCategoryCodeSequence", "SegmentedPropertyTypeCodeSequence"):
        for code in item.get(keyword) or []:
            codes.append(f"{text(code, 'CodingSchemeDesignator')}:{text(code, 'CodeValue')}")
    return tuple(codes)


def _frames(dataset: Dataset, where: str) -> tuple[list[int | None], np.ndarray]:
    """Segment number (``None`` in a label map) and position ``(F, 3)`` of each frame; shared groups hold for all."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    owners, positions = [], []
    for own in dataset.get("PerFrameFunctionalGroupsSequence") or []:
        identification = _group(own, shared, "SegmentIdentificationSequence")
        position = numbers(_group(own, shared, "PlanePositionSequence"), "ImagePositionPatient", 3)
        if position is None:
            raise _fault("a frame without position", "ImagePositionPatient for every frame", where)
        owners.append(integer(identification, "ReferencedSegmentNumber"))
        positions.append(position)
    if not positions or len(positions) != (integer(dataset, "NumberOfFrames") or 1):
        raise _fault(f"{len(positions)} positions for the frames", "one for every frame", where)
    if None in owners and text(dataset, "SegmentationType") != "LABELMAP":
        raise _fault("a frame of no segment", "ReferencedSegmentNumber for every frame", where)
    return owners, np.array(positions)


def _check_owners(owners: Sequence[int | None], described: set[int], where: str) -> None:
    """A frame of a segment that is not described would be left out without a word."""
    if strangers := sorted({owner for owner in owners if owner is not None} - described):
        raise _fault(f"a frame of segment {strangers[0]}, which is not described", "the described segments", where)


def _grid(dataset: Dataset, positions: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Slice index of each frame ``(F,)`` and the affine to RAS mm; frames may be missing, but lie on an even stack."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    first = dataset.PerFrameFunctionalGroupsSequence[0]
    orientation = numbers(_group(first, shared, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    measures = _group(first, shared, "PixelMeasuresSequence")
    spacing = numbers(measures, "PixelSpacing", 2)
    if orientation is None or spacing is None or min(spacing) <= 0:
        raise _fault("no orientation or pixel spacing", "ImageOrientationPatient and PixelSpacing", where)
    check_cosines(orientation[:3], orientation[3:], where)
    offsets = positions @ slice_normal(orientation[:3], orientation[3:])  # (F,)
    offsets -= offsets.min()
    step_mm = _step_mm(offsets, measures, where)
    slices = np.rint(offsets / step_mm).astype(int)
    if np.abs(offsets - slices * step_mm).max() > _LATTICE_TOLERANCE * step_mm + ROUNDING_MM:
        raise _fault("frames at uneven distances", f"even steps of {step_mm:.2f} mm", where)
    start, end = positions[slices.argmin()], positions[slices.argmax()]
    normal = slice_normal(orientation[:3], orientation[3:])
    step = (end - start) / slices.max() if slices.max() else step_mm * normal  # (3,)
    if np.linalg.norm(positions - (start + slices[:, None] * step), axis=1).max() > _LATTICE_TOLERANCE * step_mm + 0.1:
        raise _fault("frames that are shifted against each other", "frames on one line", where)
    affine = np.eye(4)
    affine[:3, 0] = np.multiply(orientation[:3], spacing[1])
    affine[:3, 1] = np.multiply(orientation[3:], spacing[0])
    affine[:3, 2], affine[:3, 3] = step, start
    return slices, LPS_TO_RAS @ affine


def _step_mm(offsets: np.ndarray, measures: Dataset, where: str) -> float:
    """Distance of neighbouring slices. Where frames are left out, the header may know it better than their gaps."""
    gaps = np.diff(np.unique(np.round(offsets, 3)))
    gaps = gaps[gaps > 2 * ROUNDING_MM]
    stated_mm = number(measures, "SpacingBetweenSlices") or 0.0
    if len(gaps) == 0:
        alone_mm = stated_mm or number(measures, "SliceThickness") or 0.0
        if alone_mm <= 0:
            raise _fault("a single slice without thickness", "SpacingBetweenSlices or SliceThickness", where)
        return alone_mm
    steps = gaps / stated_mm if stated_mm > 0 else np.zeros(1)
    fits = steps.min() > 0.5 and np.abs(steps - np.rint(steps)).max() < _LATTICE_TOLERANCE
    return stated_mm if fits else float(gaps.min())


def _group(own: Dataset, shared: Dataset, keyword: str) -> Dataset:
    """A functional group of a frame, of its own or shared."""
    return ((own.get(keyword) or shared.get(keyword)) or [Dataset()])[0]


def _inside(dataset: Dataset, pixels: np.ndarray, owner: int | None, segment: int) -> np.ndarray:
    """Where a frame shows a segment, ``(rows, columns)`` bool."""
    kind = text(dataset, "SegmentationType")
    if owner is None or kind == "LABELMAP":
        return pixels == segment
    if owner != segment:
        return np.zeros_like(pixels, dtype=bool)
    if kind == "FRACTIONAL":
        return pixels >= 0.5 * (integer(dataset, "MaximumFractionalValue") or 255)
    return pixels > 0


def _fault(found: str, expected: str, where: str) -> InputError:
    return InputError(found=found, expected=expected, where=where, remedy="Export the segmentation again.")


def _unreadable(how: str, where: str) -> InputError:
    return _fault(f"an unreadable or truncated segmentation ({how})", "a complete DICOM SEG", where)
