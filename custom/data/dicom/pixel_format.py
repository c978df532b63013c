"""How a file stores its pixels, with everything that its header says of them held against each other and the file."""

from __future__ import annotations

from dataclasses import dataclass

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ...types import InputError
from .values import stated_number

_NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_PIXEL_DATA = pydicom.tag.Tag("PixelData")
_ANY_REMEDY = "Copy the exam again, or remove the file when it does not belong to it."


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """The fields of ``FileHeader`` that are about pixels; see there."""

    shape: tuple[int, int]
    frame_count: int
    bits_stored: int
    dtype: str
    location: tuple[int, int] | None
    transfer_syntax: str


def pixel_format(dataset: Dataset, where: str, size: int) -> PixelFormat:
    """Read and check the description of a file's pixels.

    Args:
        dataset: the header.
        where: the file, for messages.
        size: of the file, bytes.

    Raises:
        InputError: numbers that are missing, impossible or contradict each other; fewer or more pixels than declared.
    """
    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)))
    rows, columns = (_whole(dataset, name, where, 1, 65535) for name in ("Rows", "Columns"))
    count = _whole(dataset, "NumberOfFrames", where, 1, 2**31, absent=1)
    if "PixelData" not in dataset:  # floating-point pixels: pydicom decodes them
        return PixelFormat((rows, columns), count, 0, "", None, syntax.name)
    allocated = _whole(dataset, "BitsAllocated", where, 1, 64)
    stored = _whole(dataset, "BitsStored", where, 1, allocated, absent=allocated)
    _whole(dataset, "HighBit", where, stored - 1, stored - 1, absent=stored - 1)
    signed = _whole(dataset, "PixelRepresentation", where, 0, 1, absent=0)
    location = None
    if syntax in _NATIVE and allocated in (8, 16, 32):
        location = _location(dataset, rows, columns, count, allocated // 8, where, size)
    return PixelFormat(
        (rows, columns), count, stored, f"<{'i' if signed else 'u'}{allocated // 8}", location, syntax.name
    )


def _whole(dataset: Dataset, keyword: str, where: str, low: int, high: int, absent: int | None = None) -> int:
    value = stated_number(dataset, keyword, where)
    value = absent if value is None else value
    if value is None or value != int(value) or not low <= value <= high:
        raise InputError(
            found=f"{keyword} {'missing' if value is None else f'{value:g}'}",
            expected=f"{low}" if low == high else f"a whole number from {low} to {high}",
            where=where,
            remedy=_ANY_REMEDY,
        )
    return int(value)


def _location(
    dataset: Dataset, rows: int, columns: int, count: int, width: int, where: str, size: int
) -> tuple[int, int] | None:
    """Where uncompressed pixels lie in the file; ``None`` when pydicom holds them or has to swap their bytes."""
    raw = dict(dataset.items())[_PIXEL_DATA]  # items() hands out raw elements and does not read a deferred one
    start = getattr(raw, "value_tell", None)
    if start is None or not raw.is_little_endian:
        return None
    needed = rows * columns * count * width
    if start + needed > size or not needed <= raw.length <= needed + 1:  # padded to an even length
        held = min(raw.length, max(0, size - start))
        raise InputError(
            found=f"{'a truncated file: ' if held < needed else ''}{held} bytes of pixels",
            expected=f"{needed} bytes for {count} × {rows} × {columns} pixels",
            where=where,
            remedy=_ANY_REMEDY,
        )
    return start, needed
