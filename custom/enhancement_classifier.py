"""Lesion class from an enhancement curve alone: multinomial logistic regression on scale-invariant features.

It serves twice: as the baseline that a network has to beat, and as the class of a lesion that shares every slice
with another lesion, where the network's slice-wise class head cannot speak for it alone.

Features: the log ratio ``log(x_j / x_k)`` of each of the six pairs of phases.  A scanner's gain cancels in every one
of them, and a missing phase removes only the pairs that it is part of; those take the training mean, which says
nothing for or against a class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.optimize import minimize

from .types import DEFAULT_CLASSES, PHASES, InputError

PAIRS = tuple(combinations(range(len(PHASES)), 2))
"""The pairs of phases ``(j, k)`` whose log ratios are the features."""

SIGNAL_FLOOR = 0.01
"""Signals below this share of the curve's largest value are raised to it: noise can make a dark lesion's signal 0 or
negative."""


def curve_features(curves: np.ndarray) -> np.ndarray:
    """Log ratios of all pairs of phases.

    Args:
        curves: ``(N, 4)`` in any linear unit, one scale a row; NaN where a phase is missing.

    Returns:
        ``(N, 6)`` float64, NaN for pairs with a missing phase.
    """
    curves = np.atleast_2d(np.asarray(curves, dtype=np.float64))
    floor = SIGNAL_FLOOR * np.nanmax(np.where(np.isnan(curves), -np.inf, curves), axis=1, keepdims=True)
    signal = np.log(np.maximum(curves, np.maximum(floor, np.finfo(np.float64).tiny)))  # NaN stays NaN
    return np.stack([signal[:, j] - signal[:, k] for j, k in PAIRS], axis=1)


class CurveClassifier:
    """Multinomial logistic regression ``softmax(W z + b)`` on standardised log ratios ``z``, with an L2 penalty on
    ``W``.

    Args:
        classes: class names in head order.
        l2: strength of the penalty, > 0; the loss is ``mean cross-entropy + l2 / 2 * |W|^2``.
        balanced: weigh every class alike, however many curves it has.
    """

    def __init__(self, *, classes: Sequence[str] = DEFAULT_CLASSES, l2: float = 0.01, balanced: bool = True) -> None:
        self.classes, self.l2, self.balanced = tuple(classes), float(l2), bool(balanced)
        self.feature_mean = np.zeros(len(PAIRS))
        self.feature_std = np.ones(len(PAIRS))
        self.weight: np.ndarray | None = None  # (K, 6)
        self.bias: np.ndarray | None = None  # (K,)

    def fit(self, curves: np.ndarray, classes: np.ndarray) -> CurveClassifier:
        """Fits the regression; the problem is convex, so the result does not depend on a seed.

        Args:
            curves: ``(N, 4)``, NaN where a phase is missing.
            classes: ``(N,)`` class indices; rows with a negative one (unknown) are left out.

        Returns:
            Itself.

        Raises:
            InputError: when no curve with a known class is left.
        """
        target = np.asarray(classes, dtype=np.int64).reshape(-1)
        features = curve_features(curves)[target >= 0]
        target = target[target >= 0]
        if not len(target):
            raise InputError(
                found="no curve with a known class",
                expected="at least one",
                where="training data of the curve classifier",
                remedy="Give lesion_class in the datalist.",
            )
        self.feature_mean = _mean_of_present(features, 0.0)
        spread = _mean_of_present((features - self.feature_mean) ** 2, 1.0) ** 0.5
        self.feature_std = np.where(spread > 1e-8, spread, 1.0)
        one_hot = np.eye(len(self.classes))[target]  # (N, K)
        share = one_hot.sum(0) if self.balanced else np.ones(len(self.classes))
        sample_weight = 1.0 / share[target]
        sample_weight /= sample_weight.sum()
        z = self._standardise(features)
        start = np.zeros((len(self.classes), len(PAIRS) + 1))
        solution = minimize(
            _loss_and_gradient,
            start.ravel(),
            args=(z, one_hot, sample_weight, self.l2),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-9},
        )
        weight_and_bias = solution.x.reshape(start.shape)
        self.weight, self.bias = weight_and_bias[:, :-1], weight_and_bias[:, -1]
        return self

    def predict_proba(self, curves: np.ndarray) -> np.ndarray:
        """Class probabilities of curves.

        Args:
            curves: ``(N, 4)`` in any linear unit, NaN where a phase is missing.

        Returns:
            ``(N, K)`` float64, rows sum to 1.
        """
        if self.weight is None or self.bias is None:
            raise RuntimeError("CurveClassifier.predict_proba was called before fit or from_dict")
        return _softmax(self._standardise(curve_features(curves)) @ self.weight.T + self.bias)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values that ``from_dict`` understands."""
        if self.weight is None or self.bias is None:
            raise RuntimeError("CurveClassifier.to_dict was called before fit or from_dict")
        return {
            "classes": list(self.classes),
            "phases": list(PHASES),
            "l2": self.l2,
            "balanced": self.balanced,
            "feature_mean": self.feature_mean.tolist(),
            "feature_std": self.feature_std.tolist(),
            "weight": self.weight.tolist(),
            "bias": self.bias.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CurveClassifier:
        """Rebuilds a fitted classifier.

        Raises:
            InputError: when the values are not those of a fitted classifier.
        """
        try:
            made = cls(classes=values["classes"], l2=values["l2"], balanced=values["balanced"])
            made.feature_mean = np.asarray(values["feature_mean"], dtype=np.float64)
            made.feature_std = np.asarray(values["feature_std"], dtype=np.float64)
            made.weight = np.asarray(values["weight"], dtype=np.float64)
            made.bias = np.asarray(values["bias"], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise _unusable(f"{type(error).__name__}: {error}") from error
        count = len(made.classes)
        shapes = (made.feature_mean.shape, made.feature_std.shape, made.weight.shape, made.bias.shape)
        if shapes != ((len(PAIRS),), (len(PAIRS),), (count, len(PAIRS)), (count,)):
            raise _unusable(f"arrays of shapes {shapes}")
        return made

    def _standardise(self, features: np.ndarray) -> np.ndarray:
        return np.nan_to_num((features - self.feature_mean) / self.feature_std, nan=0.0)  # missing: the training mean


def _unusable(found: str) -> InputError:
    return InputError(
        found=found,
        expected="the values that CurveClassifier.to_dict wrote",
        where="curve_classifier",
        remedy="Train again, or leave curve_classifier out.",
    )


def _mean_of_present(values: np.ndarray, otherwise: float) -> np.ndarray:
    count = (~np.isnan(values)).sum(0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), otherwise)


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponential = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponential / exponential.sum(axis=1, keepdims=True)


def _loss_and_gradient(
    parameters: np.ndarray, z: np.ndarray, one_hot: np.ndarray, sample_weight: np.ndarray, l2: float
) -> tuple[float, np.ndarray]:
    parameters = parameters.reshape(one_hot.shape[1], -1)  # (K, 7)
    weight, bias = parameters[:, :-1], parameters[:, -1]
    probability = _softmax(z @ weight.T + bias)  # (N, K)
    log_likelihood = np.log(np.maximum((probability * one_hot).sum(1), 1e-300))
    loss = -(sample_weight * log_likelihood).sum() + 0.5 * l2 * (weight**2).sum()
    difference = (probability - one_hot) * sample_weight[:, None]  # (N, K)
    gradient = np.concatenate([difference.T @ z + l2 * weight, difference.sum(0)[:, None]], axis=1)
    return float(loss), gradient.ravel()
