"""Slices that fell out of their volume: a damaged header must not shorten a stack in silence.

A slice whose matrix, spacing, echo time, scaling or series differs from its neighbours' becomes a stack of its own. In
the middle of a volume it leaves a gap, which is an error; at an end nothing would be missed. What gives it away is its
place: just where the volume would go on, and where the rest of its own stack has nothing to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...types import InputError
from ..geometry import slice_normal
from .records import Frame, TimePoint

_NEAR = 0.25  # of the slice step
_MOST = 0.5  # of the volume's slices: more is a volume of its own


def with_strays_as_faults(volumes: Sequence[TimePoint], where: str) -> list[TimePoint]:
    """The volumes; one that another, smaller stack of its series continues carries that as its fault."""
    marked = []
    for volume in volumes:
        stray = next((frame for other in volumes for frame in _continuing(volume, other)), None)
        if stray is not None and volume.fault is None:
            fault = InputError(
                found=f"a slice at {_offset_mm(stray, volume):.2f} mm along the normal, where the volume would go on, "
                f"that differs in {_difference(stray, volume.frames[0])}",
                expected="slices of one kind in a volume",
                where=f"{where}, series {volume.label}",
                remedy="Export the series again, or remove the file when it does not belong to it.",
            )
            volume = replace(volume, fault=fault)
        marked.append(volume)
    return marked


def _continuing(volume: TimePoint, other: TimePoint) -> list[Frame]:
    """Frames of a smaller stack that lie one step beyond an end of a volume none of whose places it holds."""
    if other is volume or len(volume.frames) < 2 or len(other.frames) > _MOST * len(volume.frames):
        return []
    ours, theirs = volume.file, other.file
    if ours.series != theirs.series and (ours.series_number is None or ours.series_number != theirs.series_number):
        return []
    places = np.array([frame.position_mm for frame in volume.frames])  # (N, 3)
    step = np.median(np.diff(places, axis=0), axis=0)  # (3,)
    reach = _NEAR * np.linalg.norm(step)

    def near(frame: Frame, targets: np.ndarray) -> bool:
        return bool((np.linalg.norm(np.array(frame.position_mm) - targets, axis=1) < reach).any())

    if any(near(frame, places) for frame in other.frames):
        return []
    beyond = np.array([places[0] - step, places[-1] + step])
    return [frame for frame in other.frames if near(frame, beyond)]


def _offset_mm(frame: Frame, volume: TimePoint) -> float:
    first = volume.frames[0]
    return float(np.dot(frame.position_mm, slice_normal(first.row_cosine, first.column_cosine)))


def _difference(frame: Frame, usual: Frame) -> str:
    pairs = {
        "its SeriesInstanceUID": (frame.file.series, usual.file.series),
        "its matrix": (frame.file.shape, usual.file.shape),
        "its pixel spacing": (frame.spacing_mm, usual.spacing_mm),
        "its orientation": (frame.row_cosine + frame.column_cosine, usual.row_cosine + usual.column_cosine),
        "its echo time": (frame.echo_time_ms, usual.echo_time_ms),
        "its b-value": (frame.b_value, usual.b_value),
        "its stored type": (frame.file.dtype, usual.file.dtype),
        "its scaling": ((frame.rescaled, frame.scale_undone), (usual.rescaled, usual.scale_undone)),
        "its image type": (frame.image_type, usual.image_type),
    }
    return ", ".join(name for name, (a, b) in pairs.items() if a != b) or "its header"
