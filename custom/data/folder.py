"""A study's folder: which NIfTI file is which phase, which is a mask, and whether it holds DICOM instead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..types import InputError
from .nifti import is_nifti, nifti_stem
from .phase_map import Selector
from .phase_names import OTHER, distinct_stems, phases_in_text
from .segmentations.find import is_mask_file
from .shown import shown
from .walk import walk_files

ACCEPTED_FORMS = (
    "one NIfTI file per phase (pre, arterial, portal_venous, delayed), DICOM files, a 4-D NIfTI, "
    "or a reference NIfTI with phases/<id>_<phase>.nii.gz beside it"
)


@dataclass(frozen=True)
class FolderFiles:
    """What a study's folder holds, sorted by kind; paths in natural order."""

    images: list[Path]
    masks: list[Path]
    others: list[Path]


def list_files(folder: Path, where: str) -> FolderFiles:
    """Every file below a folder, links to folders not followed, hidden files left out.

    Raises:
        InputError: no such folder, or more files than a study can have.
    """
    files = walk_files(folder, where)
    masks = [path for path in files if is_mask_file(path)]
    taken = set(masks)
    rest = [path for path in files if path not in taken]
    return FolderFiles([path for path in rest if is_nifti(path)], masks, [path for path in rest if not is_nifti(path)])


def phases_by_name(images: list[Path], folder: Path, where: str) -> tuple[dict[str, Path], tuple[dict, ...]]:
    """Name the phases of a folder's NIfTI files by their names.

    Returns:
        Phase → file, and the files set aside with reasons.

    Raises:
        InputError: two files claim one phase, or no file names a phase.
    """
    by_folder = sorted({path.parent for path in images}, key=lambda path: len(path.parts))
    here = [path for path in images if path.parent == by_folder[0]]
    claims, set_aside = _claims(here)
    if len(by_folder) > 1 and (by_folder[0] != folder or not claims):
        raise InputError(
            found=f"NIfTI files in {len(by_folder)} sub-folders",
            expected="the phases of one exam in one folder",
            where=where,
            remedy="Name the folder of one exam, or name the phases in a phase map (--phase_map).",
        )
    for phase, paths in claims.items():
        if len(paths) > 1:
            raise InputError(
                found=f"phase {phase} twice: {_names(paths)}",
                expected="one file for each phase",
                where=where,
                remedy="Remove or rename one of them, or name the phases in a phase map (--phase_map).",
            )
    if not claims:
        raise InputError(
            found=f"no phase in the file names {_names(here)}",
            expected="names such as pre, art, pv, delayed",
            where=where,
            remedy="Rename the files, or name the phases in a phase map (--phase_map).",
        )
    return {phase: paths[0] for phase, paths in claims.items()}, tuple(set_aside)


def _claims(paths: list[Path]) -> tuple[dict[str, list[Path]], list[dict]]:
    claims: dict[str, list[Path]] = {}
    set_aside = []
    for path, text in zip(paths, distinct_stems([nifti_stem(path) for path in paths]), strict=True):
        named = phases_in_text(text)
        if len(named) == 1 and OTHER not in named:
            claims.setdefault(named.pop(), []).append(path)
        else:
            said = ", ".join(sorted(named))
            reason = f"its name speaks of no or several of the four phases ({said})" if said else "no phase in its name"
            set_aside.append({"series": shown(path), "reason": reason})
    return claims, set_aside


def names_phases(images: list[Path], folder: Path, selectors: dict[str, Selector] | None) -> bool:
    """Whether a folder's NIfTI files are meant as phases, by the phase map or by their names."""
    if selectors is None:
        return bool(_claims([path for path in images if path.parent == images[0].parent])[0])
    return any(_is_named(selector, path, folder) for selector in selectors.values() for path in images)


def _is_named(selector: Selector, path: Path, folder: Path) -> bool:
    wanted = selector.name.replace("\\", "/").strip("/").casefold()
    names = (path.name, nifti_stem(path), path.relative_to(folder).as_posix())
    return wanted in [name.casefold() for name in names]


def select_file(selector: Selector, paths: list[Path], folder: Path, where: str) -> Path:
    """The one file that a phase map's selector names: by file name, stem, or path inside the study.

    Raises:
        InputError: none or several.
    """
    matches = [path for path in paths if _is_named(selector, path, folder)]
    if len(matches) != 1:
        found = f"{len(matches)} files that match" if matches else "nothing that matches"
        raise InputError(
            found=f"{found} {str(selector)!r}; there are {_names(paths)}",
            expected="a selector that names one file",
            where=where,
            remedy="Correct the phase map.",
        )
    return matches[0]


def describe(files: FolderFiles) -> str:
    """What a folder was found to hold, for the error about a folder without a study."""
    counts = {"NIfTI images": len(files.images), "masks": len(files.masks), "other files": len(files.others)}
    held = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return held or "an empty folder"


def _names(paths: list[Path], most: int = 8) -> str:
    names = ", ".join(shown(path.name) for path in paths[:most])
    return names + (f" and {len(paths) - most} more" if len(paths) > most else "")
