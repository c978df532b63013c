"""A training that stands in several experiments is done once: the whole method is a line of almost every table."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import read_json
from ..manifest import MANIFEST
from ..planning.plan import TASK
from ..planning.settings import digest

OF_ONE_RUN = (MANIFEST, TASK, "log.txt", "evaluation", "checkpoints")
"""What is not taken over: who the run is, and what it answered under its own conditions."""


def training_identity(task: Mapping[str, Any]) -> str:
    """Hash of all that decides a training, whatever experiment and arm it is done for.

    Args:
        task: a run's task, or its manifest, which holds the same keys.
    """
    decides = {"config": task["config"]["sha256"], "split": task["split"]["sha256"]}
    return digest({**decides, **{key: task.get(key) for key in ("budget", "seed", "pretrained")}})


def take_over_training(folder: Path) -> dict[str, Any] | None:
    """Copy what the same training left in an experiment beside this one.

    Args:
        folder: of a run, ``<experiments>/<experiment>/runs/<arm>/<run>``.

    Returns:
        The manifest of the run that was taken over; None where no finished run had the same training.
    """
    wanted = training_identity(read_json(folder / TASK))
    for path in sorted(folder.parents[3].glob(f"*/runs/*/*/{MANIFEST}")):
        manifest = read_json(path)
        if manifest.get("config", {}).get("sha256") and training_identity(manifest) == wanted:
            shutil.copytree(path.parent, folder, ignore=shutil.ignore_patterns(*OF_ONE_RUN), dirs_exist_ok=True)
            return manifest
    return None
