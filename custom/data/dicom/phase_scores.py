"""What each source of evidence says of each phase: descriptions, times, the order, the contrast agent's entry.

Scores count pieces of evidence; a source that knows nothing counts nothing. Windows in seconds are those of LI-RADS'
technical recommendations; without a known injection they are relative to the arterial phase (portal venous 20–55 s
after it, delayed at least 80 s after it) and to the first enhanced volume. For what the image says see `image_scores`.
"""

from __future__ import annotations

import numpy as np

from ...types import PHASES
from .evidence import Evidence
from .image_scores import enhancement_onset, is_bright, share_of_best

NAME, EARLY, SEVERAL, CLASH = 3.0, 1.0, 1.0, -4.0
"""Worth of a name that says this phase, of "early arterial", of one that says several, of one that says another."""
REPEATED = 2.5
"""Worth of a further "delayed" where no times are known: the first is the one of 2 to 5 minutes."""
NEXT = 0.1
"""Worth of two phases that follow each other directly."""
EARLIER = -1.0
"""Worth of an arterial phase that another volume with bright blood follows, among few: the later is late arterial."""
IMPOSSIBLE, TOO_LATE, OUTSIDE = -20.0, -3.0, -4.0
MANY = 8
"""Volumes from which a dynamic without times is told by its peaks and its end."""
SMOOTHED, NEAR_BEST, LATE = 5, 0.9, 0.6
"""Volumes that the liver's course is smoothed over, the share of its best from which it is near, which of those it is."""
_PRE, _ARTERIAL, _PORTAL, _DELAYED = range(len(PHASES))
TARGETS_S = {"arterial": (35.0, 15.0), "portal_venous": (70.0, 20.0), "delayed": (180.0, 100.0)}
"""Time after the start of injection, and the distance from it that is no longer this phase."""
_ARRIVAL_S = (12.0, 22.0)  # contrast in the aorta, after the start of injection
_WINDOWS_S = {"arterial": (8.0, 28.0), "portal_venous": (38.0, 78.0), "delayed": (98.0, 313.0)}  # after arrival
_DENSE_S = 12.0  # between two volumes, at most, for the arrival to be known well enough for these
_GAPS_S = (  # first, second, ideal, width, least, most
    (_ARTERIAL, _PORTAL, 35.0, 40.0, 15.0, 100.0),
    (_ARTERIAL, _DELAYED, 145.0, 130.0, 60.0, 340.0),
    (_PORTAL, _DELAYED, 110.0, 220.0, 30.0, np.inf),
)
_BEFORE_ARTERIAL_S = 18.0  # contrast needs 12 s to the aorta, and the arterial phase is not its first moment


def description_scores(evidence: Evidence) -> np.ndarray:
    """What each candidate's description says of each phase ``(4, N)``."""
    scores = np.zeros((len(PHASES), len(evidence.names)))
    for i, names in enumerate(evidence.names):
        for p, phase in enumerate(PHASES):
            if names:
                scores[p, i] = (NAME if len(names) == 1 else SEVERAL) if phase in names else CLASH
    scores[_ARTERIAL, evidence.early & (scores[_ARTERIAL] == NAME)] = EARLY
    if np.isnan(evidence.times_s).all():
        scores[_DELAYED, np.flatnonzero(scores[_DELAYED] == NAME)[1:]] = REPEATED
    return scores


def time_scores(evidence: Evidence) -> np.ndarray:
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
    return scores + OUTSIDE * _share_outside_windows(evidence)


def _share_outside_windows(evidence: Evidence) -> np.ndarray:
    """How likely each candidate is outside each phase's window after contrast arrived ``(4, N)``; 0 where the volumes
    are too far apart to tell when that was, which is between the last dark and the first bright one."""
    shares = np.zeros((len(PHASES), len(evidence.names)))
    onset = None if evidence.curves is None else enhancement_onset(evidence.curves)
    if onset is None:
        return shares
    last_dark_s, first_bright_s = evidence.times_s[list(onset)]
    if 0 < first_bright_s - last_dark_s < _DENSE_S:
        low_s, high_s = evidence.times_s - first_bright_s, evidence.times_s - last_dark_s
        for phase, (first_s, last_s) in _WINDOWS_S.items():
            inside_s = np.clip(np.minimum(high_s, last_s) - np.maximum(low_s, first_s), 0, None)
            shares[PHASES.index(phase)] = 1 - inside_s / (high_s - low_s)
    return np.nan_to_num(shares)


