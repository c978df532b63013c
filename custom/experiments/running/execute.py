"""One run from its folder alone: train, evaluate under every condition, and last of all the manifest.

``python -m custom.experiments.running.execute FOLDER`` does it in a process of its own, with an interpreter, a memory
peak and random states that no other run has touched.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigWorkflow

from ...engines.history import read_rows
from ...engines.metrics.study_metrics import RECORDS
from ...engines.metrics.study_record import Record
from ...user_errors import find_input_error
from ..files import read_json, write_json
from ..manifest import FORMAT_VERSION, MANIFEST, environment, peak_memory_mb, without_patients
from ..planning.arms import folder_name
from ..planning.plan import TASK
from ..planning.settings import CONFIGS
from ..planning.timing import retimed
from .attached import ATTACHED, end_with_parent
from .shared import take_over_training


def execute(folder: Path) -> Path:
    """Do the run that ``folder`` describes; a training that was stopped goes on after its last whole epoch.

    A training that an experiment beside this one has finished is taken over, with what it cost there.

    Returns:
        Path of its manifest.
    """
    task = read_json(folder / TASK)
    trained = take_over_training(folder) or _train(task, folder)
    start_s = time.perf_counter()
    evaluations = {name: without_patients(_evaluate(task, folder, name)) for name in task["conditions"]}
    seconds = {"training": trained["seconds"]["training"], "evaluation": time.perf_counter() - start_s}
    about_weights = read_json(folder / "models" / "model.json")
    curves = folder / "training_curves.json"
    manifest = {
        "format_version": FORMAT_VERSION,
        **{key: value for key, value in task.items() if key != "places"},
        **{key: trained[key] for key in ("versions", "device", "peak_memory_mb")},
        "seconds": seconds,
        "weights": {"sha256": about_weights["sha256"], **about_weights["network"]},
        "classes": about_weights["classes"],
        "training_curves": read_json(curves) if curves.is_file() else None,
        "evaluations": evaluations,
    }
    return write_json(folder / MANIFEST, manifest)


def _train(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train; on what, for how long and in how much memory it was done."""
    budget = task["budget"]
    own = {"epochs": budget["epochs"], "steps_per_epoch": budget["steps_per_epoch"], "resume": True}
    own["validate#dataset#data"] = []  # the held-out studies are looked at once, when training is over
    workflow = _workflow(task, folder, [], own, {})
    device = workflow.parser.get_parsed_content("device")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    workflow.run()
    workflow.finalize()
    seconds = {"training": _training_s(folder)}
    return {**environment(device), "peak_memory_mb": peak_memory_mb(device), "seconds": seconds}


def _evaluate(task: dict[str, Any], folder: Path, condition: str) -> list[Record]:
    with retimed(task, folder, condition) as places:
        workflow = evaluation(task, folder, condition, places)
        workflow.run()
        workflow.finalize()
    return workflow.parser.get_parsed_content("validate#evaluator").state.metric_details[RECORDS]


def evaluation(
    task: dict[str, Any], folder: Path, condition: str, places: Mapping[str, str] | None = None
) -> ConfigWorkflow:
    """Judging the weights in ``folder`` on the held-out studies of its datalist, ready to run.

    Args:
        task, folder: the run's.
        condition: one of its conditions.
        places: where its studies lie, if not where the run's do.
    """
    own = {"validate#dataset#data#section": "validation"}
    own["evaluation_dir"] = str(folder / "evaluation" / folder_name(condition))
    own |= task["conditions"][condition]
    return _workflow(task, folder, [str(CONFIGS / "evaluate.json")], own, places or {})


def _workflow(
    task: dict[str, Any], folder: Path, overlays: list[str], own: dict[str, Any], elsewhere: Mapping[str, str]
) -> ConfigWorkflow:
    places = {"datalist": str(folder / "datalist.json"), "phantom": None, "phantom_dir": None}
    places |= {key: task["places"][key] for key in ("dataset_dir", "cache_dir")}
    places |= {"output_dir": str(folder), "ckpt_dir": str(folder / "models"), **elsewhere}
    overrides = {**task["places"].get("overrides", {}), **task["config"]["overrides"]}
    workflow = ConfigWorkflow(
        config_file=[*task["places"]["config_files"], *overlays],
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=False,
        run_id="run",
        workflow_type="train",
        **{**overrides, **own, **places, "seed": task["seed"]},
    )
    workflow.initialize()
    return workflow


def _training_s(folder: Path) -> float:
    """Of all epochs, those before a stop included; validation not."""
    return sum(row["seconds"] for row in read_rows(folder / "history.csv"))


def main(folder: str, *words: str) -> int:
    """Exit code 2 and one readable message for a user's error, as for any verb."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if ATTACHED in words:
        end_with_parent()
    try:
        execute(Path(folder))
    except Exception as error:
        message = find_input_error(error)  # MONAI wraps what is raised where a configuration is built
        if message is None:
            raise
        sys.stderr.write(f"error: {message}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
