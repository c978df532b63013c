"""Errors of enhancement curves: in raw units, and as relative enhancement in percent.

Relative enhancement ``RE_k = 100 (S_k - S_pre) / S_pre`` of the three phases after contrast; every curve is divided by
its own pre-contrast value, so that gain cancels. Two curves are compared with two truths: the target, measured under
the true mask on the images that the network sees, and, where a phantom knows it, the true curve without misalignment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

CURVES = {"regressed": "enhancement_pred", "measured": "enhancement_measured"}
TRUTHS = {"target": "enhancement", "true": "true_enhancement"}
Curve = Sequence[float | None]


def compare_curves(data: Mapping[str, Any], *, has_tumour: bool) -> dict[str, Any]:
    """``curves`` in raw units and, e.g., ``regressed_mae_raw`` (against the target), ``measured_mae_pct_true``."""
    scale = float(torch.as_tensor(data["scale"]).reshape(-1)[0])
    present = torch.as_tensor(data["phase_mask"]).reshape(-1).bool().tolist()  # (P)
    curves: dict[str, list[float | None] | None] = {}
    for name, key in {**CURVES, **TRUTHS}.items():
        unit = 1.0 if key == "true_enhancement" else scale  # the phantom's truth is in raw units already
        values = curve_as_list(data.get(key), unit=unit)
        curves[name] = values and [value if here else None for value, here in zip(values, present, strict=True)]
    if not has_tumour:
        curves["target"] = None
    record: dict[str, Any] = {"scale": scale, "curves": curves}
    for name in CURVES:
        for truth, suffix in (("target", ""), ("true", "_true")):
            record[f"{name}_mae_raw{suffix}"] = mae_raw(curves[name], curves[truth])
            record[f"{name}_mae_pct{suffix}"] = mae_pct(curves[name], curves[truth])
    return record


def mae_raw(curve: Curve | None, truth: Curve | None) -> float | None:
    """Mean absolute difference over the phases that both curves have."""
    return _mean_difference(curve, truth)


def mae_pct(curve: Curve | None, truth: Curve | None) -> float | None:
    """Mean absolute difference of relative enhancement, in percentage points; None without a pre-contrast phase."""
    return _mean_difference(relative_enhancement_pct(curve), relative_enhancement_pct(truth))


def relative_enhancement_pct(curve: Curve | None) -> list[float | None] | None:
    """``(S_pre, S_art, S_pv, S_del)`` -> ``(RE_art, RE_pv, RE_del)`` in %; None without a positive ``S_pre``."""
    if curve is None or curve[0] is None or curve[0] <= 0:
        return None
    return [None if value is None else 100 * (value - curve[0]) / curve[0] for value in curve[1:]]


def curve_as_list(values: Any, *, unit: float = 1.0) -> list[float | None] | None:
    """A tensor as plain floats, what is not finite as None; None if nothing is finite."""
    if values is None:
        return None
    array = torch.as_tensor(values).detach().cpu().double().reshape(-1).numpy() * unit
    plain = [float(value) if np.isfinite(value) else None for value in array]
    return plain if any(value is not None for value in plain) else None


def _mean_difference(curve: Curve | None, truth: Curve | None) -> float | None:
    if curve is None or truth is None:
        return None
    pairs = [(a, b) for a, b in zip(curve, truth, strict=True) if a is not None and b is not None]
    return float(np.mean([abs(a - b) for a, b in pairs])) if pairs else None
