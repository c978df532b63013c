"""The engine behind ``python -m monai.bundle run inference``: one study an iteration; a bad one stops no other."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.utils.enums import CommonKeys

from .phase_table import phase_table
from .study_dataset import StudyFailure, explain_failure

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyOutcome:
    """What became of one study: its result (plain JSON values) or its failure, never both.

    Args:
        case: the study.
        seconds: from reading to the written files.
        result: ``data["result"]`` after postprocessing, empty when no transform makes one.
        failure: why there is no result.
    """

    case: str
    seconds: float
    result: dict[str, Any] | None = None
    failure: StudyFailure | None = None


class StudyEvaluator(SupervisedEvaluator):
    """A ``SupervisedEvaluator`` over a ``StudyLoader``.

    Each study passes MONAI's own iteration: inferer, postprocessing, then the handlers of ``MODEL_COMPLETED``, which
    see the item's keys without a batch dimension.  An error on the way, in the writer too, becomes a ``StudyFailure``.
    ``engine.state.outcomes`` collects a ``StudyOutcome`` for every study, in order.

    Args:
        arguments: those of ``SupervisedEvaluator``.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{"prepare_batch": prepare_item, **arguments, "decollate": False})
        self.state.outcomes = []
        self.add_event_handler(IterationEvents.FORWARD_COMPLETED, _without_batch_dimension)
        self.add_event_handler(Events.STARTED, _forget_outcomes)

    def _iteration(self, engine: StudyEvaluator, batchdata: dict[str, Any] | StudyFailure) -> dict[str, Any] | None:
        outcome = self._outcome_of(engine, batchdata)
        engine.state.outcomes.append(outcome)
        engine.state.batch = None  # a study's arrays must be gone before the next one is read
        if outcome.failure is not None:
            logger.error("%s: %s", outcome.case, outcome.failure.details or outcome.failure.message)
        else:
            logger.info("%s: done in %.1f s", outcome.case, outcome.seconds)
        return outcome.result

    def _outcome_of(self, engine: StudyEvaluator, item: dict[str, Any] | StudyFailure) -> StudyOutcome:
        if isinstance(item, StudyFailure):
            return StudyOutcome(item.case, 0.0, failure=item)
        case, start = item["case"], perf_counter() - item["seconds"]
        if "study" in item:
            logger.info("%s", phase_table(item["study"]))
        try:
            super()._iteration(engine, item)
        except Exception as error:  # one study's error, of whatever kind, must not cost the others their results
            return StudyOutcome(case, perf_counter() - start, failure=explain_failure(case, error))
        return StudyOutcome(case, perf_counter() - start, result=engine.state.output.get("result", {}))


def prepare_item(
    item: dict[str, Any], device: torch.device | None = None, non_blocking: bool = False, **_: Any
) -> tuple[torch.Tensor, None, tuple, dict[str, torch.Tensor]]:
    """One study -> image ``(1, 4, H, W, D)``, no label, no arguments, and the keyword ``phase_mask (1, 4)``."""
    image = item[CommonKeys.IMAGE].as_tensor()[None].to(device=device, non_blocking=non_blocking)
    phase_mask = torch.as_tensor(item["phase_mask"])[None].to(device=device, non_blocking=non_blocking)
    return image, None, (), {"phase_mask": phase_mask}


def _without_batch_dimension(engine: StudyEvaluator) -> None:
    prediction = engine.state.output[CommonKeys.PRED]
    engine.state.output = {CommonKeys.PRED: {name: tensor[0] for name, tensor in prediction.items()}}


def _forget_outcomes(engine: StudyEvaluator) -> None:
    engine.state.outcomes = []
