"""Which volume was taken for which phase, and why: a few lines for each study in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..types import PHASES

MOST_NAMED = 8  # series of one reason


def phase_table(study: Mapping[str, Any]) -> str:
    """A study's phases with their evidence and where they lay, what was set aside and why, and the flags.

    Args:
        study: the description that ``LoadStudyd`` makes.

    Returns:
        Lines without identifiers; the first names the case.
    """
    rows = [_row(phase, study["phases"].get(phase), phase == study["reference_phase"]) for phase in PHASES]
    columns = [column for column in zip(*rows, strict=True) if any(column)]
    widths = [max(map(len, column)) for column in columns]
    rows = zip(*columns, strict=True)
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += _set_aside(study["set_aside"])
    lines += [f"flags: {', '.join(study['flags'])}"] if study["flags"] else []
    return "\n  ".join([f"{study['case']}: phases", *lines])


def _row(phase: str, found: Mapping[str, Any] | None, is_reference: bool) -> tuple[str, str, str, str, str]:
    """Phase, source, time, where it lay, and why it is this phase."""
    name = f"{phase}*" if is_reference else phase
    if found is None:
        return name, "missing", "", "", ""
    evidence, time_s = found["evidence"], found["time_s"]
    description = evidence.get("description")
    source = f'{found["source"]} "{description}"' if description else found["source"]
    scores = ", ".join(f"{kind} {score:+.1f}" for kind, score in evidence.get("scores", {}).items())
    time = "" if time_s is None else f"{time_s:.0f} s"
    return name, source, time, shift_in_words(found.get("alignment")), scores or evidence.get("rule", "")


def shift_in_words(alignment: Mapping[str, Any] | None) -> str:
    """What registration did to a phase, e.g. ``"moved back 6.1 mm"``; nothing where there was none to do."""
    if alignment is None:
        return ""
    if alignment["outcome"] == "applied":
        return f"moved back {alignment['distance_mm']:.1f} mm"
    return "in place" if alignment["outcome"] == "negligible" else "not aligned"


def _set_aside(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    series: dict[str, list[str]] = {}
    for entry in entries:
        series.setdefault(entry["reason"], []).append(entry["series"])
    named = [f"{reason} ({_some(names)})" for reason, names in series.items()]
    return [f"set aside: {'; '.join(named)}"] if named else []


def _some(names: Sequence[str]) -> str:
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join([*names[:MOST_NAMED], *more])
