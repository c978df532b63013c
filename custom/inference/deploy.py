"""What MONAI Deploy's bundle operator needs: an image in memory in, one tensor from the network, one mask out.

The operator hands every tensor of the preprocessed item to the inferer and takes one tensor from it; ``deploy.json``
puts these parts in the place of those that read files and report on studies.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import MapTransform

from ..types import PHASES, InputError
from .slice_inferer import SliceInferer


class PresentPhasesd(MapTransform):
    """An image in memory becomes what ``LoadStudyd`` gives of one: float32, and beside it ``phase_mask (P)`` bool.

    A phase that is zero everywhere is absent.

    Args:
        keys: the image, a MetaTensor ``(P, X, Y, Z)``.

    Raises:
        InputError: another number of channels, or nothing but zeros.
    """

    def __init__(self, *, keys: str = "image") -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        for key in self.key_iterator(out):
            image = out[key]
            if image.ndim != 4 or len(image) != len(PHASES) or not image.any():
                raise InputError(
                    found=f"an image of shape {tuple(image.shape)}"
                    + ("" if image.any() else " that is zero everywhere"),
                    expected=f"({len(PHASES)}, X, Y, Z): the phases {', '.join(PHASES)}, absent ones zero",
                    where=key,
                    remedy="Stack the phases on one grid in this order.",
                )
            out[key] = image.float()
            out["phase_mask"] = torch.stack([phase.any() for phase in torch.as_tensor(image)])
        return out


class SegmentationInferer(SliceInferer):
    """A :class:`SliceInferer` for the segmentation alone, beside whatever else the item holds.

    Args:
        slice_batch_size, mirror: see :class:`SliceInferer`.
    """

    def __init__(self, *, slice_batch_size: int = 16, mirror: bool = False) -> None:
        super().__init__(slice_batch_size=slice_batch_size, output="seg", mirror=mirror)

    def __call__(self, inputs: torch.Tensor, network, phase_mask: torch.Tensor | None = None, **_: Any) -> torch.Tensor:
        """``inputs (B, P, H, W, D)`` to tumour logits ``(B, 1, H, W, D)``; further tensors are left aside."""
        return super().__call__(inputs, network, phase_mask)


class SegmentationAsDictd(MapTransform):
    """Makes of a lone segmentation tensor the dict that the network would have returned with it.

    Args:
        keys: the prediction, ``(1, H, W, D)`` logits.
    """

    def __init__(self, *, keys: str = "pred") -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        return {**data, **{key: {"seg": data[key]} for key in self.key_iterator(dict(data))}}
