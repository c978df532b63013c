"""LLD-MMRI with the masks made by MedSAM2: ``images/<patient>_<k>_<phase>_0000.nii.gz``, ``labels/`` alike.

k is the class of the study's lesion, not a lesion's number: it is in every file name, so no file name may ever reach a
model. The class is taken from the annotation file beside the images; the names are compared with it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from ...types import DEFAULT_CLASSES, PHASES, REFERENCE_PHASE, InputError
from ..geometry import same_grid
from ..nifti import read_grid
from .lld_annotation import CLASSES, KNOWN_FAULTS, PHASE_OF, WITHHELD, category_of, patient_number, read_annotation
from .remarks import of_other_classes, set_aside, wanted_classes

ANNOTATION_FILES = ("LLD_MMRI_Annotation.json", "Annotation.json", "labels/Annotation.json")

_NAME = re.compile(r"(?P<patient>[^_]+)_(?P<category>-?\d+)_(?P<phase>[^_]+?)(?:_0000)?\.nii\.gz")

DIRECTIONS = (
    "The volumes' directions were all set to identity when the masks were made. Axial series are right with that; a "
    "coronal or oblique one would be misplaced without any trace in its header. Look at what the fingerprint says of "
    "orientation and of distances between the lesion's places in the phases."
)
DIFFERENT_GRIDS = (
    "Each is resampled in world coordinates onto the reference phase, and each phase's mask stays with its own phase."
)
ONE_LESION = "One lesion was annotated in each patient: others may be there and count as false positives."


@dataclass
class Files:
    """What lies there for one patient: per phase the image and mask files, and the categories in their names."""

    images: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    labels: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    categories: set[int] = field(default_factory=set)


def entries(
    root: str | PathLike, *, classes: Sequence[str] = DEFAULT_CLASSES, reference_phase: str = REFERENCE_PHASE
) -> tuple[list[dict], list[str]]:
    """The studies whose lesion is of one of the classes.

    Args:
        root: folder with ``images``, ``labels`` and ``LLD_MMRI_Annotation.json``; nothing in it is written to.
        classes: names among ``CLASSES``; studies of other classes are left out.
        reference_phase: the phase that a study cannot do without.

    Returns:
        Datalist entries with absolute paths, with ``notes`` where there is something to know, and with ``set_aside``
        (why) where the study cannot be used; and remarks on the data set as a whole.

    Raises:
        InputError: another layout, an unknown class, or an annotation file that cannot be read.
    """
    root = Path(root).absolute()
    wanted = wanted_classes(classes, CLASSES)
    patients, strangers = _find(root)
    annotated, remarks = _annotated_categories(root)
    if strangers:
        remarks.append(f"{strangers} file(s) are not named <patient>_<class>_<phase>.nii.gz and were not read.")
    found, others, on_several_grids = [], 0, 0
    for number in sorted(patients, key=int):
        category = _category(number, patients[number], annotated)
        if isinstance(category, int) and category != WITHHELD and CLASSES[category] not in wanted:
            others += 1
            continue
        entry = _entry(f"MR{number}", patients[number], category, reference_phase)
        on_several_grids += entry.pop("several_grids", False)
        found.append(entry)
    if on_several_grids:
        remarks.append(f"In {on_several_grids} studies the phases lie on different grids. {DIFFERENT_GRIDS}")
    return found, [*remarks, *of_other_classes(others), DIRECTIONS, ONE_LESION]


def _find(root: Path) -> tuple[dict[str, Files], int]:
    """Files by number of the patient, and how many have another name."""
    if not (root / "images").is_dir() or not (root / "labels").is_dir():
        raise InputError(
            found="no folders images and labels",
            expected="LLD-MMRI with MedSAM2 masks: images/<patient>_<class>_<phase>_0000.nii.gz and labels/ alike",
            where=str(root),
            remedy="Name the folder that holds both; for the original layout take --dataset lld-mmri-original.",
        )
    patients: dict[str, Files] = defaultdict(Files)
    strangers = 0
    for kind in ("images", "labels"):
        for path in sorted((root / kind).glob("[!.]*.nii.gz")):
            match = _NAME.fullmatch(path.name)
            number = patient_number(match["patient"]) if match else None
            if number is None:
                strangers += 1
                continue
            patients[number].categories.add(int(match["category"]))
            if phase := PHASE_OF.get(match["phase"]):
                getattr(patients[number], kind)[phase].append(path)
    return dict(patients), strangers


def _annotated_categories(root: Path) -> tuple[dict[str, int | None] | None, list[str]]:
    """Category of each patient by the annotation file, ``None`` without one, and a remark then."""
    path = next((root / name for name in ANNOTATION_FILES if (root / name).is_file()), None)
    if path is None:
        return None, [f"No {ANNOTATION_FILES[0]} beside images/: the classes were read from the file names alone."]
    return {number: category_of(series) for number, (_, series) in read_annotation(path).items()}, []


def _category(number: str, files: Files, annotated: Mapping[str, int | None] | None) -> int | str:
    """The study's category, or why it has none."""
    named = "class " + " and ".join(str(k) for k in sorted(files.categories))
    if annotated is not None and number not in annotated:
        return "it is not in the annotation file"
    if len(files.categories) > 1:
        return f"its file names speak of {named}"
    (category,) = files.categories
    if annotated is not None and annotated[number] != category:
        told = annotated[number]
        return f"its file names speak of {named}, the annotation of {'several' if told is None else f'class {told}'}"
    return category if WITHHELD <= category < len(CLASSES) else f"its file names speak of {named}, which is unknown"


