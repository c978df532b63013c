"""Naming the phases of an exam by the evidence: what is a candidate, what speaks for which phase, what to report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...types import PHASES, InputError
from ..budget import MemoryBudget
from ..phase_names import OTHER, phases_in_text
from .phases import MOST_CANDIDATES, TIE, UNSURE, Evidence, Naming, name_phases
from .pixels import read_voxels
from .records import TimePoint
from .selection import list_volumes
from .set_aside import sort_out

_SAME_MOMENT_S = 10.0
_ASK = "Name the phases in a phase map (--phase_map)."


def choose_volumes(
    volumes: Sequence[TimePoint], *, where: str, budget: MemoryBudget
) -> tuple[dict[str, TimePoint], dict[str, dict], list[str], list[dict]]:
    """Choose the phases among all volumes of an exam.

    Returns:
        Phase → volume, phase → evidence, flags, and what was set aside.

    Raises:
        InputError: nothing usable, a tie, or two series that claim one phase.
    """
    candidates, aside = sort_out(volumes)
    candidates = sorted(candidates, key=_order)
    if not candidates:
        raise InputError(
            found=f"no volume that can be a phase: {_reasons(aside)}",
            expected="T1-weighted volumes of a dynamic examination",
            where=where,
            remedy=_ASK,
        )
    if len(candidates) > MOST_CANDIDATES:
        raise InputError(
            found=f"{len(candidates)} candidates: {list_volumes(candidates)}",
            expected=f"at most {MOST_CANDIDATES}",
            where=where,
            remedy=_ASK,
        )
    evidence = _gather(candidates, budget)
    naming = name_phases(evidence)
    _check_unique(naming, candidates, evidence, where)
    chosen = {phase: candidates[i] for phase, i in naming.phases.items()}
    records = {phase: _record(i, naming, candidates, evidence) for phase, i in naming.phases.items()}
    aside += [(v, "not one of the four phases") for v in candidates if v not in chosen.values()]
    return chosen, records, _flags(naming, candidates, evidence), [_aside_record(v, reason) for v, reason in aside]


def _order(volume: TimePoint) -> tuple:
    """By clock; where clocks are equal or unknown by what the names say, then by series number and time point."""
    clock = volume.clock_s if volume.clock_s is not None else volume.order_clock_s
    names, series_number = _names(volume), volume.file.series_number
    named = min((PHASES.index(name) for name in names if name in PHASES), default=len(PHASES))
    return (clock or 0.0, named, 10**9 if series_number is None else series_number, volume.label, volume.number)


def _names(volume: TimePoint) -> set[str]:
    """Phases that the description speaks of, else the sub-folder; one name for a whole dynamic series says nothing."""
    names = phases_in_text(volume.file.description) or phases_in_text(volume.file.folder.rsplit("/", 1)[-1])
    return set() if volume.count > 2 and len(names) == 1 else names


def _gather(candidates: list[TimePoint], budget: MemoryBudget) -> Evidence:
    times_s = np.array([np.nan if volume.clock_s is None else volume.clock_s for volume in candidates])
    if len(np.unique(times_s)) < len(times_s):  # unknown, or equal because an anonymiser set them so
        times_s = np.full(len(candidates), np.nan)
    injections = {volume.file.injection_clock_s for volume in candidates} - {None}
    injection_s = injections.pop() if len(injections) == 1 else None
    if injection_s is not None and not np.nanmin(np.abs(times_s - injection_s), initial=np.inf) < 3600:
        injection_s = None
    groups: dict[tuple, int] = {}
    numbers = np.array([groups.setdefault(_likeness(volume), len(groups)) for volume in candidates])
    return Evidence([_names(v) for v in candidates], times_s, injection_s, _brightness(candidates, budget), numbers)


def _likeness(volume: TimePoint) -> tuple:
    """Volumes of one dynamic examination share plane, matrix, spacing and repetition time."""
    frame = volume.frames[0]
    plane = tuple(np.round(np.abs(np.cross(frame.row_cosine, frame.column_cosine)), 1))
    repetition = None if frame.file.repetition_time_ms is None else round(frame.file.repetition_time_ms)
    return (plane, frame.file.shape, tuple(np.round(frame.spacing_mm, 2)), repetition)


def _brightness(candidates: list[TimePoint], budget: MemoryBudget) -> np.ndarray | None:
    """Mean signal of the body in the middle slice of each volume; ``None`` where it cannot be compared."""
    comparable = all(frame.scale_undone for volume in candidates for frame in volume.frames)
    if len({_likeness(volume) for volume in candidates}) > 1 or not comparable or len(candidates) < 2:
        return None
    if any(volume.fault for volume in candidates):
        return None
    slices = []
    for volume in candidates:
        middle = volume.frames[len(volume.frames) // 2]
        budget.check(middle.file.shape, volume.source)
        slices.append(read_voxels([middle], budget=budget)[..., 0])
    stack = np.stack(slices)  # (N, X, Y)
    mean = stack.mean(0)
    body = mean > 0.1 * mean.max()
    return stack[:, body].mean(1) if body.any() else None


def _check_unique(naming: Naming, candidates: list[TimePoint], evidence: Evidence, where: str) -> None:
    """A doubled phase, names against times, or a tie is the user's decision."""
    named = {i: phase for phase, i in naming.phases.items()}
    for j, names in enumerate(evidence.names):
        phase = next(iter(names)) if len(names) == 1 else OTHER
        if phase == OTHER or named.get(j) == phase:
            continue
        i = naming.phases.get(phase)
        if j not in named and i is not None and evidence.names[i] == names:
            if candidates[i].label != candidates[j].label:
                labels = " and series ".join(sorted((candidates[i].label, candidates[j].label)))
                raise InputError(
                    found=f"phase {phase} twice: series {labels}",
                    expected="one series for each phase",
                    where=where,
                    remedy=_ASK,
                )
            continue
        raise InputError(
            found=f'series {candidates[j].label} "{candidates[j].file.description}", which speaks of {phase} '
            "but does not lie there in the order of time",
            expected="descriptions and acquisition times that agree",
            where=where,
            remedy=_ASK,
        )
    if naming.margin < TIE and not _same_moments(naming, evidence):
        fault = next((volume.fault for volume in candidates if volume.fault), None)
        if fault is not None:
            raise fault
        raise InputError(
            found=f"no naming of the phases that stands out by descriptions, times and image "
            f"among {len(candidates)} volume(s): {list_volumes(candidates)}",
            expected="evidence for the four phases",
            where=where,
            remedy=_ASK,
        )


