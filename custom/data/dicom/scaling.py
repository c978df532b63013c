"""Stored values → real values: RescaleSlope and RescaleIntercept, and what Philips adds to them."""

from __future__ import annotations

import math
import struct

from pydicom.dataset import Dataset

from ...types import InputError
from .values import READ_ERRORS, stated_number


def scaling(dataset: Dataset, scale_slope, manufacturer: str, where: str) -> tuple[float, float, bool]:
    """Slope and intercept from stored to real values.

    Philips' floating-point value, comparable between dynamics, is ``(PV · RS + RI) / (RS · SS)`` with the private scale
    slope SS (2005,100E); everybody else's real value is ``PV · RS + RI``.

    Args:
        dataset: holds RescaleSlope and RescaleIntercept (a file, or a functional group's item).
        scale_slope: pydicom's element (2005,100E), or ``None``.
        manufacturer: lower case.
        where: the file, for messages.

    Returns:
        Slope, intercept, and whether real values of different series can be compared.

    Raises:
        InputError: a slope that is not above 0, or no number: the stored values then mean nothing.
    """
    slope, intercept = stated_number(dataset, "RescaleSlope", where), stated_number(dataset, "RescaleIntercept", where)
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    philips = "philips" in manufacturer
    private = _private_float(scale_slope) if philips else None
    if not slope > 0 or (private is not None and not 0 < private < math.inf):
        raise InputError(
            found=f"a rescale slope of {slope:g}" if not slope > 0 else f"a scale slope (2005,100E) of {private:g}",
            expected="a finite number above 0",
            where=where,
            remedy="Export the exam again, or remove the file when it does not belong to it.",
        )
    if private is None:
        return slope, intercept, not philips
    return 1.0 / private, intercept / (slope * private), True


def _private_float(element) -> float | None:
    """A private float whatever its stated type (unknown types arrive as four bytes); NaN when it is no number."""
    value = getattr(element, "value", None)
    if value is None:
        return None
    try:
        return struct.unpack("<f", value[:4])[0] if isinstance(value, bytes) else float(value)
    except READ_ERRORS:
        return math.nan
