"""What a training slice shows: a binary mask, whether there is tumour, and of which class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.transforms import Transform

from ..types import DEFAULT_CLASSES, UNKNOWN_CLASS
from .plain_tensor import plain_tensor


class SliceTargetsd(Transform):
    """Turn class values into the targets of segmentation and classification. Goes after spatial augmentation.

    Args:
        classes: lesion class names in head order.

    Returns (of the call): the slice with ``label`` ``(1, H, W)`` float 0/1, ``has_tumour`` bool, ``lesion_class`` int64
        (``UNKNOWN_CLASS`` without tumour, with two classes in the slice, or when the study's class is unknown).
    """

    def __init__(self, *, classes: Sequence[str] = DEFAULT_CLASSES) -> None:
        self.classes = tuple(classes)

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        class_values = out.pop("class_values", True)
        label = plain_tensor(out["label"])
        values = label[label > 0].unique().tolist()
        known = class_values and len(values) == 1 and values[0] <= len(self.classes)
        out["label"] = (label > 0).float()
        out["has_tumour"] = torch.tensor(bool(values))
        out["lesion_class"] = torch.tensor(int(values[0]) - 1 if known else UNKNOWN_CLASS)
        return out
