"""A training that stands in several experiments is done once: the whole method is a line of almost every table."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...types import InputError
from ..files import read_json
from ..manifest import MANIFEST
from ..planning.plan import TASK
from ..planning.settings import digest

OF_ONE_RUN = (MANIFEST, TASK, "log.txt", "evaluation", "checkpoints")
"""What is not taken over: who the run is, and what it answered under its own conditions."""
MODELS, WEIGHTS = "models", ("model.pt", "model.json")


def training_identity(task: Mapping[str, Any]) -> str:
    """Hash of all that decides a training, whatever experiment and arm it is done for."""
    decides = {"config": task["config"]["sha256"], "split": task["split"]["sha256"]}
    decides["site"] = task["places"]["dataset_dir"]  # the split knows studies by names, which two sites may share
    return digest({**decides, **{key: task.get(key) for key in ("budget", "seed", "pretrained")}})


def take_over_training(folder: Path) -> dict[str, Any] | None:
    """Copy what the same training left in an experiment beside this one.

    Args:
        folder: of a run, ``<experiments>/<experiment>/runs/<arm>/<run>``.

    Returns:
        The manifest of the run that was taken over; None where no finished run with weights had the same training.
    """
    wanted = training_identity(read_json(folder / TASK))
    for path in sorted(folder.resolve().parents[3].glob(f"*/runs/*/*/{MANIFEST}")):
        if _has_done(path.parent, wanted):
            shutil.copytree(path.parent, folder, ignore=shutil.ignore_patterns(*OF_ONE_RUN), dirs_exist_ok=True)
            return read_json(path)
    return None


def _has_done(run: Path, wanted: str) -> bool:
    """Whether a run has done the training; not where its files are damaged, of which its own experiment complains."""
    try:
        manifest, task = read_json(run / MANIFEST), read_json(run / TASK)
        same = training_identity(task) == wanted
        return same and "seconds" in manifest and all((run / MODELS / name).is_file() for name in WEIGHTS)
    except (InputError, KeyError, TypeError):
        return False
