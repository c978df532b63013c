"""One row of the report: what is wrong with which file of which study, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ...types import InputError
from ..shown import shown

ERROR, WARNING = "error", "warning"
"""An error keeps the study from being used; a warning asks to look at it."""


@dataclass(frozen=True)
class Problem:
    """What is wrong.

    Args:
        case: the study; empty for the data set.
        file: file or folder relative to the data set, identifiers in it cut; empty for the study as a whole.
        severity: ``ERROR`` or ``WARNING``.
        finding: what was found.
        remedy: what to do.
    """

    case: str
    file: str
    severity: str
    finding: str
    remedy: str


@dataclass(frozen=True)
class StudyReport:
    """Collects the problems of one study, each once.

    Args:
        case: the study.
        root: folder of the data set, which files are named relative to.
    """

    case: str
    root: Path
    problems: list[Problem] = field(default_factory=list)

    def error(self, finding: str, remedy: str, path: Path | None = None) -> None:
        """Add what keeps the study from being used."""
        self._add(ERROR, finding, remedy, path)

    def warning(self, finding: str, remedy: str, path: Path | None = None) -> None:
        """Add what somebody should look at."""
        self._add(WARNING, finding, remedy, path)

    def raised(self, error: InputError, path: Path | None = None) -> None:
        """Add a user's error; of the place that it names, study and file have columns of their own."""
        place = re.match(rf"(?:[^,]*, case )?{re.escape(self.case)}(?:/[^,]*)?, (.+)$", error.where)
        where = f"{place[1]}: " if place else ""
        self._add(ERROR, f"{where}{error.found}; expected {error.expected}", error.remedy, path)

    def _add(self, severity: str, finding: str, remedy: str, path: Path | None) -> None:
        problem = Problem(self.case, place_of(path, self.root), severity, finding, remedy)
        if problem not in self.problems:
            self.problems.append(problem)


def place_of(path: Path | None, root: Path) -> str:
    """A path as the report names it: inside the data set by its place, elsewhere by its name alone."""
    if path is None or path == root:
        return ""
    return shown(path.relative_to(root)) if path.is_relative_to(root) else shown(path)
