"""A postprocessed study made by hand: two lesions of two classes on a flipped grid, and its report."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from custom.inference import MeasureLesionsd, ReturnToNatived
from custom.outputs import ReportStudyd
from custom.types import PHASES

CLASSES = ["hemangioma", "HCC"]
SHAPE = (40, 32, 8)
AFFINE = np.array([[-1.5, 0, 0, 30], [0, -1.25, 0, 12.5], [0, 0, 6, -99], [0, 0, 0, 1]], float)


def study_data(*, lesions: bool = True, missing: tuple[str, ...] = (), case: str = "c01", tasks=("reg", "cls")) -> dict:
    rng = np.random.default_rng(5)
    image = np.array([100, 120, 160, 150], np.float32)[:, None, None, None] + rng.normal(0, 2, (4, *SHAPE))
    instances = np.zeros(SHAPE, np.int16)
    plain = []
    if lesions:
        instances[6:16, 8:20, 1:4] = 1
        instances[26:32, 12:17, 5:8] = 2
        image[:, instances == 1] = np.array([80, 270, 130, 110])[:, None]
        image[:, instances == 2] = np.array([90, 260, 250, 240])[:, None]
        for number, curve, probabilities in (
            (1, (0.4, 1.35, 0.66, 0.5), (0.1, 0.9)),
            (2, (0.9, 2.2, 2, 2), (0.65, 0.35)),
        ):
            curve = [None if phase in missing else value for phase, value in zip(PHASES, curve, strict=True)]
            plain.append(
                {
                    "id": number,
                    "volume_ml": 1.0,
                    "certainty": 0.9,
                    "class_probabilities": list(probabilities) if "cls" in tasks else None,
                    "regressed": curve if "reg" in tasks else None,
                    "measured": curve,
                    "shared_slice": number == 2,
                }
            )
    present = torch.tensor([phase not in missing for phase in PHASES])
    image[~present.numpy()] = 0
    affine = torch.as_tensor(AFFINE)
    moved = {
        "outcome": "applied",
        "shift_mm": [0.5, -1.0, 6.0],
        "distance_mm": 6.1,
        "edge_agreement": {"before": 0.6, "after": 0.8},
    }
    phases = {
        phase: {
            "source": f"{phase}.nii.gz",
            "time_s": 35.0 * k,
            "evidence": {"score": float("nan") if k == 1 else 1.0},
            "alignment": moved if phase == "pre" else None,
        }
        for k, phase in enumerate(PHASES)
        if phase not in missing
    }
    return {
        "native": MetaTensor(torch.as_tensor(image, dtype=torch.float32), affine=affine),
        "image": MetaTensor(torch.as_tensor(image, dtype=torch.float32) / 200, affine=affine),
        "phase_mask": present,
        "scale": 200.0,
        "probability": MetaTensor(torch.as_tensor(instances > 0).float()[None], affine=affine),
        "instances": MetaTensor(torch.as_tensor(instances)[None], affine=affine),
        "lesions": plain,
        "study": {
            "case": case,
            "phases": phases,
            "reference_phase": "portal_venous",
            "flags": [f"missing_phase:{phase}" for phase in missing],
            "set_aside": [{"series": "series 3", "reason": "localiser"}],
        },
    }


@pytest.fixture
def make_study():
    """Returns the dict that the writers get."""

    def make(*, classes=tuple(CLASSES), weights=None, **more) -> dict:
        data = MeasureLesionsd()(ReturnToNatived()(study_data(**more)))
        return ReportStudyd(classes=classes, weights=weights)(data)

    return make