def _since_injection_s(evidence: Evidence) -> tuple[np.ndarray, np.ndarray] | None:
    """Least and most seconds after injection ``(N,)``: as recorded, or contrast arrived just before enhancement."""
    times_s = evidence.times_s
    if evidence.injection_s is not None:
        return times_s - evidence.injection_s, times_s - evidence.injection_s
    around = None if evidence.curves is None else enhancement_onset(evidence.curves)
    if around is None:
        return None
    last_dark, first_bright = around
    return times_s - times_s[first_bright] + _ARRIVAL_S[0], times_s - times_s[last_dark] + _ARRIVAL_S[1]


def gap_scores(times_s: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Plausible distances in time, ``(N, N)`` for each two phases."""
    gap_s = times_s[None, :] - times_s[:, None]
    pairs = {(_PRE, _ARTERIAL): np.where(gap_s < _BEFORE_ARTERIAL_S, IMPOSSIBLE, 0.0)}
    for first, second, ideal_s, width_s, least_s, most_s in _GAPS_S:
        score = np.clip(1 - np.abs(gap_s - ideal_s) / width_s, -1, 1)
        score = np.where(gap_s > most_s, TOO_LATE, score)  # transitional or hepatobiliary
        pairs[(first, second)] = np.where(gap_s < least_s, IMPOSSIBLE, score)
    return pairs


def next_scores(times_s: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Of few volumes the portal venous phase is rather the next after the arterial one, ``(N, N)``: of two arterial
    ones the later is late arterial. Without times the delayed phase, too, is rather the next after the portal venous.

    Pre-contrast and arterial phase count as much wherever they lie: of two volumes that look unenhanced contrast may
    have reached the second.
    """
    if len(times_s) >= MANY:
        return {}
    following = NEXT * np.eye(len(times_s), k=1)
    if not np.isnan(times_s).all():
        return {(_ARTERIAL, _PORTAL): following}
    anywhere = np.full_like(following, NEXT)
    return {(_PRE, _ARTERIAL): anywhere, (_ARTERIAL, _PORTAL): following, (_PORTAL, _DELAYED): following}


def course_scores(evidence: Evidence) -> np.ndarray:
    """Of few volumes the last with bright blood is rather the arterial one. Of many without times: arterial where blood
    is brightest, portal venous while liver is, delayed the last.

    The liver is near its best for long, where a little noise would choose any volume. A late one of them is taken: the
    body that brightness is relative to enhances on, which makes the liver's best seem early.
    """
    scores, curves = np.zeros((len(PHASES), len(evidence.names))), evidence.curves
    if curves is None:
        return scores
    if len(evidence.names) < MANY:
        scores[_ARTERIAL, np.flatnonzero(is_bright(curves))[:-1]] = EARLIER
    elif is_untimed_course(evidence):
        volumes = np.arange(len(evidence.names))
        around = np.convolve(np.pad(curves.liver, SMOOTHED // 2, mode="edge"), np.full(SMOOTHED, 1 / SMOOTHED), "valid")
        portal = np.quantile(volumes[share_of_best(around) >= NEAR_BEST], LATE)
        scores[_ARTERIAL] = share_of_best(curves.blood)
        scores[_PORTAL] = np.maximum(1 - np.abs(volumes - portal) / SMOOTHED, -1)
        scores[_DELAYED] = np.linspace(0, 1, len(volumes))
    return scores


def is_untimed_course(evidence: Evidence) -> bool:
    """Whether many volumes have no times, so that neighbours are all but equal and one of them has to be taken."""
    return len(evidence.names) >= MANY and bool(np.isnan(evidence.times_s).all())


def agent_scores(agents: np.ndarray) -> np.ndarray:
    """Where only some candidates have an agent recorded, those without are from before the injection."""
    scores = np.zeros((len(PHASES), len(agents)))
    if agents.any() and not agents.all():
        scores[:, ~agents] = -0.5
        scores[_PRE, ~agents] = 0.5
    return scores
