"""Which volume is which phase: every naming in the order of time is scored by each source of evidence; the best wins.

Sources: what descriptions say, times, the image, the contrast agent's entry, the order, and geometry.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...types import PHASES
from .evidence import Evidence
from .image_scores import image_scores, liver_scores, washout_scores
from .phase_scores import agent_scores, course_scores, description_scores, gap_scores, next_scores, time_scores

SOURCES = ("description", "time", "image", "agent", "order", "geometry")
PRESENT = 1.5
"""Worth of a phase that is there at all."""
WITHOUT_PORTAL = -0.7
"""Worth of several phases without the portal venous one, which hardly any dynamic is without."""
OTHER_GEOMETRY, OTHER_SEQUENCE = -0.75, -4.0
ABSENT = -1


@dataclass(frozen=True)
class Naming:
    """The best naming.

    Args:
        phases, rival: phase → candidate, of the best and of the next best naming.
        score, margin: of the best, and how far behind the next is.
        scores: ``{phase: {source: score}}``; what a source says of two phases together counts half for each.
        against: sources that speak against it, or clearly for another naming.
    """

    phases: dict[str, int]
    score: float
    margin: float
    rival: dict[str, int]
    scores: dict[str, dict[str, float]]
    against: tuple[str, ...]


def name_phases(evidence: Evidence) -> Naming | None:
    """Score every way to name candidates in the order of time; ``None`` without candidates."""
    count = len(evidence.names)
    if not count:
        return None
    namings = _namings(count)  # (H, 4)
    scores = _scores(evidence, namings)  # (4, sources, H)
    present = namings != ABSENT
    totals = scores.sum((0, 1)) + PRESENT * present.sum(1)
    totals += WITHOUT_PORTAL * ((present.sum(1) > 1) & ~present[:, PHASES.index("portal_venous")])
    best, *others = np.argsort(-totals, kind="stable")[:2]
    rival = int(others[0]) if others else None
    phases = _as_phases(namings[best])
    return Naming(
        phases,
        float(totals[best]),
        float(totals[best] - totals[rival]) if rival is not None else float("inf"),
        _as_phases(namings[rival]) if rival is not None else {},
        {p: dict(zip(SOURCES, scores[PHASES.index(p), :, best].tolist(), strict=True)) for p in phases},
        _against(scores, present, best),
    )


def _namings(count: int) -> np.ndarray:
    """Candidate of each phase, increasing because phases follow time, or `ABSENT`: ``(H, 4)``."""
    rows = []
    for size in range(1, min(len(PHASES), count) + 1):
        picks = np.array(list(combinations(range(count), size)))  # (M, size)
        for chosen in combinations(range(len(PHASES)), size):
            row = np.full((len(picks), len(PHASES)), ABSENT)
            row[:, chosen] = picks
            rows.append(row)
    return np.concatenate(rows)


def _as_phases(naming: np.ndarray) -> dict[str, int]:
    return {phase: int(i) for phase, i in zip(PHASES, naming, strict=True) if i != ABSENT}


CONTRADICTS = 1.0
"""A source speaks against a naming in which it likes one phase less than nothing by more than this, or which it likes
less by more than this than another one of the same phases."""


def _against(scores: np.ndarray, present: np.ndarray, best: int) -> tuple[str, ...]:
    """Sources of ``(4, sources, H)`` that find the naming or one phase worse than nothing, or another one better."""
    by_source = scores.sum(0)
    alike = (present == present[best]).all(1)
    worse = (by_source[:, best] < 0) | (scores[:, :, best] < -CONTRADICTS).any(0)
    outdone = by_source[:, alike].max(1) > by_source[:, best] + CONTRADICTS
    return tuple(s for s, bad in zip(SOURCES, worse | outdone, strict=True) if bad and s not in ("order", "geometry"))


def _scores(evidence: Evidence, namings: np.ndarray) -> np.ndarray:
    """What each source says of each phase in each naming, ``(4, sources, H)``."""
    scores = np.zeros((len(PHASES), len(SOURCES), len(namings)), dtype=np.float32)
    alone = {
        "description": description_scores(evidence),
        "time": time_scores(evidence),
        "image": image_scores(evidence.curves, len(evidence.names)),
        "agent": agent_scores(evidence.agents),
        "order": course_scores(evidence),
    }
    for source, table in alone.items():  # (4, N)
        padded = np.pad(np.nan_to_num(table), ((0, 0), (0, 1)))  # ABSENT picks the zero at the end
        for p in range(len(PHASES)):
            scores[p, SOURCES.index(source)] += padded[p, namings[:, p]]
    _add_pairs(scores[:, SOURCES.index("time")], namings, gap_scores(evidence.times_s))
    _add_pairs(scores[:, SOURCES.index("image")], namings, liver_scores(evidence.curves))
    _add_pairs(scores[:, SOURCES.index("image")], namings, washout_scores(evidence.curves))
    _add_pairs(scores[:, SOURCES.index("order")], namings, next_scores(evidence.times_s))
    for numbers, worth in ((evidence.groups, OTHER_GEOMETRY), (evidence.sequences, OTHER_SEQUENCE)):
        mixed = _mixed(numbers, namings)
        scores[:, SOURCES.index("geometry")] += np.where(mixed & (namings != ABSENT).T, worth / len(PHASES), 0.0)
    return scores


def _mixed(numbers: np.ndarray, namings: np.ndarray) -> np.ndarray:
    """Whether each naming ``(H,)`` takes candidates with different numbers."""
    chosen = numbers[namings]  # (H, 4); ABSENT picks some number that does not count
    present = namings != ABSENT
    least = np.where(present, chosen, np.inf).min(1)
    return np.where(present, chosen, -np.inf).max(1) > least


def _add_pairs(scores: np.ndarray, namings: np.ndarray, pairs: dict[tuple[int, int], np.ndarray]) -> None:
    """Add what two phases together say, ``{(first, second): (N, N)}``, half to each of ``scores (4, H)``."""
    for (first, second), table in pairs.items():
        padded = np.pad(np.nan_to_num(table), ((0, 1), (0, 1)))
        half = padded[namings[:, first], namings[:, second]] / 2
        scores[first] += half
        scores[second] += half
