"""An epoch's randomness as a function of (seed, epoch, rank): why a resumed training equals an uninterrupted one.

Generator states need no saving: whatever was drawn before an epoch cannot reach into it. Ignite creates the loader's
iterator after EPOCH_STARTED in a run's first epoch, but keeps an iterator that is not yet exhausted (``epoch_length``
shorter than the loader), so a new one is made here, after seeding: it draws the sampler's order and the workers' seeds.
"""

from __future__ import annotations

import logging
import random

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.data.utils import set_rnd
from torch.utils.data import DataLoader

logger = logging.getLogger(__name__)


def epoch_seed(seed: int, epoch: int, rank: int = 0) -> int:
    """A 32-bit seed that differs between epochs and processes, without the collisions of ``seed + epoch``."""
    return int(np.random.SeedSequence([seed, epoch, rank]).generate_state(1)[0])


class SeedEpoch:
    """Handler: seeds Python, numpy, torch, the loader and the data set's random transforms when an epoch starts.

    Worker processes inherit it: torch draws their base seed when the iterator is made, and MONAI's loader seeds the
    transforms of each worker from that.

    Args:
        seed: any non-negative integer.
    """

    def __init__(self, *, seed: int) -> None:
        self.seed = seed

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.started)
        engine.add_event_handler(Events.EPOCH_STARTED, self.epoch_started)

    def started(self, engine: Engine) -> None:
        if getattr(engine.state.dataloader, "persistent_workers", False):
            logger.warning("persistent_workers keep their random state: a resumed training will differ slightly.")

    def epoch_started(self, engine: Engine) -> None:
        seed = epoch_seed(self.seed, engine.state.epoch, getattr(engine.state, "rank", 0))
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        loader = engine.state.dataloader
        if isinstance(loader, DataLoader):
            seed_loader(loader, seed=seed, epoch=engine.state.epoch)
        engine.set_data(loader)


def seed_loader(loader: DataLoader, *, seed: int, epoch: int) -> None:
    """Seed a loader's own generators, its sampler and, for loading in this process, its data set's transforms."""
    set_rnd(loader.dataset, seed)
    for part in (loader, loader.sampler, loader.batch_sampler):
        if isinstance(generator := getattr(part, "generator", None), torch.Generator):
            generator.manual_seed(seed)
        if hasattr(part, "set_epoch"):  # distributed samplers: the same order on every rank
            part.set_epoch(epoch)
