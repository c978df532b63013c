"""The accepted forms of a study, each planned as its phases: one resolver for training, inference and evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..types import PHASES, InputError
from .budget import MemoryBudget
from .dicom import files_of_exam, holds_dicom, plan_dicom_exam, plan_dicom_phases
from .folder import (
    ACCEPTED_FORMS,
    FolderFiles,
    describe,
    list_files,
    names_phases,
    phases_by_name,
    select_file,
)
from .nifti import dimensions, is_nifti, nifti_stem, plan_image, plan_time_points
from .phase_map import Selector, parse_selector
from .phase_names import OTHER, phases_in_text
from .plan import Faults, Origin, VolumePlan
from .segmentations import FoundMasks, find_masks
from .shown import shown
from .study import check_phase_names

Selectors = dict[str, Selector]


@dataclass(frozen=True)
class FoundPhases:
    """The phases of one study as planned, what there is to say about them, and the masks that lie beside them."""

    phases: dict[str, VolumePlan]
    flags: tuple[str, ...] = ()
    set_aside: tuple[dict, ...] = ()
    masks: FoundMasks = field(default_factory=FoundMasks)
    origin: Origin | None = None


def plan_phases(
    image: Path,
    *,
    case: str,
    selectors: Selectors | None,
    reference: str,
    budget: MemoryBudget,
    faults: Faults,
    exam: Path | None = None,
) -> FoundPhases:
    """Plan a study given as one path: a folder (NIfTI or DICOM), a 4-D NIfTI, or a reference NIfTI with ``phases/``.

    Args:
        image: the path.
        case: the study's name, for messages.
        selectors: this case's entries of the phase map; ``None`` to name the phases by the evidence.
        reference: the reference phase, which a reference NIfTI stands for.
        budget: memory to claim from.
        faults: takes what is wrong with single phases.
        exam: one DICOM file; of the folder only the files of its exam are read.

    Raises:
        InputError: nothing that makes a study, or something wrong with it as a whole.
    """
    if image.is_dir():
        return _plan_folder(image, case, selectors, budget, faults, exam)
    if image.is_file() and is_nifti(image):
        if dimensions(image, f"{case}/{shown(image)}") == 4:
            return FoundPhases(_plan_4d(image, case, selectors, budget))
        return _plan_reference(image, case, selectors, reference, budget, faults)
    raise InputError(
        found="no such file or folder" if not image.exists() else "a file that is not NIfTI",
        expected=ACCEPTED_FORMS,
        where=str(image),
        remedy="Correct the path; for DICOM name the folder.",
    )


def plan_named_phases(phases: Mapping, *, case: str, budget: MemoryBudget, faults: Faults) -> FoundPhases:
    """Plan a study whose phases are named one by one: each a NIfTI file or a folder of DICOM (``folder@k``)."""
    check_phase_names(phases, where=f"{case}, phases")
    given = {phase: str(phases[phase]) for phase in PHASES if phases.get(phase)}
    evidence = {"rule": "datalist"}
    volumes: dict[str, VolumePlan] = {}
    in_folders: dict[str, tuple[Path, int | None]] = {}
    for phase, text in given.items():
        selector = Selector(text) if Path(text).exists() else parse_selector(text)
        path = Path(selector.name).absolute()
        if path.is_dir():
            in_folders[phase] = (path, selector.time_point)
        else:
            where = f"{case}/{shown(path)} ({phase})"
            with faults.at(path, phase):
                volumes[phase] = plan_image(path, where=where, budget=budget, evidence=evidence)
    exam = plan_dicom_phases(in_folders, where=case, budget=budget, evidence=evidence, faults=faults)
    volumes |= exam.phases
    return FoundPhases({phase: volumes[phase] for phase in PHASES if phase in volumes}, origin=exam.origin)


def _plan_folder(
    folder: Path, case: str, selectors: Selectors | None, budget: MemoryBudget, faults: Faults, exam: Path | None
) -> FoundPhases:
    files = list_files(folder, case) if exam is None else FolderFiles([], [], list(files_of_exam(exam, folder)))
    masks = find_masks([*files.images, *files.masks, *files.others])
    if files.images and (names_phases(files.images, folder, selectors) or not holds_dicom(files.others)):
        return replace(_plan_nifti_folder(folder, files, case, selectors, budget, faults), masks=masks)
    if files.others:
        plan = plan_dicom_exam(
            files.others, folder=folder, where=case, selectors=selectors, budget=budget, faults=faults
        )
        return FoundPhases(plan.phases, plan.flags, plan.set_aside, masks, plan.origin)
    raise InputError(found=describe(files), expected=ACCEPTED_FORMS, where=case, remedy="Check the folder.")


def _plan_nifti_folder(
    folder: Path, files: FolderFiles, case: str, selectors: Selectors | None, budget: MemoryBudget, faults: Faults
) -> FoundPhases:
    if selectors is not None:
        return FoundPhases(_plan_selected(folder, files.images, case, selectors, budget, faults))
    if len(files.images) == 1 and dimensions(files.images[0], f"{case}/{shown(files.images[0])}") == 4:
        return FoundPhases(_plan_4d(files.images[0], case, None, budget))
    paths, set_aside = phases_by_name(files.images, folder, case)
    return FoundPhases(_plan_files(paths, case, budget, faults), set_aside=set_aside)


def _plan_files(paths: Mapping[str, Path], case: str, budget: MemoryBudget, faults: Faults) -> dict[str, VolumePlan]:
    """One NIfTI file for each phase, as their names say."""
    phases = {}
    for phase in PHASES:
        if phase in paths:
            where, evidence = f"{case}/{shown(paths[phase])}", {"rule": "file name"}
            with faults.at(paths[phase], phase):
                phases[phase] = plan_image(paths[phase], where=where, budget=budget, evidence=evidence)
    return phases


def _plan_selected(
    folder: Path, images: list[Path], case: str, selectors: Selectors, budget: MemoryBudget, faults: Faults
) -> dict[str, VolumePlan]:
    """The phases that a phase map names among NIfTI files."""
    phases = {}
    for phase in PHASES:
        if phase not in selectors:
            continue
        path = select_file(selectors[phase], images, folder, case)
        place = shown(path.relative_to(folder))  # files of one name may lie in several sub-folders
        where, evidence = f"{case}/{place}", {"rule": "phase map", "selector": str(selectors[phase])}
        with faults.at(path, phase):
            if selectors[phase].time_point is None:
                volume = plan_image(path, where=where, budget=budget, evidence=evidence)
            else:
                volume = _pick(plan_time_points(path, where=where, budget=budget), selectors[phase], where, evidence)
            phases[phase] = replace(volume, source=volume.source.replace(shown(path), place, 1))
    _check_distinct(phases, case)
    return phases


def _plan_4d(path: Path, case: str, selectors: Selectors | None, budget: MemoryBudget) -> dict[str, VolumePlan]:
    """The four volumes of a 4-D file in the fixed order, or those that the phase map picks."""
    where = f"{case}/{shown(path)}"
    volumes = plan_time_points(path, where=where, budget=budget)
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


def _pick(volumes: list[VolumePlan], selector: Selector, where: str, evidence: dict) -> VolumePlan:
    if selector.time_point is None or selector.time_point > len(volumes):
        raise InputError(
            found=f"the selector {str(selector)!r} for {len(volumes)} volumes",
            expected=f"@1 to @{len(volumes)} behind it",
            where=where,
            remedy="Correct the phase map.",
        )
    volume = volumes[selector.time_point - 1]
    return replace(volume, evidence=evidence | volume.evidence)


def _plan_reference(
    path: Path, case: str, selectors: Selectors | None, reference: str, budget: MemoryBudget, faults: Faults
) -> FoundPhases:
    """A reference NIfTI and its siblings ``phases/<id>_<phase>.nii.gz``; the file itself is the reference phase."""
    stem, siblings = nifti_stem(path), phases_beside(path)
    prefix = f"{stem}_"
    if selectors is not None:
        return FoundPhases(_plan_selected(path.parent, [path, *siblings], case, selectors, budget, faults))
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
    phases = _plan_files(paths, case, budget, faults)
    if reference in phases:
        phases[reference] = replace(phases[reference], evidence=phases[reference].evidence | {"rule": "reference file"})
    return FoundPhases(phases)


def phases_beside(path: Path) -> list[Path]:
    """The files ``phases/<id>_*`` of the reference NIfTI ``<id>``: not those of ``<id>_2`` if that is one, too."""
    folder, prefix = path.parent / "phases", f"{nifti_stem(path)}_"
    if not folder.is_dir():
        return []
    longer = [f"{nifti_stem(file)}_" for file in path.parent.iterdir() if file.name.startswith(prefix)]
    ours = [file for file in folder.iterdir() if is_nifti(file) and file.name.startswith(prefix)]
    return sorted(file for file in ours if not file.name.startswith(tuple(longer)))


def _check_distinct(phases: dict[str, VolumePlan], case: str) -> None:
    sources = [volume.source for volume in phases.values()]
    for phase, source in zip(phases, sources, strict=True):
        if sources.count(source) > 1:
            raise InputError(
                found=f"{source} named for {phase} and for another phase",
                expected="a volume of its own for each phase",
                where=case,
                remedy="Correct the phase map.",
            )
