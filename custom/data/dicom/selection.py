"""A phase map's selectors → volumes: by series number, description or sub-folder, with ``@k`` for a time point."""

from __future__ import annotations

from collections.abc import Sequence

from ...types import PHASES, InputError
from ..phase_map import Selector
from .records import TimePoint


def select_volumes(selectors: dict[str, Selector], volumes: Sequence[TimePoint], where: str) -> dict[str, TimePoint]:
    """The volume of each phase that a phase map names.

    Raises:
        InputError: a selector that names nothing, several volumes, or a volume that another phase has.
    """
    chosen = {phase: _select(selectors[phase], volumes, where) for phase in PHASES if phase in selectors}
    for phase, volume in chosen.items():
        others = [other for other, candidate in chosen.items() if candidate is volume and other != phase]
        if others:
            raise InputError(
                found=f"{volume.source} named for {phase} and for {others[0]}",
                expected="a volume of its own for each phase",
                where=where,
                remedy="Correct the phase map.",
            )
    return chosen


def _select(selector: Selector, volumes: Sequence[TimePoint], where: str) -> TimePoint:
    series = _series_named(selector.name, volumes)
    labels = sorted({volume.label for volume in series})
    if len(labels) != 1:
        found = f"several series ({', '.join(labels)}) that match" if labels else "nothing that matches"
        raise InputError(
            found=f"{found} {str(selector)!r}; there are {list_volumes(volumes)}",
            expected="a selector that names one series",
            where=where,
            remedy="Correct the phase map.",
        )
    if selector.time_point is None and len(series) == 1:
        return series[0]
    matches = [volume for volume in series if volume.number == selector.time_point]
    if len(matches) != 1:
        raise InputError(
            found=f"the selector {str(selector)!r} for series {labels[0]} with {len(series)} time point(s)",
            expected=f"@1 to @{len(series)} behind it",
            where=where,
            remedy="Correct the phase map.",
        )
    return matches[0]


def _series_named(name: str, volumes: Sequence[TimePoint]) -> list[TimePoint]:
    """Volumes by the first of label, series number, description, folder that matches."""
    wanted = " ".join(name.casefold().split())
    folder = name.replace("\\", "/").strip("/").casefold()
    rules = (
        lambda volume: volume.label.casefold() == wanted,
        lambda volume: wanted.isdecimal() and volume.file.series_number == int(wanted),
        lambda volume: " ".join(volume.file.description.casefold().split()) == wanted,
        lambda volume: folder and volume.file.folder.casefold() == folder,
        lambda volume: folder and f"/{volume.file.folder.casefold()}/".endswith(f"/{folder}/"),
    )
    for rule in rules:
        matches = [volume for volume in volumes if rule(volume)]
        if matches:
            return matches
    return []


def list_volumes(volumes: Sequence[TimePoint], most: int = 20) -> str:
    """What there is to select, for messages: ``5@1…@4 "T1 dynamic"``."""
    first = {volume.label: volume for volume in volumes}
    names = []
    for label, volume in list(first.items())[:most]:
        points = f"@1…@{volume.count}" if volume.count > 1 else ""
        names.append(f'{label}{points} "{volume.file.title}"')
    return ", ".join(names) + (f" and {len(first) - most} more" if len(first) > most else "") or "no volumes"
