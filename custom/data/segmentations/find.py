"""The masks of a study's folder: by file names, and by the names and codes of segments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...types import PHASES, InputError
from ..nifti import is_nifti
from ..phase_names import MASK_WORD, distinct_stems, is_mask_name, phases_in_text
from ..shown import shown
from .dicom_seg import is_dicom_seg, is_unknown_dicom
from .read import is_nrrd, mask_stem, read_segments

_LESION_WORD = re.compile(r"(?:tumou?r|lesion)")
_LIVER_WORD = re.compile(r"liver")


@dataclass(frozen=True)
class FoundMasks:
    """The masks that lie in a study's folder.

    Args:
        label: tumour mask of all phases; several files are one for each tumour (``tumour1``, ``tumour2``).
        labels: tumour masks of single phases, likewise.
        liver: liver mask.
        unclear: what looks like a mask and was not taken, one sentence each.
    """

    label: tuple[Path, ...] = ()
    labels: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    liver: Path | None = None
    unclear: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    path: Path
    stem: str  # without what all names of the folder share
    lesion: bool
    liver: bool
    depth: int

    @property
    def phase(self) -> str | None:
        """The phase that its name speaks of."""
        words = [word for word in re.split(r"[_\s.\-]+", self.stem) if not MASK_WORD.match(word.casefold())]
        named = phases_in_text(" ".join(words)) & set(PHASES)
        return named.pop() if len(named) == 1 else None

    @property
    def rank(self) -> tuple[int, bool]:
        """Lower is nearer to what one calls the mask of a study."""
        return self.depth, MASK_WORD.match(self.stem.casefold()) is None

    @property
    def series(self) -> str:
        """What is left when the number of the tumour is taken away."""
        return re.sub(r"[_\s\-]*\d+$", "", mask_stem(self.path).casefold())


def is_mask_file(path: Path) -> bool:
    """Whether a NIfTI or NRRD file's name says that it is a mask, never a phase."""
    if path.name.lower().endswith(".seg.nrrd"):
        return True
    return (is_nifti(path) or is_nrrd(path)) and is_mask_name(mask_stem(path))


def find_masks(files: Sequence[Path]) -> FoundMasks:
    """Find the masks among a study's files.

    Args:
        files: of the study, at any depth; what lies higher comes first.

    Returns:
        What was found; where two files could be meant, neither is taken and ``unclear`` says so.
    """
    named = [path for path in files if is_nifti(path) or is_nrrd(path)]
    stems = dict(zip(named, distinct_stems([mask_stem(path) for path in named]), strict=True))
    candidates, unclear = [], []
    for path in files:
        if not (is_mask_file(path) if path in stems else is_dicom_seg(path)):
            if is_mask_name(path.stem) and is_unknown_dicom(path):
                unclear.append(f"{shown(path)}: a damaged DICOM file")
            continue
        try:
            candidate = _candidate(path, stems.get(path))
            if candidate.lesion or candidate.liver:
                candidates.append(candidate)
            else:
                unclear.append(f"{shown(path)}: no segment that is called tumour or liver")
        except InputError as error:
            unclear.append(f"{shown(path)}: {error.found}")
    lesions = [candidate for candidate in candidates if candidate.lesion]
    label = _best([candidate for candidate in lesions if candidate.phase is None], "tumour", unclear)
    labels = {
        phase: best
        for phase in PHASES
        if (best := _best([c for c in lesions if c.phase == phase], f"{phase} tumour", unclear))
    }
    livers = [candidate for candidate in candidates if candidate.liver]
    liver = _best([c for c in livers if c.phase is None] or livers, "liver", unclear)
    return FoundMasks(label, labels, liver[0] if len(liver) == 1 else None, tuple(unclear))


def _candidate(path: Path, stem: str | None) -> _Candidate:
    """What a mask shows: by its segments where they have names, else by its file name."""
    depth, stem = len(path.parts), mask_stem(path) if stem is None else stem
    segments = read_segments(path, where=shown(path))
    lesion, liver = any(s.is_lesion for s in segments), any(s.is_liver for s in segments)
    if lesion or liver or any(not s.is_nameless for s in segments):
        return _Candidate(path, stem, lesion, liver, depth)
    words = [word for word in re.split(r"[^0-9a-z]+", mask_stem(path).casefold()) if word]
    lesion = any(_LESION_WORD.match(word) for word in words)
    liver = not lesion and any(_LIVER_WORD.match(word) for word in words)
    return _Candidate(path, stem, not liver, liver, depth)


def _best(candidates: Sequence[_Candidate], what: str, unclear: list[str]) -> tuple[Path, ...]:
    """The one that is meant, or all that are numbered alike; none where it is not clear."""
    first = min((candidate.rank for candidate in candidates), default=None)
    best = [candidate for candidate in candidates if candidate.rank == first]
    numbered = len({candidate.series for candidate in best}) == 1 and len({c.stem for c in best}) == len(best)
    if len(best) > 1 and not numbered:
        names = ", ".join(shown(candidate.path) for candidate in best[:4])
        unclear.append(f"{len(best)} files that could be the {what} mask: {names}")
        return ()
    return tuple(sorted(candidate.path for candidate in best))
