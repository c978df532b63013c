"""All files of an experiment's table, made from the manifests below a folder and from nothing else."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ..files import write_text
from ..manifest import read_manifests
from .lines import Manifest, lines_of
from .markdown import as_markdown
from .pictures import draw_calibration, draw_confusion_matrices, draw_table
from .table import Cell, as_row, build_table


def write_table(folder: Path) -> list[Path]:
    """Write ``table.csv``, ``table.md`` and pictures into ``<folder>/table``; the same manifests, the same files.

    Returns:
        Their paths.

    Raises:
        InputError: no finished run, or runs of several experiments.
    """
    manifests = read_manifests(folder)
    cells, target = build_table(manifests), folder / "table"
    text = io.StringIO()
    rows = [as_row(cell) for cell in cells]
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    csv_path = write_text(target / "table.csv", text.getvalue())
    return [csv_path, write_text(target / "table.md", as_markdown(cells, manifests)), *draw(manifests, cells, target)]


def draw(manifests: Sequence[Manifest], cells: Sequence[Cell], target: Path) -> list[Path]:
    """Draw the table's pictures into ``target``; returns the paths of those that there is something to draw for."""
    target.mkdir(parents=True, exist_ok=True)
    lines = lines_of(manifests)
    classifying = [line for line in lines if "accuracy" in line.shows]
    written = [draw_table(cells, target / "figures.png")]
    written.append(draw_confusion_matrices(classifying, manifests[0]["classes"], target / "confusion_matrices.png"))
    written.append(draw_calibration([line for line in lines if "dsc" in line.shows], target / "calibration.png"))
    return [path for path in written if path is not None]
