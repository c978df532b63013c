"""One item, in whatever accepted form → its plan, by the headers → one valid study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np

from ..types import PHASES, REFERENCE_PHASE, InputError
from .budget import MemoryBudget
from .forms import FoundPhases, plan_named_phases, plan_phases
from .given_affines import place_phases
from .masks import plan_no_tumour, plan_union
from .nifti import nifti_stem
from .phase_map import ANY_CASE, Selector, load_phase_map, selectors_of
from .plan import Faults, StudyPlan, VolumePlan
from .segmentations import mask_file, plan_segmentation
from .shown import shown
from .study import Study, check_case, check_class_and_patient, check_overlap, check_phase_names, check_reference


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
            geometry, ``lesion_free`` (true: a study without tumour needs no mask), ``exam`` (one of its DICOM files,
            where ``image`` holds several exams), ``phase_map`` {phase: selector}, which yields to a ``phase_map`` that
            names the case. Further keys are left alone. A mask may be a list of paths (one file for each tumour):
            they are read as one.
        phase_map: a ``PhaseMap``, a mapping, or the path of a JSON or CSV file; overrides all other evidence.
        reference_phase: the phase whose grid counts; must be among the phases found.
        memory_budget_gb: refuse studies whose volumes would take more.

    Returns:
        A valid ``Study``.

    Raises:
        InputError: what is wrong, where, and what to do about it.
    """
    plan = plan_study(item, phase_map=phase_map, reference_phase=reference_phase, memory_budget_gb=memory_budget_gb)
    return plan.read()


def plan_study(
    item: Mapping | str | PathLike,
    *,
    phase_map=None,
    reference_phase: str = REFERENCE_PHASE,
    memory_budget_gb: float = 8.0,
) -> StudyPlan:
    """What the headers say of one study; takes the same as ``load_study``.

    Returns:
        The plan, with everything that is wrong so far as its ``faults``.

    Raises:
        InputError: the entry, the phase map or a setting cannot be used; whatever files it names.
    """
    item = _as_mapping(item)
    case, budget, faults = item["case"], MemoryBudget(memory_budget_gb), Faults()
    check_case(case)
    check_phase_names([reference_phase], where="reference_phase")
    found = _find_phases(item, _selectors(phase_map, item), reference_phase, budget, faults)
    missing = [phase for phase in PHASES if phase not in found.phases and not faults.hide(phase)]
    _check_together(found.phases, reference_phase, missing, case, faults)
    label = _mask(item.get("label") or found.masks.label, case, budget, faults)
    if item.get("lesion_free") and reference_phase in found.phases:
        with faults.at():
            label = plan_no_tumour(label, found.phases[reference_phase], where=case)
    phase_labels = _phase_masks(item.get("labels") or found.masks.labels, case, budget, faults)
    liver = _mask(item.get("liver") or found.masks.liver, case, budget, faults, purpose="liver")
    with faults.at():
        check_class_and_patient(item.get("lesion_class"), item.get("patient"), where=case)
    return StudyPlan(
        case=case,
        phases=found.phases,
        reference_phase=reference_phase,
        label=label,
        phase_labels=phase_labels,
        liver=liver,
        lesion_class=item.get("lesion_class"),
        patient=item.get("patient"),
        flags=_flags(found, label, reference_phase, missing),
        set_aside=(*found.set_aside, *({"series": "masks", "reason": said} for said in found.masks.unclear)),
        faults=tuple(faults.found),
        origin=found.origin,
    )


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


def _selectors(phase_map, item: Mapping) -> dict[str, Selector] | None:
    """The run's phase map where it names the case, else the item's own, else what the run's says of every case."""
    cases = {} if phase_map is None else load_phase_map(phase_map).cases
    own = selectors_of(item["phase_map"], f"{item['case']}, phase_map") if item.get("phase_map") else None
    return cases.get(item["case"], own if own is not None else cases.get(ANY_CASE))


def _find_phases(item: Mapping, selectors, reference_phase: str, budget: MemoryBudget, faults: Faults) -> FoundPhases:
    found, case = FoundPhases({}), item["case"]
    image = None if item.get("phases") else Path(item["image"]).absolute()
    with faults.at(image):
        if image is None:
            found = plan_named_phases(item["phases"], case=case, budget=budget, faults=faults)
        else:
            exam = Path(item["exam"]).absolute() if item.get("exam") else None
            rules = {"selectors": selectors, "reference": reference_phase, "exam": exam}
            found = plan_phases(image, case=case, **rules, budget=budget, faults=faults)
        found = replace(found, phases=place_phases(found.phases, item.get("affines"), case=case))
    return found


def _check_together(
    phases: Mapping[str, VolumePlan], reference_phase: str, missing: Sequence[str], case: str, faults: Faults
) -> None:
    """The reference phase is there, and the others lie where it lies."""
    if reference_phase in missing:
        with faults.at():
            check_reference(phases, reference_phase, where=case)
    for phase, volume in phases.items():
        if reference_phase in phases:
            with faults.at(volume.path, phase):
                check_overlap(f"phase {phase}", volume, phases[reference_phase], where=case)


def _mask(given: object, case: str, budget: MemoryBudget, faults: Faults, purpose: str = "label") -> VolumePlan | None:
    """One or several files as one mask; ``None`` when there are none, or one of them is at fault."""
    if not given:
        return None
    references = [str(path) for path in (given if isinstance(given, list | tuple) else [given])]
    masks = []
    for text in references:
        path = mask_file(text)
        with faults.at(path):
            masks.append(plan_segmentation(text, purpose=purpose, where=f"{case}/{shown(path)}", budget=budget))
    if len(masks) == len(references):
        with faults.at(masks[0].path):
            return plan_union(masks, where=case)
    return None


def _phase_masks(given: Mapping | None, case: str, budget: MemoryBudget, faults: Faults) -> dict[str, VolumePlan]:
    with faults.at():
        check_phase_names(given or {}, where=f"{case}, labels")
    masks = {phase: _mask(paths, case, budget, faults) for phase, paths in (given or {}).items()}
    return {phase: mask for phase, mask in masks.items() if mask is not None}


def _flags(
    found: FoundPhases, label: VolumePlan | None, reference_phase: str, missing: Sequence[str]
) -> tuple[str, ...]:
    flags = [f"missing_phase:{phase}" for phase in missing if phase != reference_phase]  # which is a fault
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
    if found.masks.unclear:
        flags.append("mask_set_aside")
    reference = found.phases.get(reference_phase)
    if label is not None and reference is not None and not _same_grid(label, reference):
        flags.append("label_grid_differs")
    return (*flags, *found.flags)


def _same_grid(a: VolumePlan, b: VolumePlan) -> bool:
    return a.shape == b.shape and np.allclose(a.affine, b.affine, atol=1e-3)
