"""What a tumour or liver mask holds, against the image, the classes and each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from ...types import InputError
from ..label_values import label_values
from ..plan import StudyPlan, VolumePlan
from ..study import Volume, gap_mm
from .entries import Entry
from .places import inside, marked_mm, values_at
from .problem import StudyReport
from .settings import Settings

_ALLOWED_OUTSIDE = 0.01  # of a mask: a voxel of another grid may reach over the edge
_ALLOWED_OUTSIDE_LIVER = 0.5  # of a tumour: exophytic ones exist


def tumour_masks(plan: StudyPlan) -> list[tuple[str, VolumePlan]]:
    """The tumour masks of a study with their names: of all phases, or of single ones, or both."""
    common = [] if plan.label is None else [("tumour mask", plan.label)]
    return common + [(f"tumour mask of the {phase} phase", mask) for phase, mask in plan.phase_labels.items()]


def check_tumour(mask: Volume, path: Path, entry: Entry, settings: Settings, report: StudyReport) -> None:
    """Values, class and sizes of the lesions of one tumour mask."""
    lesion_class = entry.item.get("lesion_class")
    known = lesion_class if lesion_class in settings.classes else None  # an unknown class is a mistake of the entry
    try:
        label_values(mask.data, known, settings.classes, where=report.case)
    except InputError as error:
        report.raised(error, path)
    if not mask.data.any():
        if lesion_class is not None:
            report.error(
                f"an empty tumour mask in a study of class {lesion_class}",
                "Give the mask of the tumour, or no class when there is none.",
                path,
            )
        return
    if entry.section is not None and lesion_class is None and mask.data.max() == 1:
        report.warning(
            "a tumour without a class",
            "Add 'lesion_class' to its entry, or the class as value k + 1 of the mask; without it no class is learnt.",
            path,
        )
    _check_sizes(mask, path, settings.min_volume_ml, report)


def check_inside_image(name: str, mask: Volume, path: Path, image: VolumePlan | None, report: StudyReport) -> None:
    """A mask marks what the reference phase shows."""
    points_mm = marked_mm(mask)
    if image is None or not len(points_mm) or gap_mm(mask, image) > 0:  # said of the headers
        return
    outside = 1 - inside(points_mm, image.shape, image.affine).mean()
    if outside > _ALLOWED_OUTSIDE:
        add = report.error if outside == 1 else report.warning
        add(
            f"{100 * outside:.0f} % of the {name} lies outside the reference phase",
            "Check that mask and image have the same position and orientation.",
            path,
        )


def check_inside_liver(tumour: Volume, path: Path, liver: Volume, report: StudyReport) -> None:
    """Tumour and liver masks that hardly meet were drawn on different images, or one of them is flipped."""
    points_mm = marked_mm(tumour)
    if not len(points_mm) or not liver.data.any():
        return
    within = (values_at(liver, points_mm) > 0).sum() / len(points_mm)
    if 1 - within > _ALLOWED_OUTSIDE_LIVER:
        report.warning(
            f"{100 * (1 - within):.0f} % of the tumour mask lies outside the liver mask",
            "Check that neither mask is flipped or shifted.",
            path,
        )


def check_liver(mask: Volume, path: Path, report: StudyReport) -> None:
    """A liver mask holds a liver."""
    if not mask.data.any():
        report.error("an empty liver mask", "Give the mask of the liver, or none.", path)


def _check_sizes(mask: Volume, path: Path, min_volume_ml: float, report: StudyReport) -> None:
    components, number = ndimage.label(mask.data > 0, structure=np.ones((3, 3, 3)))
    voxel_ml = abs(np.linalg.det(mask.affine[:3, :3])) / 1000
    volumes_ml = np.sort(np.bincount(components.ravel())[1:] * voxel_ml)  # (lesions,)
    small = volumes_ml[volumes_ml < min_volume_ml - 1e-9]
    if len(small):
        listed = ", ".join(f"{volume:.2g}" for volume in small[:5]) + (" …" if len(small) > 5 else "")
        report.warning(
            f"{len(small)} of {number} lesions below {min_volume_ml:g} ml ({listed} ml)",
            "Look for stray voxels; lesions this small are neither reported nor counted (--min_volume_ml).",
            path,
        )
