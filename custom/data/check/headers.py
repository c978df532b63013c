"""First look at a study: what its headers say, without its voxels."""

from __future__ import annotations

from hashlib import blake2b

from ...types import InputError
from ..geometry import check_slice_axis
from ..plan import StudyPlan, VolumePlan
from ..study import check_overlap
from .entries import Entry
from .facts import StudyFacts
from .masks import tumour_masks
from .places import coverage
from .problem import Problem, StudyReport
from .remarks import in_words
from .settings import Settings


def check_headers(entry: Entry, settings: Settings) -> tuple[list[Problem], StudyFacts]:
    """Everything that is wrong with a study as far as its headers tell, and what is compared between studies."""
    report = StudyReport(entry.case, settings.root, list(entry.problems))
    try:
        plan = settings.plan(entry.item)
    except InputError as error:  # nothing to look at; mostly the entry's own mistake, which is there already
        if not entry.problems:
            report.raised(error)
        return report.problems, StudyFacts(entry.case, entry.section)
    for fault in plan.faults:
        report.raised(fault.error, fault.path)
    for flag in plan.flags:
        report.warning(*in_words(flag))
    _check_mask_is_there(plan, entry, report)
    _check_places(plan, settings, report)
    volumes = tuple((phase, _place(volume)) for phase, volume in plan.phases.items())
    return report.problems, StudyFacts(entry.case, entry.section, plan.origin, volumes)


def _check_mask_is_there(plan: StudyPlan, entry: Entry, report: StudyReport) -> None:
    """Studies that are learnt from or measured against have a mask; an empty one says that there is no tumour."""
    given = any(entry.item.get(key) for key in ("label", "labels"))
    if entry.section is None or given or plan.label is not None or plan.phase_labels:
        return
    finding = "no tumour mask" + (f", though its class is {plan.lesion_class}" if plan.lesion_class else "")
    if entry.section == "training":
        report.error(finding, "Add 'label' to its entry; the mask of a healthy study is all zeros.")
    else:
        report.warning(finding, "Add 'label' to its entry: without a mask its results cannot be measured.")


def _check_places(plan: StudyPlan, settings: Settings, report: StudyReport) -> None:
    """Phases and masks lie where the reference phase lies, and its slices can be read."""
    reference = plan.phases.get(plan.reference_phase)
    if reference is None:
        return
    for phase, volume in plan.phases.items():
        share = coverage(volume, reference)
        if share < settings.min_coverage and not any(fault.phase == phase for fault in plan.faults):
            report.warning(
                f"the {phase} phase covers {100 * share:.0f} % of the reference phase",
                "Check that they belong together; where the phase is missing it is zero.",
                volume.path,
            )
    liver = [] if plan.liver is None else [("liver mask", plan.liver)]
    for name, mask in tumour_masks(plan) + liver:
        try:
            check_overlap(f"the {name}", mask, reference, where=plan.case)
        except InputError as error:
            report.raised(error, mask.path)
    try:
        check_slice_axis(reference.affine, max_anisotropy=settings.max_anisotropy, where=plan.case)
    except InputError as error:
        report.raised(error, reference.path)


def _place(volume: VolumePlan) -> str:
    """Digest of where a volume lies: two studies that name one file name one image."""
    return blake2b(f"{volume.path.resolve()}|{volume.source}".encode(), digest_size=16).hexdigest()
