"""A random examination on a random scanner, from one seed: what the phase sorter is proven on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....types import PHASES
from ..acquisition import draw_acquisition
from ..simulate import PhantomStudy, simulate_study, simulate_time_points
from .scanner import Scanner, draw_scanner
from .series import Moment, moments_of

DENSE_UNTIL_S = 300.0


@dataclass(frozen=True, eq=False)
class RandomExam:
    """What is written.

    Args:
        study: the four phases.
        scanner: how it is written.
        moments: every moment of the dynamic in the order of time.
        arrival_s: when contrast arrives in the aorta, after the injection.
    """

    study: PhantomStudy
    scanner: Scanner
    moments: list[Moment]
    arrival_s: float


def draw_exam(seed: int, *, preset: str = "tiny") -> RandomExam:
    """The examination of a seed, on the scanner of the same seed."""
    scanner, rng = draw_scanner(seed), np.random.default_rng([seed, 21])
    study = simulate_study(seed=seed, preset=preset)
    times = _further_times(scanner.further, study.truth["times_s"], rng)
    moments = moments_of(study, scanner.phases)
    if times:
        images = simulate_time_points(seed=seed, preset=preset, times_s=list(times.values()))
        moments += [Moment(name, t, image) for (name, t), image in zip(times.items(), images, strict=True)]
    circulation = draw_acquisition(np.random.default_rng([seed, 3])).circulation  # as the study's
    return RandomExam(study, scanner, sorted(moments, key=lambda moment: moment.time_s), circulation.arrival_s)


def _further_times(kind: str, times_s: dict[str, float], rng: np.random.Generator) -> dict[str, float]:
    """When the further moments are, in seconds after the injection."""
    if kind == "dense":
        step = float(rng.uniform(6.0, 10.0))
        moments = np.arange(times_s["pre"] + step, DENSE_UNTIL_S, step)
        phases = np.array([times_s[phase] for phase in PHASES])
        kept = [t for t in moments if np.abs(phases - t).min() > step / 2]
        return {f"moment {k}": float(t) for k, t in enumerate(kept, start=1)}
    at = {
        "early arterial": times_s["arterial"] - rng.uniform(9, 13),
        "second pre": times_s["pre"] - rng.uniform(30, 80),
        "late delayed": times_s["delayed"] + rng.uniform(150, 300),
        "hepatobiliary": rng.uniform(1150, 1300),
    }
    return {kind: float(at[kind])} if kind else {}
