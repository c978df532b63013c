"""The weights that leave the training: the best generator by a validation metric, published as ``model.pt``."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events
from torch import Tensor, nn

from ..whole_files import replacing, write_text
from .checkpoint import local_state, save_atomically
from .trainer import MTITrainer, unwrap
from .weights import read_checkpoint

logger = logging.getLogger(__name__)


class BestWeights:
    """Handler of the trainer: keeps the best state after each validation, publishes it when training completes.

    During training the best so far lies in ``best.pt`` (so that a resumed training still has it) and its value in
    ``trainer.state.best_metric``. At the end ``model.pt`` is a bare state_dict, ``model.json`` beside it says what the
    weights expect. A ``model.pt`` of other content is kept as ``model_<sha8>.pt``. Put it after the ValidationHandler.

    Args:
        ckpt_dir: folder of the published files.
        state_dir: folder of ``best.pt``, beside the resume checkpoint; default ``ckpt_dir``.
        validator: the evaluator whose ``state.metrics`` hold the metric.
        metric: name of the metric; larger is better. A value that is undefined or not finite never wins. None: the
            last epoch's weights are published, the right choice when the learning rate is annealed to the end.
        describe: plain dict that goes into ``model.json`` (network_def, classes, spacing, ...).
        beside: files that belong to the weights and are copied beside them, e.g. ``training_curves.json``; one that
            this training did not write is removed there.
    """

    def __init__(
        self,
        *,
        ckpt_dir: str | os.PathLike,
        state_dir: str | os.PathLike | None = None,
        validator: Engine,
        metric: str | None = "score",
        describe: dict[str, Any] | None = None,
        beside: Sequence[str | os.PathLike] = (),
    ) -> None:
        self.ckpt_dir, self.validator, self.metric = Path(ckpt_dir), validator, metric
        self.best = Path(state_dir or ckpt_dir) / "best.pt"
        self.describe = dict(describe or {})
        self.beside = [Path(path) for path in beside]

    def attach(self, engine: MTITrainer) -> None:
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.epoch_completed)
        engine.add_event_handler(Events.COMPLETED, self.completed)

    def epoch_completed(self, engine: MTITrainer) -> None:
        if self.metric is None or self.validator.state.epoch != engine.state.epoch:
            return  # nothing to choose by, or not validated in this epoch
        value = self.validator.state.metrics.get(self.metric)
        if value is None or not math.isfinite(value):
            return
        if engine.state.best_metric_epoch > 0 and value <= engine.state.best_metric:
            return
        engine.state.best_metric, engine.state.best_metric_epoch = float(value), engine.state.epoch
        if engine.state.rank == 0:
            record = {"epoch": engine.state.epoch, "metric": self.metric, "value": float(value)}
            save_atomically({"model": local_state(engine), **record}, self.best)

    def completed(self, engine: MTITrainer) -> None:
        if engine.state.rank == 0:
            state, record = self._chosen(engine)
            network = describe_network(unwrap(engine.network))
            publish(state, self.ckpt_dir / "model.pt", {"network": network, **self.describe, "training": record})
            for path in self.beside:
                target = self.ckpt_dir / path.name
                if path.resolve() == target.resolve():
                    continue
                if path.is_file():
                    with replacing(target) as temporary:
                        shutil.copyfile(path, temporary)
                else:  # an earlier training's does not belong to these weights
                    target.unlink(missing_ok=True)
        idist.barrier()  # whoever reads model.pt next finds it

    def _chosen(self, engine: MTITrainer) -> tuple[dict[str, Tensor], dict[str, Any]]:
        if self.metric is None:
            return local_state(engine), {"epoch": engine.state.epoch, "metric": None, "value": None}
        if engine.state.best_metric_epoch < 1:
            logger.warning("No validation gave a finite %s: the last epoch's weights are published.", self.metric)
            return local_state(engine), {"epoch": engine.state.epoch, "metric": self.metric, "value": None}
        best = read_checkpoint(self.best)
        return best.pop("model"), best


def describe_network(network: nn.Module) -> dict[str, Any]:
    """Type, number of parameters and, if it has them, tasks: enough to see that weights are another network's."""
    parameters = sum(parameter.numel() for parameter in network.parameters())
    tasks = {"tasks": list(network.tasks)} if hasattr(network, "tasks") else {}
    return {"type": type(network).__name__, "parameters": parameters, **tasks}


def publish(state: dict[str, Tensor], path: Path, description: dict[str, Any]) -> str:
    """Write weights and their description; keep an older file of other content under its hash. Returns the sha256."""
    new = path.with_name(f"{path.stem}.new{path.suffix}")
    save_atomically(state, new)
    digest = sha256_of(new)
    if path.exists() and (old := sha256_of(path)) != digest:
        kept = path.with_name(f"{path.stem}_{old[:8]}{path.suffix}")
        os.replace(path, kept)
        if path.with_suffix(".json").exists():
            os.replace(path.with_suffix(".json"), kept.with_suffix(".json"))
        logger.info("The earlier %s is kept as %s.", path.name, kept.name)
    os.replace(new, path)
    text = json.dumps({"sha256": digest, **description}, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path.with_suffix(".json"), text + "\n")
    logger.info("Wrote %s (sha256 %s) and %s.", path, digest[:8], path.with_suffix(".json").name)
    return digest


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
