"""One item, in whatever accepted form → one valid study."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np

from ..types import PHASES, REFERENCE_PHASE, InputError
from .budget import MemoryBudget
from .folder import ACCEPTED_FORMS
from .forms import FoundPhases, read_named_phases, read_phases
from .given_affines import place_phases
from .masks import merge_masks
from .nifti import nifti_stem
from .phantom import ensure_phantom
from .phase_map import ANY_CASE, PhaseMap, load_phase_map
from .segmentations import mask_file, read_segmentation
from .shown import shown
from .study import Study, Volume, check_case, check_phase_names

EXAMPLE_STUDIES, EXAMPLE_SEED = 3, 7
"""The phantom studies, as DICOM, that ``find_studies`` makes for those who want to see a result first."""


def load_study(
    item: Mapping | str | PathLike,
    *,
    phase_map=None,
    reference_phase: str = REFERENCE_PHASE,
    memory_budget_gb: float = 8.0,
) -> Study:
    """Read one study.

    Args:
        item: a path (folder of NIfTI or DICOM, 4-D NIfTI, reference NIfTI with ``phases/`` beside it), or a mapping
            with ``case``, and ``phases`` {phase: path} or ``image`` (such a path), optionally ``label``, ``labels``
            {phase: path}, ``liver``, ``lesion_class``, ``patient``, ``affines`` {phase: 4 × 4} for images without
            geometry. Further keys are left alone. A mask may be a list of paths (one file for each tumour): they are
            read as one.
        phase_map: a ``PhaseMap``, a mapping, or the path of a JSON or CSV file; overrides all other evidence.
        reference_phase: the phase whose grid counts; must be among the phases found.
        memory_budget_gb: refuse studies whose volumes would take more.

    Returns:
        A valid ``Study``.

    Raises:
        InputError: what is wrong, where, and what to do about it.
    """
    item = _as_mapping(item)
    case, budget = item["case"], MemoryBudget(memory_budget_gb)
    check_case(case)
    check_phase_names([reference_phase], where="reference_phase")
    if item.get("phases"):
        found = read_named_phases(item["phases"], case=case, budget=budget)
    else:
        selectors = load_phase_map(phase_map).for_case(case) if phase_map is not None else None
        found = read_phases(
            Path(item["image"]).absolute(), case=case, selectors=selectors, reference=reference_phase, budget=budget
        )
    found = replace(found, phases=place_phases(found.phases, item.get("affines"), case=case))
    label = _mask(item.get("label") or found.masks.label, case, budget)
    return Study(
        case=case,
        phases=found.phases,
        reference_phase=reference_phase,
        label=label,
        phase_labels=_phase_masks(item.get("labels") or found.masks.labels, case, budget),
        liver=_mask(item.get("liver") or found.masks.liver, case, budget, "liver"),
        lesion_class=item.get("lesion_class"),
        patient=item.get("patient"),
        flags=_flags(found, label, reference_phase),
        set_aside=found.set_aside,
    )


def find_studies(
    dataset_dir: str | PathLike, *, example_dir: str | PathLike | None = None, phase_map=None
) -> list[dict]:
    """The studies of a folder: one for each sub-folder, in natural order.

    Args:
        dataset_dir: folder of studies.
        example_dir: when this is the folder and it is missing, a few phantom studies are made there as DICOM.
        phase_map: as ``load_study`` takes it; a case in it that is no study here is an error, not a silent guess.

    Returns:
        ``[{"case": sub-folder's name, "image": its path}, ...]``.

    Raises:
        InputError: no such folder, no sub-folder in it, or a phase map for other cases.
    """
    root = Path(dataset_dir)
    if example_dir is not None and root == Path(example_dir) and not root.exists():
        ensure_phantom(root, preset="demo", seed=EXAMPLE_SEED, studies=EXAMPLE_STUDIES, format="dicom")
    if not root.is_dir():
        raise InputError(
            found="no such folder",
            expected="a folder of studies",
            where=str(dataset_dir),
            remedy="Correct dataset_dir.",
        )
    folders = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
    if not folders:
        files = sum(path.is_file() for path in root.iterdir())
        raise InputError(
            found=f"no sub-folder, {files} files" if files else "an empty folder",
            expected=f"one sub-folder for each study, holding {ACCEPTED_FORMS}",
            where=str(dataset_dir),
            remedy="Put each study into a sub-folder of its own.",
        )
    if phase_map is not None:
        _check_mapped_cases(load_phase_map(phase_map), {path.name for path in folders})
    return [{"case": path.name, "image": str(path)} for path in sorted(folders, key=_natural)]


def _check_mapped_cases(phase_map: PhaseMap, cases: set[str]) -> None:
    if strangers := sorted(set(phase_map.cases) - cases - {ANY_CASE}):
        raise InputError(
            found=f"phases of {', '.join(strangers[:5])}, which is no study of the folder",
            expected=f"cases among {', '.join(sorted(cases)[:5])}{' …' if len(cases) > 5 else ''}, or *",
            where=phase_map.where,
            remedy="Correct the case's name: it is the name of the study's sub-folder.",
        )


def _natural(path: Path) -> list:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", path.name)]


def _as_mapping(item: object) -> Mapping:
    if isinstance(item, str | PathLike):
        path = Path(item)
        return {"case": nifti_stem(path) if path.is_file() else path.resolve().name, "image": path}
    if not isinstance(item, Mapping) or "case" not in item or bool(item.get("phases")) == bool(item.get("image")):
        keys = ", ".join(map(str, item)) if isinstance(item, Mapping) else type(item).__name__
        raise InputError(
            found=f"an entry with {keys or 'no keys'}",
            expected='"case" and either "phases" (phase: path) or "image" (a path)',
            where=str(item.get("case", "datalist entry")) if isinstance(item, Mapping) else "study",
            remedy="Complete the entry.",
        )
    if item.get("phases") and not isinstance(item["phases"], Mapping):
        raise InputError(
            found=f"phases of type {type(item['phases']).__name__}",
            expected='{"pre": path, ...}',
            where=str(item["case"]),
            remedy="Name the phases.",
        )
    return item


def _mask(given: object, case: str, budget: MemoryBudget, purpose: str = "label") -> Volume | None:
    if not given:
        return None
    references = [str(path) for path in (given if isinstance(given, list | tuple) else [given])]
    masks = [
        read_segmentation(text, purpose=purpose, where=f"{case}/{shown(mask_file(text))}", budget=budget)
        for text in references
    ]
    return merge_masks(masks, where=case)


def _phase_masks(given: Mapping | None, case: str, budget: MemoryBudget) -> dict[str, Volume]:
    check_phase_names(given or {}, where=f"{case}, labels")
    return {phase: _mask(paths, case, budget) for phase, paths in (given or {}).items() if paths}


def _flags(found: FoundPhases, label: Volume | None, reference_phase: str) -> tuple[str, ...]:
    flags = [f"missing_phase:{phase}" for phase in PHASES if phase not in found.phases]
    flags += [
        f"orientation_unknown:{phase}"
        for phase, volume in found.phases.items()
        if volume.evidence.get("orientation") == "assumed"
    ]
    flags += [
        f"geometry_contradictory:{phase}"
        for phase, volume in found.phases.items()
        if volume.evidence.get("geometry") == "contradictory"
    ]
    reference = found.phases.get(reference_phase)
    if label is not None and reference is not None and not _same_grid(label, reference):
        flags.append("label_grid_differs")
    return (*flags, *found.flags)


def _same_grid(a: Volume, b: Volume) -> bool:
    return a.data.shape == b.data.shape and np.allclose(a.affine, b.affine, atol=1e-3)
