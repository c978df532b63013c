"""What the images say of each phase: arteries and all blood before, at and after their brightest, and the liver."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...types import PHASES
from .blood_and_liver import Curves

DARK, FAINT, UNFILLED = -4.0, -4.0, -2.5
"""Worth of an enhanced phase with arteries as dark as before (nothing is worth less), of an arterial one with blood far
from its brightest, and of one with vessels empty that are filled in a later arterial one."""
_ENHANCED, _ENHANCED_TO_LIVER = 1.25, 1.15  # arteries, and arteries over liver, over their darkest before
_UNENHANCED = 0.87  # blood and arteries over liver, at most, before contrast
_BEFORE_CONTRAST = ((0.77, 1.0), (0.97, -1.0), (1.1, -1.0), (1.2, -2.0))  # the same → worth of a pre-contrast phase
_BRIGHT = 1.25  # the brighter of arteries and all blood over liver, at least, in an arterial phase
_PAST_PEAK, _FULL = 1.2, 1.35  # arteries, and the brighter of both, over liver: a late arterial phase
_LEFT, _SLIGHT = 0.25, 0.3  # of the arteries' enhancement in the portal venous phase, which is to be more than slight
_WASHED_OUT = 0.5  # of the arteries' enhancement in the portal venous phase, still there in the delayed one
_FILLED = 0.6  # of the blood's enhancement in the portal venous phase, there already in a late arterial one
_ARTERIAL, _PORTAL, _DELAYED = range(1, len(PHASES))


def enhancement_onset(curves: Curves) -> tuple[int, int] | None:
    """The last volume before arteries enhance and the first one after; ``None`` when no volume is before."""
    known = np.flatnonzero(~np.isnan(curves.arteries))
    darkest = np.minimum.accumulate(curves.arteries[known])
    enhanced = np.flatnonzero(curves.arteries[known][1:] > _ENHANCED * darkest[:-1])
    return (int(known[enhanced[0]]), int(known[enhanced[0] + 1])) if len(enhanced) else None


def image_scores(curves: Curves | None, count: int) -> np.ndarray:
    """Blood over liver: below 0.87 before contrast, 0.9 to 1.25 late, the brighter of both above 1.3 early. 1 … -1.

    Less where arteries are as dark as before contrast, and for an arterial phase that is too early or too late.
    """
    if curves is None:
        return np.zeros((len(PHASES), count))
    ratio, of_arteries = curves.blood_to_liver("portal_venous"), curves.blood_to_liver("arterial")
    brightest = np.fmax(ratio, of_arteries)  # veins are dark in the arterial phase, too
    late = np.clip(1 - np.maximum(np.maximum(0.9 - ratio, ratio - 1.25), 0) / 0.1, -1, 1)
    arterial = np.clip((brightest - 1.3) / 0.15, -1, 1)
    scores = np.stack([np.interp(brightest, *zip(*_BEFORE_CONTRAST, strict=True)), arterial, late, late])
    bright = np.maximum(share_of_best(curves.blood), share_of_best(curves.arteries))
    may_be_late = (of_arteries > _PAST_PEAK) & (brightest > _FULL)
    scores[_ARTERIAL] += np.clip((bright - 0.5) / 0.1, FAINT, 0) + _unfilled(curves.blood, may_be_late)
    scores[_ARTERIAL:, _as_dark_as_before(curves)] += DARK
    return np.maximum(scores, DARK)


def washout_scores(curves: Curves | None) -> dict[tuple[int, int], np.ndarray]:
    """What is left in the arteries of their enhancement in the portal venous phase, ``(N, N)``: at least a third in the
    first five minutes, less than a fifth after twenty.

    It tells better than the volumes before contrast alone whether a volume is too dark for a delayed phase, and
    replaces what they say.
    """
    if curves is None:
        return {}
    enhancement = curves.arteries - curves.arteries[_darkest(curves)]
    left = enhancement[None, :] / np.maximum(enhancement[:, None], 1e-6)
    known = enhancement[:, None] > _SLIGHT
    gone = DARK * (left < _LEFT) - DARK * _as_dark_as_before(curves)
    return {(_PORTAL, _DELAYED): np.where(known, gone, 0.0)}


def _darkest(curves: Curves) -> int:
    """The volume before contrast, if there is one: what washed out is as dark at last."""
    return int(np.nanargmin(curves.arteries[: np.nanargmax(curves.arteries) + 1]))


def _as_dark_as_before(curves: Curves) -> np.ndarray:
    """Volumes ``(N,)`` whose arteries are hardly brighter than before contrast; none where nothing is from before."""
    arteries, of_liver, darkest = curves.arteries, curves.blood_to_liver("arterial"), _darkest(curves)
    if np.fmax(curves.blood_to_liver("portal_venous"), of_liver)[darkest] >= _UNENHANCED:
        return np.zeros(len(arteries), dtype=bool)
    return (arteries < _ENHANCED * arteries[darkest]) & (of_liver < _ENHANCED_TO_LIVER * of_liver[darkest])


def is_bright(curves: Curves) -> np.ndarray:
    """Volumes ``(N,)`` with blood as bright as in an arterial phase, a late one included."""
    return np.fmax(curves.blood_to_liver("portal_venous"), curves.blood_to_liver("arterial")) > _BRIGHT


def _unfilled(blood: np.ndarray, arterial: np.ndarray) -> np.ndarray:
    """Early arterial ``(N,)``: spleen and veins are to be filled yet, as a later one that may be ``arterial`` shows."""
    best_later = np.fmax.accumulate(np.where(arterial, blood, 0.0)[::-1])[::-1]
    return np.clip(5 * (1 - best_later / blood), UNFILLED, 0)


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


def looks_early(curves: Curves, phases: Mapping[str, int]) -> bool:
    """Whether veins and spleen are empty in the arterial phase, as they are in an early arterial one."""
    return _enhancement(curves.blood, "arterial", phases) < _FILLED


def looks_late(curves: Curves, phases: Mapping[str, int]) -> bool:
    """Whether the delayed phase keeps less than half of what enhances arteries in the portal venous phase.

    Few do in their first five minutes, most do later; nothing in the image parts the two for sure.
    """
    return _enhancement(curves.arteries, "delayed", phases) < _WASHED_OUT


def _enhancement(values: np.ndarray, phase: str, phases: Mapping[str, int]) -> float:
    """Enhancement as a share of the portal venous one, NaN when a phase is missing."""
    if not {"pre", "portal_venous", phase} <= phases.keys():
        return float("nan")
    pre, own, portal = (values[phases[name]] for name in ("pre", phase, "portal_venous"))
    return float((own - pre) / max(portal - pre, 1e-6))
