"""The studies to check: those of a datalist with all mistakes of its entries, or the sub-folders of a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ...types import DEFAULT_CLASSES, InputError
from ..datalist import read_datalist, with_absolute_paths
from ..datalist_rules import mistakes_between_items, mistakes_of_item
from ..discovery import NotFound
from ..find_studies import studies_and_rest
from ..phase_map import PhaseMap
from ..splits import SECTIONS
from .problem import Problem, StudyReport

DATALIST = "datalist.json"


@dataclass(frozen=True)
class Entry:
    """One study to check.

    Args:
        case: its name.
        item: as ``plan_study`` takes it.
        section: of the datalist, or ``None`` for a study that was found in a folder.
        problems: what is wrong with the datalist's entry.
    """

    case: str
    item: Mapping
    section: str | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """The studies to check, where their paths start, the class names in head order, and what is beside the studies."""

    entries: list[Entry]
    root: Path
    classes: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def open_data_set(
    path: str | PathLike,
    *,
    dataset_dir: str | PathLike | None = None,
    classes: Sequence[str] | None = None,
    phase_map: PhaseMap | None = None,
    spread: Callable = map,
) -> DataSet:
    """List the studies.

    Args:
        path: a datalist, or a folder: with ``datalist.json`` in it that one, else one sub-folder for each study.
        dataset_dir: where a datalist's relative paths start; default: at the datalist.
        classes: class names in head order; default: those of the datalist, else the project's.
        phase_map: names of cases in it that are no study are an error.
        spread: a ``map``, perhaps over several processes.

    Raises:
        InputError: no such file or folder, nothing in it, or a file that is no datalist.
    """
    path = Path(path).absolute()
    if path.is_dir() and not (path / DATALIST).is_file():
        items, rest = studies_and_rest(path, phase_map=phase_map, spread=spread)
        entries = [Entry(item["case"], item) for item in items]
        return DataSet(entries, path, tuple(classes or DEFAULT_CLASSES), tuple(_unused(entry, path) for entry in rest))
    datalist = path / DATALIST if path.is_dir() else path
    content = read_datalist(datalist)
    root = Path(dataset_dir or datalist.parent).absolute()
    content = {**content, "classes": list(classes or content.get("classes") or DEFAULT_CLASSES)}
    entries = _entries(content, root, datalist)
    if not entries:
        raise InputError(
            found="no study",
            expected=f"studies in at least one of the sections {', '.join(SECTIONS)}",
            where=datalist.name,
            remedy="Add studies to it.",
        )
    return DataSet(entries, root, tuple(content["classes"]))


def _unused(entry: NotFound, root: Path) -> Problem:
    report = StudyReport(entry.name, root)
    report.warning(f"no study: {entry.why}", "Nothing, unless a study is missing here.", entry.folder)
    return report.problems[0]


def _entries(content: Mapping, root: Path, datalist: Path) -> list[Entry]:
    between: dict[int, list[InputError]] = {}
    for item, mistake in mistakes_between_items(content, datalist):
        between.setdefault(id(item), []).append(mistake)
    entries = []
    for section in SECTIONS:
        for number, item in enumerate(content.get(section, []), 1):
            report = StudyReport(str(item.get("case") or f"{section} {number}"), root)
            for mistake in (*between.get(id(item), ()), *mistakes_of_item(item, content, datalist)):
                report.raised(mistake, datalist)
            entries.append(Entry(report.case, _readable(item, root), section, tuple(report.problems)))
    return entries


def _readable(item: Mapping, root: Path) -> Mapping:
    """The item with absolute paths where they have the form of paths; what has another form is a mistake by itself."""
    tables = (item.get(key) for key in ("phases", "labels"))
    if any(table is not None and not isinstance(table, Mapping) for table in tables):
        return item
    return with_absolute_paths(item, root)
