"""What a difference may be said to show, by rule: the same words for every arm, welcome or not."""

from __future__ import annotations

from collections.abc import Sequence

from .figures import Figure
from .markdown import interval, number
from .table import Cell

LEVEL = 0.05
WITHOUT = "No "
"""How the arms of an ablation begin that lack the part they name."""

BETTER, WORSE, NOT_SHOWN = "better", "worse", "not shown"


def verdict(cell: Cell, figure: Figure) -> str:
    """``better`` or ``worse`` than what it is compared with, where interval and corrected test both say so."""
    if cell.difference is None or cell.difference_interval is None or cell.p_holm is None:
        return NOT_SHOWN
    low, high = cell.difference_interval
    if low <= 0 <= high or cell.p_holm >= LEVEL:
        return NOT_SHOWN
    return BETTER if (low > 0) == figure.higher_is_better else WORSE


def sentence(arm: str, cells: Sequence[tuple[Cell, Figure]]) -> str:
    """All that is to be said of an arm: a line of a list.

    Args:
        arm: as the table names it.
        cells: its figures that are compared with those of another line, at least one.
    """
    found: dict[str, list[str]] = {BETTER: [], WORSE: [], NOT_SHOWN: []}
    for cell, figure in cells:
        change = (
            f"{number(cell.difference, figure.digits, '+')} {interval(cell.difference_interval, figure.digits, '+')}"
        )
        found[verdict(cell, figure)].append(f"{short(figure)} {change}")
    other = cells[0][0].compared_with
    part = arm.removeprefix(WITHOUT)
    words = {BETTER: f"better than {other}", WORSE: f"worse than {other}", NOT_SHOWN: "no difference shown"}
    if part != arm:
        words |= {BETTER: f"better without it: {part} harms", WORSE: f"worse without it: {part} helps"}
    said = [f"{words[kind]} ({'; '.join(found[kind])})" for kind in (WORSE, BETTER, NOT_SHOWN) if found[kind]]
    return f"- **{arm}**: {', '.join(said)}."


def short(figure: Figure) -> str:
    """A figure's title without what it says after the first comma."""
    return figure.title.partition(",")[0].removesuffix(" of the class")
