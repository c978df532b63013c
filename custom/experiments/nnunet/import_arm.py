"""``experiment import``: predictions that were made elsewhere as one more arm of a finished experiment."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ...types import InputError
from ..files import read_json, write_json
from ..manifest import FORMAT_VERSION, MANIFEST, environment, without_patients
from ..planning.arms import folder_name
from ..planning.plan import TASK
from .judge import CONDITIONS, Judge
from .predictions import Predictions, read_predictions

logger = logging.getLogger(__name__)


def import_arm(experiment: Path, predictions: Path, *, name: str) -> list[Path]:
    """Judge predicted masks and write a manifest for each fold that was predicted; all of them or none.

    Args:
        experiment: folder of an experiment that was begun.
        predictions: nnU-Net's folder of a training, or a folder with masks of held-out studies.
        name: of the arm, as tables show it.

    Returns:
        Paths of the manifests.

    Raises:
        InputError: no such experiment, an arm of that name, masks that are missing, on another grid, or unknown.
    """
    target = experiment / "runs" / folder_name(name)
    runs = dict(_runs(experiment))
    task = read_json(next(iter(runs.values())) / TASK)
    _check_name(name, target, task)
    judges = {fold: Judge(task=read_json(run / TASK), run=run) for fold, run in runs.items()}
    given = read_predictions(predictions, next(iter(judges.values())).classes)
    masks = {fold: given.masks(fold, judge.cases) for fold, judge in judges.items()}
    given.check_all_used([path for found in masks.values() for path in found.values()])
    if not any(masks.values()):
        raise InputError(
            found="no mask of a held-out study",
            expected="fold_<k>/validation, or masks that are called like the cases",
            where=str(predictions),
            remedy="Name nnU-Net's folder of a training, or one with its predictions.",
        )
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.partial-", dir=target.parent) as temporary:
        folder = Path(temporary, target.name)
        for fold, found in masks.items():
            if not found:
                logger.info("Fold %d was not predicted, and is not imported.", fold)
                continue
            about = read_json(runs[fold] / TASK)
            manifest = _manifest(name, about, judges[fold], found, given)
            write_json(folder / f"fold{fold}-seed0" / MANIFEST, manifest)
        os.replace(folder, target)
    return sorted(target.glob(f"*/{MANIFEST}"))


def _runs(experiment: Path) -> Iterator[tuple[int, Path]]:
    """Fold → folder of the first run of the arm that others are compared with."""
    tasks = [(read_json(path), path.parent) for path in sorted(experiment.glob(f"runs/*/*/{TASK}"))]
    own = [(task, run) for task, run in tasks if task["arm"] == task["experiment"]["compared_with"]]
    if not own:
        raise InputError(
            found="no run that tells what is held out",
            expected="the folder of an experiment, in which the arm that others are compared with was begun",
            where=str(experiment),
            remedy="Run the experiment first.",
        )
    for fold in sorted({task["fold"] for task, _ in own}):
        yield fold, min((task["seed"], run) for task, run in own if task["fold"] == fold)[1]


def _check_name(name: str, target: Path, task: Mapping[str, Any]) -> None:
    planned = {folder_name(arm) for arm in task["experiment"]["arms"]}
    if not target.name or target.name in planned or target.exists():
        raise InputError(
            found=f"the name {name!r}, which an arm of this experiment has" if target.name else f"the name {name!r}",
            expected="a name of its own",
            where="experiment import, --arms",
            remedy="Choose another, or delete the folder of the earlier import.",
        )


def _manifest(
    name: str, task: Mapping[str, Any], judge: Judge, masks: Mapping[str, Path], given: Predictions
) -> dict[str, Any]:
    judged = judge.records(masks, given)
    title = f"{name}, fold {task['fold']}"
    found = list(tqdm(judged, total=len(masks), desc=title, unit="study", dynamic_ncols=True))
    by_case = sorted(found, key=lambda records: next(iter(records.values()))["case"])
    evaluations = {condition: without_patients([records[condition] for records in by_case]) for condition in CONDITIONS}
    return {
        "format_version": FORMAT_VERSION,
        "arm": name,
        "reported": {},
        "config": {"overrides": {}},
        "conditions": {condition: dict(overrides) for condition, overrides in CONDITIONS.items()},
        **{key: task[key] for key in ("experiment", "split", "fold")},
        "seed": 0,
        **environment(torch.device("cpu")),
        **dict.fromkeys(("budget", "seconds", "peak_memory_mb", "weights", "training_curves")),
        "predictions": {"masks_sha256": _digest(masks), "dataset_sha256": given.dataset, "training": given.training},
        "classes": list(judge.classes),
        "evaluations": evaluations,
    }


def _digest(masks: Mapping[str, Path]) -> str:
    """Of all masks, in the order of their cases."""
    whole = hashlib.sha256()
    for case in sorted(masks):
        whole.update(hashlib.sha256(masks[case].read_bytes()).digest())
    return whole.hexdigest()
