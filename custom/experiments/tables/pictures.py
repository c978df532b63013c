"""The table as pictures: every figure with its interval; of each arm confusion matrix, calibration, risk-coverage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure as Canvas

from ...engines.metrics.calibration import calibration
from ...engines.metrics.figures import save_figure
from ...engines.metrics.summary import confusion_matrix
from .figures import FIGURES
from .lines import Line
from .table import Cell

COLUMNS = 3


def draw_table(cells: Sequence[Cell], path: Path) -> Path:
    """A panel a figure: mean and 95 % interval of each arm, in colour what others are compared with."""
    shown = [figure for figure in FIGURES if any(cell.figure == figure.key for cell in cells)]
    most = max(len([cell for cell in cells if cell.figure == figure.key]) for figure in shown)
    canvas, panels = _panels(len(shown), height=1.2 + 0.28 * most)
    for axes, figure in zip(panels, shown, strict=False):
        column = [cell for cell in cells if cell.figure == figure.key]
        references = {cell.compared_with for cell in column}
        for row, cell in enumerate(column):
            colour = "tab:blue" if cell.arm in references else "tab:gray"
            if cell.interval is not None:
                axes.plot(cell.interval, (row, row), color=colour, linewidth=2)
            axes.plot(cell.mean, row, "o", color=colour)
        axes.set_yticks(range(len(column)), [cell.arm for cell in column], fontsize=8)
        axes.set_ylim(len(column) - 0.5, -0.5)
        axes.set_title(f"{fill(figure.title, 44)} ({'↑' if figure.higher_is_better else '↓'})", fontsize=8)
        axes.tick_params(axis="x", labelsize=8)
    return save_figure(canvas, path)


def draw_confusion_matrices(lines: Sequence[Line], classes: Sequence[str], path: Path) -> Path | None:
    """Share of each true class by answer, over all folds and seeds (the paper's Fig. 4); None where none classifies."""
    counts = {line.name: confusion_matrix(line.records, len(classes)) for line in lines}
    counts = {name: np.array(matrix) for name, matrix in counts.items() if np.array(matrix)[:, :-1].any()}
    if not counts:
        return None
    canvas, panels = _panels(len(counts), height=1.4 + 0.4 * len(classes))
    for axes, (name, matrix) in zip(panels, counts.items(), strict=False):
        shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            colour = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{100 * share:.0f} %", ha="center", va="center", color=colour, fontsize=8)
        axes.set_xticks(range(len(classes) + 1), [*classes, "not found"], fontsize=7)
        axes.set_yticks(range(len(classes)), classes, fontsize=7)
        axes.set_title(name, fontsize=9)
    return save_figure(canvas, path)


def draw_calibration(lines: Sequence[Line], path: Path) -> Path | None:
    """Reliability of the class, and what the disagreement of the two curves says of the mask; None without either."""
    found = {line.name: calibration(line.records) for line in lines}
    canvas = Canvas(figsize=(11, 4.6), layout="constrained")
    reliability, coverage = canvas.subplots(1, 2)
    for name, result in found.items():
        if (of_class := result["class"]) is not None:
            points = [(row["probability"], row["accuracy"]) for row in of_class["bins"]]
            reliability.plot(*zip(*points, strict=True), "o-", label=name)
        if (of_curves := result["curves"]) is not None:
            shares = np.arange(1, len(of_curves["risk"]) + 1) / len(of_curves["risk"])
            coverage.plot(shares, of_curves["risk"], label=name)
    if not (reliability.lines or coverage.lines):
        return None
    reliability.plot((0, 1), (0, 1), color="black", linewidth=0.5)
    reliability.set(xlabel="probability of the class given", ylabel="share of right answers", ylim=(0, 1.02))
    coverage.set(xlabel="share of studies kept, curves agreeing best first", ylabel="1 − DSC of those kept, mean")
    for axes in (reliability, coverage):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=7)
    return save_figure(canvas, path)


def _panels(count: int, height: float):
    rows = -(-count // COLUMNS)
    canvas = Canvas(figsize=(4.6 * COLUMNS, height * rows + 0.3), layout="constrained")
    panels = canvas.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in panels[count:]:
        axes.set_axis_off()
    return canvas, panels
