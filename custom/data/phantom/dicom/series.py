"""What the writers write: series, each of one or several moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....types import PHASES
from ..kinetics import ECHO_TIME_S, REPETITION_TIME_S
from ..simulate import PhantomStudy

GRADIENT_ECHO = ("GR", ("SP", "OSP"))


@dataclass(frozen=True, eq=False)
class Moment:
    """One breath-hold.

    Args:
        name: a phase's, or a further moment's, e.g. ``"early arterial"``.
        time_s: after the start of injection; negative = before it.
        image: ``(X, Y, Z)`` raw units.
    """

    name: str
    time_s: float
    image: np.ndarray


@dataclass(frozen=True, eq=False)
class Series:
    """One DICOM series, or the part of it that is of one kind.

    Args:
        number: SeriesNumber; equal numbers are one series.
        description: SeriesDescription, ``None`` = absent.
        moments: in the order of time, all on one grid.
        affine: ``(4, 4)`` voxel to RAS mm.
        image_type: ImageType, and FrameType of multi-frame files.
        sequence: ScanningSequence and SequenceVariant.
        repetition_ms, echo_ms: timing.
        b_value: DiffusionBValue.
        contrast_agent: ContrastBolusAgent; empty = absent.
    """

    number: int
    description: str | None
    moments: tuple[Moment, ...]
    affine: np.ndarray
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "M", "NONE")
    sequence: tuple[str, tuple[str, ...]] = GRADIENT_ECHO
    repetition_ms: float = 1000 * REPETITION_TIME_S
    echo_ms: float = 1000 * ECHO_TIME_S
    b_value: float | None = None
    contrast_agent: str = ""


def moments_of(study: PhantomStudy, phases: Sequence[str] = PHASES) -> list[Moment]:
    """The phases of a study as moments."""
    return [Moment(p, study.truth["times_s"][p], study.images[k]) for k, p in enumerate(PHASES) if p in phases]
