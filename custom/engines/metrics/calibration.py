"""Whether the network knows when it is wrong: its class probabilities, and its two curves against each other.

- Expected calibration error (Guo et al., arXiv:1706.04599): studies in bins of the winning class's probability, the
  mean of ``|accuracy - mean probability|`` over the bins, each weighed by its studies.
- Risk-coverage: the regressed and the mask-measured curve are two answers to one question. Studies are kept in the
  order of how little they disagree; the risk is the mean ``1 - DSC`` of those kept. A flag that is worth something has
  an area below that of keeping studies at random, which is the mean risk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .curves import mae_pct
from .study_record import Record
from .summary import known

BINS = 10


def calibration(records: Sequence[Record]) -> dict[str, Any]:
    """Both, as plain JSON values; None where there is nothing to judge."""
    return {"class": class_calibration(records), "curves": risk_coverage(records)}


def class_calibration(records: Sequence[Record], bins: int = BINS) -> dict[str, Any] | None:
    """Of found tumours of a known class.

    Returns:
        ``ece`` and ``bins``, those with a study: ``studies``, ``probability`` (mean) and ``accuracy``.
    """
    answered = [record for record in known(records) if record["class_probabilities"]]
    if not answered:
        return None
    winning = np.array([max(record["class_probabilities"]) for record in answered])
    correct = np.array([record["predicted_class"] == record["lesion_class"] for record in answered], dtype=float)
    places = np.minimum((winning * bins).astype(int), bins - 1)  # the last bin includes 1
    filled = [
        {
            "studies": int((places == place).sum()),
            "probability": float(winning[places == place].mean()),
            "accuracy": float(correct[places == place].mean()),
        }
        for place in np.unique(places)
    ]
    gaps = [row["studies"] * abs(row["accuracy"] - row["probability"]) for row in filled]
    return {"ece": float(sum(gaps) / len(answered)), "bins": filled}


def risk_coverage(records: Sequence[Record]) -> dict[str, Any] | None:
    """Of studies with a tumour, a finding and both curves (a missed tumour has no curves to disagree).

    Returns:
        ``agreement_mae_pct``: mean difference of the two curves in percentage points of relative enhancement; ``risk``:
        mean ``1 - DSC`` of the 1, 2, ... studies that agree best; ``area``: its mean; ``area_random`` and
        ``area_ideal``: of an order that knows nothing, and of one that knows the risk.
    """
    pairs = [(mae_pct(r["curves"]["regressed"], r["curves"]["measured"]), r["dsc"]) for r in records if r["has_tumour"]]
    pairs = [pair for pair in pairs if None not in pair]
    if len(pairs) < 2:
        return None
    disagreement, risk = np.array([pair[0] for pair in pairs]), 1 - np.array([pair[1] for pair in pairs])
    kept = _mean_of_first(risk[np.argsort(disagreement, kind="stable")])
    return {
        "agreement_mae_pct": float(disagreement.mean()),
        "risk": kept.tolist(),
        "area": float(kept.mean()),
        "area_random": float(risk.mean()),
        "area_ideal": float(_mean_of_first(np.sort(risk)).mean()),
    }


def _mean_of_first(values: np.ndarray) -> np.ndarray:
    """Mean of the first 1, 2, ... values."""
    return np.cumsum(values) / np.arange(1, len(values) + 1)
