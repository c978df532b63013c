"""LLD-MMRI as its authors publish it: ``images/<patient>/<studyUID>/<seriesUID>.nii.gz`` and an annotation file.

There are boxes but no masks: the studies can be read and predicted, and the predicted class compared with the
annotated one; training and evaluation need masks. The images need not carry
their spacing and position; where they do not, those of the annotation are given with the entry (``affines``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from ...types import DEFAULT_CLASSES, PHASES, REFERENCE_PHASE, InputError
from ..geometry import LPS_TO_RAS
from ..nifti import read_grid
from .lld_annotation import (
    CLASSES,
    KNOWN_FAULTS,
    WITHHELD,
    Box,
    Series,
    category_of,
    patient_number,
    read_annotation,
)
from .lld_mmri import ONE_LESION
from .remarks import of_other_classes, set_aside, wanted_classes

ANNOTATION_FILES = ("labels/Annotation.json", "Annotation.json", "LLD_MMRI_Annotation.json")
SPACING_TOLERANCE = 0.01  # of the spacing
POSITION_TOLERANCE_MM = 0.5

NO_MASKS = (
    "There are boxes but no masks: inference predicts a class that can be compared with lesion_class; training and "
    "evaluation need masks."
)
DIRECTIONS = (
    "The annotation holds no directions. Where an image lacks its geometry, identity is assumed, as in the version "
    "with masks: right for axial series only."
)


def entries(
    root: str | PathLike, *, classes: Sequence[str] = DEFAULT_CLASSES, reference_phase: str = REFERENCE_PHASE
) -> tuple[list[dict], list[str]]:
    """The studies whose lesions are of one of the classes.

    Args:
        root: folder with ``images`` and ``labels/Annotation.json``; nothing in it is written to.
        classes: names among ``CLASSES``; studies of other classes are left out.
        reference_phase: the phase that a study cannot do without.

    Returns:
        Datalist entries with absolute paths and without masks, with ``lesions`` (class, and per phase the first and
        last voxel of its box), with ``notes`` where there is something to know, and with ``set_aside`` (why) where the
        study cannot be used; and remarks on the data set as a whole.

    Raises:
        InputError: another layout, an unknown class, or an annotation file that cannot be read.
    """
    root = Path(root).absolute()
    wanted = wanted_classes(classes, CLASSES)
    annotated = read_annotation(_annotation_file(root))
    folders = _folders(root / "images")
    found, others = [], 0
    for number in sorted(annotated, key=int):
        name, series = annotated[number]
        category = category_of(series)
        if category is not None and 0 <= category < len(CLASSES) and CLASSES[category] not in wanted:
            others += 1
        else:
            found.append(_entry(number, folders.get(number, root / "images" / name), series, category, reference_phase))
    remarks = [*of_other_classes(others), NO_MASKS, DIRECTIONS, ONE_LESION]
    if unknown := set(folders) - set(annotated):
        remarks.insert(0, f"{len(unknown)} patients are not in the annotation file and were not read.")
    return found, remarks


def _annotation_file(root: Path) -> Path:
    for name in ANNOTATION_FILES:
        if (root / name).is_file() and (root / "images").is_dir():
            return root / name
    raise InputError(
        found="no labels/Annotation.json beside a folder images",
        expected="LLD-MMRI: images/<patient>/<studyUID>/<seriesUID>.nii.gz and labels/Annotation.json",
        where=str(root),
        remedy="Name the folder that holds both; for MedSAM2's version with masks take --dataset lld-mmri.",
    )


def _folders(images: Path) -> dict[str, Path]:
    """Patients' folders by number: they may be spelled otherwise than in the annotation."""
    numbered = [(patient_number(path.name), path) for path in sorted(images.iterdir()) if path.is_dir()]
    return {number: path for number, path in numbered if number is not None}


