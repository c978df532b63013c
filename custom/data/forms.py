"""The accepted forms of a study, each read into its phases: one resolver for training, inference and evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..types import PHASES, InputError
from .budget import MemoryBudget
from .dicom import holds_dicom, read_dicom_exam, read_dicom_phases
from .folder import (
    ACCEPTED_FORMS,
    FolderFiles,
    describe,
    list_files,
    names_phases,
    phases_by_name,
    select_file,
)
from .nifti import dimensions, is_nifti, nifti_stem, read_image, read_time_points
from .phase_map import Selector, parse_selector
from .phase_names import OTHER, phases_in_text
from .segmentations import FoundMasks, find_masks
from .shown import shown
from .study import Volume, check_phase_names

Selectors = dict[str, Selector]


@dataclass(frozen=True)
class FoundPhases:
    """The phases of one study as read, with what there is to say about them and the masks that lay beside them."""

    phases: dict[str, Volume]
    flags: tuple[str, ...] = ()
    set_aside: tuple[dict, ...] = ()
    masks: FoundMasks = field(default_factory=FoundMasks)


def read_phases(image: Path, *, case: str, selectors: Selectors | None, reference: str, budget: MemoryBudget):
    """Read a study given as one path: a folder (NIfTI or DICOM), a 4-D NIfTI, or a reference NIfTI with ``phases/``.

    Args:
        image: the path.
        case: the study's name, for messages.
        selectors: this case's entries of the phase map; ``None`` to name the phases by the evidence.
        reference: the reference phase, which a reference NIfTI stands for.
        budget: memory to claim from.

    Returns:
        ``FoundPhases``.

    Raises:
        InputError: nothing that makes a study, or something wrong in it.
    """
    if image.is_dir():
        return _read_folder(image, case, selectors, budget)
    if image.is_file() and is_nifti(image):
        if dimensions(image, f"{case}/{shown(image)}") == 4:
            return FoundPhases(_read_4d(image, case, selectors, budget))
        return _read_reference(image, case, selectors, reference, budget)
    raise InputError(
        found="no such file or folder" if not image.exists() else "a file that is not NIfTI",
        expected=ACCEPTED_FORMS,
        where=str(image),
        remedy="Correct the path; for DICOM name the folder.",
    )


def read_named_phases(phases: Mapping, *, case: str, budget: MemoryBudget) -> FoundPhases:
    """Read a study whose phases are named one by one: each a NIfTI file or a folder of DICOM (``folder@k``)."""
    check_phase_names(phases, where=f"{case}, phases")
    given = {phase: str(phases[phase]) for phase in PHASES if phases.get(phase)}
    evidence = {"rule": "datalist"}
    volumes: dict[str, Volume] = {}
    in_folders: dict[str, tuple[Path, int | None]] = {}
    for phase, text in given.items():
        selector = Selector(text) if Path(text).exists() else parse_selector(text)
        path = Path(selector.name).absolute()
        if path.is_dir():
            in_folders[phase] = (path, selector.time_point)
        else:
            where = f"{case}/{shown(path)} ({phase})"
            volumes[phase] = read_image(path, where=where, budget=budget, evidence=evidence)
    if in_folders:
        volumes |= read_dicom_phases(in_folders, where=case, budget=budget, evidence=evidence)
    return FoundPhases({phase: volumes[phase] for phase in PHASES if phase in volumes})


def _read_folder(folder: Path, case: str, selectors: Selectors | None, budget: MemoryBudget) -> FoundPhases:
    files = list_files(folder, case)
    masks = find_masks([*files.images, *files.masks, *files.others], folder)
    if files.images and (names_phases(files.images, folder, selectors) or not holds_dicom(files.others)):
        return replace(_read_nifti_folder(folder, files, case, selectors, budget), masks=masks)
    if files.others:
        exam = read_dicom_exam(files.others, folder=folder, where=case, selectors=selectors, budget=budget)
        return FoundPhases(exam.phases, exam.flags, exam.set_aside, masks)
    raise InputError(found=describe(files), expected=ACCEPTED_FORMS, where=case, remedy="Check the folder.")


def _read_nifti_folder(folder: Path, files: FolderFiles, case: str, selectors: Selectors | None, budget: MemoryBudget):
    if selectors is not None:
        return FoundPhases(_read_selected(folder, files.images, case, selectors, budget))
    if len(files.images) == 1 and dimensions(files.images[0], f"{case}/{shown(files.images[0])}") == 4:
        return FoundPhases(_read_4d(files.images[0], case, None, budget))
    paths, set_aside = phases_by_name(files.images, folder, case)
    phases = {
        phase: read_image(
            paths[phase], where=f"{case}/{shown(paths[phase])}", budget=budget, evidence={"rule": "file name"}
        )
        for phase in PHASES
        if phase in paths
    }
    return FoundPhases(phases, set_aside=set_aside)


def _read_selected(folder: Path, images: list[Path], case: str, selectors: Selectors, budget: MemoryBudget):
    """The phases that a phase map names among NIfTI files."""
    phases = {}
    for phase in PHASES:
        if phase not in selectors:
            continue
        path = select_file(selectors[phase], images, folder, case)
        place = shown(path.relative_to(folder))  # files of one name may lie in several sub-folders
        where, evidence = f"{case}/{place}", {"rule": "phase map", "selector": str(selectors[phase])}
        if selectors[phase].time_point is None:
            volume = read_image(path, where=where, budget=budget, evidence=evidence)
        else:
            volume = _pick(read_time_points(path, where=where, budget=budget), selectors[phase], where, evidence)
        phases[phase] = replace(volume, source=volume.source.replace(shown(path), place, 1))
    _check_distinct(phases, case)
    return phases


def _read_4d(path: Path, case: str, selectors: Selectors | None, budget: MemoryBudget) -> dict[str, Volume]:
    """The four volumes of a 4-D file in the fixed order, or those that the phase map picks."""
    where = f"{case}/{shown(path)}"
    volumes = read_time_points(path, where=where, budget=budget)
    if selectors is not None:
        phases = {
            phase: _pick(volumes, selectors[phase], where, {"rule": "phase map", "selector": str(selectors[phase])})
            for phase in PHASES
            if phase in selectors
        }
        _check_distinct(phases, case)
        return phases
    if len(volumes) != len(PHASES):
        raise InputError(
            found=f"{len(volumes)} volumes",
            expected=f"four, in the order {', '.join(PHASES)}",
            where=where,
            remedy='Pick them in a phase map (--phase_map), e.g. "pre": "file@1".',
        )
    evidence = {"rule": "order in the 4-D file"}
    return {phase: replace(v, evidence=evidence | v.evidence) for phase, v in zip(PHASES, volumes, strict=True)}


def _pick(volumes: list[Volume], selector: Selector, where: str, evidence: dict) -> Volume:
    if selector.time_point is None or selector.time_point > len(volumes):
        raise InputError(
            found=f"the selector {str(selector)!r} for {len(volumes)} volumes",
            expected=f"@1 to @{len(volumes)} behind it",
            where=where,
            remedy="Correct the phase map.",
        )
    volume = volumes[selector.time_point - 1]
    return replace(volume, evidence=evidence | volume.evidence)


def _read_reference(path: Path, case: str, selectors: Selectors | None, reference: str, budget: MemoryBudget):
    """A reference NIfTI and its siblings ``phases/<id>_<phase>.nii.gz``; the file itself is the reference phase."""
    folder, stem = path.parent / "phases", nifti_stem(path)
    prefix = f"{stem}_"
    beside = sorted(folder.iterdir()) if folder.is_dir() else []
    siblings = [file for file in beside if is_nifti(file) and file.name.startswith(prefix)]
    if selectors is not None:
        return FoundPhases(_read_selected(path.parent, [path, *siblings], case, selectors, budget))
    paths = {reference: path}
    for sibling in siblings:
        named = phases_in_text(nifti_stem(sibling)[len(prefix) :]) - {OTHER}
        phase = named.pop() if len(named) == 1 else None
        if phase is None or (phase in paths and phase != reference):
            raise InputError(
                found=f"{shown(sibling)}, which names {'phase ' + phase + ' again' if phase else 'no single phase'}",
                expected=f"phases/{stem}_<phase>.nii.gz, each phase once",
                where=case,
                remedy="Rename or remove it.",
            )
        paths.setdefault(phase, sibling)
    if len(paths) < 2:
        raise InputError(
            found=f"one 3-D NIfTI and no phases/{stem}_<phase>.nii.gz beside it",
            expected=ACCEPTED_FORMS,
            where=case,
            remedy="Name the study's folder, or put the other phases beside it.",
        )
    phases = {
        phase: read_image(
            paths[phase],
            where=f"{case}/{shown(paths[phase])}",
            budget=budget,
            evidence={"rule": "reference file" if paths[phase] == path else "file name"},
        )
        for phase in PHASES
        if phase in paths
    }
    return FoundPhases(phases)


def _check_distinct(phases: dict[str, Volume], case: str) -> None:
    sources = [volume.source for volume in phases.values()]
    for phase, source in zip(phases, sources, strict=True):
        if sources.count(source) > 1:
            raise InputError(
                found=f"{source} named for {phase} and for another phase",
                expected="a volume of its own for each phase",
                where=case,
                remedy="Correct the phase map.",
            )
