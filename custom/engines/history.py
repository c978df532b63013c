"""The course of a training: one row an epoch in ``history.csv``, the same as pictures in ``curves.png``."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from matplotlib.figure import Figure
from monai.utils import is_scalar

from ..whole_files import replacing
from .metrics.figures import save_figure
from .progress import loss_terms
from .trainer import MTITrainer

Row = dict[str, float | int | None]


class History:
    """Handler of the trainer: mean loss terms, learning rate, duration and validation metrics of every epoch.

    ``waiting_share`` is the part of the epoch that the network waited for data. A resumed training goes on with the
    file. Put it after the ValidationHandler.

    Args:
        output_dir: folder of the two files.
        validator: the evaluator, whose metrics join the rows of the epochs in which it ran; or None.
    """

    def __init__(self, *, output_dir: str | os.PathLike, validator: Engine | None = None) -> None:
        self.table, self.picture = Path(output_dir) / "history.csv", Path(output_dir) / "curves.png"
        self.validator = validator
        self.rows: list[Row] = []

    def attach(self, engine: MTITrainer) -> None:
        if engine.state.rank > 0:
            return
        engine.add_event_handler(Events.EPOCH_STARTED, self.epoch_started)
        engine.add_event_handler(Events.GET_BATCH_STARTED, self.waiting_started)
        engine.add_event_handler(Events.GET_BATCH_COMPLETED, self.waiting_ended)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.iteration_completed)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.epoch_completed)
        engine.add_event_handler(Events.COMPLETED, self.completed)

    def epoch_started(self, engine: MTITrainer) -> None:
        if not self.rows and engine.state.epoch > 1:
            self.rows = [row for row in read_rows(self.table) if row["epoch"] < engine.state.epoch]
        self.sums: dict[str, float] = {}
        self.iterations, self.waited_s, self.start_s = 0, 0.0, time.perf_counter()

    def waiting_started(self, engine: MTITrainer) -> None:
        self.waiting_since_s = time.perf_counter()

    def waiting_ended(self, engine: MTITrainer) -> None:
        self.waited_s += time.perf_counter() - self.waiting_since_s

    def iteration_completed(self, engine: MTITrainer) -> None:
        self.iterations += 1
        for name, value in loss_terms(engine.state.output).items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.end_s = time.perf_counter()  # validation, which follows the last iteration, does not count

    def epoch_completed(self, engine: MTITrainer) -> None:
        row: Row = {"epoch": engine.state.epoch}
        row |= {name: total / self.iterations for name, total in self.sums.items()}
        row["learning_rate"] = engine.optimizer.param_groups[0]["lr"]
        row["seconds"] = self.end_s - self.start_s
        row["waiting_share"] = self.waited_s / row["seconds"]
        if self.validator is not None and self.validator.state.epoch == engine.state.epoch:
            metrics = self.validator.state.metrics.items()
            row |= {f"val_{name}": float(value) for name, value in metrics if is_scalar(value)}
        self.rows.append(row)
        write_rows(self.rows, self.table)

    def completed(self, engine: MTITrainer) -> None:
        if self.rows:
            draw_curves(self.rows, self.picture)


def write_rows(rows: list[Row], path: Path) -> None:
    """All rows, with every column that any of them has; an undefined value is an empty cell."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns)
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> list[Row]:
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [_typed(row) for row in csv.DictReader(file)]


def draw_curves(rows: list[Row], path: Path) -> Path:
    """One panel for the loss terms, one for each validation metric."""
    metrics = [name for name in dict.fromkeys(name for row in rows for name in row) if name.startswith("val_")]
    losses = [name for name in rows[0] if name == "loss" or name.startswith("loss_")]
    panels = [("loss terms", losses), *((name.removeprefix("val_"), [name]) for name in metrics)]
    columns = 3
    height = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.8 * height), layout="constrained")
    for axes, (title, names) in zip(figure.subplots(height, columns, squeeze=False).flat, panels, strict=False):
        for name in names:
            points = [(row["epoch"], row[name]) for row in rows if row.get(name) is not None]
            axes.plot(*zip(*points, strict=True), marker=".", label=name.removeprefix("loss_"))
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch", fontsize=8)
        if len(names) > 1:
            axes.legend(fontsize=7)
    for axes in figure.axes[len(panels) :]:
        axes.set_axis_off()
    return save_figure(figure, path)


def _typed(row: dict[str, Any]) -> Row:
    values = {name: float(value) for name, value in row.items() if value not in ("", None)}
    return {**values, "epoch": int(values["epoch"])}
