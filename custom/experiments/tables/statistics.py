"""Intervals and tests over patients: studies of one patient are drawn, and flipped, together.

All of them start from two numbers a patient, the sum and the count of its studies' values, so that a mean over studies
stays what it is, and resampling is one matrix product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

RESAMPLES = 9999
Interval = tuple[float, float]


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation, the latter None for a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def bootstrap_interval(
    values: Mapping[str, Sequence[float]], *, seed: int = 0, resamples: int = RESAMPLES, confidence: float = 0.95
) -> Interval | None:
    """Percentile bootstrap of the mean over studies.

    Args:
        values: patient → its studies' values.
        seed: same seed, same interval.
        resamples: number of draws.
        confidence: 0..1.

    Returns:
        ``(low, high)``; None with fewer than two patients.
    """
    if len(values) < 2:
        return None
    sums, counts = _sums_and_counts(values)
    drawn = draws(len(sums), seed, resamples)
    low, high = np.percentile((drawn @ sums) / (drawn @ counts), [50 * (1 - confidence), 50 * (1 + confidence)])
    return float(low), float(high)


def paired_p_value(differences: Mapping[str, Sequence[float]], *, seed: int = 0) -> float | None:
    """Two-sided sign-flip test that the mean of paired differences is 0, exact for few patients.

    It asks nothing of the distribution but symmetry, and serves Dice, errors and right or wrong answers alike (for the
    last, with one seed and one study a patient, it is McNemar's test).

    Args:
        differences: patient → its studies' differences between two arms.
        seed: of the flips that are drawn where there are too many to try all.

    Returns:
        The p-value; None with fewer than two patients.
    """
    if len(differences) < 2:
        return None
    sums, _ = _sums_and_counts(differences)
    sums = sums[sums != 0]  # to turn them changes nothing, and without them fewer are too many to try all
    if not len(sums):
        return 1.0
    turned = flips(len(sums), seed)
    return p_of(sums.sum() - 2 * (turned @ sums), sums.sum())


def p_of(permuted: np.ndarray, observed: float) -> float:
    """Share of the permutations ``(B)`` that are as far from 0; drawn ones count what was observed among them."""
    as_far = int((np.abs(permuted) >= abs(observed) * (1 - 1e-9) - 1e-12).sum())
    drawn = int(len(permuted) == RESAMPLES)
    return (as_far + drawn) / (len(permuted) + drawn)


@lru_cache(maxsize=8)
def draws(patients: int, seed: int = 0, resamples: int = RESAMPLES) -> np.ndarray:
    """``(B, G)``: how often each of the bootstrap's draws has each patient."""
    chosen = np.random.default_rng(seed).integers(patients, size=(resamples, patients))
    chosen += patients * np.arange(resamples)[:, None]
    return np.bincount(chosen.ravel(), minlength=resamples * patients).reshape(resamples, patients).astype(float)


@lru_cache(maxsize=8)
def flips(patients: int, seed: int = 0) -> np.ndarray:
    """``(B, G)`` of 0 and 1: all ways to exchange the patients' two answers, or random ones of too many."""
    if 2**patients <= RESAMPLES:
        return (np.arange(2**patients)[:, None] >> np.arange(patients) & 1).astype(float)
    return np.random.default_rng(seed).integers(2, size=(RESAMPLES, patients)).astype(float)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction: p-values that may be held against one level together; None stays None.

    The i-th smallest of m becomes ``max over j <= i of min(1, (m - j + 1) p_j)``.
    """
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        corrected[index] = largest
    return corrected


def _sums_and_counts(values: Mapping[str, Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    """``(G)`` each, in the order of the patients' names."""
    ordered = [values[name] for name in sorted(values)]
    return np.array([np.sum(part) for part in ordered]), np.array([len(part) for part in ordered])
