"""What a user sees while it runs: a bar with the loss terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine
from ignite.handlers import ProgressBar


def loss_terms(output: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> dict[str, float]:
    """The loss terms of the trainer's output, decollated (a list of items that repeat them) or not.

    For ``TensorBoardStatsHandler`` and others: ``{"_target_": "custom.engines.loss_terms", "_mode_": "callable"}``.
    """
    item = output[0] if isinstance(output, Sequence) and len(output) else output
    if not isinstance(item, Mapping):
        return {}
    return {name: float(value) for name, value in item.items() if name == "loss" or name.startswith("loss_")}


class Progress:
    """Handler: a progress bar an epoch, for trainers with the loss terms; only in the first process.

    Args:
        title: what runs, e.g. ``"Training"``.
        losses: show the loss terms.
        persist: leave a finished bar on the screen.
    """

    def __init__(self, *, title: str, losses: bool = False, persist: bool = False) -> None:
        self.title, self.losses, self.persist = title, losses, persist

    def attach(self, engine: Engine) -> None:
        if idist.get_rank() > 0:
            return
        bar = ProgressBar(persist=self.persist, desc=self.title, dynamic_ncols=True)
        bar.attach(engine, output_transform=short_loss_terms if self.losses else None)


def short_loss_terms(output: Any) -> dict[str, float]:
    """Loss terms under short names, so that all of them fit beside a bar."""
    short = {"loss_discriminator": "D", "loss": "loss"}
    terms = loss_terms(output).items()
    return {short.get(name, name.removeprefix("loss_")): value for name, value in terms}