def _same_moments(naming: Naming, evidence: Evidence) -> bool:
    """Whether best and second naming differ only by volumes a few seconds apart, as in a densely sampled series."""
    if set(naming.phases) != set(naming.rival):
        return False
    best = evidence.times_s[[naming.phases[phase] for phase in naming.phases]]
    rival = evidence.times_s[[naming.rival[phase] for phase in naming.phases]]
    nearest = np.diff(np.sort(best)).min(initial=np.inf)
    return bool(np.abs(best - rival).max() <= min(_SAME_MOMENT_S, nearest / 2))  # False where a time is unknown (NaN)


def _record(i: int, naming: Naming, candidates: list[TimePoint], evidence: Evidence) -> dict:
    """Why this volume is this phase, as plain JSON values."""
    kinds = ["acquisition order"]
    kinds += ["description"] if evidence.names[i] else []
    kinds += ["times"] if not np.isnan(evidence.times_s).any() else []
    kinds += ["brightness"] if evidence.brightness is not None else []
    brightness = None
    if evidence.brightness is not None:
        brightness = round(float(evidence.brightness[i] / max(evidence.brightness.min(), 1e-6)), 3)
    return {
        "rule": ", ".join(kinds),
        **candidates[i].describe(),
        "score": round(naming.score, 2),
        "margin": None if np.isinf(naming.margin) else round(naming.margin, 2),
        "brightness_to_darkest": brightness,
    }


def _flags(naming: Naming, candidates: list[TimePoint], evidence: Evidence) -> list[str]:
    flags = []
    if np.isnan(evidence.times_s).any():
        named = all(evidence.names[i] for i in naming.phases.values())
        flags.append("phase_order_from_descriptions" if named else "phase_order_from_acquisition_order")
    if len(candidates) > len(naming.phases):
        flags.append(f"phases_picked_from:{len(candidates)}")
    if naming.margin < UNSURE and not _same_moments(naming, evidence):
        flags.append("phase_choice_uncertain")
    if evidence.brightness is not None and "pre" in naming.phases:
        chosen = evidence.brightness[list(naming.phases.values())]
        if evidence.brightness[naming.phases["pre"]] > 1.02 * chosen.min():
            flags.append("pre_is_not_darkest")
    return flags


def _aside_record(volume: TimePoint, reason: str) -> dict:
    fault = f"; {volume.fault.found}" if volume.fault else ""
    return {"series": volume.source.removeprefix("series "), "reason": reason + fault}


def _reasons(aside: list[tuple[TimePoint, str]]) -> str:
    return "; ".join(sorted({f"series {volume.label}: {reason}" for volume, reason in aside})[:12])
