"""Sections of single held-out studies, an arm a row: phases with both outlines, and curves (the paper's Fig. 3).

Which studies are shown is a rule and nobody's choice: those at fixed percentiles of the compared arm's DSC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from ...engines.metrics.figures import save_figure
from ...engines.metrics.study_record import Record
from ...types import PHASES, InputError
from ..files import read_json
from ..manifest import MANIFEST, read_manifests
from ..tables.lines import Line, Manifest, lines_of
from .predict import WEIGHTS, Seen, see

PERCENTILES = (10, 50, 90)
PANELS = "panels-{}.png"
TRUE, PREDICTED, MEASURED = "#56B4E9", "#E69F00", "#009E73"  # of Okabe and Ito's palette
MARGIN = 10
"""Pixels around what is outlined."""

GREYS = 40
"""Steps of brightness: few, so that the files stay small."""


@dataclass(frozen=True)
class Chosen:
    """A study: at which percentile of the compared arm's DSC it lies, that DSC, and the run that held it out."""

    percentile: int
    case: str
    dsc: float
    run: tuple[int, int]


def write_panels(folder: Path, target: Path) -> list[Path]:
    """Let every arm of an experiment with weights look at the chosen studies, and draw what it sees.

    Args:
        folder: of the experiment, with its runs.
        target: folder of the pictures ``panels-<percentile>.png``.

    Returns:
        Their paths.

    Raises:
        InputError: no study to choose, or no weights.
    """
    manifests = read_manifests(folder)
    reference = manifests[0]["experiment"]["compared_with"] if manifests else ""
    lines = {line.name: line for line in lines_of(manifests) if line.name == line.arm}
    chosen = choose(lines[reference]) if reference in lines else []
    seen = _look(folder, chosen)
    if not seen:
        raise InputError(
            found=f"{len(chosen)} studies and no weights of a run that held one of them out",
            expected="finished runs with their weights",
            where=f"experiment panels, {folder.name}",
            remedy="Name the folder of an experiment with all that its runs wrote.",
        )
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for study in chosen:
        rows = [(lines[arm], seen[arm][study.case]) for arm in lines if study.case in seen.get(arm, {})]
        if rows:
            written.append(_draw(study, rows, reference, target / PANELS.format(study.percentile)))
    return written


def choose(line: Line) -> list[Chosen]:
    """The studies at the percentiles of the line's DSC, over the folds of its first seed."""
    first = min(seed for _, seed in line.runs)
    found = [(r["dsc"], r["case"], run) for run, records in line.runs.items() if run[1] == first for r in records]
    ranked = sorted(entry for entry in found if entry[0] is not None)
    places = [(percentile, round(percentile / 100 * (len(ranked) - 1))) for percentile in PERCENTILES if ranked]
    chosen = [(percentile, *ranked[place]) for percentile, place in places]
    return [Chosen(percentile, case, dsc, run) for percentile, dsc, case, run in chosen]


def _look(folder: Path, chosen: Sequence[Chosen]) -> dict[str, dict[str, Seen]]:
    """Arm → case → what it sees; arms without weights (trained elsewhere) have none."""
    seen: dict[str, dict[str, Seen]] = {}
    with TemporaryDirectory() as cache:
        for path in sorted(folder.glob(f"**/{MANIFEST}")):
            manifest: Manifest = read_json(path)
            run = manifest.get("fold"), manifest.get("seed")
            cases = [study.case for study in chosen if study.run == run]
            if cases and (path.parent / WEIGHTS).is_dir():
                seen.setdefault(manifest["arm"], {}).update(see(path.parent, cases, Path(cache)))
    return seen


def _draw(study: Chosen, rows: Sequence[tuple[Line, Seen]], reference: str, path: Path) -> Path:
    canvas = Canvas(figsize=(9.5, 1.5 * len(rows) + 0.9), dpi=72, layout="constrained")
    grid = canvas.subplots(len(rows), len(PHASES) + 1, squeeze=False, width_ratios=[*[1] * len(PHASES), 1.5])
    windows = _windows([seen for _, seen in rows])
    for axes, window, (line, seen) in zip(grid, windows, rows, strict=True):
        record = _record(line, study)
        _draw_phases(axes[:-1], seen, window, outlined=not line.given_mask)
        _draw_curves(axes[-1], record)
        told = "told the place" if line.given_mask else f"DSC {record['dsc']:.2f}"
        axes[0].set_ylabel(f"{line.name}\n{told}", fontsize=8)
    for axis, phase in zip(grid[0], PHASES, strict=False):
        axis.set_title(phase.replace("_", " "), fontsize=8)
    grid[0, -1].set_title("signal of the tumour, raw units", fontsize=8)
    canvas.suptitle(f"{study.case}: percentile {study.percentile} of {reference}'s DSC ({study.dsc:.2f})", fontsize=9)
    handles = [Line2D([], [], color=TRUE, label="true outline, and the curve under it")]
    handles.append(Line2D([], [], color=PREDICTED, label="predicted outline, regressed curve"))
    handles.append(Line2D([], [], color=MEASURED, linestyle="--", label="curve under the predicted outline"))
    canvas.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return save_figure(canvas, path)


def _record(line: Line, study: Chosen) -> Record:
    return next(record for record in line.runs[study.run] if record["case"] == study.case)


def _windows(sections: Sequence[Seen]) -> list[tuple[slice, slice]]:
    """The part of each section that is shown: the same for all arms, but for arms of other pixels each its own."""
    if len({seen.true.shape for seen in sections}) > 1:
        return [_window([seen]) for seen in sections]
    return [_window(sections)] * len(sections)


def _window(sections: Sequence[Seen]) -> tuple[slice, slice]:
    """The part of the section around all outlines."""
    outlined = np.any([mask for seen in sections for mask in (seen.true, seen.predicted)], axis=0)  # (H, W)
    spans = []
    for axis in (1, 0):
        inside = np.flatnonzero(outlined.any(axis=axis))
        spans.append(slice(max(0, int(inside[0]) - MARGIN), int(inside[-1]) + MARGIN + 1))
    return spans[0], spans[1]


def _draw_phases(axes: Sequence[Axes], seen: Seen, window: tuple[slice, slice], *, outlined: bool) -> None:
    brightest = max(float(np.percentile(seen.phases[:, *window], 99.5)), 1e-6)  # one for all phases
    masks = ((seen.true, TRUE), (seen.predicted, PREDICTED)) if outlined else ((seen.true, TRUE),)
    for axis, phase in zip(axes, seen.phases, strict=True):
        levels = np.round(phase[window].T / brightest * GREYS).clip(0, GREYS)  # grid axes L and P: anterior up
        axis.imshow(levels, cmap="gray", vmin=0, vmax=GREYS, interpolation="nearest")
        for mask, colour in masks:
            if mask[window].any():
                axis.contour(mask[window].T, levels=[0.5], colors=colour, linewidths=1.2)
        axis.set_xticks([])
        axis.set_yticks([])


def _draw_curves(axis: Axes, record: Record) -> None:
    curves: Mapping[str, Sequence[float | None] | None] = record["curves"]
    styles = {"target": (TRUE, "-"), "measured": (MEASURED, "--"), "regressed": (PREDICTED, "-")}
    for name, (colour, style) in styles.items():
        if curves[name] is not None:
            values = [np.nan if value is None else value for value in curves[name]]
            axis.plot(values, style, color=colour, marker="o", markersize=3)
    axis.set_xticks([])
    axis.set_ylim(bottom=0)
    axis.tick_params(labelsize=7)
