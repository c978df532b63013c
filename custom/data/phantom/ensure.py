"""The demo data set on first use: made once, by one process, while the others of a multi-process training wait."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

from ...types import COMMAND, InputError
from .dataset import DATALIST, write_phantom

logger = logging.getLogger(__name__)

WAIT_LIMIT_S = 3600.0
POLL_S = 0.5


def ensure_phantom(dataset_dir: str | os.PathLike, *, preset: str = "demo", seed: int = 0, **what: Any) -> Path:
    """Path of the data set's datalist, after making the data set where there is none yet.

    The folder appears complete or not at all.  In a multi-process training (``LOCAL_RANK`` or ``RANK`` set) the first
    process of each machine makes it and the others wait.

    Args:
        dataset_dir: the data set's folder; an existing datalist there is used as it is, whatever its preset.
        preset, seed, what: what to make, as :func:`write_phantom` takes it.

    Returns:
        Path of ``datalist.json``.

    Raises:
        InputError: the folder holds files but no datalist, or the first process did not finish within an hour.
    """
    datalist = Path(dataset_dir) / DATALIST
    if datalist.is_file():
        return datalist
    if _process_rank() != 0:
        return _wait_for(datalist)
    logger.info("Making the phantom data set '%s' (once; a minute or two).", preset)
    try:
        return write_phantom(dataset_dir, preset=preset, seed=seed, **what)
    except (OSError, InputError):
        if datalist.is_file():  # another run made it meanwhile
            return datalist
        raise


def _process_rank() -> int:
    """Rank within this machine: a folder may be on a local disk, so every machine has one maker."""
    return int(os.environ.get("LOCAL_RANK", os.environ.get("RANK", "0")))


def _wait_for(datalist: Path) -> Path:
    """Wait until another process has published the data set."""
    deadline = time.monotonic() + WAIT_LIMIT_S
    while not datalist.is_file():
        if time.monotonic() > deadline:
            raise InputError(
                found="no data set after an hour of waiting",
                expected="the first process to have written it",
                where=str(datalist.parent),
                remedy=f"Make it beforehand: {COMMAND} phantom --output DIR.",
            )
        time.sleep(POLL_S)
    return datalist
