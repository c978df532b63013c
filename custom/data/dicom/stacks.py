"""Frames → series → stacks: frames of one series that share orientation, matrix, spacing, echo and kind of image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ...types import InputError
from .records import Frame, TimePoint
from .time_points import split_time_points

_SAME_COSINE = 5e-3  # direction cosines closer than this are one orientation


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames of one series and one kind; may hold several time points.

    Args:
        label: how a phase map names it.
        turned: whether its series holds stacks of other orientations.
    """

    label: str
    frames: tuple[Frame, ...]
    turned: bool


def stacks_of(frames: Iterable[Frame]) -> list[Stack]:
    """All stacks, by series number; a label is a series number, with ``#k`` where a series holds several stacks."""
    series: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        series[(frame.file.patient, frame.file.exam, frame.file.series)].append(frame)
    ordered = sorted(series.values(), key=lambda group: (_number(group[0]), group[0].file.path))
    labels = _labels(ordered)
    stacks = []
    for label, group in zip(labels, ordered, strict=True):
        parts: dict[Hashable, list[Frame]] = defaultdict(list)
        orientations = _orientations(group)
        for orientation, frame in zip(orientations, group, strict=True):
            parts[(orientation, _kind(frame))].append(frame)
        turned = max(orientations) > 0
        for k, part in enumerate(parts.values(), 1):
            stacks.append(Stack(label if len(parts) == 1 else f"{label}#{k}", tuple(part), turned))
    return stacks


def time_points_of(stacks: Iterable[Stack], where: str) -> list[TimePoint]:
    """Every volume of every stack; a stack whose series mixes orientations carries the fault."""
    volumes = []
    for stack in stacks:
        found = split_time_points(stack.frames, label=stack.label, where=f"{where}, series {stack.label}")
        if stack.turned:
            fault = InputError(
                found="slices of two or more orientations in one series",
                expected="one orientation",
                where=f"{where}, series {stack.label}",
                remedy="Name another series in a phase map (--phase_map), or separate the slices.",
            )
            found = [replace(volume, fault=fault) for volume in found]
        volumes += found
    return volumes


def _labels(ordered: list[list[Frame]]) -> list[str]:
    """Series numbers; a number that two series share gets a letter, a series without one counts from the folder."""
    numbers = [group[0].file.series_number for group in ordered]
    labels, seen = [], defaultdict(int)
    for k, series_number in enumerate(numbers, 1):
        base = str(series_number) if series_number is not None else f"unnumbered {k}"
        seen[base] += 1
        labels.append(
            base
            if series_number is None or numbers.count(series_number) == 1
            else f"{base}{chr(96 + min(26, seen[base]))}"
        )
    return labels


def _number(frame: Frame) -> int:
    return 10**9 if frame.file.series_number is None else frame.file.series_number


def _orientations(frames: list[Frame]) -> list[int]:
    """Number the orientations of a series' frames from 0."""
    seen: list[np.ndarray] = []
    numbers = []
    for frame in frames:
        cosines = np.array(frame.row_cosine + frame.column_cosine)
        near = [k for k, other in enumerate(seen) if np.abs(cosines - other).max() < _SAME_COSINE]
        if not near:
            seen.append(cosines)
        numbers.append(near[0] if near else len(seen) - 1)
    return numbers


def _kind(frame: Frame) -> tuple:
    """What must be equal within one volume, besides the orientation."""
    spacing = tuple(round(value, 4) for value in frame.spacing_mm)
    dixon = tuple(word for word in frame.image_type if word in _DIXON)
    stored = (frame.file.dtype, frame.rescaled, frame.scale_undone)
    echo_ms = round(frame.echo_time_ms or 0.0, 2)
    return (frame.file.shape, spacing, echo_ms, frame.b_value, frame.component, dixon, stored)


_DIXON = frozenset(
    (
        "W",
        "F",
        "WATER",
        "FAT",
        "IP",
        "OP",
        "IN_PHASE",
        "OUT_PHASE",
        "OPP_PHASE",
        "IN",
        "OUT",
        "OPPOSED",
        "FF",
        "R2_STAR",
    )
)
