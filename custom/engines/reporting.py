"""Handlers that end a run: the table, and every file that tells how good the network is."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ignite.engine import Engine, Events

from ..types import DEFAULT_CLASSES, InputError
from .metrics.figures import Section, draw_confusion_matrix, draw_overlays, largest_section
from .metrics.report import build_report, format_table, write_report
from .metrics.study_metrics import RECORDS
from .trainer import MTITrainer
from .training_curves import TrainingCurves
from .weights import load_weights

logger = logging.getLogger(__name__)


class EvaluationReport:
    """Handler of an evaluator: logs the table and writes the report's files when the evaluation completes.

    Writes ``metrics.json``, ``studies.csv``, ``confusion_matrix.png`` and, if asked, ``overlays.png`` (of the studies
    of the first process). The evaluator's key metric is a ``StudyMetrics``.

    Args:
        output_dir: folder of the files.
        classes: class names in head order.
        training_curves: ``training_curves.json`` of the training, for the baselines; None or a missing file: without.
        overlays: draw the worst, median and best segmentation.
        sure_from: probability from which a class is given surely, for kinds never trained on.
        seed: of the bootstrap.
    """

    def __init__(
        self,
        *,
        output_dir: str | os.PathLike,
        classes: Sequence[str] = DEFAULT_CLASSES,
        training_curves: str | os.PathLike | None = None,
        overlays: bool = True,
        sure_from: float = 0.9,
        seed: int = 0,
    ) -> None:
        if not 0 <= sure_from <= 1:
            raise InputError(
                found=f"{sure_from:g}",
                expected="a probability, 0 to 1",
                where="sure_from",
                remedy="Correct it (--sure_from 0.9).",
            )
        self.output_dir, self.classes = Path(output_dir), tuple(classes)
        self.training_curves = Path(training_curves) if training_curves else None
        self.overlays, self.sure_from, self.seed = overlays, float(sure_from), seed
        self.sections: dict[str, Section] = {}
        self.written: list[Path] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.started)
        if self.overlays:
            engine.add_event_handler(Events.ITERATION_COMPLETED, self.iteration_completed)
        engine.add_event_handler(Events.COMPLETED, self.completed)

    def started(self, engine: Engine) -> None:
        self.sections = {}

    def iteration_completed(self, engine: Engine) -> None:
        for batch, output in zip(engine.state.batch, engine.state.output, strict=True):
            data = {**batch, **output}
            if (section := largest_section(data)) is not None:
                self.sections[str(data["study"]["case"])] = section

    def completed(self, engine: Engine) -> None:
        if engine.state.rank == 0:
            self.written = self.report(engine)

    def report(self, engine: Engine) -> list[Path]:
        """Build, log and write the report of the evaluator's records; returns the paths of the files."""
        records = engine.state.metric_details[RECORDS]
        training = self._training_curves()
        report = build_report(
            records, classes=self.classes, training=training, sure_from=self.sure_from, seed=self.seed
        )
        logger.info("Results:\n%s", format_table(report))
        written = write_report(report, records, self.output_dir)
        written.append(draw_confusion_matrix(report["confusion_matrix"], self.output_dir / "confusion_matrix.png"))
        if self.overlays:
            written.append(draw_overlays(records, self.sections, self.output_dir / "overlays.png"))
        return [path for path in written if path is not None]

    def _training_curves(self) -> TrainingCurves | None:
        if self.training_curves is None or not self.training_curves.is_file():
            logger.info("No curves of the training studies at hand: the table goes without their baselines.")
            return None
        curves = TrainingCurves.from_file(self.training_curves)
        if curves.classes != tuple(self.classes):
            logger.warning(
                "%s is of the classes %s: the table goes without its baselines.",
                self.training_curves.name,
                ", ".join(curves.classes),
            )
            return None
        return curves


class TrainingReport:
    """Handler of the trainer: when training completes, evaluates the published weights once more and reports.

    Put it after BestWeights. Logs the table of the validation studies, if there are any, and the paths of everything
    that was written.

    Args:
        validator: the evaluator of the validation studies.
        weights: the published weights, ``<ckpt_dir>/model.pt``.
        output_dir, classes, training_curves, seed: see ``EvaluationReport``.
        also_written: further files and folders to name at the end, such as history, events and checkpoints.
    """

    def __init__(
        self,
        *,
        validator: Engine,
        weights: str | os.PathLike,
        output_dir: str | os.PathLike,
        classes: Sequence[str] = DEFAULT_CLASSES,
        training_curves: str | os.PathLike | None = None,
        seed: int = 0,
        also_written: Sequence[str | os.PathLike] = (),
    ) -> None:
        self.validator, self.weights = validator, Path(weights)
        self.also_written = [Path(path) for path in also_written]
        self.evaluation = EvaluationReport(
            output_dir=output_dir, classes=classes, training_curves=training_curves, overlays=False, seed=seed
        )

    def attach(self, engine: MTITrainer) -> None:
        engine.add_event_handler(Events.COMPLETED, self.completed)

    def completed(self, engine: MTITrainer) -> None:
        load_weights(engine.network, self.weights)
        self.validator.run(engine.state.best_metric_epoch if engine.state.best_metric_epoch > 0 else engine.state.epoch)
        if engine.state.rank == 0:
            paths = [self.weights, self.weights.with_suffix(".json"), *self._report()]
            paths += [path for path in self.also_written if path.exists()]
            logger.info("Written:\n%s", "\n".join(f"  {path}" for path in paths))

    def _report(self) -> list[Path]:
        if RECORDS not in self.validator.state.metric_details:
            logger.warning("There are no validation studies: nothing is known of how good the weights are.")
            return []
        return self.evaluation.report(self.validator)
