"""LiverHccSeg: ``nifti_and_segms/<patient>/<exam>/{pre,art,pv,del}.nii.gz`` with masks by two raters.

Each rater drew the liver (``rater1_liver.nii.gz``) and each tumour in a file of its own (``rater1_tumor1.nii.gz``, …).
All tumours are HCC. ``art_pre``, ``art_pv`` and ``art_del`` are the set's own registration to the arterial phase.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path

from ...types import DEFAULT_CLASSES, REFERENCE_PHASE, InputError
from ..geometry import same_grid
from ..nifti import read_grid
from ..splits import natural_key
from .remarks import set_aside, wanted_classes

CLASS = "HCC"
RATERS = (1, 2)
NATIVE = {"pre": "pre", "arterial": "art", "portal_venous": "pv", "delayed": "del"}
REGISTERED = {"pre": "art_pre", "arterial": "art", "portal_venous": "art_pv", "delayed": "art_del"}

NO_TUMOUR = "rater {rater} drew no tumour (none visible, or treated), which does not make it a healthy liver"


def entries(
    root: str | PathLike, *, classes: Sequence[str] = DEFAULT_CLASSES, rater: int = 1, registered: bool = False
) -> tuple[list[dict], list[str]]:
    """The exams of all patients.

    Args:
        root: ``nifti_and_segms`` or the folder that holds it; nothing in it is written to.
        classes: class names of the network; ``HCC`` must be among them.
        rater: whose masks, 1 or 2.
        registered: the set's own phases registered to the arterial one, instead of the phases as acquired.

    Returns:
        Datalist entries with absolute paths, with ``notes`` where there is something to know, and with ``set_aside``
        (why) where the exam cannot be used; and remarks on the data set as a whole.

    Raises:
        InputError: another layout, no such rater, or ``HCC`` not among the classes.
    """
    wanted_classes([CLASS], classes)
    if rater not in RATERS:
        raise InputError(
            found=f"rater {rater}", expected="1 or 2", where="--rater", remedy="Choose one of the two raters."
        )
    names = REGISTERED if registered else NATIVE
    found, drawn_on = [], Counter()
    for patient, exams in _patients(Path(root).absolute()):
        for n, exam in enumerate(exams, start=1):
            case = patient if len(exams) == 1 else f"{patient}_{n}"  # the folder's name is the date of the exam
            found.append(_entry({"case": case, "patient": patient}, exam, names, rater))
            drawn_on.update(found[-1].pop("drawn_on", ()))
    remarks = [f"Masks of rater {rater}; the two raters' tumours agree with a mean Dice of 0.85 ± 0.16 (as published)."]
    phase, count = max(drawn_on.items(), key=lambda item: item[1], default=(None, 0))
    if count > drawn_on[REFERENCE_PHASE]:
        remarks.append(f"In {count} exams the masks lie on the grid of {phase}: use it with --reference_phase {phase}.")
    return found, remarks


def _patients(root: Path) -> list[tuple[str, list[Path]]]:
    """Each patient with the exams in the order of their dates."""
    base = root / "nifti_and_segms" if (root / "nifti_and_segms").is_dir() else root
    patients = []
    for folder in sorted(base.iterdir() if base.is_dir() else [], key=lambda path: natural_key(path.name)):
        exams = [exam for exam in folder.iterdir() if _holds_phase(exam)] if folder.is_dir() else []
        if exams:
            patients.append((folder.name, sorted(exams, key=_date)))
    if not patients:
        raise InputError(
            found="no exam",
            expected="LiverHccSeg: nifti_and_segms/<patient>/<exam>/{pre,art,pv,del}.nii.gz",
            where=str(root),
            remedy="Name the folder into which nifti_and_segms.zip was unpacked.",
        )
    return patients


def _holds_phase(exam: Path) -> bool:
    return exam.is_dir() and any((exam / f"{name}.nii.gz").is_file() for name in NATIVE.values())


def _date(exam: Path) -> tuple:
    """Exam folders are called MM-DD-YYYY, which does not sort by name."""
    try:
        return (0, datetime.strptime(exam.name, "%m-%d-%Y").isoformat())
    except ValueError:
        return (1, exam.name)


def _entry(entry: dict, exam: Path, names: Mapping[str, str], rater: int) -> dict:
    paths = {phase: exam / f"{name}.nii.gz" for phase, name in names.items()}
    entry["phases"] = {phase: str(path) for phase, path in paths.items() if path.is_file()}
    tumours = [path for path in exam.iterdir() if re.fullmatch(rf"rater{rater}_tumor\d+\.nii\.gz", path.name)]
    if not tumours:
        return set_aside(entry, NO_TUMOUR.format(rater=rater))
    masks = [str(path) for path in sorted(tumours, key=lambda path: natural_key(path.name))]
    entry |= {"label": masks if len(masks) > 1 else masks[0], "lesion_class": CLASS}
    if (liver := exam / f"rater{rater}_liver.nii.gz").is_file():
        entry["liver"] = str(liver)
    try:
        notes, entry["drawn_on"] = _look_at_grids(entry, masks)
    except InputError as error:
        return set_aside(entry, f"{error.where}: {error.found}")
    return {**entry, "notes": notes} if notes else entry


def _look_at_grids(entry: Mapping, masks: Sequence[str]) -> tuple[list[str], list[str]]:
    """Notes on missing phases and on masks that lie on no phase's grid, and on whose grid the first mask lies."""
    notes = [f"no {phase} image" for phase in NATIVE if phase not in entry["phases"]]
    images = {phase: _grid(path) for phase, path in entry["phases"].items()}
    on = {}
    for path in [*masks, *([entry["liver"]] if "liver" in entry else [])]:
        grid = _grid(path)
        on[path] = [phase for phase, image in images.items() if same_grid(*grid, *image)]
        if not on[path]:
            notes.append(f"{Path(path).name} lies on no phase's grid and is resampled in world coordinates: look at it")
    return notes, on[masks[0]]


def _grid(path: str) -> tuple:
    return read_grid(Path(path), where=Path(path).name)
