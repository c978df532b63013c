"""Percentile bootstrap over studies: how far a figure would wander with other patients of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .study_record import Record
from .summary import Figures, summarise

Interval = list[float] | None


def bootstrap_intervals(
    records: Sequence[Record],
    *,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
    figures_of: Callable[[Sequence[Record]], Figures] = summarise,
) -> dict[str, Interval]:
    """Interval of every figure.

    Args:
        records: one a study; those of one ``group`` (patient) are drawn together.
        seed: any non-negative integer.
        resamples: number of draws, >= 1.
        confidence: 0..1.
        figures_of: what makes the figures of records, under the same names for any of them.

    Returns:
        ``[low, high]`` per figure; None where fewer than half of the draws define it, with fewer than two groups, and
        where all draws agree: none found in 20 studies is not none in any, and drawing them again cannot tell.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["group"], []).append(record)
    members, names = list(groups.values()), figures_of(records).keys()
    if len(members) < 2:
        return dict.fromkeys(names)
    rng = np.random.default_rng(seed)
    drawn: list[Figures] = []
    for _ in range(resamples):
        chosen = rng.integers(len(members), size=len(members))
        drawn.append(figures_of([record for index in chosen for record in members[index]]))
    return {name: _percentiles([figures[name] for figures in drawn], confidence) for name in names}


def _percentiles(values: list[float | None], confidence: float) -> Interval:
    defined = [value for value in values if value is not None]
    if len(defined) < len(values) / 2:
        return None
    tail = 50 * (1 - confidence)
    low, high = np.percentile(defined, [tail, 100 - tail])
    return [float(low), float(high)] if min(defined) < max(defined) else None
