"""The named terms of the generator's loss, and their weighted sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ..types import PHASES, InputError
from .classification import classification_loss
from .enhancement import curve_l1, task_interaction_loss
from .segmentation import SEGMENTATION_LOSSES, segmentation_loss

DEFAULT_WEIGHTS = {"seg": 1.0, "reg": 1.0, "cls": 1.0, "tim": 1.0, "adv": 0.05}


class MultiTaskLoss(nn.Module):
    """``seg`` on every slice; ``reg``, ``cls`` and ``tim`` on slices with tumour only.

    Args:
        weights: of the terms ``seg``, ``reg``, ``cls``, ``tim``, ``adv``; those not named keep 1, 1, 1, 1, 0.05.
        seg: ``"dice_ce"``, or ``"bce"`` as in the paper.
        class_weights: K weights of the classes, e.g. of :func:`~.classification.balanced_class_weights`.
        enhancement_std: four standard deviations of the training curves; ``reg`` and ``tim`` are then in their unit,
            so that bright phases do not outweigh the others. None: in the images' normalised unit. Standard deviations
            are about a tenth of that unit, so both terms grow about tenfold: give ``tim`` a weight of about 0.1 then,
            or it keeps the segmentation from starting (measured: Dice 0.05 instead of 0.25 after six epochs).
    """

    def __init__(
        self,
        *,
        weights: Mapping[str, float] | None = None,
        seg: str = "dice_ce",
        class_weights: Sequence[float] | None = None,
        enhancement_std: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        weights = dict(weights or {})
        _check(not set(weights) - set(DEFAULT_WEIGHTS), "weights", sorted(weights), f"keys of {list(DEFAULT_WEIGHTS)}")
        for name, weight in weights.items():
            _check(weight >= 0, f"weights#{name}", weight, "a number of at least 0")
        _check(seg in SEGMENTATION_LOSSES, "seg", seg, f"one of {list(SEGMENTATION_LOSSES)}")
        self.weights = {**DEFAULT_WEIGHTS, **weights}
        self.seg = seg
        self.class_weights = None if class_weights is None else torch.tensor(list(class_weights), dtype=torch.float32)
        self.enhancement_std: torch.Tensor | None = None
        if enhancement_std is not None:
            self.set_enhancement_std(enhancement_std)

    def set_enhancement_std(self, std: Sequence[float]) -> None:
        """Set the unit of ``reg`` and ``tim`` after construction: four positive standard deviations."""
        std = torch.as_tensor(std, dtype=torch.float32).flatten()
        _check(
            len(std) == len(PHASES) and bool((std > 0).all()), "enhancement_std", std.tolist(), "four positive numbers"
        )
        self.enhancement_std = std

    def forward(self, pred: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Compute the unweighted terms of the tasks that ``pred`` holds.

        Args:
            pred: any of ``"seg" (B, 1, H, W)``, ``"enhancement" (B, P)``, ``"class_logits" (B, K)``.
            batch: ``image (B, P, H, W)``, ``label (B, 1, H, W)``, ``enhancement (B, P)``, ``lesion_class (B,)`` (-1
                unknown), ``has_tumour (B,)`` bool, ``phase_mask (B, P)`` bool.

        Returns:
            Scalars under ``seg``, ``reg``, ``cls``, ``tim``; each 0, but in the graph, when no slice is valid for it.
        """
        has_tumour, lesion_class = batch["has_tumour"].bool(), batch["lesion_class"]
        valid_phases = has_tumour[:, None] & batch["phase_mask"].bool()  # (B, P)
        terms = {}
        if "seg" in pred:
            terms["seg"] = segmentation_loss(pred["seg"], batch["label"], self.seg)
            terms["tim"] = task_interaction_loss(
                pred["seg"], batch["image"], batch["enhancement"], valid_phases, self.enhancement_std
            )
        if "enhancement" in pred:
            terms["reg"] = curve_l1(pred["enhancement"], batch["enhancement"], valid_phases, self.enhancement_std)
        if "class_logits" in pred:
            known = has_tumour & (lesion_class >= 0)
            terms["cls"] = classification_loss(pred["class_logits"], lesion_class, known, self.class_weights)
        return terms

    def total(self, terms: Mapping[str, torch.Tensor], adversarial_weight_factor: float = 1.0) -> torch.Tensor:
        """Weighted sum of ``terms``; the ``adv`` term, where given, is scaled by the warm-up factor as well."""
        factors = {**self.weights, "adv": self.weights["adv"] * adversarial_weight_factor}
        return torch.stack([factors[name] * term for name, term in terms.items()]).sum()


def _check(ok: bool, where: str, found: object, expected: str) -> None:
    if not ok:
        raise InputError(
            found=repr(found), expected=expected, where=where, remedy="Correct it in the loss's configuration."
        )
