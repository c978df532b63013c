"""What the headers and images of an exam's candidates tell about the phases, gathered in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...types import PHASES
from ..budget import MemoryBudget
from ..phase_names import phases_in_text, speaks_of_early
from .blood_and_liver import Curves, blood_and_liver
from .records import TimePoint

_SAME_EXAM_S = 3600.0
_LAST = 10**9


@dataclass(frozen=True)
class Evidence:
    """What is known about N candidates, in the order of time.

    Args:
        names: phases that each candidate's description speaks of.
        times_s: ``(N,)`` seconds on one clock, NaN where unknown.
        injection_s: start of injection on that clock, or ``None``.
        curves: blood and liver in each, or ``None``.
        groups: ``(N,)`` candidates of equal geometry and sequence share a number.
        sequences: ``(N,)`` candidates of equal repetition and echo time share a number.
        agents: ``(N,)`` whether a contrast agent is recorded.
        early: ``(N,)`` whether the description says that it is an early arterial phase.
    """

    names: Sequence[set[str]]
    times_s: np.ndarray
    injection_s: float | None
    curves: Curves | None
    groups: np.ndarray
    sequences: np.ndarray
    agents: np.ndarray
    early: np.ndarray


def in_order_of_time(candidates: Sequence[TimePoint]) -> list[TimePoint]:
    """By clock; where clocks are equal or unknown by the phases that all descriptions name, else by series number."""

    def number(volume: TimePoint) -> tuple:
        series = volume.file.series_number
        return (_LAST if series is None else series, volume.label, volume.number)

    clocks = [volume.order_clock_s if volume.clock_s is None else volume.clock_s for volume in candidates]
    if None not in clocks and len(set(clocks)) > 1:
        order = sorted(range(len(candidates)), key=lambda k: (clocks[k], *number(candidates[k])))
        return [candidates[k] for k in order]
    named = {id(volume): names_of(volume) for volume in candidates}
    if all(len(names) == 1 for names in named.values()):
        rank = {phase: k for k, phase in enumerate(PHASES)}
        return sorted(candidates, key=lambda v: (rank.get(next(iter(named[id(v)])), len(PHASES)), *number(v)))
    return sorted(candidates, key=number)


def names_of(volume: TimePoint) -> set[str]:
    """Phases that the description speaks of, else the sub-folder; one name for a whole dynamic series says nothing."""
    names = phases_in_text(_text(volume))
    return set() if volume.count > 2 and len(names) == 1 else names


def _text(volume: TimePoint) -> str:
    description = volume.file.description
    return description if phases_in_text(description) else volume.file.folder.rsplit("/", 1)[-1]


def gather_evidence(candidates: Sequence[TimePoint], budget: MemoryBudget) -> Evidence:
    """Evidence on candidates that stand in the order of time."""
    numbers: dict[tuple, int] = {}
    groups = np.array([numbers.setdefault(_likeness(volume), len(numbers)) for volume in candidates])
    times_s = _distinct_times_s(candidates, groups)
    return Evidence(
        names=[names_of(volume) for volume in candidates],
        times_s=times_s,
        injection_s=_injection_s(candidates, times_s),
        curves=blood_and_liver(candidates, groups, budget),
        groups=groups,
        sequences=_sequences(candidates),
        agents=np.array([bool(volume.file.contrast_agent) for volume in candidates]),
        early=np.array([speaks_of_early(_text(volume)) for volume in candidates]),
    )


def _likeness(volume: TimePoint) -> tuple:
    """Volumes of one dynamic examination share plane, matrix, spacing, repetition and echo time."""
    frame = volume.frames[0]
    plane = tuple(np.round(np.abs(np.cross(frame.row_cosine, frame.column_cosine)), 1))
    timing = tuple(None if value is None else round(value, 1) for value in _timing(volume))
    return (plane, frame.file.shape, tuple(np.round(frame.spacing_mm, 2)), *timing)


def _timing(volume: TimePoint) -> tuple[float | None, float | None]:
    return volume.file.repetition_time_ms, volume.frames[0].echo_time_ms


def _sequences(candidates: Sequence[TimePoint]) -> np.ndarray:
    """Number candidates ``(N,)`` by sequence: repetition and echo time the same within a quarter, or unknown."""
    numbers, seen = [], []
    for volume in candidates:
        own = _timing(volume)
        alike = [k for k, other in enumerate(seen) if all(map(_same_time, own, other))]
        if not alike:
            seen.append(own)
        numbers.append(alike[0] if alike else len(seen) - 1)
    return np.array(numbers)


def _same_time(a: float | None, b: float | None) -> bool:
    return a is None or b is None or abs(a - b) <= 0.25 * max(a, b)


def _distinct_times_s(candidates: Sequence[TimePoint], groups: np.ndarray) -> np.ndarray:
    """Seconds on one clock ``(N,)``; all NaN where the dynamic's are unknown, or equal as anonymisers set them."""
    times_s = np.array([np.nan if volume.clock_s is None else volume.clock_s for volume in candidates])
    dynamic = times_s[groups == np.bincount(groups).argmax()]
    if np.isnan(dynamic).any() or len(np.unique(dynamic)) < len(dynamic):
        return np.full(len(candidates), np.nan)
    return times_s


def _injection_s(candidates: Sequence[TimePoint], times_s: np.ndarray) -> float | None:
    """The one start of injection that the headers agree on, if it lies near the candidates' times."""
    injections = {volume.file.injection_clock_s for volume in candidates} - {None}
    if len(injections) != 1:
        return None
    injection_s = injections.pop()
    return injection_s if np.nanmin(np.abs(times_s - injection_s), initial=np.inf) < _SAME_EXAM_S else None
