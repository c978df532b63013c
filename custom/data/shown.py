"""How files and series are named in messages and reports: exported exams are often named after their patient."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path, PurePath

_UID = re.compile(r"\d+(?:\.\d+){4,}")
_KEPT = 8  # last characters of an identifier, enough to find the file in its folder
_LONG_NUMBER = re.compile(r"(?<![\d…])\d{7,}")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_TECHNICAL = re.compile(
    r"im|ima|img|images?|mri?|ser?|series?|sl|slices?|st|stu|study|ex|exam|acq|dcm|dicom|file|frame|scan|raw|data|export|"
    r"pre|art|arterial|pv|portal|venous|ven|del|delayed|late|phase|dyn|dynamic|time|day|vol|tra|cor|sag|ax|axial|case",
    re.IGNORECASE,
)
_SHORTEST_PART = 5  # shorter identifiers count as whole words only: "Lee" is not in "sleep"


def shown(path: str | PurePath) -> str:
    """A file's name, or its place inside a study, with identifiers cut to their last characters."""
    name = path.as_posix() if isinstance(path, PurePath) and not path.is_absolute() else Path(path).name
    return _UID.sub(lambda match: f"…{match.group()[-_KEPT:]}", name)


def place_in_exam(path: PurePath) -> str:
    """The place of a DICOM file inside its exam: words that are not technical may be names, long numbers somebody's."""
    text = _LONG_NUMBER.sub(lambda match: f"…{match.group()[-3:]}", shown(path))
    return _LETTERS.sub(lambda match: match.group() if _TECHNICAL.fullmatch(match.group()) else "…", text)


def redacted(text: str, identifiers: Collection[str]) -> str:
    """A text without the identifiers in it.

    Args:
        text: such as a SeriesDescription.
        identifiers: lower case; short ones are taken out where they are whole words, longer ones anywhere.
    """
    for identifier in sorted(identifiers, key=len, reverse=True):
        found = re.escape(identifier)
        found = found if len(identifier) >= _SHORTEST_PART else rf"(?<![^\W_]){found}(?![^\W_])"
        text = re.sub(found, "…", text, flags=re.IGNORECASE)
    return text
