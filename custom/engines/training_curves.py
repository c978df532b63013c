"""The curves of the training studies: statistics of the regression targets, and what the baselines are fitted on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from ..enhancement_classifier import CurveClassifier
from ..transforms import study_enhancement
from ..types import PHASES, UNKNOWN_CLASS, InputError

MIN_STD_SHARE = 0.1  # of the largest phase's: one that hardly varies would otherwise outweigh all others in the losses


@dataclass(frozen=True)
class TrainingCurves:
    """One measured curve a study with tumour.

    Args:
        curves: ``(N, P)`` in normalised units, NaN where a phase is missing.
        scales: ``(N)``, raw = normalised * scale.
        lesion_classes: ``(N)`` class indices, -1 where unknown.
        classes: class names in head order.
    """

    curves: np.ndarray
    scales: np.ndarray
    lesion_classes: np.ndarray
    classes: tuple[str, ...]

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        """Per phase over the studies that have it; 0 and 1 for a phase that no study has."""
        columns = [column[np.isfinite(column)] for column in self.curves.T]  # P x (N)
        mean = [float(column.mean()) if len(column) else 0.0 for column in columns]
        std = [float(column.std()) if len(column) > 1 else 0.0 for column in columns]
        least = MIN_STD_SHARE * max(std) or 1.0  # one study alone has no spread
        return mean, [max(value, least) if len(column) else 1.0 for value, column in zip(std, columns, strict=True)]

    def majority_class(self) -> int | None:
        known = self.lesion_classes[self.lesion_classes >= 0]
        return int(np.bincount(known).argmax()) if len(known) else None

    def classifier(self) -> CurveClassifier | None:
        """Logistic regression on the curves; None with fewer than two known classes."""
        if len(np.unique(self.lesion_classes[self.lesion_classes >= 0])) < 2:
            return None
        return CurveClassifier(classes=self.classes).fit(self.curves, self.lesion_classes)

    def to_dict(self) -> dict[str, Any]:
        rows = [[float(value) if np.isfinite(value) else None for value in curve] for curve in self.curves]
        plain = {"scales": self.scales.tolist(), "lesion_classes": self.lesion_classes.tolist()}
        return {"classes": list(self.classes), "phases": list(PHASES), "curves": rows, **plain}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TrainingCurves:
        """What ``to_dict`` gave, or its JSON; KeyError, ValueError or TypeError for anything else."""
        curves = np.array(plain["curves"], dtype=np.float64).reshape(-1, len(PHASES))  # None becomes NaN
        numbers = np.array(plain["scales"], dtype=np.float64), np.array(plain["lesion_classes"], dtype=np.int64)
        return cls(curves, *numbers, tuple(plain["classes"]))

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> TrainingCurves:
        """Read what ``to_dict`` gave.

        Raises:
            InputError: the file is not readable as such.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                found=f"{type(error).__name__}: {error}",
                expected="the curves of the training studies, as training writes them",
                where=str(path),
                remedy="Train again, or set `training_curves` to null to go without baselines.",
            ) from error


class StudyCurves(Dataset):
    """A data set of studies, seen as their curves only: what a worker process sends back is a few numbers.

    Args:
        dataset: items as ``study_enhancement`` takes them, with ``phase_mask`` and ``scale``, and ``lesion_class``
            where it is known.
    """

    def __init__(self, dataset: Sequence[Mapping[str, Any]]) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any] | None:
        """``index``, ``curve`` (NaN where a phase is missing), ``scale``, ``lesion_class``; None without a tumour."""
        study = self.dataset[index]
        if "label" not in study or not bool((study["label"] > 0).any()):
            return None
        present = torch.as_tensor(study["phase_mask"]).bool()  # (P)
        curve = torch.where(present, study_enhancement(study).double(), torch.nan)
        lesion_class = int(study.get("lesion_class", UNKNOWN_CLASS))
        return {"index": index, "curve": curve.tolist(), "scale": float(study["scale"]), "lesion_class": lesion_class}
