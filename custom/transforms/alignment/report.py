"""What a study's record says of its alignment."""

from __future__ import annotations

from collections.abc import Mapping

from .gate import Alignment

NOTABLE_MM = 10.0
"""A larger shift is flagged: breath-holds that differ so much differ in more than a shift."""


def describe_alignment(alignment: Alignment | None) -> dict | None:
    """Plain values for ``study.json``; ``None`` for the reference phase and without registration."""
    if alignment is None:
        return None
    measured = alignment.shift_mm is not None
    before, after = (round(x, 3) for x in alignment.agreement) if measured else (None, None)
    return {
        "outcome": alignment.outcome,
        "shift_mm": [round(x, 2) for x in alignment.shift_mm] if measured else None,
        "distance_mm": round(alignment.distance_mm, 2) if measured else None,
        "edge_agreement": {"before": before, "after": after},
    }


def alignment_flags(alignments: Mapping[str, Alignment]) -> list[str]:
    """Phases that could not be aligned, and those that lay far off."""
    flags = []
    for phase, alignment in alignments.items():
        if alignment.outcome == "rejected":
            flags.append(f"registration_rejected:{phase}")
        elif alignment.distance_mm > NOTABLE_MM:
            flags.append(f"breath_hold_shift:{phase}")
    return flags
