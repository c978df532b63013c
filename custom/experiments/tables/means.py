"""Figures that are means over studies: what a line has of them, and what tells it from another line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...engines.metrics.study_record import Record
from ...engines.metrics.summary import classifies
from .figures import Figure
from .lines import Runs
from .statistics import bootstrap_interval, mean_and_sd, paired_p_value


def mean(runs: Runs, figure: Figure) -> float | None:
    """Over the studies, each averaged over its runs; None where no study has the figure."""
    values = _averaged(runs, figure)
    return mean_and_sd(list(values.values()))[0] if values else None


def own(runs: Runs, figure: Figure) -> dict[str, Any] | None:
    """Entries of a ``Cell``; None where no study has the figure."""
    values = _averaged(runs, figure)
    if not values:
        return None
    average, sd_studies = mean_and_sd(list(values.values()))
    of_runs = [list(study_values(run, figure).values()) for run in runs.values()]
    grouped = _by_patient(values, _patients(runs))
    return {
        "studies": len(values),
        "patients": len(grouped),
        "mean": average,
        "sd_studies": sd_studies,
        "sd_runs": mean_and_sd([mean_and_sd(run)[0] for run in of_runs if run])[1],
        "interval": bootstrap_interval(grouped),
    }


def against(runs: Runs, others: Runs, figure: Figure) -> dict[str, Any]:
    """Entries of a ``Cell`` about the difference, over the studies that both have; none without such."""
    ours, theirs = _averaged(runs, figure), _averaged(others, figure)
    both = {case: value - theirs[case] for case, value in ours.items() if case in theirs}
    if not both:
        return {}
    grouped = _by_patient(both, _patients(runs))
    difference = {"difference": mean_and_sd(list(both.values()))[0]}
    return {**difference, "difference_interval": bootstrap_interval(grouped), "p": paired_p_value(grouped)}


def study_values(records: Sequence[Record], figure: Figure) -> dict[str, float]:
    """Case → value, of the studies where it is defined; nothing where the network does not have the task."""
    if figure.of_class and not classifies(records):
        return {}
    values = {record["case"]: figure.value(record) for record in records}
    return {case: value for case, value in values.items() if value is not None}


def _averaged(runs: Runs, figure: Figure) -> dict[str, float]:
    """Case → mean over the seeds (and folds) in which it has a value."""
    collected: dict[str, list[float]] = {}
    for run in runs.values():
        for case, value in study_values(run, figure).items():
            collected.setdefault(case, []).append(value)
    return {case: float(np.mean(values)) for case, values in collected.items()}


def _patients(runs: Runs) -> dict[str, str]:
    return {record["case"]: record["group"] for run in runs.values() for record in run}


def _by_patient(values: Mapping[str, float], patients: Mapping[str, str]) -> dict[str, list[float]]:
    """Patient → values of its studies."""
    grouped: dict[str, list[float]] = {}
    for case, value in values.items():
        grouped.setdefault(patients[case], []).append(value)
    return grouped
