"""What the images say of each phase: blood before, at and after its brightest moment, and the liver after it."""

from __future__ import annotations

import numpy as np

from ...types import PHASES
from .blood_and_liver import Curves

DARK, FAINT = -4.0, -4.0
"""Worth of an enhanced phase with blood as dark as before, and of an arterial one with blood far from its brightest."""
_ENHANCED = 1.25  # blood over its darkest before
_UNENHANCED = 0.87  # blood over liver, at most, before contrast
_ARTERIAL, _PORTAL, _DELAYED = range(1, len(PHASES))


def enhancement_onset(blood: np.ndarray) -> tuple[int, int] | None:
    """The last volume before blood enhances and the first one after; ``None`` when no volume is before."""
    known = np.flatnonzero(~np.isnan(blood))
    darkest = np.minimum.accumulate(blood[known])
    enhanced = np.flatnonzero(blood[known][1:] > _ENHANCED * darkest[:-1])
    return (int(known[enhanced[0]]), int(known[enhanced[0] + 1])) if len(enhanced) else None


def image_scores(curves: Curves | None, count: int) -> np.ndarray:
    """Blood over liver: below 0.87 before contrast, above 1.3 in the arterial phase, 0.9 to 1.25 later. 1 … -1.

    Less where blood is as dark as before contrast, and for an arterial phase in which it is far from its brightest.
    """
    if curves is None:
        return np.zeros((len(PHASES), count))
    ratio = curves.blood / curves.liver
    later = np.clip(1 - np.maximum(np.maximum(0.9 - ratio, ratio - 1.25), 0) / 0.1, -1, 1)
    scores = [np.clip((_UNENHANCED - ratio) / 0.1, -1, 1), np.clip((ratio - 1.3) / 0.15, -1, 1), later, later]
    scores = np.stack(scores)
    scores[_ARTERIAL] += np.clip((share_of_best(curves.blood) - 0.7) / 0.1, FAINT, 0)
    darkest = np.nanargmin(curves.blood[: np.nanargmax(curves.blood) + 1])  # what washed out is as dark at last
    if ratio[darkest] < _UNENHANCED:
        scores[_ARTERIAL:, curves.blood < _ENHANCED * curves.blood[darkest]] += DARK
    return scores


def share_of_best(values: np.ndarray) -> np.ndarray:
    """Each of ``(N,)`` between the least, 0, and the most, 1."""
    least, most = np.nanmin(values), np.nanmax(values)
    return (values - least) / max(most - least, 1e-6)


def liver_scores(curves: Curves | None) -> dict[tuple[int, int], np.ndarray]:
    """Liver is brighter in the portal venous phase than before and after, ``(N, N)`` for each two phases."""
    if curves is None:
        return {}
    rise = curves.liver[None, :] - curves.liver[:, None]
    return {(_ARTERIAL, _PORTAL): np.clip(rise / 0.15, -1, 1), (_PORTAL, _DELAYED): np.clip(-rise / 0.15, -1, 1)}
