"""The lines of an experiment's table: arms, the conditions they were judged under, and simple means beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...engines.metrics.study_record import Record
from ...types import InputError
from ..planning.arms import HELD_OUT
from .curve_baselines import curve_baselines
from .figures import FIGURES

Manifest = Mapping[str, Any]
Runs = Mapping[tuple[int, int], Sequence[Record]]
"""Fold and seed → the records of that run."""


@dataclass(frozen=True)
class Line:
    """An arm under a condition: its runs' records.

    Args:
        name: as the table shows it.
        arm: whose networks answer.
        given_mask: they were told the lesions' place.
        runs: records of each run.
        reported: figure → what the paper reports.
        shows: keys of the figures that are its own.
    """

    name: str
    arm: str
    given_mask: bool
    runs: dict[tuple[int, int], list[Record]]
    reported: Mapping[str, str]
    shows: tuple[str, ...]

    @property
    def records(self) -> list[Record]:
        """Of all runs together."""
        return [record for run in self.runs.values() for record in run]


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
            line = lines.setdefault(name, Line(name, manifest["arm"], given, {}, reported, shows))
            line.runs[manifest["fold"], manifest["seed"]] = records
    return [*lines.values(), *_baseline_lines(manifests)]


def compared_with(line: Line, lines: Sequence[Line], reference: str) -> str:
    """The compared arm's line; for networks that were given the mask, the one in which it was as well."""
    alike = [other.name for other in lines if other.arm == reference and other.given_mask == line.given_mask]
    return alike[0] if alike and alike[0] != line.name else reference


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
                line = lines.setdefault(name, Line(name, name, False, {}, {}, shows))
                line.runs[manifest["fold"], manifest["seed"]] = records
    return list(lines.values())
