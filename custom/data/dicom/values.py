"""Header values as plain Python, ``None`` or empty where a header holds nothing usable."""

from __future__ import annotations

import math
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache, wraps
from typing import TypeVar

from pydicom import config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import BaseTag, Tag

from ...types import InputError

READ_ERRORS = (
    *(
        OSError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
        RuntimeError,
        MemoryError,
    ),
    *(struct.error, zlib.error, InvalidDicomError, BytesLengthException),
)
"""What pydicom raises on files that are broken by accident or on purpose (RecursionError is a RuntimeError)."""


_LONGEST_TEXT = 1024  # characters; DICOM allows 64 for nearly everything that is read here
_LONGEST_SHARED = 128  # bytes


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Read without pydicom's validation: its warnings quote header values, identifiers among them."""
    mode = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.reading_validation_mode = mode


def _value(dataset: Dataset, keyword: str) -> object:
    """A value as pydicom converts it, once for all files that hold the same bytes: that is where the time went."""
    raw = dataset.get_item(_tag(keyword))
    if not isinstance(raw, RawDataElement):
        return None if raw is None else raw.value
    value = raw.value
    if value is None or len(value) > _LONGEST_SHARED or not value.isascii() or b"\x1b" in value:
        return dataset.get(keyword)  # with the file's own character set
    return _converted(int(raw.tag), raw.VR, value, raw.is_implicit_VR, raw.is_little_endian)


_tag = lru_cache(maxsize=None)(Tag)
_Said = TypeVar("_Said")
_Element = tuple[int, str | None, bytes, bool, bool]


def once_for_same_bytes(*keywords: str) -> Callable[[Callable[[Dataset], _Said]], Callable[[Dataset], _Said]]:
    """Decorates what is read from these elements alone: headers of one series differ in a few others only.

    Args:
        keywords: everything that the function asks a data set for; the character set comes with them.
    """
    tags = [int(Tag(keyword)) for keyword in (*keywords, "SpecificCharacterSet")]

    def decorate(read: Callable[[Dataset], _Said]) -> Callable[[Dataset], _Said]:
        @lru_cache(maxsize=512)
        def cached(elements: tuple[_Element, ...]) -> _Said:
            raw = [RawDataElement(BaseTag(e[0]), e[1], len(e[2]), e[2], 0, *e[3:]) for e in elements]
            return read(Dataset({element.tag: element for element in raw}))

        @wraps(read)
        def once(dataset: Dataset) -> _Said:
            elements = _raw_elements(dataset, tags)
            return read(dataset) if elements is None else cached(elements)

        return once

    return decorate


def _raw_elements(dataset: Dataset, tags: list[int]) -> tuple[_Element, ...] | None:
    """Elements as they stand in the file, those that are there; ``None`` where pydicom has converted one already."""
    held = {int(tag): element for tag, element in dataset.items()}
    found = [held[tag] for tag in tags if tag in held]
    if not all(isinstance(element, RawDataElement) and isinstance(element.value, bytes) for element in found):
        return None
    return tuple((int(e.tag), e.VR, e.value, e.is_implicit_VR, e.is_little_endian) for e in found)


@lru_cache(maxsize=4096)
def _converted(tag: int, vr: str | None, value: bytes, implicit: bool, little_endian: bool) -> object:
    raw = RawDataElement(BaseTag(tag), vr, len(value), value, 0, implicit, little_endian)
    return Dataset({raw.tag: raw})[raw.tag].value


def text(dataset: Dataset, keyword: str) -> str:
    """A value as printable text without surrounding blanks; empty when absent.

    Descriptions go into messages and reports: no control characters (a terminal would obey them), no novels.
    """
    value = _value(dataset, keyword)
    said = "" if value is None else str(value)[:_LONGEST_TEXT].strip(" \0\r\n\t")
    return said if said.isprintable() else "".join(c if c.isprintable() else " " for c in said).strip()


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """A value of one or several texts."""
    value = _value(dataset, keyword)
    if value is None or isinstance(value, str):
        return tuple(part for part in (value or "").split("\\") if part)
    return tuple(str(part).strip() for part in value)


def numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite numbers, or ``None``."""
    try:
        values = tuple(float(value) for value in _value(dataset, keyword))
    except READ_ERRORS:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """One finite number, or ``None``."""
    try:
        value = float(_value(dataset, keyword))
    except READ_ERRORS:
        return None
    return value if math.isfinite(value) else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """One whole number, or ``None``."""
    value = number(dataset, keyword)
    return None if value is None or value != int(value) else int(value)


def stated_number(dataset: Dataset, keyword: str, where: str) -> float | None:
    """One finite number that voxel values depend on: ``None`` when it is absent, an error when it is anything else.

    Raises:
        InputError: a value that is there and is no number.
    """
    try:
        value = _value(dataset, keyword)
        if value is None or value == "":
            return None
        value = float(value)
    except READ_ERRORS:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            found=f"a {keyword} that is no number",
            expected="a finite number, or none",
            where=where,
            remedy="Export the exam again, or remove the file when it does not belong to it.",
        )
    return value


@lru_cache(maxsize=1024)
def clock_s(day: str, time: str) -> float | None:
    """Seconds on a clock that runs over midnight, from DICOM's ``YYYYMMDD`` and ``HHMMSS.FFFFFF``."""
    match = re.match(r"(\d\d):?(\d\d):?(\d\d(?:\.\d+)?)?", time)
    if not match:
        return None
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    digits = re.sub(r"\D", "", day)
    days = 0
    if len(digits) == 8:
        try:
            days = date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).toordinal()
        except ValueError:  # an anonymised date such as 00000000: times of one exam still compare
            days = 0
    return days * 86400 + hours * 3600 + minutes * 60 + seconds
