"""Lines in, table out: every figure of every line, and what tells it from the line it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from types import ModuleType
from typing import Any

from . import means, pooled_statistics
from .figures import FIGURES, Figure
from .lines import Line, Manifest, compared_with, lines_of
from .pooled import Pooled
from .statistics import Interval, holm


@dataclass(frozen=True)
class Cell:
    """One figure of one line.

    Args:
        arm, figure: where it stands.
        runs, studies, patients: how many.
        mean: over the studies, each averaged over its seeds; of a figure that a run has as a whole, over the runs.
        sd_studies: of a figure that studies have.
        sd_runs: of the runs' values, over folds and seeds.
        interval: 95 %, of the mean, over patients.
        compared_with: the line that the difference is from, "" where there is none.
        difference, difference_interval: over the studies that both have.
        p, p_holm: paired test of the difference; corrected over the lines of this figure.
        reported: what the paper reports.
    """

    arm: str
    figure: str
    runs: int
    studies: int
    patients: int
    mean: float
    sd_studies: float | None
    sd_runs: float | None
    interval: Interval | None
    compared_with: str = ""
    difference: float | None = None
    difference_interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None
    reported: str = ""


def build_table(manifests: Sequence[Manifest], figures: Sequence[Figure] = FIGURES) -> list[Cell]:
    """Every figure that any line has, figure by figure."""
    lines, reference = lines_of(manifests), manifests[0]["experiment"]["compared_with"]
    return [cell for figure in figures for cell in _column(lines, figure, reference)]


def means_of(manifests: Sequence[Manifest], figures: Sequence[Figure]) -> dict[str, dict[str, float]]:
    """Line → figure → mean, of those that it has; without intervals and tests, which take their time."""
    found: dict[str, dict[str, float]] = {}
    for line, figure in product(lines_of(manifests), figures):
        mean = way_of(figure).mean(line.runs, figure) if figure.key in line.shows else None
        if mean is not None:
            found.setdefault(line.name, {})[figure.key] = mean
    return found


def way_of(figure: Figure) -> ModuleType:
    """Whether it is a mean over studies or a figure of whole runs: the module that computes it."""
    return pooled_statistics if isinstance(figure.value, Pooled) else means


def _column(lines: Sequence[Line], figure: Figure, reference: str) -> list[Cell]:
    way = way_of(figure)
    lines = [line for line in lines if figure.key in line.shows]
    by_name = {line.name: line for line in lines}
    cells = []
    for line in lines:
        if (own := way.own(line.runs, figure)) is None:
            continue
        cell = {"arm": line.name, "figure": figure.key, "runs": len(line.runs), **own}
        cell["reported"] = line.reported.get(figure.key, "")
        if line.name != (other := compared_with(line, lines, reference)):
            cell["compared_with"] = other
            cell |= way.against(line.runs, by_name[other].runs, figure) if other in by_name else {}
        cells.append(cell)
    corrected = holm([cell.get("p") for cell in cells])
    return [Cell(**cell, p_holm=p) for cell, p in zip(cells, corrected, strict=True)]


def as_row(cell: Cell) -> dict[str, Any]:
    """A line of ``table.csv``; intervals as two columns, what is not defined an empty cell."""
    row = asdict(cell)
    for name, key in (("interval", "mean"), ("difference_interval", "difference")):
        row[f"{key}_low"], row[f"{key}_high"] = row.pop(name) or (None, None)
    return row
