"""Figures of every round: each site's, and all sites' together."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engines.metrics.study_metrics import HEADLINES

FIGURES = ("score", *HEADLINES)
ALL = "all sites"

Metrics = Mapping[str, float]
Round = dict[str, Any]
"""``round``, ``sites`` {name: ``training_studies``, ``validation_studies``, ``metrics``}, ``global`` likewise."""


def describe_round(number: int, sites: Mapping[str, dict[str, Any]]) -> Round:
    """A round's record: what each site reported, and the mean of it.

    The mean is weighted by validation studies, over the sites where a figure is defined: a server sees no more than
    this, so the AUC of all sites is not that of their pooled studies.
    """
    counts = {key: sum(site[key] for site in sites.values()) for key in ("training_studies", "validation_studies")}
    return {"round": number, "sites": dict(sites), "global": {**counts, "metrics": _mean(list(sites.values()))}}


def format_round(record: Round, rounds: int) -> str:
    """The table of one round, a line for each site and one for all."""
    lines = [["", "studies", *FIGURES]]
    for name, entry in _entries(record):
        values = [entry["metrics"].get(figure) for figure in FIGURES]
        lines.append([name, str(entry["validation_studies"]), *("–" if v is None else f"{v:.3g}" for v in values)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    cells = [[cell.rjust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    text = ["  ".join([line[0].ljust(widths[0]), *row[1:]]) for line, row in zip(lines, cells, strict=True)]
    return f"Round {record['round']} of {rounds}, on the sites' validation studies:\n" + "\n".join(text)


def write_report(history: Sequence[Round], output: Path) -> None:
    """Write ``metrics.json`` and ``metrics.csv`` of all rounds so far."""
    _write(output / "metrics.json", json.dumps({"rounds": list(history)}, indent=1, ensure_ascii=False) + "\n")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("round", "site", "training_studies", "validation_studies", *FIGURES))
    for record in history:
        for name, entry in _entries(record):
            counts = (entry["training_studies"], entry["validation_studies"])
            writer.writerow((record["round"], name, *counts, *(entry["metrics"].get(figure) for figure in FIGURES)))
    _write(output / "metrics.csv", table.getvalue())


def _entries(record: Round) -> list[tuple[str, dict[str, Any]]]:
    return [*record["sites"].items(), (ALL, record["global"])]


def _mean(sites: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    means = {}
    for figure in FIGURES:
        known = [(s["metrics"][figure], s["validation_studies"]) for s in sites if figure in s["metrics"]]
        if known:
            means[figure] = sum(value * count for value, count in known) / sum(count for _, count in known)
    return means


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
