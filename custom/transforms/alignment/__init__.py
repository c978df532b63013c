"""Breath-holds of one exam brought to one place: each phase's motion is found, judged, and then resampled once."""

from .align import align_phases, check_registration
from .gate import Alignment
from .report import alignment_flags, describe_alignment

__all__ = [
    "Alignment",
    "align_phases",
    "alignment_flags",
    "check_registration",
    "describe_alignment",
]
