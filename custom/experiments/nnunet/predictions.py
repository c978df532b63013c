"""Which predicted mask belongs to which study: the folders that nnU-Net leaves, read strictly."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...data.budget import MemoryBudget
from ...data.geometry import same_grid
from ...data.load import plan_study
from ...data.segmentations import plan_segmentation
from ...types import InputError
from ..files import read_json
from .layout import DATASET, FILE_ENDING, class_values, mask_name

LEVELS = 3
"""``dataset.json`` lies beside the masks, or above them: ``<trainer>/fold_0/validation``."""


@dataclass(frozen=True)
class Predictions:
    """A folder of predicted masks.

    Args:
        folder: masks called as ``mask_name`` says; or nnU-Net's folder of a training, with ``fold_<k>/validation``.
        values: label value → value of its class; ``None``: 1 is tumour of whatever class.
        dataset: SHA-256 of the ``dataset.json`` that says so.
    """

    folder: Path
    values: Mapping[int, int] | None
    dataset: str

    @property
    def by_fold(self) -> bool:
        """Whether each fold has a folder of its own."""
        return any(self.folder.glob("fold_*/validation"))

    @property
    def training(self) -> str | None:
        """What nnU-Net calls the training: trainer, plans and configuration."""
        return self.folder.resolve().name if self.by_fold else None

    def masks(self, fold: int, cases: Sequence[str]) -> dict[str, Path]:
        """Case → its mask, for all held-out studies of a fold; empty where nothing of the fold was predicted.

        Raises:
            InputError: some of the studies lack a mask; or the fold's own folder holds others.
        """
        folder = self.folder / f"fold_{fold}" / "validation" if self.by_fold else self.folder
        named = {case: folder / mask_name(case) for case in cases}
        there = {case: path for case, path in named.items() if path.is_file()}
        missing = [case for case in cases if case not in there]
        strangers = self._strangers(folder, named.values()) if self.by_fold else []
        if (there and missing) or strangers:
            wrong = [f"{_some(missing)} without a mask"] if missing else []
            wrong += [f"{_some(strangers)}, which the fold does not hold out"] if strangers else []
            raise InputError(
                found=" and ".join(wrong),
                expected="one mask for each study that the fold holds out, and no other",
                where=f"predictions, fold {fold}",
                remedy="Predict all of them; train with the splits_final.json that prepare --export wrote.",
            )
        return there

    def check_all_used(self, used: Collection[Path]) -> None:
        """Raise an ``InputError`` for masks that belong to no held-out study."""
        if not self.by_fold and (strangers := self._strangers(self.folder, used)):
            raise InputError(
                found=f"{_some(strangers)}, which no fold holds out",
                expected="masks of held-out studies",
                where="predictions",
                remedy="Name the folder of this experiment's predictions.",
            )

    @staticmethod
    def _strangers(folder: Path, known: Collection[Path]) -> list[str]:
        return sorted({path.name for path in folder.glob(f"*{FILE_ENDING}")} - {path.name for path in known})


def read_predictions(folder: Path, classes: Sequence[str]) -> Predictions:
    """Find out what a folder's masks mean.

    Raises:
        InputError: no such folder, no ``dataset.json``, or labels that are not those of ``prepare --export``.
    """
    if not folder.is_dir():
        raise InputError(
            found="no such folder", expected="predicted masks", where=str(folder), remedy="Correct --predictions."
        )
    places = [folder, *folder.resolve().parents[: LEVELS - 1]]
    found = next((place / DATASET for place in places if (place / DATASET).is_file()), None)
    if found is None:
        raise InputError(
            found=f"no {DATASET}",
            expected=f"{DATASET} beside the masks or above them, which says what their values mean",
            where=str(folder),
            remedy="Copy it there from the folder that prepare --export wrote.",
        )
    content = read_json(found)
    labels = content.get("labels") if isinstance(content, dict) else None
    values = class_values(labels if isinstance(labels, dict) else {}, classes, where=DATASET)
    return Predictions(folder, values, hashlib.sha256(found.read_bytes()).hexdigest())


def check_mask(path: Path, item: Mapping[str, Any], predictions: Predictions, rules: Mapping[str, Any]) -> None:
    """Raise an ``InputError`` unless a mask lies on its study's grid and holds the known values.

    Args:
        path: the mask.
        item: the study's entry, with absolute paths.
        predictions: where the mask is from.
        rules: ``phase_map``, ``reference_phase`` and ``memory_budget_gb``, as ``plan_study`` takes them.
    """
    where, budget = f"prediction of case {item['case']}", MemoryBudget(rules["memory_budget_gb"])
    mask = plan_segmentation(str(path), purpose="label", where=where, budget=budget)
    reference = plan_study(item, **rules).phases[rules["reference_phase"]]
    if not same_grid(mask.shape, mask.affine, reference.shape, reference.affine):
        raise InputError(
            found=f"a mask of {_grid(mask)}",
            expected=f"the grid of the study's {rules['reference_phase']} phase, {_grid(reference)}",
            where=where,
            remedy="Predict on the exported images; a mask that was resampled elsewhere is not judged.",
        )
    known = {0, 1} if predictions.values is None else {0, *predictions.values}
    if strangers := sorted(set(np.unique(mask.load()).tolist()) - known):
        raise InputError(
            found=f"the values {', '.join(map(str, strangers))}",
            expected=f"values among {', '.join(map(str, sorted(known)))}, as {DATASET} says",
            where=where,
            remedy="Export the labels as they are, not probabilities.",
        )


def _grid(plan: Any) -> str:
    origin = ", ".join(f"{value:.1f}" for value in plan.affine[:3, 3])
    return f"{' × '.join(map(str, plan.shape))} voxels from ({origin}) mm"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
