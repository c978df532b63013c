"""A stack → its time points: split by the first header field that varies and gives equal slice sets.

Vendors lay several time points out in one series under different fields; InstanceNumber is never trusted to order them
in time (it is random on some scanners) and serves only where positions repeat and nothing else tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...types import InputError
from ..geometry import position_numbers, slice_normal, stack_affine
from .records import Frame, TimePoint

KEYS: tuple[tuple[str, Callable[[Frame], float | None]], ...] = (
    ("TemporalPositionIdentifier", lambda frame: frame.temporal_position),
    ("AcquisitionNumber", lambda frame: frame.acquisition_number),
    ("TriggerTime", lambda frame: frame.trigger_time_ms),
    ("AcquisitionTime", lambda frame: frame.clock_s),
)
_NEARLY = 0.8  # of the slices


def split_time_points(frames: Sequence[Frame], *, label: str, where: str) -> list[TimePoint]:
    """The volumes of one stack, in the order of time.

    Args:
        frames: of one orientation, matrix, spacing and kind.
        label: how a phase map names the stack.
        where: for messages.

    Returns:
        One ``TimePoint`` for each; what is wrong with one is its ``fault``, raised when it is chosen.
    """
    normal = slice_normal(*_usual_cosines(frames))
    offsets_mm = np.array([frame.position_mm for frame in frames]) @ normal  # (N,)
    places = position_numbers(offsets_mm)  # (N,) which slice position
    split_by, groups, fault = _grouping(frames, places, offsets_mm, where)
    members = [np.flatnonzero(groups == g) for g in range(groups.max() + 1)]
    clocks = _own_clocks([[frames[i] for i in member] for member in members])
    stack_clock = _least(_middle([frames[i].clock_s for i in member]) for member in members)
    volumes = []
    for number, (member, clock_s) in enumerate(zip(members, clocks, strict=True), 1):
        ordered = tuple(frames[i] for i in member[np.argsort(offsets_mm[member], kind="stable")])
        here = f"{where}, time point {number}" if len(members) > 1 else where
        own_fault = fault or _incomplete(places[member], places, offsets_mm, here)
        volumes.append(_volume(ordered, own_fault, here, label, number, len(members), split_by, clock_s, stack_clock))
    return volumes


def _grouping(frames, places, offsets_mm, where: str) -> tuple[str, np.ndarray, InputError | None]:
    """Which time point each frame belongs to ``(N,)``, told by which field, or what is wrong."""
    single = np.zeros(len(frames), dtype=int)
    repeats = np.bincount(places)  # how often each position occurs
    if repeats.max() == 1:
        return "", single, None
    clean: tuple[str, np.ndarray] | None = None
    nearly = ""
    for name, key in KEYS:
        values = [key(frame) for frame in frames]
        if len(set(values) - {None}) < 2:
            continue
        known = np.array([-np.inf if value is None else value for value in values])
        groups = np.unique(known, return_inverse=True)[1].reshape(-1)
        counts = np.zeros((groups.max() + 1, places.max() + 1), dtype=int)  # time points × positions
        np.add.at(counts, (groups, places), 1)
        if (counts == 1).all() and None not in values:
            return name, groups, None
        full = ((counts == 1).mean(1) >= _NEARLY).sum()  # groups that hold nearly every position once
        if full >= max(2, np.median(repeats)):
            nearly = nearly or name
        if counts.max() == 1 and None not in values and (clean is None or counts.shape[0] < clean[1].max() + 1):
            clean = (name, groups)
    numbers = [frame.instance_number for frame in frames]
    if not nearly and repeats.min() == repeats.max() and None not in numbers and len(set(numbers)) == len(numbers):
        return "repeated positions", _blocks(places, np.array(numbers)), None
    if clean is not None and clean[1].max() + 1 <= 2 * repeats.max():  # one field tells them apart, some slices missing
        return *clean, None
    place = int(np.argmax(repeats))
    fault = InputError(
        found=f"{repeats[place]} slices at {offsets_mm[places == place][0]:.2f} mm along the normal, and "
        f"{f'a {nearly} that tells not all of them' if nearly else 'no header field that tells time points'} apart",
        expected="each position once, or time points with equal slices",
        where=where,
        remedy="Remove doubled files, or name another series in a phase map (--phase_map).",
    )
    return "", single, fault


def _blocks(places: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The k-th occurrence of each position, by InstanceNumber, belongs to time point k."""
    groups = np.empty(len(places), dtype=int)
    order = np.lexsort((numbers, places))
    starts = np.concatenate([[0], np.cumsum(np.bincount(places))[:-1]])
    groups[order] = np.arange(len(places)) - starts[places[order]]
    return groups


def _incomplete(own: np.ndarray, places: np.ndarray, offsets_mm: np.ndarray, where: str) -> InputError | None:
    missing = np.setdiff1d(places, own)
    if not len(missing):
        return None
    at = ", ".join(f"{offsets_mm[places == place][0]:.2f}" for place in missing[:5])
    return InputError(
        found=f"{len(missing)} missing slice(s), at {at} mm along the normal, which other time points have",
        expected=f"{places.max() + 1} slices",
        where=where,
        remedy="Export the series again, or name another time point in a phase map (--phase_map).",
    )


def _own_clocks(groups: list[list[Frame]]) -> list[float | None]:
    """When each time point was taken: its own acquisition time, else the series' time plus the trigger time."""
    clocks = [_middle([frame.clock_s for frame in group]) for group in groups]
    if len(groups) == 1 or (None not in clocks and len(set(clocks)) == len(clocks)):
        return clocks
    triggers = [_middle([frame.trigger_time_ms for frame in group]) for group in groups]
    if None in triggers or len(set(triggers)) < len(triggers) or sorted(triggers) != triggers:
        return [None] * len(groups)
    start = _least(clock for clock in clocks if clock is not None) or 0.0
    return [start + (trigger - triggers[0]) / 1000 for trigger in triggers]


def _middle(values: list[float | None]) -> float | None:
    """The median: one slice with a damaged header does not move a volume in time."""
    known = sorted(value for value in values if value is not None)
    return known[len(known) // 2] if known else None


def _least(values) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _usual_cosines(frames: Sequence[Frame]) -> tuple[np.ndarray, np.ndarray]:
    """Row and column direction of a stack: the medians, so that one frame that is a little off does not turn it."""
    cosines = np.median([frame.row_cosine + frame.column_cosine for frame in frames], axis=0)  # (6,)
    return cosines[:3], cosines[3:]


def _volume(frames, fault, where, label, number, count, split_by, clock_s, stack_clock) -> TimePoint:
    affine, shear_deg = np.eye(4), 0.0
    if fault is None:
        try:
            affine, shear_deg = stack_affine(
                np.array([frame.position_mm for frame in frames]),
                *_usual_cosines(frames),
                frames[0].spacing_mm,
                where,
            )
        except InputError as error:  # kept until somebody chooses this volume
            fault = error
    return TimePoint(label, number, count, frames, affine, split_by, clock_s, stack_clock, fault, shear_deg)
