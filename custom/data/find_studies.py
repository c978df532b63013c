"""The studies of a folder as items for ``load_study``: what inference runs over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from ..types import InputError
from .discovery import Found, NotFound, discover
from .folder import ACCEPTED_FORMS
from .phantom import ensure_phantom
from .phase_map import ANY_CASE, PhaseMap, load_phase_map
from .splits import natural_key

logger = logging.getLogger(__name__)

EXAMPLE_STUDIES, EXAMPLE_SEED = 3, 7
"""The phantom studies, as DICOM, that are made for those who want to see a result first."""


def find_studies(
    dataset_dir: str | PathLike,
    *,
    example_dir: str | PathLike | None = None,
    phase_map=None,
    keep_names: bool = False,
) -> list[dict]:
    """The studies below a folder, in natural order; a folder of DICOM is split into its exams.

    Args:
        dataset_dir: folder of studies, or of one study.
        example_dir: when this is the folder and it is missing, a few phantom studies are made there as DICOM.
        phase_map: as ``load_study`` takes it; a case in it that is no study here is an error, not a silent guess.
        keep_names: keep folders' names as cases even where they are identifiers of the DICOM headers.

    Returns:
        ``[{"case": name, "image": path}, ...]``, with ``exam`` (one of its files) where a folder holds several exams.
        A sub-folder without any study is in the list, too: reading it says what is wrong with it.

    Raises:
        InputError: no such folder, nothing in it, or a phase map for other cases.
    """
    root = Path(dataset_dir)
    if example_dir is not None and root == Path(example_dir) and not root.exists():
        ensure_phantom(root, preset="demo", seed=EXAMPLE_SEED, studies=EXAMPLE_STUDIES, format="dicom")
    items, rest = studies_and_rest(root, phase_map=phase_map, keep_names=keep_names)
    for entry in rest:
        logger.info("%s is no study: %s", entry.name, entry.why)
    return items


def studies_and_rest(
    root: Path, *, phase_map=None, keep_names: bool = False, spread: Callable = map
) -> tuple[list[dict], list[NotFound]]:
    """The studies below a folder as ``find_studies`` lists them, and what is none, with reasons."""
    if not root.is_dir():
        raise InputError(
            found="no such folder",
            expected="a folder of studies",
            where=str(root),
            remedy="Correct dataset_dir.",
        )
    selectors = load_phase_map(phase_map) if phase_map is not None else None
    found, rest = discover(root, phase_map=selectors, keep_names=keep_names, spread=spread)
    items = [_item(study, selectors) for study in found]
    homes = {study.folder for study in found}
    around = {folder for home in homes for folder in (home, *home.parents)}
    for folder in root.iterdir():
        hidden = folder.name.startswith((".", "__"))
        of_a_study = folder in around or not homes.isdisjoint(folder.parents)
        if folder.is_dir() and not hidden and not of_a_study:
            items.append({"case": folder.name, "image": str(folder)})
    _check_not_empty(items, root)
    if selectors is not None:
        _check_mapped_cases(selectors, [item["case"] for item in items], found)
    return sorted(items, key=lambda item: natural_key(item["case"])), rest


def _item(study: Found, phase_map: PhaseMap | None) -> dict:
    item = {"case": study.case, "image": str(study.image)}
    if study.exam is not None:
        item["exam"] = str(study.exam)
    if phase_map is not None and study.case not in phase_map.cases:
        named = [alias for alias in sorted(study.aliases) if alias in phase_map.cases]
        if named:
            item["phase_map"] = {phase: str(source) for phase, source in phase_map.cases[named[0]].items()}
    return item


def _check_not_empty(items: list[dict], root: Path) -> None:
    if not items:
        files = sum(path.is_file() for path in root.iterdir())
        raise InputError(
            found=f"no sub-folder, {files} files" if files else "an empty folder",
            expected=f"one sub-folder for each study, holding {ACCEPTED_FORMS}",
            where=str(root),
            remedy="Put each study into a sub-folder of its own.",
        )


def _check_mapped_cases(phase_map: PhaseMap, cases: list[str], found: list[Found]) -> None:
    known = {ANY_CASE, *cases}.union(*(study.aliases for study in found))
    if strangers := sorted(set(phase_map.cases) - known):
        raise InputError(
            found=f"phases of {', '.join(strangers[:5])}, which is no study of the folder",
            expected=f"cases among {', '.join(sorted(cases)[:5])}{' …' if len(cases) > 5 else ''}, or *",
            where=phase_map.where,
            remedy="Correct the case's name: it is the name of the study's sub-folder.",
        )
