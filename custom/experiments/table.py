"""Manifests in, table out: every figure of every arm, and what tells it from the arm it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..engines.metrics.study_record import Record
from ..types import InputError
from .arms import HELD_OUT
from .curve_baselines import curve_baselines
from .figures import FIGURES, Figure, averaged, study_values
from .statistics import Interval, bootstrap_interval, holm, mean_and_sd, paired_p_value

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """An arm under a condition: its runs' records.

    Args:
        name: as the table shows it.
        arm: whose networks answer.
        given_mask: they were told the lesions' place.
        runs: records of each run, one run a fold and seed.
        reported: figure → what the paper reports.
        shows: keys of the figures that are its own.
    """

    name: str
    arm: str
    given_mask: bool
    runs: list[list[Record]]
    reported: Mapping[str, str]
    shows: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One figure of one line.

    Args:
        arm, figure: where it stands.
        runs, studies, patients: how many.
        mean, sd_studies: over the studies, each averaged over its seeds.
        sd_runs: of the runs' means, over folds and seeds.
        interval: 95 %, of the mean, over patients.
        compared_with: the line that the difference is from, "" where there is none.
        difference, difference_interval: over the studies that both have.
        p, p_holm: paired test of the difference; corrected over the lines of this figure.
        reported: what the paper reports.
    """

    arm: str
    figure: str
    runs: int
    studies: int
    patients: int
    mean: float
    sd_studies: float | None
    sd_runs: float | None
    interval: Interval | None
    compared_with: str = ""
    difference: float | None = None
    difference_interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None
    reported: str = ""


def lines_of(manifests: Sequence[Manifest]) -> list[Line]:
    """One line for each arm and condition, in the experiment's order.

    Raises:
        InputError: no manifests, or those of several experiments.
    """
    names = {manifest["experiment"]["name"] for manifest in manifests}
    if len(names) != 1:
        raise InputError(
            found=f"finished runs of {len(names)} experiments",
            expected="those of one",
            where="experiment table",
            remedy="Name the folder of one experiment, or let its first run finish.",
        )
    lines: dict[str, Line] = {}
    for manifest in manifests:
        for condition, records in manifest["evaluations"].items():
            name = manifest["arm"] if condition == HELD_OUT else f"{manifest['arm']}, {condition}"
            reported = manifest["reported"] if condition == HELD_OUT else {}
            given = _is_mask_given(manifest, condition)
            shows = tuple(figure.key for figure in FIGURES if not (given and figure.of_mask))
            lines.setdefault(name, Line(name, manifest["arm"], given, [], reported, shows)).runs.append(records)
    return [*lines.values(), *_baseline_lines(manifests)]


def _is_mask_given(manifest: Manifest, condition: str) -> bool:
    overrides = {**manifest["config"]["overrides"], **manifest["conditions"][condition]}
    return any(key.endswith("given_mask") and value for key, value in overrides.items())


def _baseline_lines(manifests: Sequence[Manifest]) -> list[Line]:
    """What the arm that others are compared with reaches by simple means, where the experiment asks for it."""
    lines: dict[str, Line] = {}
    for manifest in manifests:
        experiment = manifest["experiment"]
        if experiment["curve_baselines"] and manifest["arm"] == experiment["compared_with"]:
            for name, (records, shows) in curve_baselines(manifest).items():
                lines.setdefault(name, Line(name, name, False, [], {}, shows)).runs.append(records)
    return list(lines.values())


def build_table(manifests: Sequence[Manifest]) -> list[Cell]:
    """Every figure that any line has, figure by figure."""
    lines, reference = lines_of(manifests), manifests[0]["experiment"]["compared_with"]
    return [cell for figure in FIGURES for cell in _column(lines, figure, reference)]


def _column(lines: Sequence[Line], figure: Figure, reference: str) -> list[Cell]:
    lines = [line for line in lines if figure.key in line.shows]
    values = {line.name: averaged([study_values(run, figure) for run in line.runs]) for line in lines}
    patients = {record["case"]: record["group"] for line in lines for run in line.runs for record in run}
    cells = []
    for line in lines:
        if not values[line.name]:
            continue
        own = _own(line, figure, values[line.name], patients)
        if line.name != (other := _compared_with(line, lines, reference)):
            own |= {"compared_with": other, **_against(values[line.name], values.get(other, {}), patients)}
        cells.append(own)
    corrected = holm([cell.get("p") for cell in cells])
    return [Cell(**cell, p_holm=p) for cell, p in zip(cells, corrected, strict=True)]


def _compared_with(line: Line, lines: Sequence[Line], reference: str) -> str:
    """The compared arm's line; for networks that were given the mask, the one in which it was as well."""
    alike = [other.name for other in lines if other.arm == reference and other.given_mask == line.given_mask]
    return alike[0] if alike and alike[0] != line.name else reference


def _own(line: Line, figure: Figure, values: Mapping[str, float], patients: Mapping[str, str]) -> dict[str, Any]:
    mean, sd_studies = mean_and_sd(list(values.values()))
    of_runs = [list(study_values(run, figure).values()) for run in line.runs]
    means = [mean_and_sd(run)[0] for run in of_runs if run]
    grouped = by_patient(values, patients)
    return {
        "arm": line.name,
        "figure": figure.key,
        "runs": len(line.runs),
        "studies": len(values),
        "patients": len(grouped),
        "mean": mean,
        "sd_studies": sd_studies,
        "sd_runs": mean_and_sd(means)[1],
        "interval": bootstrap_interval(grouped),
        "reported": line.reported.get(figure.key, ""),
    }


def _against(values: Mapping[str, float], others: Mapping[str, float], patients: Mapping[str, str]) -> dict[str, Any]:
    both = {case: value - others[case] for case, value in values.items() if case in others}
    if not both:
        return {}
    grouped = by_patient(both, patients)
    difference = {"difference": mean_and_sd(list(both.values()))[0]}
    return {**difference, "difference_interval": bootstrap_interval(grouped), "p": paired_p_value(grouped)}


def by_patient(values: Mapping[str, float], patients: Mapping[str, str]) -> dict[str, list[float]]:
    """Patient → values of its studies."""
    grouped: dict[str, list[float]] = {}
    for case, value in values.items():
        grouped.setdefault(patients[case], []).append(value)
    return grouped


def as_row(cell: Cell) -> dict[str, Any]:
    """A line of ``table.csv``; intervals as two columns, what is not defined an empty cell."""
    row = asdict(cell)
    for name, key in (("interval", "mean"), ("difference_interval", "difference")):
        row[f"{key}_low"], row[f"{key}_high"] = row.pop(name) or (None, None)
    return row
