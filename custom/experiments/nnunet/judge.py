"""A predicted mask under the evaluation of every other arm: on its grid, against its truth, by its rules.

The mask goes through the arm's own preprocessing in the place of the drawn one, so that whatever happens to the one
happens to the other, and then through the arm's post-processing as a network's answer without doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ...engines.metrics import measure_study
from ...engines.metrics.study_record import Record
from ..planning.arms import HELD_OUT
from ..planning.settings import CONFIGS, Settings
from .predictions import Predictions, check_mask

CONDITIONS = {HELD_OUT: {}, "every voxel": {"min_volume_ml": 0.0}}
"""Judged by the rules of all arms, which hold no component for a lesion that is too small; and as it was predicted."""
CERTAIN = 20.0
"""Logit of a voxel that is tumour."""
PLANNING = ("phase_map", "reference_phase", "memory_budget_gb")
OF_TRUTH = ("label", "labels", "lesion_class", "lesion_free", "true_enhancement", "liver")


class Judge:
    """Judges the masks of one fold.

    Args:
        task: of a run of the arm that others are compared with, as ``plan_runs`` writes it.
        run: that run's folder, with its datalist.
    """

    def __init__(self, *, task: Mapping[str, Any], run: Path) -> None:
        files = (*(Path(file) for file in task["places"]["config_files"]), CONFIGS / "evaluate.json")
        places = {"datalist": str(run / "datalist.json"), "phantom": None, "phantom_dir": None}
        places |= {key: task["places"][key] for key in ("dataset_dir", "cache_dir")}
        own = {**task["places"].get("overrides", {}), **task["config"]["overrides"], **places}
        own["validate#dataset#data#section"] = "validation"
        self.settings = Settings(files, own)
        self.items = self.settings.value("validate#dataset#data")
        self.dataset = self.settings.value("validate#dataset")
        self.prepare = self.settings.value("validate#preprocessing")
        self.classes = tuple(self.settings.value("classes"))
        self.rules = {key: self.settings.value(key) for key in PLANNING}
        under = {name: Settings(files, {**own, **overrides}) for name, overrides in CONDITIONS.items() if overrides}
        self.post_processing = {
            name: under.get(name, self.settings).value("validate#postprocessing") for name in CONDITIONS
        }

    @property
    def cases(self) -> list[str]:
        """The held-out studies."""
        return [item["case"] for item in self.items]

    def records(self, masks: Mapping[str, Path], predictions: Predictions) -> Iterator[dict[str, Record]]:
        """Of each study, condition → its record; one study in memory at a time."""
        for index, item in enumerate(self.items):
            path = masks[item["case"]]
            check_mask(path, item, predictions, self.rules)
            study = self.dataset[index]
            answer = self._answer(item, path, predictions)
            yield {
                name: measure_study(process({**study, "pred": answer}), surface_distance=True)
                for name, process in self.post_processing.items()
            }

    def _answer(self, item: Mapping[str, Any], path: Path, predictions: Predictions) -> dict[str, torch.Tensor]:
        """``seg (1, H, W, D)`` and, where labels are classes, ``class_logits (K, D)``."""
        entry = {key: value for key, value in item.items() if key not in OF_TRUTH}
        entry |= {"label": str(path)}
        if predictions.values is not None:
            entry["label_names"] = {value: self.classes[named - 1] for value, named in predictions.values.items()}
        mask = self.prepare(entry)["label"].as_tensor()  # (1, H, W, D)
        answer = {"seg": torch.where(mask > 0, CERTAIN, -CERTAIN)}
        if predictions.values is not None:
            answer["class_logits"] = class_logits(mask[0], len(self.classes))
        return answer


def class_logits(mask: torch.Tensor, classes: int) -> torch.Tensor:
    """Each slice's answer: the shares of the classes in its tumour, as logits.

    Args:
        mask: ``(H, W, D)`` class values, 0 background.
        classes: their number K.

    Returns:
        ``(K, D)``; equal where a slice has no tumour.
    """
    areas = torch.stack([(mask == value).sum((0, 1)) for value in range(1, classes + 1)]).float()  # (K, D)
    total = areas.sum(0)
    shares = torch.where(total > 0, areas / total.clamp(min=1), torch.full_like(areas, 1 / classes))
    return shares.clamp(min=1e-6).log()
