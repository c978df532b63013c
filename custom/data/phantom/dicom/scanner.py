"""A scanner and the people around it: a vendor's dialect, what they type, what else they acquire, what export loses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....types import PHASES
from .dialects import ABSENT, CONSTANT, DIALECTS, OWN, Dialect
from .distractors import DISTRACTORS
from .series_names import IDENTICAL, LANGUAGES, MISSING, NUMBERED, SECONDS

FURTHER = ("early arterial", "second pre", "late delayed", "hepatobiliary", "dense")
"""Moments beyond the four phases; ``"dense"`` is one every few seconds for five minutes."""


@dataclass(frozen=True)
class Scanner:
    """How an examination is acquired and exported.

    Args:
        dialect: the vendor's layout.
        naming: how series of single moments are described (see `series_description`).
        phases: those acquired.
        further: one of `FURTHER`, or empty.
        distractors: names of `DISTRACTORS`.
        agent: ContrastBolusAgent; empty = not recorded.
        agent_before_injection: recorded in series from before the injection, too.
        shuffled: InstanceNumber follows neither space nor time.
        flat: all files in one folder.
    """

    dialect: Dialect
    naming: str = "german"
    phases: tuple[str, ...] = PHASES
    further: str = ""
    distractors: tuple[str, ...] = ()
    agent: str = "GADOBUTROL"
    agent_before_injection: bool = False
    shuffled: bool = False
    flat: bool = False


def draw_scanner(seed: int) -> Scanner:
    """A random scanner; the same seed gives the same."""
    rng = np.random.default_rng([seed, 20])
    layout = str(rng.choice(list(DIALECTS)))
    dialect = _draw_export(rng, layout)
    missing = str(rng.choice(["", "delayed", "pre", "arterial"], p=(0.8, 0.08, 0.06, 0.06)))
    further = str(rng.choice(["", *FURTHER], p=(0.7, 0.07, 0.06, 0.07, 0.05, 0.05)))
    if further == "dense":
        missing, dialect = "", replace(dialect, one_series=True)
    liver_specific = further == "hepatobiliary" or rng.random() < 0.12
    kinds = (str(rng.choice(LANGUAGES)), SECONDS, NUMBERED, IDENTICAL, MISSING)
    shared = (0.0, 0.0, 0.0, 0.8, 0.2) if dialect.one_series else (0.5, 0.1, 0.1, 0.2, 0.1)
    return Scanner(
        dialect=dialect,
        naming=str(rng.choice(kinds, p=shared)),
        phases=tuple(phase for phase in PHASES if phase != missing),
        further=further,
        distractors=tuple(name for name in DISTRACTORS if rng.random() < 0.35),
        agent="Gadoxetate disodium" if liver_specific else str(rng.choice(["GADOBUTROL", "Dotarem", ""])),
        agent_before_injection=bool(rng.random() < 0.5),
        shuffled=layout != "blocks" and bool(rng.random() < 0.7) and _tells_moments(dialect),
        flat=bool(rng.random() < 0.3),
    )


def _tells_moments(dialect: Dialect) -> bool:
    """Whether anything but InstanceNumber tells the moments of a series apart."""
    tagged = dialect.temporal_position or dialect.acquisition_number or dialect.trigger_time
    return not dialect.one_series or tagged or dialect.clocks == OWN


def _draw_export(rng: np.random.Generator, layout: str) -> Dialect:
    """A dialect whose times and private elements may have been lost where something else tells moments apart."""
    dialect = DIALECTS[layout]
    if layout != "clock":
        clocks = (dialect.clocks, OWN, CONSTANT, ABSENT)
        dialect = replace(dialect, clocks=str(rng.choice(clocks, p=(0.45, 0.25, 0.15, 0.15))))
    return replace(
        dialect,
        bolus_time=bool(rng.random() < (0.7 if dialect.bolus_time else 0.15)),
        scale_slope_written=bool(rng.random() < 0.8),
    )
