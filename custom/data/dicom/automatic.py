"""Naming the phases of an exam by the evidence: what is a candidate, what speaks for which phase, what to report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...types import InputError
from ..budget import MemoryBudget
from ..phase_names import OTHER
from .doubts import TIE, UNSURE, as_good, is_uncertain
from .evidence import Evidence, gather_evidence, in_order_of_time
from .phase_scores import is_untimed_course
from .phases import Naming, name_phases
from .records import TimePoint
from .selection import list_volumes
from .set_aside import sort_out

MOST_CANDIDATES = 60
_ASK = "Name the phases in a phase map (--phase_map)."


def choose_volumes(
    volumes: Sequence[TimePoint], *, where: str, budget: MemoryBudget
) -> tuple[dict[str, TimePoint], dict[str, dict], list[str], list[dict]]:
    """Choose the phases among all volumes of an exam.

    Returns:
        Phase → volume, phase → evidence, flags, and what was set aside.

    Raises:
        InputError: nothing usable, a tie, or descriptions that contradict each other or the times.
    """
    candidates, aside = sort_out(volumes)
    if not candidates:
        raise _undecided(f"no volume that can be a phase: {_reasons(aside)}", "T1-weighted volumes of a dynamic", where)
    if len(candidates) > MOST_CANDIDATES:
        found = f"{len(candidates)} candidates: {list_volumes(candidates)}"
        raise _undecided(found, f"at most {MOST_CANDIDATES}", where)
    candidates = in_order_of_time(candidates)
    evidence = gather_evidence(candidates, budget)
    naming = name_phases(evidence)
    _check_names(naming, candidates, evidence, where)
    _check_lead(naming, candidates, evidence, where)
    chosen = {phase: candidates[i] for phase, i in naming.phases.items()}
    records = {phase: _record(phase, naming, candidates, evidence) for phase in naming.phases}
    aside += [(v, "not one of the four phases") for v in candidates if v not in chosen.values()]
    for phase, i in naming.phases.items():
        if np.isnan(evidence.times_s[i]):  # a clock that does not tell the phases apart tells no time
            chosen[phase] = replace(candidates[i], clock_s=None)
    return chosen, records, _flags(naming, candidates, evidence), _aside_records(aside)


def _check_names(naming: Naming, candidates: list[TimePoint], evidence: Evidence, where: str) -> None:
    """A description that names one phase is either followed, or another volume is the better one of that name."""
    named = {i: phase for phase, i in naming.phases.items()}
    for j, names in enumerate(evidence.names):
        phase = next(iter(names)) if len(names) == 1 else OTHER
        if phase == OTHER or named.get(j) == phase:
            continue
        i = naming.phases.get(phase)
        if j not in named and i is not None and evidence.names[i] == names:
            alike = evidence.early[i] == evidence.early[j]
            # of two before contrast either will do; of several delayed ones the first, and a flag tells
            if naming.margin < UNSURE and alike and phase not in ("pre", "delayed"):
                labels = " and series ".join(sorted((candidates[i].label, candidates[j].label)))
                raise _undecided(f"phase {phase} twice: series {labels}", "one series for each phase", where)
            continue
        raise _undecided(
            f'series {candidates[j].label} "{candidates[j].file.title}", which speaks of {phase} '
            "but does not lie there in the order of time, or does not look so",
            "descriptions, acquisition times and images that agree",
            where,
        )


def _check_lead(naming: Naming, candidates: list[TimePoint], evidence: Evidence, where: str) -> None:
    """Nobody guesses between namings that are as likely."""
    if naming.margin >= TIE or as_good(naming, evidence) or (is_untimed_course(evidence) and evidence.curves):
        return
    fault = next((volume.fault for volume in candidates if volume.fault), None)
    if fault is not None:
        raise fault
    raise _undecided(
        f"no naming of the phases that stands out by descriptions, times and image "
        f"among {len(candidates)} volume(s): {list_volumes(candidates)}",
        "evidence for the four phases",
        where,
    )


def _record(phase: str, naming: Naming, candidates: list[TimePoint], evidence: Evidence) -> dict:
    """Why this volume is this phase, as plain JSON values."""
    i = naming.phases[phase]
    kinds = ["acquisition order"]
    kinds += ["description"] if evidence.names[i] else []
    kinds += ["times"] if not np.isnan(evidence.times_s[i]) else []
    ratio = None if evidence.curves is None else evidence.curves.blood_to_liver(phase)[i]
    seen = ratio is not None and not np.isnan(ratio)
    return {
        "rule": ", ".join([*kinds, "image"] if seen else kinds),
        **candidates[i].describe(),
        "scores": {source: round(score, 2) for source, score in naming.scores[phase].items() if score},
        "score": round(naming.score, 2),
        "margin": None if np.isinf(naming.margin) else round(naming.margin, 2),
        "blood_to_liver": round(float(ratio), 2) if seen else None,
    }


def _flags(naming: Naming, candidates: list[TimePoint], evidence: Evidence) -> list[str]:
    flags = []
    if np.isnan(evidence.times_s[list(naming.phases.values())]).any():
        named = all(evidence.names[i] for i in naming.phases.values())
        flags.append("phase_order_from_descriptions" if named else "phase_order_from_acquisition_order")
    if len(candidates) > len(naming.phases):
        flags.append(f"phases_picked_from:{len(candidates)}")
    if is_uncertain(naming, evidence):
        flags.append("phase_choice_uncertain")
    flags += [f"phase_evidence_against:{source}" for source in naming.against]
    return flags


def _undecided(found: str, expected: str, where: str) -> InputError:
    return InputError(found=found, expected=expected, where=where, remedy=_ASK)


def _aside_records(aside: list[tuple[TimePoint, str]]) -> list[dict]:
    """One record for all time points of a series that were set aside for one reason."""
    numbers: dict[tuple[str, str], list[int]] = {}
    sources: dict[tuple[str, str], str] = {}
    for volume, reason in aside:
        key = (volume.label, reason + (f"; {volume.fault.found}" if volume.fault else ""))
        numbers.setdefault(key, []).append(volume.number)
        sources[key] = volume.source.removeprefix("series ")
    return [
        {"series": sources[label, reason] if len(of) == 1 else f"{label}, {len(of)} time points", "reason": reason}
        for (label, reason), of in numbers.items()
    ]


def _reasons(aside: list[tuple[TimePoint, str]]) -> str:
    return "; ".join(sorted({f"series {volume.label}: {reason}" for volume, reason in aside})[:12])
