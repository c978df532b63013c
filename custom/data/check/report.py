"""What a check found: a table for people, JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

from ...types import DEFAULT_CLASSES
from .problem import ERROR, WARNING, Problem

_COLUMNS = ("case", "severity", "file, finding and remedy")
_NARROW = 32  # characters that the case may take
_LEAST = 40  # characters of the last column
_USUAL_WIDTH = 120


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
        """All problems: of each the case, the severity, and below each other file, finding and remedy (->).

        Args:
            width: characters of a line; default: the terminal's.
        """
        if not self.problems:
            return ""
        width = width or shutil.get_terminal_size((_USUAL_WIDTH, 0)).columns
        first = min(_NARROW, max(len(name) for name in (_COLUMNS[0], *(p.case for p in self.problems))))
        widths = (first, len(_COLUMNS[1]), max(_LEAST, width - first - len(_COLUMNS[1]) - 4))
        rows = [_row(((p.case,), (p.severity,), (p.file, p.finding, f"-> {p.remedy}")), widths) for p in self.problems]
        head = _row([(title,) for title in _COLUMNS], widths)
        return "\n".join([head, "-" * max(len(line) for row in rows for line in row.splitlines()), *rows])

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


def _row(cells: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    """Cells of several paragraphs beside each other, each wrapped to its width."""
    wrapped = [
        [line for paragraph in cell for line in textwrap.wrap(paragraph, width, subsequent_indent=_indent(paragraph))]
        for cell, width in zip(cells, widths, strict=True)
    ]
    return "\n".join(
        "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()
        for parts in zip_longest(*wrapped, fillvalue="")
    )


def _indent(paragraph: str) -> str:
    return "   " if paragraph.startswith("-> ") else ""


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
