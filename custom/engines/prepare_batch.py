"""From a collated batch to what the engine feeds the network: image, targets, and the phase mask as a keyword."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from monai.engines.utils import PrepareBatch

TARGETS = ("label", "enhancement", "lesion_class", "has_tumour", "phase_mask")


class PrepareSlices(PrepareBatch):
    """Training batch of slices -> ``(image (B, P, H, W), targets, (), {"phase_mask": (B, P)})``, all plain tensors.

    ``targets`` holds ``label (B, 1, H, W)``, ``enhancement (B, P)``, ``lesion_class (B)``, ``has_tumour (B)``,
    ``phase_mask (B, P)`` and ``image (B, P, H, W)`` (the TIM term measures the predicted mask on it).
    """

    def __call__(
        self,
        batchdata: Mapping[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **_: object,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], tuple, dict[str, torch.Tensor]]:
        image = _to_device(batchdata["image"], device, non_blocking)
        targets = {key: _to_device(batchdata[key], device, non_blocking) for key in TARGETS}
        return image, {"image": image, **targets}, (), {"phase_mask": targets["phase_mask"]}


class PrepareStudy(PrepareBatch):
    """Validation batch of one study -> ``(image (1, P, H, W, D), label (1, 1, H, W, D) or None, (), {"phase_mask"})``.

    Image and label stay MetaTensors here: the post-processing reads their affine.
    """

    def __call__(
        self,
        batchdata: Mapping[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **_: object,
    ) -> tuple[torch.Tensor, torch.Tensor | None, tuple, dict[str, torch.Tensor]]:
        image = batchdata["image"].to(device=device, non_blocking=non_blocking)
        label = batchdata.get("label")
        if label is not None:
            label = label.to(device=device, non_blocking=non_blocking)
        return image, label, (), {"phase_mask": _to_device(batchdata["phase_mask"], device, non_blocking)}


def _to_device(value: torch.Tensor, device: str | torch.device | None, non_blocking: bool) -> torch.Tensor:
    plain = value.as_tensor() if hasattr(value, "as_tensor") else value  # a MetaTensor's bookkeeping slows every step
    return plain.to(device=device, non_blocking=non_blocking)
