"""Which volume is which phase: every monotone naming is scored by names, times and brightness, and the best is taken.

The scores are counted in pieces of evidence. A tie is an error that asks for a phase map: phases are never guessed.
Windows in seconds are those of LI-RADS' technical recommendations; without a known injection they are relative to the
arterial phase: portal venous 20–55 s after it, delayed at least 80 s after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...types import PHASES

NAME, CLASH, PRESENT = 3.0, -3.0, 1.5
"""Worth of a name that says this phase, of one that says another, and of a phase that is there at all."""
IMPOSSIBLE = -20.0
TIE = 0.05
UNSURE = 0.5
MOST_CANDIDATES = 60
_TARGET_S = {"arterial": (35.0, 15.0), "portal_venous": (70.0, 20.0), "delayed": (180.0, 100.0)}  # time, width
_ARRIVAL_S = 15.0  # from injection to the first enhanced volume


@dataclass(frozen=True)
class Evidence:
    """What is known about N candidates, in the order of time.

    Args:
        names: phases that each candidate's description speaks of.
        times_s: ``(N,)`` seconds on one clock, NaN where unknown.
        injection_s: start of injection on that clock, or ``None``.
        brightness: ``(N,)`` mean signal of the body on one scale, or ``None`` where it cannot be compared.
        groups: ``(N,)`` candidates of equal geometry and sequence share a number.
    """

    names: Sequence[set[str]]
    times_s: np.ndarray
    injection_s: float | None
    brightness: np.ndarray | None
    groups: np.ndarray


@dataclass(frozen=True)
class Naming:
    """The best naming: phase → candidate, its score, and how far behind the next one is."""

    phases: dict[str, int]
    score: float
    margin: float
    rival: dict[str, int]


def name_phases(evidence: Evidence) -> Naming | None:
    """Score every way to name candidates in the order of time; ``None`` without candidates."""
    single = _single_scores(evidence)  # (4, N)
    best: list[tuple[float, dict[str, int]]] = []
    count = len(evidence.names)
    for size in range(1, min(len(PHASES), count) + 1):
        picks = np.array(list(combinations(range(count), size)))  # (M, size) increasing: phases follow time
        for chosen in combinations(range(len(PHASES)), size):
            scores = single[list(chosen), picks].sum(1) + _joint_scores(chosen, picks, evidence)  # (M,)
            for m in np.argsort(-scores, kind="stable")[:2]:
                phases = {PHASES[p]: int(i) for p, i in zip(chosen, picks[m], strict=True)}
                best.append((float(scores[m]), phases))
    if not best:
        return None
    best.sort(key=lambda entry: -entry[0])
    (score, phases), (next_score, rival) = best[0], best[1] if len(best) > 1 else (float("-inf"), {})
    return Naming(phases, score, score - next_score, rival)


def _single_scores(evidence: Evidence) -> np.ndarray:
    """What each candidate alone says for each phase, ``(4, N)``."""
    scores = np.full((len(PHASES), len(evidence.names)), PRESENT)
    for i, names in enumerate(evidence.names):
        for p, phase in enumerate(PHASES):
            if names:
                scores[p, i] += (NAME if len(names) == 1 else 1.0) if phase in names else CLASH
    since_s = _since_injection_s(evidence)
    if since_s is not None:
        for p, phase in enumerate(PHASES):
            if phase == "pre":
                timely = np.where(since_s <= 5, np.clip(1 + since_s / 300, 0, 1), -2.0)
            else:
                target_s, width_s = _TARGET_S[phase]
                timely = np.clip(1 - np.abs(since_s - target_s) / width_s, -1, 1)
            scores[p] += np.where(np.isnan(since_s), 0.0, timely)
    return scores


def _since_injection_s(evidence: Evidence) -> np.ndarray | None:
    """Seconds after injection ``(N,)``: as recorded, or in a dense series by the first enhanced volume."""
    times_s = evidence.times_s
    if evidence.injection_s is not None:
        return times_s - evidence.injection_s
    onset = enhancement_onset(evidence.brightness)
    if onset is None or len(times_s) <= len(PHASES) or np.isnan(times_s).any():
        return None
    return times_s - times_s[onset] + _ARRIVAL_S


def enhancement_onset(brightness: np.ndarray | None) -> int | None:
    """Index of the first volume that is brighter than all before it by 5 %; ``None`` when none is."""
    if brightness is None or len(brightness) < 2:
        return None
    enhanced = np.flatnonzero(brightness[1:] > 1.05 * np.minimum.accumulate(brightness)[:-1])
    return int(enhanced[0]) + 1 if len(enhanced) else None


def _joint_scores(chosen: tuple[int, ...], picks: np.ndarray, evidence: Evidence) -> np.ndarray:
    """What the chosen candidates say together, ``(M,)``."""
    column = {PHASES[p]: picks[:, k] for k, p in enumerate(chosen)}
    scores = np.zeros(len(picks))
    scores -= 0.75 * (evidence.groups[picks] != evidence.groups[picks[:, :1]]).any(1)
    scores += _gap_scores(column, evidence.times_s)
    if evidence.brightness is not None and "pre" in column and len(chosen) > 1:
        enhanced = evidence.brightness[picks[:, 1:]].min(1)
        ratio = enhanced / np.maximum(evidence.brightness[column["pre"]], 1e-6)
        scores += np.where(ratio > 1.02, 1.0, np.where(ratio < 0.95, -1.0, 0.0))
    return scores


def _gap_scores(column: dict[str, np.ndarray], times_s: np.ndarray) -> np.ndarray | float:
    """Plausible distances in time; what is unknown counts nothing."""
    total: np.ndarray | float = 0.0
    for first, second, ideal_s, width_s, least_s in (
        ("arterial", "portal_venous", 35, 40, 15),
        ("arterial", "delayed", 145, 130, 60),
        ("portal_venous", "delayed", 110, 220, 30),
    ):
        if first in column and second in column:
            gap_s = times_s[column[second]] - times_s[column[first]]
            score = np.where(gap_s < least_s, IMPOSSIBLE, np.clip(1 - np.abs(gap_s - ideal_s) / width_s, -1, 1))
            total = total + np.nan_to_num(score, nan=0.0)
    return total
