"""Names for studies and patients that say nothing of who they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence

_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_UID = re.compile(r"\d+(?:\.\d+){4,}")
_SHORTEST_PART = 5  # shorter identifiers count as whole words only: "Lee" does not name "leeds_03"


def case_name(parts: Sequence[str], identifiers: Collection[str], *, exam: str, salt: str) -> str:
    """The name of a study: its folders, or a hash where they would name the patient.

    Args:
        parts: folders from the root to the study.
        identifiers: lower-case texts that name the patient or the exam.
        exam: StudyInstanceUID, empty for NIfTI; what the hash is made of.
        salt: of the hash.
    """
    name = _UNSAFE.sub("-", "_".join(parts)).strip().rstrip(".")
    if not name or names_somebody(parts, identifiers):
        return pseudonym("exam", exam or "/".join(parts), salt)
    return name


def names_somebody(parts: Sequence[str], identifiers: Collection[str]) -> bool:
    """Whether folder names hold an identifier: as a whole, as a word, or, if it is a longer one, anywhere."""
    for part in (part.casefold() for part in parts):
        words = set(re.split(r"[\W_]+", part))
        if _UID.search(part) or any(
            text == part or text in words or (len(text) >= _SHORTEST_PART and text in part) for text in identifiers
        ):
            return True
    return False


def pseudonym(kind: str, secret: str, salt: str) -> str:
    """``"exam-3f9a0c21"``: a salted hash.

    A StudyInstanceUID is long enough that nobody can try them all; a PatientID is not, and is never hashed.
    """
    return f"{kind}-{hashlib.sha256(f'{salt}:{kind}:{secret}'.encode()).hexdigest()[:8]}"
