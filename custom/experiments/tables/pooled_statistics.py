"""Figures of whole runs: their mean over the runs, bootstrap over patients, and a paired permutation test.

A run is judged alone, since another fold's network may be surer than this one's. Patients are drawn, and the two arms'
answers for a patient exchanged, in all runs together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engines.metrics.study_record import Record
from .figures import Figure
from .lines import Runs
from .pooled import Pooled, Weighted, mean_of_defined
from .statistics import RESAMPLES, Interval, draws, flips, mean_and_sd, p_of


@dataclass(frozen=True)
class Judged:
    """One run's figure as a function of weights, and whose answers they weigh.

    Args:
        value: ``(B, N)`` weights to ``(B)``; for two arms the answers of the first, then those of the second.
        patients: ``(N / arms)``, index of each study's patient.
    """

    value: Weighted
    patients: np.ndarray


def mean(runs: Runs, figure: Figure) -> float | None:
    """Over the runs that have the figure; None where none has."""
    values = _values(_judge_alone(runs, figure)[0])
    return mean_and_sd(values)[0] if values else None


def own(runs: Runs, figure: Figure) -> dict[str, Any] | None:
    """Entries of a ``Cell``; None where no run has the figure. Runs in which it is undefined take no part."""
    judged, patients = _judge_alone(runs, figure)
    values = _values(judged)
    if not values:
        return None
    average, sd_runs = mean_and_sd(values)
    drawn = None if patients < 2 else _mean_over_runs(judged, [draws(patients)])
    return {
        "studies": len({record["case"] for run in runs.values() for record in figure.value.judged(run)}),
        "patients": patients,
        "mean": average,
        "sd_studies": None,
        "sd_runs": sd_runs,
        "interval": None if drawn is None else _interval(drawn, average, 0.0, figure.value.most),
    }


def against(runs: Runs, others: Runs, figure: Figure) -> dict[str, Any]:
    """Entries of a ``Cell`` about the difference, over the runs and studies that both have; none without such."""
    pooled = figure.value
    pairs = [_common(pooled.judged(run), pooled.judged(others[key])) for key, run in runs.items() if key in others]
    judged, patients = _judge([pair for pair in pairs if pair[0]], pooled)
    if not judged:
        return {}
    difference = float(_exchanged(judged, np.zeros((1, patients)))[0])
    if np.isnan(difference):
        return {}
    if patients < 2:
        return {"difference": difference}
    counts = draws(patients)
    none = np.zeros_like(counts)
    drawn = _mean_over_runs(judged, [counts, none]) - _mean_over_runs(judged, [none, counts])
    p = p_of(_exchanged(judged, flips(patients)), difference)
    return {"difference": difference, "difference_interval": _interval(drawn, difference), "p": p}


def _judge_alone(runs: Runs, figure: Figure) -> tuple[list[Judged], int]:
    return _judge([[records] for run in runs.values() if (records := figure.value.judged(run))], figure.value)


def _values(judged: Sequence[Judged]) -> list[float]:
    values = [float(one.value(np.ones((1, len(one.patients))))[0]) for one in judged]
    return [value for value in values if not np.isnan(value)]


def _common(ours: Sequence[Record], theirs: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The studies that both have, in one order."""
    first, second = ({record["case"]: record for record in records} for records in (ours, theirs))
    cases = [case for case in first if case in second]
    return [first[case] for case in cases], [second[case] for case in cases]


def _judge(runs: Sequence[Sequence[Sequence[Record]]], pooled: Pooled) -> tuple[list[Judged], int]:
    """Each run, given as its arms' records, and the number of patients in all of them."""
    names: Mapping[str, int] = {}
    for arms in runs:
        for record in arms[0]:
            names.setdefault(record["group"], len(names))
    judged = [Judged(pooled.of(arms), np.array([names[record["group"]] for record in arms[0]])) for arms in runs]
    return judged, len(names)


def _mean_over_runs(judged: Sequence[Judged], weights: Sequence[np.ndarray]) -> np.ndarray:
    """``(B)``; ``weights`` of patients ``(B, G)`` for each arm."""
    return mean_of_defined([one.value(np.concatenate([w[:, one.patients] for w in weights], axis=1)) for one in judged])


def _exchanged(judged: Sequence[Judged], turned: np.ndarray) -> np.ndarray:
    """``(B)`` differences, first arm less second, with their answers exchanged where ``turned`` ``(B, G)`` is 1."""
    return _mean_over_runs(judged, [1 - turned, turned]) - _mean_over_runs(judged, [turned, 1 - turned])


def _interval(drawn: np.ndarray, estimate: float, least: float = -np.inf, most: float = np.inf) -> Interval | None:
    """Percentiles, moved by what draws are off on average: bins of a resampled calibration error are noisier ones."""
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < RESAMPLES / 2:
        return None
    low, high = np.clip(np.percentile(drawn, [2.5, 97.5]) - (drawn.mean() - estimate), least, most)
    return float(low), float(high)
