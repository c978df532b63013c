"""The shared ``train.json`` prepares what the weights beside it were trained on.

Whoever trains on from them, as MONAI Label and NVFlare do, need not know on which grid that was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..networks.mti_net import STRIDE

TRAIN, MODEL = "configs/train.json", "models/model.json"
SETTINGS = ("classes", "spacing_mm", "reference_phase", "residual")


def fit_to_weights(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Contents of the package by name, with the settings of ``model.json`` in ``train.json``; slices keep their mm."""
    if MODEL not in files:
        return dict(files)
    config, described = json.loads(files[TRAIN]), json.loads(files[MODEL])
    finer = config["spacing_mm"] / described.get("spacing_mm", config["spacing_mm"])
    config["roi_size"] = [STRIDE * max(1, round(size * finer / STRIDE)) for size in config["roi_size"]]
    config |= {key: described[key] for key in SETTINGS if key in described}
    return {**files, TRAIN: json.dumps(config, indent=4, ensure_ascii=False).encode("utf-8")}
