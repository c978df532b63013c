"""Which exam of which patient each DICOM file belongs to: the first attributes of its header and nothing more.

Identifiers are kept in memory to group files and to recognise them in folder names; nothing here is ever written.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydicom.tag import Tag

from .headers import ENHANCED_MR, MR_IMAGE
from .identifiers import KEYWORDS, identifiers_of
from .open_file import open_header
from .values import READ_ERRORS, quiet_pydicom, text

_TAGS = frozenset(int(Tag(keyword)) for keyword in ("SOPClassUID", *KEYWORDS))


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What the beginning of one DICOM file says.

    Args:
        path: the file.
        kind: SOP class.
        exam, patient: StudyInstanceUID and PatientID, empty when absent.
        identifiers: lower-case texts that name the patient or the exam; none where the header says de-identified.
    """

    path: Path
    kind: str
    exam: str
    patient: str
    identifiers: frozenset[str]

    @property
    def is_mr(self) -> bool:
        """Whether it holds MR images that a study can be made of."""
        return self.kind == MR_IMAGE or self.kind in ENHANCED_MR


def read_identity(path: Path) -> FileIdentity | None:
    """The identity of a file; ``None`` when it is no DICOM file, or not a readable one."""
    try:
        opened = open_header(path, _TAGS)
        if isinstance(opened, str):
            return None
        dataset = opened[0]
        kind = text(dataset, "SOPClassUID") or text(dataset.file_meta, "MediaStorageSOPClassUID")
        exam, patient = text(dataset, "StudyInstanceUID"), text(dataset, "PatientID")
        return FileIdentity(path, kind, exam, patient, identifiers_of(dataset))
    except READ_ERRORS:
        return None


def group_by_exam(files: Iterable[Path]) -> dict[str, list[FileIdentity]]:
    """DICOM files by exam; what is not DICOM, or unreadable, is left out."""
    exams: dict[str, list[FileIdentity]] = defaultdict(list)
    with quiet_pydicom():
        for path in files:
            if (identity := read_identity(path)) is not None:
                exams[identity.exam].append(identity)
    return dict(exams)


def files_of_exam(one: Path, folder: Path) -> Sequence[Path]:
    """The DICOM files below a folder that belong to the same exam as one of them."""
    identity = read_identity(one)
    return () if identity is None else _index(folder.absolute()).get(identity.exam, ())


@lru_cache(maxsize=8)
def _index(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Read once, not once for every exam in it."""
    files = (Path(root, name) for root, _, names in sorted(os.walk(folder)) for name in sorted(names))
    return {exam: tuple(found.path for found in group) for exam, group in group_by_exam(files).items()}
