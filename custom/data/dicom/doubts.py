"""When a naming of the phases is not beyond doubt: what else the volumes may be, and whether it matters."""

from __future__ import annotations

import numpy as np

from .evidence import Evidence
from .image_scores import enhancement_onset, looks_early, looks_late
from .phase_scores import EARLIER, MANY, TARGETS_S, is_untimed_course
from .phases import Naming

TIE = 0.05
"""A naming that leads by less is none."""
UNSURE = 0.75
"""A naming that leads by less is flagged."""
_SAME_MOMENT_S = 10.0  # and a third of a phase's window


def is_uncertain(naming: Naming, evidence: Evidence) -> bool:
    """Whether a user is to look: another naming is nearly as good, or a volume may be of another moment."""
    close = _lead(naming, evidence) < UNSURE and not as_good(naming, evidence)
    return close or is_untimed_course(evidence) or _may_be_another_moment(naming, evidence)


def _lead(naming: Naming, evidence: Evidence) -> float:
    """Of the best naming before the next, but for the preference of the later of two arterial volumes."""
    arterial, rival = naming.phases.get("arterial"), naming.rival.get("arterial")
    prefers_later = len(evidence.names) < MANY and arterial is not None and rival is not None and rival < arterial
    return naming.margin + EARLIER * prefers_later


def as_good(naming: Naming, evidence: Evidence) -> bool:
    """Whether best and next naming differ only by volumes that serve as well: near in time, or both before contrast."""
    if set(naming.phases) != set(naming.rival):
        return False
    onset = None if evidence.curves is None else enhancement_onset(evidence.curves)
    times_s = {phase: evidence.times_s[i] for phase, i in naming.phases.items()}  # NaN where unknown
    for phase, i in naming.phases.items():
        j = naming.rival[phase]
        if i == j or (phase == "pre" and onset is not None and max(i, j) <= onset[0]):
            continue
        if onset is not None and len(evidence.names) >= MANY and abs(i - j) == 1 and not np.isnan(times_s[phase]):
            continue  # neighbours in a dense dynamic, which is one as contrast arrives in it
        near_s = max(_SAME_MOMENT_S, TARGETS_S[phase][1] / 3 if phase in TARGETS_S else 0)
        others_s = min((abs(t - times_s[phase]) for other, t in times_s.items() if other != phase), default=np.inf)
        if not abs(evidence.times_s[j] - times_s[phase]) <= min(near_s, others_s / 2):
            return False
    return True


def _may_be_later(arterial: int, portal: int | None, evidence: Evidence) -> bool:
    """Whether one of few volumes lies between arterial and portal venous phase, and no description says what it is."""
    between = evidence.names[arterial + 1 : portal] if portal is not None and len(evidence.names) < MANY else ()
    return any(not names for names in between)


def _may_be_another_moment(naming: Naming, evidence: Evidence) -> bool:
    """Whether the arterial phase is an early one, or the delayed one, told by its place alone, looks later."""
    arterial, portal, delayed = map(naming.phases.get, ("arterial", "portal_venous", "delayed"))
    if arterial is not None and (evidence.early[arterial] or _may_be_later(arterial, portal, evidence)):
        return True
    if evidence.curves is None:
        return False
    by_order = delayed is not None and not evidence.names[delayed] and np.isnan(evidence.times_s[delayed])
    return looks_early(evidence.curves, naming.phases) or (by_order and looks_late(evidence.curves, naming.phases))
