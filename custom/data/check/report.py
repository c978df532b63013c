"""What a check found: a table for people, JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...types import DEFAULT_CLASSES
from .problem import ERROR, WARNING, Problem

_COLUMNS = ("case", "file", "severity", "finding", "remedy")
_NARROW = 24  # characters that case and file may take
_USUAL_WIDTH = 150


@dataclass(frozen=True)
class Report:
    """The problems of a data set.

    Args:
        studies: how many were checked.
        problems: one row each, in the order of the studies.
        seconds: how long it took.
        headers_only: whether the voxels were left out.
        classes: lesion class names in head order.
    """

    studies: int
    problems: Sequence[Problem]
    seconds: float
    headers_only: bool = False
    classes: tuple[str, ...] = DEFAULT_CLASSES

    @property
    def errors(self) -> int:
        """How many problems keep a study from being used."""
        return sum(problem.severity == ERROR for problem in self.problems)

    @property
    def warnings(self) -> int:
        """How many problems ask for a look."""
        return sum(problem.severity == WARNING for problem in self.problems)

    def summary(self) -> str:
        """One line: what was checked and how it came out."""
        what = "headers of " if self.headers_only else ""
        return (
            f"Checked {what}{_counted(self.studies, 'study', 'studies')}: {_counted(self.errors, 'error', 'errors')}, "
            f"{_counted(self.warnings, 'warning', 'warnings')}, {self.seconds:.1f} s"
        )

    def table(self, width: int | None = None) -> str:
        """All problems, one below the other, wrapped to ``width`` characters (default: the terminal's)."""
        if not self.problems:
            return ""
        width = width or shutil.get_terminal_size((_USUAL_WIDTH, 0)).columns
        rows = [_COLUMNS, *((p.case, p.file, p.severity, p.finding, p.remedy) for p in self.problems)]
        widths = [min(_NARROW, max(len(row[c]) for row in rows)) for c in (0, 1)] + [len(_COLUMNS[2])]
        rest = max(40, width - sum(widths) - 2 * (len(_COLUMNS) - 1))
        widths += [rest * 3 // 5, rest - rest * 3 // 5]
        lines = [_row(row, widths) for row in rows]
        return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(_COLUMNS) - 1)), *lines[1:]])

    def write_json(self, path: str | os.PathLike) -> None:
        """Write everything as JSON, at once or not at all."""
        path = Path(path)
        content = {
            "studies": self.studies,
            "errors": self.errors,
            "warnings": self.warnings,
            "headers_only": self.headers_only,
            "seconds": round(self.seconds, 2),
            "problems": [asdict(problem) for problem in self.problems],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.tmp")
        unfinished.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(unfinished, path)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=True)]
    height = max(len(lines) for lines in wrapped)
    padded = [lines + [""] * (height - len(lines)) for lines in wrapped]
    return "\n".join(
        "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()
        for parts in zip(*padded, strict=True)
    )


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
