"""Checkpoints that survive a kill: written beside the old one and put in its place in one step.

``resume.pt`` holds everything that training needs to go on as if it had never stopped; the randomness of an epoch is a
function of the seed and the epoch (``SeedEpoch``), so no generator states are in it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from ..types import InputError
from ..whole_files import replacing
from .trainer import MTITrainer, unwrap
from .weights import load_into, read_checkpoint

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1


def save_atomically(obj: Any, path: str | os.PathLike) -> None:
    """``torch.save`` into ``path`` so that a reader, and a crash, finds the old file or the new one."""
    with replacing(path) as temporary, open(temporary, "wb") as file:  # an open file: its name is not in the content
        torch.save(obj, file)
        file.flush()
        os.fsync(file.fileno())


class ResumeCheckpoint:
    """Handler: saves the whole training state after every epoch, and goes on from it when asked.

    Put it last in the trainer's handlers: it saves what validation and schedulers of the same epoch have left.

    Args:
        ckpt_dir: folder of ``resume.pt``.
        schedulers: learning-rate schedulers, each stepped by its own handler.
        resume: go on from ``resume.pt`` if it exists; otherwise training starts fresh (and replaces it).
        expects: plain dict of what the weights expect of their input: another one cannot be gone on with.
    """

    def __init__(
        self,
        *,
        ckpt_dir: str | os.PathLike,
        schedulers: list | None = None,
        resume: bool = False,
        expects: Mapping[str, Any] | None = None,
    ) -> None:
        self.path, self.expects = Path(ckpt_dir) / "resume.pt", dict(expects or {})
        self.schedulers = list(schedulers or [])
        self.resume = resume

    def attach(self, engine: MTITrainer) -> None:
        engine.add_event_handler(Events.STARTED, self.started)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.epoch_completed)

    def epoch_completed(self, engine: MTITrainer) -> None:
        if engine.state.rank == 0:
            save_atomically(self.state_of(engine), self.path)

    def started(self, engine: MTITrainer) -> None:
        if not self.resume:
            return
        if not self.path.exists():
            logger.info("No %s to resume from: training starts at epoch 1.", self.path.name)
            return
        self.restore(engine, read_checkpoint(self.path))
        logger.info("Resumed from %s: %d epochs are done.", self.path.name, engine.state.epoch)

    def state_of(self, engine: MTITrainer) -> dict[str, Any]:
        """Plain containers and tensors only, so that ``weights_only=True`` can read it."""
        states = {name: part.state_dict() for name, part in self._parts(engine).items()}
        progress = {name: getattr(engine.state, name) for name in ("epoch", "iteration", "epoch_length")}
        best = {"best_metric": float(engine.state.best_metric), "best_metric_epoch": engine.state.best_metric_epoch}
        trainer = {**progress, **best}
        return {"format_version": FORMAT_VERSION, **states, "trainer": trainer, "expects": self.expects}

    def restore(self, engine: MTITrainer, checkpoint: Mapping[str, Any]) -> None:
        self._check(engine, checkpoint)
        for name, part in self._parts(engine).items():
            if isinstance(part, torch.nn.Module):
                load_into(part, checkpoint[name], where=f"{self.path.name}, {name}")
            else:
                part.load_state_dict(checkpoint[name])
        for name, value in checkpoint["trainer"].items():
            if name != "epoch_length":
                setattr(engine.state, name, value)

    def _parts(self, engine: MTITrainer) -> dict[str, Any]:
        parts = {"network": unwrap(engine.network), "optimizer": engine.optimizer, "scaler": engine.scaler}
        if engine.discriminator is not None:
            parts |= {"discriminator": unwrap(engine.discriminator), "d_optimizer": engine.d_optimizer}
        return parts | {f"scheduler_{index}": scheduler for index, scheduler in enumerate(self.schedulers)}

    def _check(self, engine: MTITrainer, checkpoint: Mapping[str, Any]) -> None:
        def error(found: str, expected: str) -> InputError:
            remedy = "Resume with the configuration that wrote the file, or start fresh (--resume False)."
            return InputError(found=found, expected=expected, where=str(self.path), remedy=remedy)

        version = checkpoint.get("format_version")
        if version != FORMAT_VERSION:
            raise error(f"format version {version}", f"a resume checkpoint of format version {FORMAT_VERSION}")
        if missing := sorted(({*self._parts(engine), "trainer"}) - set(checkpoint)):
            raise error(f"no state of {', '.join(missing)}", "the state of every part of this training")
        for key, value in checkpoint.get("expects", {}).items():
            if value != self.expects.get(key, value):
                raise error(f"a training with {key} {value}", f"{key} {self.expects[key]}, as in this configuration")
        for index, scheduler in enumerate(self.schedulers):  # a one-cycle schedule cannot be stretched on its way
            planned = checkpoint[f"scheduler_{index}"].get("total_steps")
            if planned != (total_steps := getattr(scheduler, "total_steps", None)):
                raise error(f"a learning-rate schedule of {planned} steps", f"{total_steps} (epochs, batch size)")
        stored = checkpoint["trainer"]
        if stored["epoch"] > engine.state.max_epochs:
            raise error(f"{stored['epoch']} finished epochs", f"at most {engine.state.max_epochs} (max_epochs)")
        if stored["epoch_length"] != engine.state.epoch_length:
            raise error(
                f"{stored['epoch_length']} iterations per epoch",
                f"{engine.state.epoch_length}, as this training's data and batch size give",
            )


def local_state(engine: Engine) -> dict[str, torch.Tensor]:
    """The generator's state_dict, detached copies on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in unwrap(engine.network).state_dict().items()}
