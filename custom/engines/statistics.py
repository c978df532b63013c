"""Before the first epoch: the mean and spread of the training curves, for the network, the losses and the baselines."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import numpy as np
from ignite.engine import Events
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset
from tqdm import tqdm

from ..types import DEFAULT_CLASSES
from ..whole_files import write_text
from .trainer import MTITrainer, unwrap
from .training_curves import StudyCurves, TrainingCurves

logger = logging.getLogger(__name__)


class EnhancementStatistics:
    """Handler of the trainer: reads every training study once when training starts.

    It sets the network's enhancement statistics and writes the curves (``training_curves.json``) and the logistic
    regression on them (``curve_classifier.json``). With a data set that caches, this also fills the cache. A resumed
    training repeats it: it is cheap from the cache, and the same. A regression head that is held still keeps the
    statistics of its weights: what it has learnt is in their unit.

    Args:
        dataset: the training studies with the deterministic part of the transforms only.
        output_dir: folder of the two files.
        classes: class names in head order.
        standardise_losses: regression and TIM count in standard deviations instead of normalised units. Both terms then
            weigh about ten times as much: with equal weights TIM keeps the segmentation from starting.
        num_workers: processes that read studies.
        keep: keep statistics that came with the weights, as in the rounds of a federated training: what the heads have
            learnt is in their unit. Only a fresh network, whose mean is zero, gets those of these studies.
    """

    def __init__(
        self,
        *,
        dataset: Dataset,
        output_dir: str | os.PathLike,
        classes: Sequence[str] = DEFAULT_CLASSES,
        standardise_losses: bool = False,
        num_workers: int = 0,
        keep: bool = False,
    ) -> None:
        self.dataset, self.output_dir, self.classes = dataset, Path(output_dir), tuple(classes)
        self.standardise_losses, self.num_workers, self.keep = standardise_losses, num_workers, keep
        self.curves: TrainingCurves | None = None

    def attach(self, engine: MTITrainer) -> None:
        engine.add_event_handler(Events.STARTED, self.started)

    def started(self, engine: MTITrainer) -> None:
        network = unwrap(engine.network)
        if self.keep and hasattr(network, "enhancement_mean") and bool(network.enhancement_mean.any()):
            self._set_unit(engine, network.enhancement_std.tolist())
            return
        self.curves = collect_curves(self.dataset, classes=self.classes, num_workers=self.num_workers)
        if not len(self.curves.curves):
            logger.warning("No training study has a tumour: the enhancement statistics stay as they are.")
            return
        mean, std = self.curves.mean_and_std()
        if _is_frozen(getattr(network, "regression", None)):
            std = network.enhancement_std.tolist()
        elif hasattr(network, "set_enhancement_statistics"):
            network.set_enhancement_statistics(mean, std)
        self._set_unit(engine, std)
        if engine.state.rank == 0:
            self._write()

    def _set_unit(self, engine: MTITrainer, std: Sequence[float]) -> None:
        if self.standardise_losses and hasattr(engine.loss_function, "set_enhancement_std"):
            engine.loss_function.set_enhancement_std(std)

    def _write(self) -> None:
        self.output_dir.mkdir(parents=True, exist_ok=True)
        write_json(self.output_dir / "training_curves.json", self.curves.to_dict())
        classifier, path = self.curves.classifier(), self.output_dir / "curve_classifier.json"
        if classifier is None:  # an earlier training's would be taken for this one's
            path.unlink(missing_ok=True)
        else:
            write_json(path, classifier.to_dict())


def _is_frozen(head: nn.Module | None) -> bool:
    return head is not None and not any(parameter.requires_grad for parameter in head.parameters())


def collect_curves(dataset: Dataset, *, classes: Sequence[str], num_workers: int = 0) -> TrainingCurves:
    """Measure the curve of every study with a tumour; each process reads its share of the studies."""
    rank, world_size = idist.get_rank(), idist.get_world_size()
    share = Subset(StudyCurves(dataset), range(rank, len(dataset), world_size))
    loader = DataLoader(share, batch_size=None, num_workers=num_workers, collate_fn=keep_as_is)
    progress = tqdm(loader, desc="Reading the training studies", total=len(share), disable=rank > 0)
    rows = [row for row in progress if row is not None]
    if world_size > 1:
        rows = [row for part in idist.all_gather(rows) for row in part]
    rows.sort(key=lambda row: row["index"])
    return TrainingCurves(
        curves=np.array([row["curve"] for row in rows], dtype=np.float64).reshape(-1, 4),
        scales=np.array([row["scale"] for row in rows], dtype=np.float64),
        lesion_classes=np.array([row["lesion_class"] for row in rows], dtype=np.int64),
        classes=tuple(classes),
    )


def keep_as_is(item: Any) -> Any:
    """A collate function that leaves items alone (a lambda could not go to a spawned worker)."""
    return item


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
