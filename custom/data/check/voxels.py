"""Second look at a study: its voxels, as far as its headers are sound."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np

from ...types import InputError
from ..plan import StudyPlan, VolumePlan
from ..study import Volume
from .enhancement import check_enhancement
from .entries import Entry
from .facts import StudyFacts
from .masks import check_inside_image, check_inside_liver, check_liver, check_tumour, tumour_masks
from .problem import Problem, StudyReport
from .settings import Settings


def check_voxels(entry: Entry, settings: Settings) -> tuple[list[Problem], StudyFacts]:
    """Everything that is wrong with a study's voxels; what its headers have shown is not said again."""
    report = StudyReport(entry.case, settings.root)
    try:
        plan = settings.plan(entry.item)
    except InputError:  # said of the headers
        return [], StudyFacts(entry.case, entry.section)
    phases = {phase: volume for phase, own in plan.phases.items() if (volume := _read(own, report)) is not None}
    digests = _check_phases(phases, plan, report)
    _check_masks({phase: phases[phase] for phase in digests}, plan, entry, settings, report)
    return report.problems, StudyFacts(entry.case, entry.section, None, tuple(digests.items()))


def _read(plan: VolumePlan, report: StudyReport) -> Volume | None:
    try:
        return plan.read()
    except InputError as error:
        report.raised(error, plan.path)
        return None


def _check_phases(phases: Mapping[str, Volume], plan: StudyPlan, report: StudyReport) -> dict[str, str]:
    """Each phase shows something, and something else than the others; returns the digest of each that varies."""
    digests: dict[str, str] = {}
    for phase, volume in phases.items():
        path = plan.phases[phase].path
        if np.ptp(volume.data) == 0:
            report.error(f"the {phase} phase is {volume.data.flat[0]:g} everywhere", "Export it again.", path)
            continue
        digest = _digest(volume.data)
        twin = next((other for other, its in digests.items() if its == digest), None)
        if twin is not None:
            report.error(
                f"the {phase} phase is the {twin} phase, voxel for voxel", "Give each phase its own image.", path
            )
        digests[phase] = digest
    return digests


def _check_masks(
    phases: Mapping[str, Volume], plan: StudyPlan, entry: Entry, settings: Settings, report: StudyReport
) -> None:
    """Masks hold what they should, where they should, and show tissue that takes up contrast agent."""
    reference = plan.phases.get(plan.reference_phase)
    liver = None if plan.liver is None else _read(plan.liver, report)
    if liver is not None:
        check_liver(liver, plan.liver.path, report)
        check_inside_image("liver mask", liver, plan.liver.path, reference, report)
    region = None if liver is None else ("liver", liver)
    for name, mask in tumour_masks(plan):
        tumour = _read(mask, report)
        if tumour is None:
            continue
        check_tumour(tumour, mask.path, entry, settings, report)
        check_inside_image(name, tumour, mask.path, reference, report)
        if liver is not None:
            check_inside_liver(tumour, mask.path, liver, report)
        region = region or ("tumour", tumour)
    if region is not None and "scaling_differs" not in plan.flags:
        check_enhancement(phases, *region, report)


def _digest(data: np.ndarray) -> str:
    """Of the voxels in one order, whatever the array's own."""
    digest = blake2b(repr(data.shape).encode(), digest_size=16)
    for k in range(data.shape[2]):
        digest.update(np.ascontiguousarray(data[:, :, k]))
    return digest.hexdigest()
