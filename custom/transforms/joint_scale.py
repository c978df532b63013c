"""One intensity scale for the four phases of a study."""

from __future__ import annotations

import math

import numpy as np
import torch
from monai.transforms import Transform

from ..types import InputError
from .plain_tensor import plain_tensor

SAMPLE_LIMIT = 2_000_000
"""Voxels per phase that the percentile looks at; larger volumes are read on an in-plane lattice of this size."""


EMPTY = 1e-4
"""A slice whose every intensity is below this share of the scale holds none: the rounding of resampling is 1e-5."""


class JointScaled(Transform):
    """Divide all phases by one number: the joint percentile inside the body (data.md, "One intensity scale").

    No offset and nothing per phase: ratios and differences between phases, the enhancement itself, survive. Slices that
    a phase does not reach become exactly 0 again: resampling leaves a rounding error of their neighbours in them.

    Args:
        percentile: of the intensities of all present phases inside the body, (0, 100].
        body_fraction: the body is where the mean over phases exceeds this share (0..1) of its own 99th percentile.
        key: the image, ``(P, X, Y, Z)``.

    Returns (of the call): the item with the image divided and ``scale`` float, ``raw = normalised * scale``.

    Raises:
        InputError: nothing above zero to scale by.
    """

    def __init__(self, *, percentile: float = 99.5, body_fraction: float = 0.1, key: str = "image") -> None:
        self.percentile = percentile
        self.body_fraction = body_fraction
        self.key = key

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        image = out[self.key]
        out["scale"] = self._scale(image, out["phase_mask"], out.get("study", {}).get("case", "study"))
        scaled = image / out["scale"]
        empty = plain_tensor(scaled).abs().amax((1, 2)) < EMPTY  # (P, Z)
        out[self.key] = scaled.masked_fill(empty[:, None, None], 0.0) if empty.any() else scaled
        return out

    def _scale(self, image: torch.Tensor, phase_mask: torch.Tensor, case: str) -> float:
        voxels = math.prod(image.shape[1:])
        step = math.ceil(math.sqrt(voxels / SAMPLE_LIMIT)) if voxels > SAMPLE_LIMIT else 1
        values = plain_tensor(image)[phase_mask][:, ::step, ::step].flatten(1).double().numpy()  # (present phases, V)
        mean = values.mean(axis=0)
        positive = mean[mean > 0]
        if positive.size:
            body = mean > self.body_fraction * np.percentile(positive, 99)
            scale = float(np.percentile(values[:, body], self.percentile))
            if math.isfinite(scale) and scale > 0:
                return scale
        raise InputError(
            found="an image without any positive intensity",
            expected="magnitude images: intensities above 0 in the body",
            where=case,
            remedy="Check that the phases are signal intensities, neither empty nor subtraction images.",
        )
