"""What in a header names the patient or the exam: kept in memory to recognise it elsewhere, never written."""

from __future__ import annotations

import re
from functools import lru_cache

from pydicom.dataset import Dataset

from .values import text

NAMES = ("PatientName", "PatientID", "OtherPatientIDs", "PatientBirthDate", "AccessionNumber", "IssuerOfPatientID")
KEYWORDS = ("StudyInstanceUID", "PatientIdentityRemoved", *NAMES)
"""What has to be read of a header for `identifiers_of`."""


def identifiers_of(dataset: Dataset) -> frozenset[str]:
    """Lower-case texts that name the patient or the exam; only the exam's where the header says de-identified."""
    removed = text(dataset, "PatientIdentityRemoved").upper() == "YES"
    said = "" if removed else " ".join(text(dataset, keyword) for keyword in NAMES)
    return _words(said, text(dataset, "StudyInstanceUID"))


@lru_cache(maxsize=256)
def _words(said: str, exam: str) -> frozenset[str]:
    return frozenset((*re.split(r"[\s^,;=\\/]+", said.casefold()), exam)) - {""}
