"""The user's own naming of the phases; it overrides every other evidence.

JSON: ``{"case01": {"pre": "5@1", "arterial": "5@2", ...}, "*": {...}}``. CSV: columns ``case,phase,source``.
A selector is a file name, a folder inside the study, a SeriesNumber or a SeriesDescription; ``@k`` behind it picks
the k-th time point, counted from 1.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..types import PHASES, InputError

ANY_CASE = "*"


@dataclass(frozen=True)
class Selector:
    """What the user points at: a name and, where it holds several time points, which of them (from 1)."""

    name: str
    time_point: int | None = None

    def __str__(self) -> str:
        return self.name if self.time_point is None else f"{self.name}@{self.time_point}"


@dataclass(frozen=True)
class PhaseMap:
    """Selectors of each case; ``"*"`` stands for every case that is not named.

    Args:
        cases: ``{case or "*": {phase: Selector}}``.
        where: file it was read from, for messages.
    """

    cases: dict[str, dict[str, Selector]]
    where: str = "phase map"

    def for_case(self, case: str) -> dict[str, Selector] | None:
        """The selectors of a case, those of ``"*"`` when it is not named, or ``None``."""
        return self.cases.get(case, self.cases.get(ANY_CASE))


def load_phase_map(path) -> PhaseMap:
    """Read a phase map from a JSON or CSV file.

    Args:
        path: file name ending in ``.json`` or ``.csv``; a ``PhaseMap`` is handed through, a mapping is checked.

    Raises:
        InputError: unreadable file, unknown phase, or an entry that is no selector.
    """
    if isinstance(path, PhaseMap):
        return path
    if isinstance(path, Mapping):
        return _build(path, "phase map")
    file = Path(path)
    if not file.is_file():
        raise InputError(
            found="no such file", expected="a JSON or CSV file", where=str(path), remedy="Correct --phase_map."
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
        content = json.loads(text) if file.suffix.lower() == ".json" else _rows_to_cases(text, file.name)
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        raise InputError(
            found=f"text that cannot be read ({error})",
            expected="JSON, or CSV with the columns case, phase, source",
            where=file.name,
            remedy="Correct the file.",
        ) from error
    return _build(content, file.name)


def parse_selector(text: str) -> Selector:
    """``"5@2"`` → series 5, second time point; a text without ``@k`` names the whole."""
    name, mark, number = text.rpartition("@")
    if mark and number.strip().isdecimal():
        return Selector(name.strip(), int(number))
    return Selector(text.strip())


def _rows_to_cases(text: str, where: str) -> dict:
    rows = csv.DictReader(text.splitlines())
    if not {"case", "phase", "source"} <= set(rows.fieldnames or ()):
        raise InputError(
            found=f"columns {', '.join(rows.fieldnames or ()) or 'none'}",
            expected="the columns case, phase, source",
            where=where,
            remedy="Add the header line.",
        )
    cases: dict[str, dict[str, str]] = {}
    for row in rows:
        case, phase = (row["case"] or "").strip() or ANY_CASE, (row["phase"] or "").strip()
        if phase in cases.setdefault(case, {}):
            raise InputError(
                found=f"phase {phase} twice",
                expected="each phase once",
                where=f"{where}, case {case}",
                remedy="Remove one line.",
            )
        cases[case][phase] = (row["source"] or "").strip()
    return cases


def _build(content: object, where: str) -> PhaseMap:
    if not isinstance(content, Mapping) or not all(isinstance(entry, Mapping) for entry in content.values()):
        raise InputError(
            found="another structure",
            expected='{"case" or "*": {"pre": selector, ...}}',
            where=where,
            remedy='Put the selectors under the case\'s name, or under "*" for all cases.',
        )
    return PhaseMap({str(case): selectors_of(entry, f"{where}, case {case}") for case, entry in content.items()}, where)


def selectors_of(entry: Mapping, where: str) -> dict[str, Selector]:
    """One case's entries, checked: ``{phase: selector}``; a phase without selector is said to be missing.

    Raises:
        InputError: an unknown phase, or an entry that is no selector.
    """
    selectors = {}
    for phase, source in entry.items():
        if phase not in PHASES:
            raise InputError(
                found=f"phase {phase!r}",
                expected=f"one of {', '.join(PHASES)}",
                where=where,
                remedy="Use these names of the phases.",
            )
        if source is None:  # said to be missing
            continue
        if isinstance(source, bool) or not isinstance(source, str | int) or not str(source).strip():
            raise InputError(
                found=f"{source!r} for {phase}",
                expected="a file, folder, series number or description, with @k for a time point",
                where=where,
                remedy="Correct the selector.",
            )
        selectors[phase] = parse_selector(str(source))
        if selectors[phase].time_point == 0:
            raise InputError(
                found=f"{source!r} for {phase}",
                expected="time points counted from 1",
                where=where,
                remedy="Use @1 for the first.",
            )
    return selectors
