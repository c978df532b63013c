"""``python -m custom experiment``: run an experiment's arms over folds and seeds, show or add to what was found."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import yaml

from ..data.phantom import ensure_phantom
from ..types import COMMAND, InputError
from .nnunet.import_arm import import_arm
from .pages.panels import write_panels
from .pages.publish import publish
from .planning.arms import read_experiment
from .planning.plan import Run, plan_runs, prepare_folders
from .planning.settings import CONFIGS, EXPERIMENTS, Settings
from .running.schedule import slots, work_off
from .tables.write import write_table

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``."""
    known = ", ".join(sorted(file.stem for file in EXPERIMENTS.glob("*.yaml")))
    parser.add_argument(
        "name",
        help=f"{known}; a YAML file of your own; or of finished ones table (anew), panels, report (of several); "
        "import, predictions of another program as one more arm",
    )
    parser.add_argument(
        "folders",
        nargs="*",
        metavar="DIR",
        help="with table, panels, import: an experiment's folder; with report: several, or archives",
    )
    parser.add_argument(
        "--datalist", metavar="FILE", help="the studies (default: the embedded phantom, made if needed)"
    )
    parser.add_argument("--folds", type=int, default=5, help="0: the datalist's own sections (default: 5)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings a fold (default: 3)")
    parser.add_argument("--steps", type=int, metavar="N", help="optimiser steps a training (default: train.json's)")
    parser.add_argument("--arms", nargs="+", metavar="ARM", help="only these (default: all); of an import: its name")
    parser.add_argument("--predictions", metavar="DIR", help="with import: nnU-Net's training, or a folder of masks")
    parser.add_argument(
        "--output", metavar="PATH", help="folder (default: outputs/experiments/<name>); of a report: its page"
    )
    parser.add_argument("--resume", action="store_true", help="go on in that folder; finished runs stay as they are")
    parser.add_argument("--parallel", type=int, metavar="N", help="runs at a time (default: one for each GPU, else 1)")
    parser.add_argument(
        "--config_file",
        nargs="+",
        metavar="FILE",
        default=[str(CONFIGS / "train.json")],
        help="configurations, in order",
    )
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="overrides that hold for all arms")


def run(arguments: argparse.Namespace) -> None:
    """Plan, run what is not finished, write the table and say where it is."""
    if arguments.name in FINISHED:
        _say(FINISHED[arguments.name](arguments))
        return
    _check(arguments)
    settings = _settings(arguments)
    experiment = read_experiment(arguments.name, EXPERIMENTS)
    output = Path(arguments.output or f"outputs/experiments/{experiment.name}")
    runs = plan_runs(
        experiment,
        settings=settings,
        datalist=_datalist(arguments.datalist, settings),
        output=output,
        folds=arguments.folds,
        seeds=arguments.seeds,
        steps=arguments.steps,
    )
    runs = _chosen(runs, arguments.arms)
    waiting = prepare_folders(runs, resume=arguments.resume)
    steps = runs[0].task["budget"]["steps"]
    logger.info(
        "%s: %d runs of %d steps, %d of them done", experiment.title, len(runs), steps, len(runs) - len(waiting)
    )
    try:
        work_off(waiting, slots(arguments.parallel))
    finally:
        if any(run.finished for run in runs):
            _say(write_table(output))


def _table(arguments: argparse.Namespace) -> list[Path]:
    return [path for folder in arguments.folders or ["."] for path in write_table(Path(folder))]


def _report(arguments: argparse.Namespace) -> list[Path]:
    return publish([Path(folder) for folder in arguments.folders], Path(arguments.output or "results.md"))


def _import(arguments: argparse.Namespace) -> list[Path]:
    if len(arguments.folders) != 1 or not arguments.predictions or len(arguments.arms or []) != 1:
        raise InputError(
            found="no experiment, no predictions or no name" if not arguments.folders[1:] else "several experiments",
            expected='an experiment\'s folder, --predictions DIR and a name, such as --arms "nnU-Net, 2-D"',
            where="experiment import",
            remedy="Complete the command.",
        )
    experiment = Path(arguments.folders[0])
    manifests = import_arm(experiment, Path(arguments.predictions), name=arguments.arms[0])
    return [*manifests, *write_table(experiment)]


def _panels(arguments: argparse.Namespace) -> list[Path]:
    folder = Path(arguments.folders[0] if arguments.folders else ".")
    return write_panels(folder, Path(arguments.output) if arguments.output else folder / "table")


FINISHED = {"table": _table, "panels": _panels, "report": _report, "import": _import}
"""What can be asked of finished experiments."""


def _say(written: Sequence[Path]) -> None:
    logger.info("Written:\n%s", "\n".join(f"  {path}" for path in written))


def _settings(arguments: argparse.Namespace) -> Settings:
    overrides = {key: _value(value) for key, _, value in (text.partition("=") for text in arguments.set)}
    return Settings(tuple(Path(file) for file in arguments.config_file), overrides)


def _value(text: str) -> object:
    """JSON or, where it is none, YAML, which takes 1e-4 for a word."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def _datalist(named: str | None, settings: Settings) -> Path:
    if named is not None:
        return Path(named)
    folder = Path(settings.value("phantom_dir"))
    if not (folder.is_dir() and any(folder.iterdir())):
        ensure_phantom(folder, preset=settings.value("phantom"), seed=0)
    return folder / "datalist.json"


def _chosen(runs: list[Run], arms: list[str] | None) -> list[Run]:
    known = list(dict.fromkeys(run.task["arm"] for run in runs))
    if unknown := [name for name in arms or [] if name not in known]:
        raise InputError(
            found=f"no arm {unknown[0]!r}",
            expected=f"arms among {', '.join(known)}",
            where="experiment --arms",
            remedy="Correct the name.",
        )
    return [run for run in runs if not arms or run.task["arm"] in arms]


def _check(arguments: argparse.Namespace) -> None:
    if arguments.predictions:
        raise InputError(
            found="--predictions",
            expected="it with import alone",
            where="experiment",
            remedy="Run the experiment first, then import the predictions.",
        )
    if arguments.folders:
        raise InputError(
            found=f"{arguments.folders[0]!r} after {arguments.name}",
            expected="the name of one experiment",
            where="experiment",
            remedy=f"Name the folder by --output, or see {COMMAND} experiment --help.",
        )
    for option, least in (("seeds", 1), ("folds", 0), ("parallel", 1)):
        value = getattr(arguments, option)
        if value is not None and (value < least or (option == "folds" and value == 1)):
            raise InputError(
                found=f"--{option} {value}",
                expected="0 or at least 2" if option == "folds" else f"at least {least}",
                where="experiment",
                remedy=f"Correct it, or see {COMMAND} experiment --help.",
            )
