"""Header values as plain Python, ``None`` or empty where a header holds nothing usable."""

from __future__ import annotations

import math
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

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


def text(dataset: Dataset, keyword: str) -> str:
    """A value as text without surrounding blanks; empty when absent."""
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip(" \0\r\n\t")


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """A value of one or several texts."""
    value = dataset.get(keyword)
    if value is None or isinstance(value, str):
        return tuple(part for part in (value or "").split("\\") if part)
    return tuple(str(part).strip() for part in value)


def numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite numbers, or ``None``."""
    try:
        values = tuple(float(value) for value in dataset.get(keyword))
    except READ_ERRORS:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """One finite number, or ``None``."""
    try:
        value = float(dataset.get(keyword))
    except READ_ERRORS:
        return None
    return value if math.isfinite(value) else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """One whole number, or ``None``."""
    value = number(dataset, keyword)
    return None if value is None or value != int(value) else int(value)


def scaling(dataset: Dataset, scale_slope, manufacturer: str) -> tuple[float, float, bool]:
    """Slope and intercept from stored to real values.

    Philips' floating-point value, comparable between dynamics, is ``(PV · RS + RI) / (RS · SS)`` with the private scale
    slope SS (2005,100E); everybody else's real value is ``PV · RS + RI``.

    Args:
        dataset: holds RescaleSlope and RescaleIntercept (a file, or a functional group's item).
        scale_slope: pydicom's element (2005,100E), or ``None``.
        manufacturer: lower case.

    Returns:
        Slope, intercept, and whether real values of different series can be compared.
    """
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept") or 0.0
    slope = 1.0 if slope is None or slope == 0 else slope
    private = _float_value(scale_slope)
    if "philips" not in manufacturer:
        return slope, intercept, True
    if private is None:
        return slope, intercept, False
    return 1.0 / private, intercept / (slope * private), True


def _float_value(element) -> float | None:
    """A private float whatever its stated type: unknown types arrive as four bytes."""
    value = getattr(element, "value", None)
    if isinstance(value, bytes):
        value = struct.unpack("<f", value[:4])[0] if len(value) >= 4 else None
    if value is None or isinstance(value, str) or not math.isfinite(float(value)) or float(value) == 0:
        return None
    return float(value)


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
