"""Figures that no study has alone: areas under curves, and how far stated probabilities are from what happens.

Each is a function of weights ``(B, N)``, for ``B`` draws of ``N`` answers: a study that a bootstrap draws twice has
weight 2, an answer that a permutation has given to the other arm weight 0. With all weights 1 they are the figures of
``engines.metrics``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy.stats import rankdata

from ...engines.metrics.calibration import BINS
from ...engines.metrics.curves import mae_pct
from ...engines.metrics.study_record import Record
from ...engines.metrics.summary import known

Weighted = Callable[[np.ndarray], np.ndarray]
"""``(B, N)`` weights to ``(B)`` values, NaN where a draw does not define them."""


@dataclass(frozen=True)
class Pooled:
    """A figure of all studies of a run.

    Args:
        judged: those of a run's records that it is about.
        of: the same studies' records, an arm a list, to the figure as a function of weights over all of them.
        most: its upper bound; the lower one is 0.
    """

    judged: Callable[[Sequence[Record]], list[Record]]
    of: Callable[[Sequence[Sequence[Record]]], Weighted]
    most: float = 1.0


def _classified(records: Sequence[Record]) -> list[Record]:
    """Tumours of a known class, found or missed; none where the network names no class."""
    studies = known(records)
    return studies if any(record["class_probabilities"] for record in studies) else []


def _auc(arms: Sequence[Sequence[Record]]) -> Weighted:
    """One class against the rest, the mean over the classes for more than two; a missed tumour is uninformed.

    Scores are ranks within their arm, so that a permutation may exchange those of arms that are not equally sure
    (Bandos et al., Statistics in Medicine 2005).
    """
    scores = np.concatenate([_ranks(arm) for arm in arms])  # (N, K)
    classes = np.array([record["lesion_class"] for record in chain(*arms)])  # (N)
    columns = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    areas = [_binary_auc(scores[:, column], classes == column) for column in columns]
    return lambda weights: mean_of_defined([area(weights) for area in areas])


def _ranks(records: Sequence[Record]) -> np.ndarray:
    num_classes = len(next(record["class_probabilities"] for record in records if record["class_probabilities"]))
    uninformed = [1 / num_classes] * num_classes
    return rankdata([record["class_probabilities"] or uninformed for record in records], axis=0)  # (N, K)


def _binary_auc(scores: np.ndarray, positive: np.ndarray) -> Weighted:
    above, below = scores[positive, None], scores[~positive]
    ordered = (above > below) + 0.5 * (above == below)  # (positives, negatives)

    def area(weights: np.ndarray) -> np.ndarray:
        ours, others = weights[:, positive], weights[:, ~positive]
        return _divide(((ours @ ordered) * others).sum(1), ours.sum(1) * others.sum(1))

    return area


def _answered(records: Sequence[Record]) -> list[Record]:
    return [record for record in known(records) if record["class_probabilities"]]


def _ece(arms: Sequence[Sequence[Record]]) -> Weighted:
    """``sum over bins |sum of (right - probability)| / N``, as in ``class_calibration``."""
    records = list(chain(*arms))
    winning = np.array([max(record["class_probabilities"]) for record in records])
    right = np.array([record["predicted_class"] == record["lesion_class"] for record in records], dtype=float)
    bins = np.minimum((winning * BINS).astype(int), BINS - 1)[:, None] == np.arange(BINS)  # (N, BINS)
    gaps = (right - winning)[:, None] * bins
    return lambda weights: _divide(np.abs(weights @ gaps).sum(1), weights.sum(1))


def _with_both_curves(records: Sequence[Record]) -> list[Record]:
    return [
        record for record in records if record["has_tumour"] and None not in (disagreement_pct(record), record["dsc"])
    ]


def disagreement_pct(record: Record) -> float | None:
    """How far the regressed curve is from the measured one, in percentage points of relative enhancement."""
    return mae_pct(record["curves"]["regressed"], record["curves"]["measured"])


def _risk_coverage(arms: Sequence[Sequence[Record]]) -> Weighted:
    """Mean, over the studies in the order of their curves' disagreement, of the mean ``1 - DSC`` up to there."""
    records = list(chain(*arms))
    order = np.argsort([disagreement_pct(record) for record in records], kind="stable")
    risk = 1 - np.array([record["dsc"] for record in records])[order]

    def area(weights: np.ndarray) -> np.ndarray:
        weights = weights[:, order]
        kept = weights.cumsum(1)
        up_to_here = np.divide((weights * risk).cumsum(1), kept, out=np.zeros_like(kept), where=kept > 0)
        return _divide((weights * up_to_here).sum(1), kept[:, -1])

    return area


def _risk_coverage_to_random(arms: Sequence[Sequence[Record]]) -> Weighted:
    """Below 1 where disagreement tells bad masks from good ones: an order that knows nothing has the mean risk."""
    area, risk = _risk_coverage(arms), 1 - np.array([record["dsc"] for record in chain(*arms)])
    return lambda weights: _divide(area(weights) * weights.sum(1), weights @ risk)


def mean_of_defined(values: Sequence[np.ndarray]) -> np.ndarray:
    """``(B)`` each, to their mean ``(B)`` over those that are not NaN."""
    stacked = np.stack(values)
    defined = ~np.isnan(stacked)
    return _divide(np.where(defined, stacked, 0.0).sum(0), defined.sum(0))


def _divide(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    return np.divide(over, under, out=np.full(len(over), np.nan), where=under > 0)


AUC = Pooled(_classified, _auc)
ECE = Pooled(_answered, _ece)
RISK_COVERAGE = Pooled(_with_both_curves, _risk_coverage)
RISK_COVERAGE_TO_RANDOM = Pooled(_with_both_curves, _risk_coverage_to_random, float("inf"))
