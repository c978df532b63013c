"""The table as people read it: a section a figure, an arm a line, and before them what was run and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from .figures import FIGURES, Figure
from .lines import Manifest
from .statistics import Interval
from .table import Cell

COLUMNS = "mean ± sd over studies | sd over runs | 95 % interval | difference | its 95 % interval | p | p (Holm)"


def as_markdown(cells: Sequence[Cell], manifests: Sequence[Manifest]) -> str:
    """The whole page."""
    experiment = manifests[0]["experiment"]
    sections = [f"# {experiment['title']}", what_was_run(manifests)]
    if missing := unfinished(manifests):
        sections.append(f"**Not finished, and not in this table:** {'; '.join(missing)}.")
    sections.append(_how_to_read(experiment["compared_with"]))
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


def what_was_run(manifests: Sequence[Manifest]) -> str:
    """Size and cost in a sentence; of runs from elsewhere only what is known of them."""
    experiment = manifests[0]["experiment"]
    folds, seeds = (max(manifest["experiment"][key] for manifest in manifests) for key in ("folds", "seeds"))
    learnt, held_out = (span([manifest["split"][key] for manifest in manifests]) for key in ("training", "held_out"))
    trained = [manifest for manifest in manifests if manifest.get("budget") and manifest.get("seconds")]
    text = f"{folds} fold(s) × {seeds} seed(s); {len(manifests)} finished runs of {len(experiment['arms'])} arms"
    if trained:
        text += f", of {span([manifest['budget']['steps'] for manifest in trained])} optimiser steps"
    text += f" on {learnt} studies, judged on {held_out} others"
    if trained:
        minutes = span([manifest["seconds"]["training"] / 60 for manifest in trained], "{:.1f}")
        text += f"; {minutes} minutes a training on {', '.join(sorted({manifest['device'] for manifest in trained}))}"
    if elsewhere := sorted({manifest["arm"] for manifest in manifests} - {manifest["arm"] for manifest in trained}):
        text += f"; trained elsewhere: {', '.join(elsewhere)}"
    return f"{text}."


def _how_to_read(reference: str) -> str:
    return (
        f"Differences are from {reference}, of networks given the mask from its line with the mask given, over "
        "the studies that both have; intervals are percentile bootstraps over patients; p is of a sign-flip test over "
        "patients, Holm's correction over the lines of a figure. Figures without a value a study (AUC, calibration "
        "error, risk-coverage) are means over the runs, and their p is of a test that exchanges the arms' answers for "
        "a patient. What the paper reports was measured on other data."
    )


def _section(figure: Figure, cells: Sequence[Cell]) -> str:
    better = "higher" if figure.higher_is_better else "lower"
    studies = span([cell.studies for cell in cells])
    return f"## {figure.title}\n{studies} studies; {better} is better.\n\n{figure_table(figure, cells)}"


def figure_table(figure: Figure, cells: Sequence[Cell]) -> str:
    """One figure, an arm a line."""
    told = any(cell.reported for cell in cells)
    head = f"| {figure.title} {'↑' if figure.higher_is_better else '↓'} | {COLUMNS} |" + (
        " the paper |" if told else ""
    )
    rows = [head, "|---" * (head.count("|") - 1) + "|"]
    rows += ["| " + " | ".join(_entries(cell, figure.digits, told)) + " |" for cell in cells]
    return "\n".join(rows)


def title_with_arrow(figure: Figure) -> str:
    """The title, and whether more or less of it is better."""
    return f"{figure.title} {'↑' if figure.higher_is_better else '↓'}"


def _entries(cell: Cell, digits: int, told: bool) -> list[str]:
    entries = [cell.arm, mean_text(cell, digits), number(cell.sd_runs, digits), interval(cell.interval, digits)]
    entries += [number(cell.difference, digits, sign="+"), interval(cell.difference_interval, digits, sign="+")]
    entries += [p_text(cell.p), p_text(cell.p_holm)]
    return [*entries, cell.reported] if told else entries


def mean_text(cell: Cell, digits: int) -> str:
    """With the spread over studies, where studies have the figure."""
    mean = number(cell.mean, digits)
    return mean if cell.sd_studies is None else f"{mean} ± {number(cell.sd_studies, digits)}"


def number(value: float | None, digits: int, sign: str = "") -> str:
    """What is not defined is a dash."""
    return "–" if value is None else f"{value:{sign}.{digits}f}"


def interval(ends: Interval | None, digits: int, sign: str = "") -> str:
    return "–" if ends is None else "[" + ", ".join(number(end, digits, sign) for end in ends) + "]"


def p_text(value: float | None) -> str:
    return "–" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def span(values: Sequence[float], form: str = "{:.0f}") -> str:
    """``a``, or ``a to b`` where they differ."""
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"
