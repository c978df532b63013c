"""Which runs an experiment consists of, and what each is told: everything that decides its result, in one file."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ...types import InputError
from ..files import read_json, write_json
from ..manifest import MANIFEST
from .arms import HELD_OUT, Arm, Experiment
from .folds import fold_datalists, renamed, take_patients
from .settings import Budget, Settings, digest
from .timing import usable_timings

TASK = "task.json"


@dataclass(frozen=True)
class Run:
    """One training with its evaluations.

    Args:
        folder: of everything that it writes.
        task: what it is told: who it is, its configuration, the budget, hashes.
        datalist: its studies.
    """

    folder: Path
    task: dict[str, Any]
    datalist: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.task['arm']}, fold {self.task['fold']}, seed {self.task['seed']}"

    @property
    def finished(self) -> bool:
        return (self.folder / MANIFEST).is_file()


def plan_runs(
    experiment: Experiment,
    *,
    settings: Settings,
    datalist: Path,
    output: Path,
    folds: int,
    seeds: int,
    steps: int | None = None,
) -> list[Run]:
    """All runs in the order of work: every arm once before any is repeated, so that a first table comes early.

    Args:
        experiment: its arms.
        settings: the training configuration and what holds for all arms.
        datalist: the studies.
        output: folder of the experiment.
        folds: as ``fold_datalists`` takes them.
        seeds: number of trainings a fold, seeds 0, 1, ...
        steps: optimiser steps a training.
    """
    parts = fold_datalists(datalist, folds)
    budget = Budget.of(settings, steps=steps, studies=min(len(part["training"]) for part in parts))
    about = {"name": experiment.name, "title": experiment.title, "compared_with": experiment.compared_with}
    about |= {"arms": [arm.name for arm in experiment.arms], "folds": max(1, folds), "seeds": seeds}
    about |= {"curve_baselines": experiment.curve_baselines}
    places = {"dataset_dir": str(datalist.parent.resolve()), "cache_dir": str((output / "cache").resolve())}
    own = {arm.name: _settings_of(arm, settings) for arm in experiment.arms}
    for name, its_settings in own.items():
        its_settings.check_network(where=f"experiment, arm {name}")
    tasks = {arm.name: _task_of(own[arm.name], arm, budget, datalist) for arm in experiment.arms}
    runs = []
    for seed, (fold, part), arm in product(range(seeds), enumerate(parts), experiment.arms):
        studies = renamed(take_patients(part, arm.patients), _new_names(arm, settings))
        task = {**tasks[arm.name], "split": _split(studies), "fold": fold, "seed": seed}
        task["sha256"] = digest({key: value for key, value in task.items() if key != "reported"})
        files = [str(file) for file in own[arm.name].files]
        task |= {"experiment": about}
        task["places"] = {**places, "config_files": files, "overrides": own[arm.name].places}
        runs.append(Run(output / "runs" / arm.folder / f"fold{fold}-seed{seed}", task, studies))
    return runs


def _settings_of(arm: Arm, settings: Settings) -> Settings:
    names = list(_new_names(arm, settings).values())
    return settings.with_overlay(arm.overlays, {**arm.overrides, **({"classes": names} if names else {})})


def _new_names(arm: Arm, settings: Settings) -> dict[str, str]:
    """Class → what the arm calls it; nothing where it calls them as they are called."""
    return {name: arm.class_names.format(name) for name in settings.value("classes")} if arm.class_names else {}


def _task_of(own: Settings, arm: Arm, budget: Budget, datalist: Path) -> dict[str, Any]:
    if own.value("select_weights_by") is not None:
        raise InputError(
            found="select_weights_by, which chooses weights by the held-out studies",
            expected="null: the last epoch's weights",
            where=f"experiment, arm {arm.name}",
            remedy="Leave it out.",
        )
    timings, pretrained = usable_timings(arm.timings, datalist), own.pretrained()
    conditions = {HELD_OUT: {}, **arm.conditions, **{name: {} for name in timings}}
    return {
        "arm": arm.name,
        "reported": dict(arm.reported),
        "config": own.description(),
        "conditions": {name: dict(overrides) for name, overrides in conditions.items()},
        "budget": {"epochs": budget.epochs, "steps_per_epoch": budget.steps_per_epoch, "steps": budget.steps},
        **({"timings": timings} if timings else {}),
        **({"pretrained": pretrained} if pretrained else {}),
    }


def _split(datalist: dict[str, Any]) -> dict[str, Any]:
    counts = {"training": len(datalist["training"]), "held_out": len(datalist["validation"])}
    return {"sha256": datalist["content_hash"], **counts}


def prepare_folders(runs: Sequence[Run], *, resume: bool) -> list[Run]:
    """Write each run's task and datalist; the runs that are still to be done.

    A run that was stopped goes on where it was if it is told the same as before, and starts anew if not.

    Raises:
        InputError: earlier runs without ``resume``; a finished run that was told something else.
    """
    begun = [run for run in runs if (run.folder / TASK).is_file()]
    if begun and not resume:
        raise InputError(
            found=f"{len(begun)} of these runs, begun earlier",
            expected="a new folder",
            where="experiment --output",
            remedy="Add --resume to go on with them, or choose another folder.",
        )
    for run in begun:
        same = read_json(run.folder / TASK)["sha256"] == run.task["sha256"]
        if run.finished and not same:
            raise InputError(
                found=f"the finished run {run.name}, with other settings, studies or steps",
                expected="the same as now",
                where="experiment --resume",
                remedy="Repeat the earlier options, or choose another --output.",
            )
        if not run.finished and not same:
            shutil.rmtree(run.folder)
    for run in runs:
        if not run.finished:
            run.folder.mkdir(parents=True, exist_ok=True)
            write_json(run.folder / "datalist.json", run.datalist)
            write_json(run.folder / TASK, run.task)
    return [run for run in runs if not run.finished]