def _entry(number: str, folder: Path, series: Sequence[Series], category: int | None, reference_phase: str) -> dict:
    entry: dict = {"case": f"MR{number}", "patient": f"MR{number}", "phases": {}}
    if category is None:
        return set_aside(entry, "its lesions are of several classes, or none is annotated")
    if category == WITHHELD:
        return set_aside(entry, "its class was withheld (-1)")
    if not 0 <= category < len(CLASSES):
        return set_aside(entry, f"its class {category} is unknown")
    entry["lesion_class"] = CLASSES[category]
    affines, notes = {}, []
    for one in sorted(series, key=lambda one: PHASES.index(one.phase)):
        path = folder / one.study_uid / f"{one.series_uid}.nii.gz"
        if one.phase in entry["phases"]:
            return set_aside(entry, f"{one.phase} is annotated twice")
        if not path.is_file():
            continue
        try:
            affine, remarks = _look_at(one, path)
        except InputError as error:
            return set_aside(entry, f"{one.phase}: {error.found}")
        entry["phases"][one.phase] = str(path)
        notes += remarks
        if affine is not None:
            affines[one.phase] = affine.tolist()
    if reference_phase not in entry["phases"]:
        return set_aside(entry, f"no image of the reference phase {reference_phase}")
    notes = [f"no {phase} image" for phase in PHASES if phase not in entry["phases"]] + notes
    if number in KNOWN_FAULTS:
        notes.append(KNOWN_FAULTS[number])
    entry["lesions"] = _lesions(series, entry["phases"])
    return entry | ({"affines": affines} if affines else {}) | ({"notes": notes} if notes else {})


def _look_at(series: Series, path: Path) -> tuple[np.ndarray | None, list[str]]:
    """The affine to use instead of the file's, if any, and notes.

    Raises:
        InputError: neither file nor annotation tells the geometry.
    """
    shape, affine = read_grid(path, where=series.phase)
    notes = [
        f"a box of {series.phase} reaches out of the image of {' × '.join(map(str, shape))} voxels"
        for _, box in series.lesions
        if box is not None and not all(0 <= a <= b < n for a, b, n in zip(*box, shape[:3], strict=True))
    ]
    if not any(box for _, box in series.lesions):
        notes.append(f"no box in {series.phase}")
    if series.spacing_mm is None or series.origin_lps_mm is None:
        if np.allclose(np.linalg.norm(affine[:3, :3], axis=0), 1):
            raise InputError(
                found="no spacing in the image, and none between slices in the annotation (thickness is another thing)",
                expected="slice_spacing and origin",
                where=series.phase,
                remedy="Get the newer annotation file.",
            )
        return None, notes
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    same_spacing = np.abs(spacing_mm / series.spacing_mm - 1).max() < SPACING_TOLERANCE
    if not same_spacing or not affine[:3, 3].any():
        return _annotated_affine(series), notes
    if np.abs(affine[:3, 3] - (LPS_TO_RAS @ [*series.origin_lps_mm, 1])[:3]).max() > POSITION_TOLERANCE_MM:
        notes.append(f"the image of {series.phase} lies elsewhere than annotated; its own position is used")
    return None, notes


def _annotated_affine(series: Series) -> np.ndarray:
    affine = np.diag([*series.spacing_mm, 1.0])
    affine[:3, 3] = series.origin_lps_mm
    return LPS_TO_RAS @ affine


def _lesions(series: Sequence[Series], phases: Mapping) -> list[dict]:
    """Class and boxes of each lesion, in the order of the annotation."""
    count = max(len(one.lesions) for one in series)
    lesions = []
    for n in range(count):
        shown = {one.phase: one.lesions[n] for one in series if n < len(one.lesions) and one.phase in phases}
        boxes: dict[str, Box] = {phase: [list(end) for end in box] for phase, (_, box) in shown.items() if box}
        category = next(iter(shown.values()))[0]
        lesions.append({"class": CLASSES[category], "boxes": boxes})
    return lesions
