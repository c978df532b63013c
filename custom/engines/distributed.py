"""What several processes have to agree on before they validate."""

from __future__ import annotations

import torch.distributed as dist
from ignite.engine import Events

from .trainer import MTITrainer, unwrap


class SynchroniseBuffers:
    """Handler of the trainer: after each epoch every process takes the first one's buffers (batch statistics).

    DistributedDataParallel does so before a forward pass, so after the last one they differ, and processes would
    validate different networks. Without several processes it does nothing. Put it before the ValidationHandler, and
    validate the bare module: wrapped, processes with unequal numbers of slices would wait for each other for ever.
    """

    def attach(self, engine: MTITrainer) -> None:
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.epoch_completed)

    def epoch_completed(self, engine: MTITrainer) -> None:
        if dist.is_available() and dist.is_initialized():
            for buffer in unwrap(engine.network).buffers():
                dist.broadcast(buffer, src=0)
