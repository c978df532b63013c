"""The studies of a folder, with their masks and what the user's table says of them, as datalist entries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from ...types import DEFAULT_CLASSES, InputError
from ..discovery import SALT, Found, discover
from ..folder import list_files
from ..nifti import nifti_stem
from ..phase_map import load_phase_map
from ..segmentations import FoundMasks, Segment, find_masks, mask_stem, read_segments
from .join import find_mask, match_rows
from .labels import Row, read_labels

_PLAIN_NAME = re.compile(r"[\w .\-]*[^\W\d][\w .\-]*")  # not a number alone


def folder_entries(
    root: str | PathLike,
    *,
    labels: str | PathLike | None = None,
    classes: Sequence[str] = DEFAULT_CLASSES,
    phase_map=None,
    salt: str = SALT,
    keep_names: bool = False,
) -> list[dict]:
    """The studies below a folder, whatever form they have.

    Args:
        root: folder of studies; nothing in it is written to.
        labels: the user's table (see ``read_labels``); ``None`` for none.
        classes: lesion class names in the order of label values.
        phase_map: as ``load_study`` takes it; goes into the entries.
        salt: of the hashes that stand for names which identify somebody.
        keep_names: keep folders' names even where they are identifiers of the DICOM headers.

    Returns:
        Datalist entries with absolute paths, in natural order. An entry with the key ``set_aside`` (why, one
        sentence) is shown in the table and not written.

    Raises:
        InputError: no such folder, nothing in it, or a mistake in the table or the phase map.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise InputError(
            found="no such folder", expected="a folder of studies", where=str(root), remedy="Correct the path."
        )
    selectors = None if phase_map is None else load_phase_map(phase_map)
    found, rest = discover(folder, phase_map=selectors, salt=salt, keep_names=keep_names)
    if not found and not rest:
        raise InputError(
            found="no studies",
            expected="NIfTI files named by phase, or DICOM files, at any depth",
            where=str(root),
            remedy="Name the folder that holds the studies.",
        )
    table = None if labels is None else Path(labels)
    rows = {} if table is None else match_rows(read_labels(table, classes), found, table)
    entries = []
    for study in found:
        entry = {"case": study.case, "patient": study.patient, "image": str(study.image.absolute())}
        entry |= {"exam": str(study.exam.absolute())} if study.exam is not None else {}
        entry |= _phase_map(study, selectors)
        row = rows.get(study.case)
        if table is not None and row is None:
            entries.append(entry | {"set_aside": f"no row in {table.name}"})
            continue
        masks = masks_of(study)
        entry |= _masks(masks) | (_said(row, study, folder, table) if row is not None else {})
        entry |= _classes_of_segments(entry, classes)
        entries.append(entry | _missing_mask(entry, masks))
    return entries + [{"case": entry.name, "set_aside": entry.why} for entry in rest]


def masks_of(study: Found) -> FoundMasks:
    """The masks in a study's folder, and its exam's DICOM SEG wherever they lie."""
    ours = [path.absolute() for path in study.files]
    if study.shared and study.form == "DICOM":
        return find_masks(ours)
    folder = study.folder.absolute()
    below = list_files(folder, study.case)
    files = [*below.images, *below.masks, *below.others]
    if study.shared:  # with studies in sub-folders, or with other files that are studies by themselves
        files = [path for path in files if path.parent == folder]
        if study.image != study.folder:
            files = [path for path in files if mask_stem(path).startswith(f"{nifti_stem(study.image)}_")]
    return find_masks([*files, *(path for path in ours if path not in set(files))])


def _phase_map(study: Found, selectors) -> dict:
    """What the phase map says of this study, so that the datalist needs no phase map beside it."""
    if selectors is None:
        return {}
    named = [name for name in (study.case, *sorted(study.aliases)) if name in selectors.cases]
    chosen = selectors.for_case(named[0] if named else study.case)
    return {} if chosen is None else {"phase_map": {phase: str(selector) for phase, selector in chosen.items()}}


def _masks(masks: FoundMasks) -> dict:
    found = {"label": _one_or_more([str(path) for path in masks.label])} if masks.label else {}
    if masks.labels:
        found["labels"] = {phase: _one_or_more([str(path) for path in paths]) for phase, paths in masks.labels.items()}
    return found | ({"liver": str(masks.liver)} if masks.liver is not None else {})


def _said(row: Row, study: Found, root: Path, table: Path) -> dict:
    """A row as keys of the entry; what it does not say stays as it was found."""

    def files(references: Sequence[str]) -> str | list[str]:
        return _one_or_more([find_mask(reference, study, root, table, row.line) for reference in references])

    said: dict = {"lesion_class": row.lesion_class}
    said |= {"patient": row.patient} if row.patient is not None else {}
    said |= {"lesion_free": True} if row.lesion_free else {}
    said |= {"label": files(row.label)} if row.label else {}
    said |= {"labels": {phase: files(paths) for phase, paths in row.labels.items()}} if row.labels else {}
    return said | ({"liver": files(row.liver)} if row.liver else {})


def _one_or_more(paths: list[str]) -> str | list[str]:
    return paths[0] if len(paths) == 1 else paths


def _classes_of_segments(entry: dict, classes: Sequence[str]) -> dict:
    """Segments that are called like classes say which tumour is of which class: ``seg.nrrd@hemangioma=1,HCC=2``."""
    label, values = entry.get("label"), {name.casefold(): k + 1 for k, name in enumerate(classes)}
    if not isinstance(label, str) or not Path(label).is_file():  # several files, or segments that the user chose
        return {}
    segments = read_segments(Path(label), where=entry["case"])
    lesions = [segment for segment in segments if segment.is_lesion or segment.label.strip().casefold() in values]
    named = [(segment, values.get(segment.label.strip().casefold())) for segment in lesions]
    if not named or any(value is None for _, value in named):
        return {}
    chosen = ",".join(f"{_selector(segment)}={value}" for segment, value in named)
    only = {value for _, value in named}
    known = entry.get("lesion_class") is not None or len(only) > 1
    return {"label": f"{label}@{chosen}"} | ({} if known else {"lesion_class": classes[only.pop() - 1]})


def _selector(segment: Segment) -> str:
    """A segment by its name where that can stand in a list, else by its number."""
    name = segment.label.strip()
    return name if _PLAIN_NAME.fullmatch(name) else str(segment.number)


def _missing_mask(entry: dict, masks: FoundMasks) -> dict:
    if entry.get("label") or entry.get("labels") or entry.get("lesion_free"):
        return {}
    unclear = f": {'; '.join(masks.unclear)}" if masks.unclear else ""
    return {"set_aside": f"no tumour mask{unclear}. Name it in the label column, or write none as its lesion_class"}
