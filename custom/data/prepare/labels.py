"""The user's table of what the images do not say: one row for each study, ``case`` and ``lesion_class`` at least."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...types import PHASES, InputError

NO_TUMOUR = ("none", "no tumour", "no tumor", "healthy", "tumour-free", "tumor-free")
"""What ``lesion_class`` says of a study without tumour; an empty cell means that the class is not known."""
_REQUIRED = ("case", "lesion_class")
_PHASE_COLUMNS = {f"label_{phase}": phase for phase in PHASES}
_COLUMNS = (*_REQUIRED, "patient", "label", *_PHASE_COLUMNS, "liver")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        line: where it stands, from 1.
        case: the study, as the user calls it.
        lesion_class: one of ``classes``; ``None`` when unknown or without tumour.
        lesion_free: the study is said to be without tumour.
        label, liver: masks as written, ``None`` when the cell is empty; several tumour masks are split at ``|``.
        labels: masks of single phases.
    """

    line: int
    case: str
    lesion_class: str | None = None
    lesion_free: bool = False
    patient: str | None = None
    label: tuple[str, ...] = ()
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    liver: tuple[str, ...] = ()


def read_labels(path: Path, classes: Sequence[str]) -> list[Row]:
    """Read the table: CSV with comma, semicolon or tab, as spreadsheets save it.

    Args:
        path: the file, UTF-8 with or without byte order mark.
        classes: lesion classes; upper and lower case are the same.

    Raises:
        InputError: unreadable, a missing or misspelt column, a doubled case, an unknown class.
    """
    lines = _text(path).splitlines()
    header = next(iter(lines), "")
    delimiter = max(",;\t", key=header.count)
    table = csv.DictReader(lines, delimiter=delimiter, strict=True)
    _check_columns([(name or "").strip().casefold() for name in table.fieldnames or ()], path)
    rows, seen = [], {}
    try:
        for cells in table:
            named = {(key or "").strip().casefold(): value for key, value in cells.items() if isinstance(value, str)}
            if any(value.strip() for value in named.values()):
                row = _row(table.line_num, named, classes, path)
                _check_once(row, seen, path)
                rows.append(row)
    except csv.Error as error:
        raise _fault(f"text that is no table ({error})", "CSV", path) from error
    return rows


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError(found="no such file", expected="a CSV file", where=str(path), remedy="Correct --labels.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _fault("letters that are not UTF-8", "CSV UTF-8", path, "Save the table as CSV UTF-8.") from error
    if "\0" in text:
        raise _fault("binary data", "CSV UTF-8", path, "Save the table as CSV UTF-8.")
    return text


def _check_columns(names: Sequence[str], path: Path) -> None:
    missing = [name for name in _REQUIRED if name not in names]
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    close = {name: difflib.get_close_matches(name, _COLUMNS, n=1, cutoff=0.8) for name in names if name not in _COLUMNS}
    misspelt = [f"{name!r} (did you mean {near[0]!r}?)" for name, near in close.items() if near]
    if missing or doubled or misspelt:
        found = f"the columns {', '.join(filter(None, names)) or 'none'}"
        found += f"; missing {', '.join(missing)}" if missing else ""
        found += f"; twice {', '.join(doubled)}" if doubled else ""
        found += f"; unknown {', '.join(misspelt)}" if misspelt else ""
        raise _fault(found, f"columns among {', '.join(_COLUMNS)}", path, "Correct the header line.")


def _row(line: int, cells: Mapping[str, str], classes: Sequence[str], path: Path) -> Row:
    cell = {name: cells.get(name, "").strip() for name in _COLUMNS}
    if not cell["case"]:
        raise _fault("no case", "the name of a study", path, "Complete the row.", line)
    said = cell["lesion_class"].casefold()
    by_name = {name.casefold(): name for name in classes}
    if said and said not in by_name and said not in NO_TUMOUR:
        raise _fault(
            f"the class {cell['lesion_class']!r}",
            f"one of {', '.join(classes)}, none for a study without tumour, or an empty cell",
            path,
            "Correct the row, or name your classes with --classes.",
            line,
        )
    return Row(
        line=line,
        case=cell["case"],
        lesion_class=by_name.get(said),
        lesion_free=said in NO_TUMOUR and said not in by_name,
        patient=cell["patient"] or None,
        label=_paths(cell["label"]),
        labels={phase: _paths(cell[name]) for name, phase in _PHASE_COLUMNS.items() if cell[name]},
        liver=_paths(cell["liver"]),
    )


def _paths(cell: str) -> tuple[str, ...]:
    return tuple(part.strip().replace("\\", "/") for part in cell.split("|") if part.strip())


def _check_once(row: Row, seen: dict[str, int], path: Path) -> None:
    if row.case in seen:
        raise _fault(
            f"case {row.case!r} in line {seen[row.case]} and again", "one row for each case", path, line=row.line
        )
    seen[row.case] = row.line


def _fault(
    found: str, expected: str, path: Path, remedy: str = "Correct the file.", line: int | None = None
) -> InputError:
    where = path.name if line is None else f"{path.name}, line {line}"
    return InputError(found=found, expected=expected, where=where, remedy=remedy)
