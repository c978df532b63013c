"""Which exam of which patient each DICOM file belongs to: the first attributes of its header and nothing more.

Identifiers are kept in memory to group files and to recognise them in folder names; nothing here is ever written.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from .headers import ENHANCED_MR, MR_IMAGE
from .identifiers import KEYWORDS, identifiers_of
from .open_file import open_header
from .values import READ_ERRORS, once_for_same_bytes, quiet_pydicom, text

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


@dataclass(slots=True)
class ExamFiles:
    """What is kept of one exam's files: little, however many images they are.

    Args:
        exam: StudyInstanceUID, empty when absent.
        image: the first file with MR images, ``None`` where there is none.
        folders: of the files with MR images.
        others: files without MR images, masks among them.
        patients: PatientIDs in the order of the files; more than one where exams were mixed up.
        identifiers: of all files.
    """

    exam: str
    image: Path | None = None
    folders: set[Path] = field(default_factory=set)
    others: list[Path] = field(default_factory=list)
    patients: dict[str, None] = field(default_factory=dict)
    identifiers: set[str] = field(default_factory=set)

    def add(self, identity: FileIdentity) -> None:
        """One more of its files."""
        self.patients[identity.patient] = None
        self.identifiers |= identity.identifiers
        if identity.is_mr:
            self.image = self.image or identity.path
            self.folders.add(identity.path.parent)
        else:
            self.others.append(identity.path)

    def join(self, more: ExamFiles) -> None:
        """Its files in another folder."""
        self.image = self.image or more.image
        self.folders |= more.folders
        self.others += more.others
        self.patients |= more.patients
        self.identifiers |= more.identifiers


def read_identity(path: Path) -> FileIdentity | None:
    """The identity of a file; ``None`` when it is no DICOM file, or not a readable one."""
    try:
        opened = open_header(path, _TAGS)
        if isinstance(opened, str):
            return None
        dataset = opened[0]
        kind, *names = _said(dataset)
        return FileIdentity(path, kind or text(dataset.file_meta, "MediaStorageSOPClassUID"), *names)
    except READ_ERRORS:
        return None


@once_for_same_bytes("SOPClassUID", *KEYWORDS)
def _said(dataset: Dataset) -> tuple[str, str, str, frozenset[str]]:
    """Kind, exam, patient and identifiers."""
    names = [text(dataset, keyword) for keyword in ("SOPClassUID", "StudyInstanceUID", "PatientID")]
    return (*names, identifiers_of(dataset))


def group_by_exam(files: Iterable[Path]) -> dict[str, ExamFiles]:
    """DICOM files by exam; what is not DICOM, or unreadable, is left out."""
    exams: dict[str, ExamFiles] = {}
    for identity in _identities(files):
        exams.setdefault(identity.exam, ExamFiles(identity.exam)).add(identity)
    return exams


def _identities(files: Iterable[Path]) -> Iterator[FileIdentity]:
    with quiet_pydicom():
        for path in files:
            if (identity := read_identity(path)) is not None:
                yield identity


def files_of_exam(one: Path, folder: Path) -> Sequence[Path]:
    """The DICOM files below a folder that belong to the same exam as one of them."""
    identity = read_identity(one)
    return () if identity is None else _index(folder.absolute()).get(identity.exam, ())


@lru_cache(maxsize=8)
def _index(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Read once, not once for every exam in it."""
    files = (Path(root, name) for root, _, names in sorted(os.walk(folder)) for name in sorted(names))
    exams: dict[str, list[Path]] = defaultdict(list)
    for identity in _identities(files):
        exams[identity.exam].append(identity.path)
    return {exam: tuple(paths) for exam, paths in exams.items()}
