"""The study's report as plain JSON values: ``study.json``, and ``data["result"]`` for MONAI Label.

The schema is ``study_schema.json`` beside this file; ``bundle/docs/outputs.md`` explains it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch
from monai.transforms import Transform

from ..inference.native_grid import class_index
from ..types import PHASES
from .enhancement_words import arterial_phase_hyperenhancement, washout

SCHEMA_VERSION = "1.0"

CURVE_DISAGREEMENT = 0.25
"""Flag when regressed and measured curve differ by more than this share of the measured one (means over the phases)."""

LOW_CONFIDENCE = 0.7
"""Flag when the most probable class is less probable than this."""

PACKAGE = sys.modules[__name__.rsplit(".", 2)[0]]
"""This package, whatever it is called; found when imported, since a server of several bundles forgets its name."""


class ReportStudyd(Transform):
    """Sets ``data["result"]``: everything that the study's report says, finite plain Python throughout.

    Reads what ``AggregateStudyd``, ``ReturnToNatived`` and ``MeasureLesionsd`` made, ``study`` and ``scale``.

    Args:
        classes: class names in head order.
        weights: the model file that was loaded, for its SHA-256; None or a path without a file: ``null``.
    """

    def __init__(self, *, classes: Sequence[str], weights: str | None = None) -> None:
        self.classes, self.weights = tuple(classes), weights

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        study, values, scale = data["study"], data["study_values"], float(data["scale"])
        at_the_ends = _touches_the_ends(data)
        lesions = [_lesion(lesion, self.classes, lesion["id"] in at_the_ends) for lesion in data["lesions"]]
        probabilities = values["class_probabilities"]
        curves = _curves(values["regressed_raw"], values["measured_raw"])
        result = {
            "schema_version": SCHEMA_VERSION,
            "case": study["case"],
            "phases": {phase: _finite(study["phases"].get(phase)) for phase in PHASES},
            "reference_phase": study["reference_phase"],
            "scale": scale,
            "class": _class(probabilities, self.classes),
            "enhancement": curves,
            "tumour_volume_ml": values["volume_ml"],
            "lesions": lesions,
            "flags": _study_flags(study, lesions, _quality_flags(probabilities, curves)),
            "set_aside": _finite(list(study["set_aside"])),
            "versions": versions(),
            "weights_sha256": file_sha256(self.weights),
        }
        # result_*: how MONAI Label writes the label map
        return {**data, "result": result, "result_extension": ".nii.gz", "result_dtype": "uint8"}


def versions() -> dict[str, str]:
    """Versions of what computed the result."""
    return {"mti_net": PACKAGE.__version__, "monai": monai.__version__, "torch": str(torch.__version__)}


def file_sha256(path: str | None) -> str | None:
    """SHA-256 of a file's bytes in hexadecimal; None without a file."""
    if path is None or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def by_phase(curve: Sequence[float | None] | None) -> dict[str, float | None]:
    """A curve of 4 keyed by phase; all None when there is none."""
    return dict(zip(PHASES, curve if curve is not None else [None] * len(PHASES), strict=True))


def relative_pct(raw: Mapping[str, float | None]) -> dict[str, float | None]:
    """Relative enhancement ``100 (S_k - S_pre) / S_pre``; None without a positive pre-contrast signal."""
    pre = raw["pre"]
    if pre is None or pre <= 0:
        return dict.fromkeys(PHASES)
    return {phase: None if value is None else 100.0 * (value - pre) / pre for phase, value in raw.items()}


def _curves(regressed: Sequence | None, measured: Sequence | None) -> dict[str, dict[str, dict[str, float | None]]]:
    return {
        name: {"raw": by_phase(curve), "relative_pct": relative_pct(by_phase(curve))}
        for name, curve in (("regressed", regressed), ("measured", measured))
    }


def _class(probabilities: Sequence[float] | None, classes: tuple[str, ...]) -> dict[str, Any]:
    if probabilities is None:
        return {"label": None, "probabilities": dict.fromkeys(classes)}
    label = classes[class_index(probabilities)]
    return {"label": label, "probabilities": dict(zip(classes, probabilities, strict=True))}


def _lesion(lesion: Mapping[str, Any], classes: tuple[str, ...], at_edge: bool) -> dict[str, Any]:
    curves = _curves(lesion["regressed_raw"], lesion["measured_raw"])
    raw, reference = curves["measured"]["raw"], by_phase(lesion["reference_raw"])
    ratio = {phase: _ratio(raw[phase], reference[phase]) for phase in PHASES}
    flags = ["shared_slice"] if lesion["shared_slice"] else []
    flags += ["at_volume_edge"] if at_edge else []
    return {
        "id": lesion["id"],
        "label_value": class_index(lesion["class_probabilities"]) + 1,
        "volume_ml": lesion["volume_ml"],
        "certainty": lesion["certainty"],
        "centroid_mm": lesion["centroid_mm"],
        "class": _class(lesion["class_probabilities"], classes),
        "enhancement": curves,
        "reference_tissue": {
            "source": lesion["reference_tissue"],
            "voxels": lesion["reference_voxels"],
            "raw": reference,
        },
        "lesion_to_liver_ratio": ratio,
        "arterial_phase_hyperenhancement": arterial_phase_hyperenhancement(ratio, raw),
        "washout": washout(ratio),
        "flags": flags + _quality_flags(lesion["class_probabilities"], curves),
    }


def _finite(value: Any) -> Any:
    """Evidence comes from readers and headers; what is no number there is null here."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _ratio(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None or reference <= 0 else value / reference


def _quality_flags(probabilities: Sequence[float] | None, curves: Mapping[str, Any]) -> list[str]:
    flags = []
    if probabilities is not None and max(probabilities) < LOW_CONFIDENCE:
        flags.append("low_confidence")
    pairs = zip(curves["regressed"]["raw"].values(), curves["measured"]["raw"].values(), strict=True)
    known = [(r, m) for r, m in pairs if r is not None and m is not None]
    difference, size = sum(abs(r - m) for r, m in known), sum(abs(m) for _, m in known)
    if difference > CURVE_DISAGREEMENT * size:
        flags.append("curve_disagreement")
    return flags


def _study_flags(study: Mapping[str, Any], lesions: list[dict[str, Any]], quality: list[str]) -> list[str]:
    flags = list(study["flags"])
    if not lesions:
        return [*flags, "no_lesion"]
    if len({lesion["class"]["label"] for lesion in lesions}) > 1:
        flags.append("several_classes")
    for flag in ("shared_slice", "at_volume_edge"):
        if any(flag in lesion["flags"] for lesion in lesions):
            flags.append(flag)
    return flags + quality


def _touches_the_ends(data: Mapping[Hashable, Any]) -> set[int]:
    """Lesions in the first or last slice of the network's grid: part of them may lie outside the acquired volume."""
    numbers = torch.as_tensor(data["instances"])[0].cpu().numpy()  # (H, W, D)
    return set(np.unique(numbers[..., [0, -1]]).tolist()) - {0}
