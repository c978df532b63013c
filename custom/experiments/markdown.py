"""The table as people read it: a section a figure, an arm a line, and before them what was run and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from .figures import FIGURES, Figure
from .statistics import Interval
from .table import Cell, Manifest

COLUMNS = "mean ± sd over studies | sd over runs | 95 % interval | difference | its 95 % interval | p | p (Holm)"


def as_markdown(cells: Sequence[Cell], manifests: Sequence[Manifest]) -> str:
    """The whole page."""
    experiment = manifests[0]["experiment"]
    sections = [f"# {experiment['title']}", _what_was_run(manifests), _how_to_read(experiment["compared_with"])]
    for figure in FIGURES:
        column = [cell for cell in cells if cell.figure == figure.key]
        if column:
            sections.append(_section(figure, column))
    return "\n\n".join(sections) + "\n"


def unfinished(manifests: Sequence[Manifest]) -> list[str]:
    """Runs that the experiment plans and that have no manifest."""
    experiment = manifests[0]["experiment"]
    folds, seeds = (max(manifest["experiment"][key] for manifest in manifests) for key in ("folds", "seeds"))
    planned = product(experiment["arms"], range(folds), range(seeds))
    done = {(manifest["arm"], manifest["fold"], manifest["seed"]) for manifest in manifests}
    return [f"{arm}, fold {fold}, seed {seed}" for arm, fold, seed in planned if (arm, fold, seed) not in done]


def _what_was_run(manifests: Sequence[Manifest]) -> str:
    experiment, missing = manifests[0]["experiment"], unfinished(manifests)
    steps = _span([manifest["budget"]["steps"] for manifest in manifests], "{:.0f}")
    held_out = _span([manifest["split"]["held_out"] for manifest in manifests], "{:.0f}")
    learnt = _span([manifest["split"]["training"] for manifest in manifests], "{:.0f}")
    minutes = _span([manifest["seconds"]["training"] / 60 for manifest in manifests], "{:.1f}")
    devices = ", ".join(sorted({manifest["device"] for manifest in manifests}))
    text = (
        f"{experiment['folds']} fold(s) × {experiment['seeds']} seed(s); {len(manifests)} runs of {steps} optimiser "
        f"steps on {learnt} studies, judged on {held_out} others; {minutes} minutes a training on {devices}."
    )
    return text + (f"\n\n**Not finished, and not in this table:** {'; '.join(missing)}." if missing else "")


def _how_to_read(reference: str) -> str:
    return (
        f"Differences are from {reference}, of networks given the mask from its line with the mask given, over "
        "the studies that both have; intervals are percentile bootstraps over patients; p is of a sign-flip test over "
        "patients, Holm's correction over the lines of a figure. What the paper reports was measured on other data."
    )


def _section(figure: Figure, cells: Sequence[Cell]) -> str:
    better = "higher" if figure.higher_is_better else "lower"
    studies = _span([cell.studies for cell in cells], "{:.0f}")
    told = any(cell.reported for cell in cells)
    head = f"| | {COLUMNS} |" + (" the paper |" if told else "")
    rows = [head, "|---" * (head.count("|") - 1) + "|"]
    rows += ["| " + " | ".join(_entries(cell, figure.digits, told)) + " |" for cell in cells]
    return f"## {figure.title}\n{studies} studies; {better} is better.\n\n" + "\n".join(rows)


def _entries(cell: Cell, digits: int, told: bool) -> list[str]:
    entries = [cell.arm, f"{cell.mean:.{digits}f} ± {_number(cell.sd_studies, digits)}", _number(cell.sd_runs, digits)]
    entries += [_interval(cell.interval, digits), _number(cell.difference, digits, sign="+")]
    entries += [_interval(cell.difference_interval, digits, sign="+"), _p(cell.p), _p(cell.p_holm)]
    return [*entries, cell.reported] if told else entries


def _number(value: float | None, digits: int, sign: str = "") -> str:
    return "–" if value is None else f"{value:{sign}.{digits}f}"


def _interval(interval: Interval | None, digits: int, sign: str = "") -> str:
    return "–" if interval is None else "[" + ", ".join(_number(end, digits, sign) for end in interval) + "]"


def _p(value: float | None) -> str:
    return "–" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _span(values: Sequence[float], form: str) -> str:
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"
