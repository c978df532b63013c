"""What the networks of finished runs see in single held-out studies: sections through the largest tumour area."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events

from ..files import read_json, write_json
from ..planning.arms import HELD_OUT
from ..planning.plan import TASK
from ..running.execute import evaluation

WEIGHTS = "models"
WITHOUT_REPORT = {"write_report": False}
"""Figures of a few studies would say nothing."""


@dataclass(frozen=True)
class Seen:
    """The slice with the largest true area: ``phases (P, H, W)``, ``true`` and ``predicted`` ``(H, W)`` bool."""

    phases: np.ndarray
    true: np.ndarray
    predicted: np.ndarray


def see(run: Path, cases: Sequence[str], cache: Path) -> dict[str, Seen]:
    """Have the weights of a finished run look at some of its held-out studies; nothing in its folder changes.

    Args:
        run: its folder, with weights.
        cases: studies with a tumour.
        cache: folder for the studies as they are read, shared by the runs that see the same ones.

    Returns:
        Case → section.
    """
    task, datalist = read_json(run / TASK), read_json(run / "datalist.json")
    task["places"]["cache_dir"] = str(cache)
    task["conditions"][HELD_OUT] = {**task["conditions"][HELD_OUT], **WITHOUT_REPORT}
    wanted = [item for item in datalist["validation"] if item["case"] in cases]
    found: dict[str, Seen] = {}

    def keep(engine: Engine) -> None:
        for batch, output in zip(engine.state.batch, engine.state.output, strict=True):
            data = {**batch, **output}
            found[str(data["study"]["case"])] = _section(data)

    with TemporaryDirectory() as name:
        own = Path(name)
        shutil.copytree(run / WEIGHTS, own / WEIGHTS)
        write_json(own / "datalist.json", {**datalist, "training": [], "validation": wanted})
        workflow = evaluation(task, own, HELD_OUT)
        workflow.parser.get_parsed_content("validate#evaluator").add_event_handler(Events.ITERATION_COMPLETED, keep)
        workflow.run()
        workflow.finalize()
    return found


def _section(data: Mapping[str, Any]) -> Seen:
    label = torch.as_tensor(data["label"])[0].cpu().numpy() > 0  # (H, W, D)
    d = int(label.sum(axis=(0, 1)).argmax())
    phases = torch.as_tensor(data["image"])[..., d].cpu().numpy()  # (P, H, W)
    return Seen(phases, label[..., d], torch.as_tensor(data["pred"])[0, ..., d].cpu().numpy() > 0)