def _entry(case: str, files: Files, category: int | str, reference_phase: str) -> dict:
    """The study's entry; ``several_grids`` in it tells whether its phases lie on different ones."""
    entry = {
        "case": case,
        "patient": case,
        "phases": {phase: str(files.images[phase][0]) for phase in PHASES if phase in files.images},
        "labels": {phase: str(files.labels[phase][0]) for phase in PHASES if phase in files.labels},
    }
    if isinstance(category, str):
        return set_aside(entry, category)
    if category == WITHHELD:
        return set_aside(entry, "its class was withheld (-1)")
    for paths in (*files.images.values(), *files.labels.values()):
        if len(paths) > 1:
            return set_aside(entry, f"{paths[0].name} and {paths[1].name} are one phase of one patient")
    for kind, what in (("phases", "image"), ("labels", "mask")):
        if reference_phase not in entry[kind]:
            return set_aside(entry, f"no {what} of the reference phase {reference_phase}")
    entry["lesion_class"] = CLASSES[category]
    try:
        notes, several_grids = _look_at_grids(entry)
    except InputError as error:
        return set_aside(entry, f"{error.where}: {error.found}")
    if (number := patient_number(case)) in KNOWN_FAULTS:
        notes.append(KNOWN_FAULTS[number])
    entry["labels"] = {phase: path for phase, path in entry["labels"].items() if phase in entry["phases"]}
    return {**entry, "several_grids": several_grids} | ({"notes": notes} if notes else {})


def _look_at_grids(entry: Mapping) -> tuple[list[str], bool]:
    """Notes on missing files and on masks beside their image, from headers; and whether the phases' grids differ."""
    images, masks = ({p: _grid(path) for p, path in entry[kind].items()} for kind in ("phases", "labels"))
    notes = []
    for phase in PHASES:
        if phase not in images:
            notes.append(f"no {phase} image" + (", its mask is not used" if phase in masks else ""))
        elif phase not in masks:
            notes.append(f"no {phase} mask: its curve is measured under the reference phase's")
        elif not same_grid(*images[phase], *masks[phase]):
            notes.append(f"the {phase} mask is on another grid than its image and is resampled in world coordinates")
    first, *others = images.values()
    return notes, not all(same_grid(*first, *other) for other in others)


def _grid(path: str) -> tuple:
    return read_grid(Path(path), where=Path(path).name)
