"""The evaluator's metric: one record a study, over all processes, and the headline figures in the engine's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine
from ignite.metrics import Metric

from ..trainer import unwrap
from .curves import mae_pct
from .study_record import Record, measure_study
from .summary import mean_of, score, summarise

RECORDS = "studies"  # where the records lie in engine.state.metric_details
HEADLINES = ("dsc", "iou", "curve_mae_raw", "curve_mae_pct", "measured_mae_raw", "accuracy", "auc", "fp_healthy")


class StudyMetrics(Metric):
    """Key metric of a ``SupervisedEvaluator``: ``{"score": StudyMetrics()}``.

    After each epoch ``engine.state.metrics`` holds the headline figures (``dsc``, ``iou``, ``curve_mae_raw``,
    ``curve_mae_pct``, ``measured_mae_raw``, ``accuracy``, ``auc``, ``fp_healthy``; only those that are defined) and
    ``score`` under the name that the metric was attached with; ``engine.state.metric_details["studies"]`` holds the
    records.

    Args:
        surface_distance: also compute HD95, the slowest figure.
    """

    def __init__(self, *, surface_distance: bool = True) -> None:
        self.surface_distance = surface_distance
        super().__init__()

    def reset(self) -> None:
        self._collected: list[Record] = []

    def iteration_completed(self, engine: Engine) -> None:
        """Join what the post-processing left in batch and output, study by study."""
        for batch, output in zip(engine.state.batch, engine.state.output, strict=True):
            self.update({**batch, **output})

    def update(self, output: dict[str, Any]) -> None:
        self._collected.append(measure_study(output, surface_distance=self.surface_distance))

    def compute(self) -> list[Record]:
        """The records of all processes, one a study, in the order of their names (a padded sampler repeats some)."""
        gathered = idist.all_gather(self._collected) if idist.get_world_size() > 1 else self._collected
        flat = [record for part in gathered for record in (part if isinstance(part, list) else [part])]
        return [record for _, record in sorted({record["case"]: record for record in flat}.items())]

    def completed(self, engine: Engine, name: str) -> None:
        records = self.compute()
        figures = summarise(records)
        engine.state.metric_details[RECORDS] = records
        for headline in HEADLINES:
            engine.state.metrics.pop(headline, None)  # an earlier epoch's
            if figures[headline] is not None:  # MLflow's handler ends the training at a value that is no number
                engine.state.metrics[headline] = figures[headline]
        engine.state.metrics[name] = score(figures, population_mae_pct(records, engine.network))


def population_mae_pct(records: Sequence[Record], network: Any) -> float | None:
    """Error of the training set's mean curve, as the network's buffers hold it (normalised: gain cancels in %)."""
    mean_curve = getattr(unwrap(network), "enhancement_mean", None)
    if mean_curve is None:
        return None
    curve = mean_curve.tolist()
    return mean_of(records, lambda record: mae_pct(curve, record["curves"]["target"]))
