"""Which volume is which phase: every naming in the order of time is scored by each source of evidence; the best wins.

Sources: what descriptions say, times, the image, the contrast agent's entry, the order, and geometry. Scores count
pieces of evidence; a source that knows nothing counts nothing. Windows in seconds are those of LI-RADS' technical
recommendations; without a known injection they are relative to the arterial phase (portal venous 20–55 s after it,
delayed at least 80 s after it) and to the first enhanced volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...types import PHASES
from .blood_and_liver import Curves
from .image_scores import enhancement_onset, image_scores, liver_scores, share_of_best

SOURCES = ("description", "time", "image", "agent", "order", "geometry")
NAME, EARLY, SEVERAL, CLASH = 3.0, 2.0, 1.0, -3.0
"""Worth of a name that says this phase, of "early arterial", of one that says several, of one that says another."""
PRESENT, NEXT = 1.5, 0.1
"""Worth of a phase that is there at all, and of two phases that follow each other directly where no times are known."""
IMPOSSIBLE, TOO_LATE = -20.0, -3.0
MANY = 8
"""Volumes from which a dynamic without times is told by its peaks and its end."""
OTHER_GEOMETRY, OTHER_SEQUENCE = -0.75, -4.0
ABSENT = -1
_PRE, _ARTERIAL, _PORTAL, _DELAYED = range(len(PHASES))
TARGETS_S = {"arterial": (35.0, 15.0), "portal_venous": (70.0, 20.0), "delayed": (180.0, 100.0)}
"""Time after the start of injection, and the distance from it that is no longer this phase."""
_ARRIVAL_S = (12.0, 22.0)  # contrast in the aorta, after the start of injection
_GAPS_S = (  # first, second, ideal, width, least, most
    (_ARTERIAL, _PORTAL, 35.0, 40.0, 15.0, 100.0),
    (_ARTERIAL, _DELAYED, 145.0, 130.0, 60.0, 500.0),
    (_PORTAL, _DELAYED, 110.0, 220.0, 30.0, np.inf),
)
_BEFORE_ARTERIAL_S = 18.0  # contrast needs 12 s to the aorta, and the arterial phase is not its first moment


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
    best, *others = np.argsort(-totals, kind="stable")[:2]
    rival = int(others[0]) if others else None
    phases = _as_phases(namings[best])
    return Naming(
        phases,
        float(totals[best]),
        float(totals[best] - totals[rival]) if rival is not None else float("inf"),
        _as_phases(namings[rival]) if rival is not None else {},
        {p: dict(zip(SOURCES, scores[PHASES.index(p), :, best].tolist(), strict=True)) for p in phases},
        _against(scores.sum(0), present, best),
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
"""A source speaks against a naming that it likes less by this much than another one of as many phases."""


def _against(by_source: np.ndarray, present: np.ndarray, best: int) -> tuple[str, ...]:
    """Sources ``(sources, H)`` that find the naming worse than nothing, or another one of the same phases better."""
    alike = (present == present[best]).all(1)
    worse = by_source[:, best] < 0
    outdone = by_source[:, alike].max(1) > by_source[:, best] + CONTRADICTS
    return tuple(s for s, bad in zip(SOURCES, worse | outdone, strict=True) if bad and s not in ("order", "geometry"))


def _scores(evidence: Evidence, namings: np.ndarray) -> np.ndarray:
    """What each source says of each phase in each naming, ``(4, sources, H)``."""
    scores = np.zeros((len(PHASES), len(SOURCES), len(namings)), dtype=np.float32)
    alone = {
        "description": _description_scores(evidence),
        "time": _time_scores(evidence),
        "image": image_scores(evidence.curves, len(evidence.names)),
        "agent": _agent_scores(evidence.agents),
        "order": _course_scores(evidence),
    }
    for source, table in alone.items():  # (4, N)
        padded = np.pad(np.nan_to_num(table), ((0, 0), (0, 1)))  # ABSENT picks the zero at the end
        for p in range(len(PHASES)):
            scores[p, SOURCES.index(source)] += padded[p, namings[:, p]]
    _add_pairs(scores[:, SOURCES.index("time")], namings, _gap_scores(evidence.times_s))
    _add_pairs(scores[:, SOURCES.index("image")], namings, liver_scores(evidence.curves))
    _add_pairs(scores[:, SOURCES.index("order")], namings, _next_scores(evidence.times_s))
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


def _description_scores(evidence: Evidence) -> np.ndarray:
    scores = np.zeros((len(PHASES), len(evidence.names)))
    for i, names in enumerate(evidence.names):
        for p, phase in enumerate(PHASES):
            if names:
                scores[p, i] = (NAME if len(names) == 1 else SEVERAL) if phase in names else CLASH
    scores[_ARTERIAL, evidence.early & (scores[_ARTERIAL] == NAME)] = EARLY
    return scores


def _time_scores(evidence: Evidence) -> np.ndarray:
    """Distance of each candidate's time after injection from each phase's, 1 … -1.

    A time that is known to lie between two bounds may be any between them, the middle a little more likely.
    """
    scores = np.zeros((len(PHASES), len(evidence.names)))
    since = _since_injection_s(evidence)
    if since is None:
        return scores
    low_s, high_s = since
    scores[_PRE] = np.where(low_s < _ARRIVAL_S[0], np.clip(1 + low_s / 300, 0, 1), -2.0)
    for phase, (target_s, width_s) in TARGETS_S.items():
        distance_s = np.maximum(np.maximum(low_s - target_s, target_s - high_s), 0)
        distance_s += 0.1 * np.abs((low_s + high_s) / 2 - target_s)
        scores[PHASES.index(phase)] = np.clip(1 - distance_s / width_s, -1, 1)
    scores[:, np.isnan(low_s)] = 0
    return scores


def _since_injection_s(evidence: Evidence) -> tuple[np.ndarray, np.ndarray] | None:
    """Least and most seconds after injection ``(N,)``: as recorded, or contrast arrived just before enhancement."""
    times_s = evidence.times_s
    if evidence.injection_s is not None:
        return times_s - evidence.injection_s, times_s - evidence.injection_s
    around = None if evidence.curves is None else enhancement_onset(evidence.curves.blood)
    if around is None:
        return None
    last_dark, first_bright = around
    return times_s - times_s[first_bright] + _ARRIVAL_S[0], times_s - times_s[last_dark] + _ARRIVAL_S[1]


def _gap_scores(times_s: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Plausible distances in time, ``(N, N)`` for each two phases."""
    gap_s = times_s[None, :] - times_s[:, None]
    pairs = {(_PRE, _ARTERIAL): np.where(gap_s < _BEFORE_ARTERIAL_S, IMPOSSIBLE, 0.0)}
    for first, second, ideal_s, width_s, least_s, most_s in _GAPS_S:
        score = np.clip(1 - np.abs(gap_s - ideal_s) / width_s, -1, 1)
        score = np.where(gap_s > most_s, TOO_LATE, score)  # transitional or hepatobiliary
        pairs[(first, second)] = np.where(gap_s < least_s, IMPOSSIBLE, score)
    return pairs


def _next_scores(times_s: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Without times, the phase after another is rather the next of few volumes than a later one, ``(N, N)``."""
    if len(times_s) >= MANY or not np.isnan(times_s).all():
        return {}
    return dict.fromkeys(zip(range(3), range(1, 4), strict=True), NEXT * np.eye(len(times_s), k=1))


def _course_scores(evidence: Evidence) -> np.ndarray:
    """Of many volumes without times: arterial where blood, portal venous where liver is brightest, delayed the last."""
    scores, curves = np.zeros((len(PHASES), len(evidence.names))), evidence.curves
    if is_untimed_course(evidence) and curves is not None:
        around = np.pad(curves.liver, 1, mode="edge")
        scores[_ARTERIAL] = share_of_best(curves.blood)
        scores[_PORTAL] = share_of_best((around[:-2] + around[1:-1] + around[2:]) / 3)
        scores[_DELAYED] = np.linspace(0, 1, len(evidence.names))
    return scores


def is_untimed_course(evidence: Evidence) -> bool:
    """Whether many volumes have no times, so that neighbours are all but equal and one of them has to be taken."""
    return len(evidence.names) >= MANY and bool(np.isnan(evidence.times_s).all())


def _agent_scores(agents: np.ndarray) -> np.ndarray:
    """Where only some candidates have an agent recorded, those without are from before the injection."""
    scores = np.zeros((len(PHASES), len(agents)))
    if agents.any() and not agents.all():
        scores[:, ~agents] = -0.5
        scores[_PRE, ~agents] = 0.5
    return scores
