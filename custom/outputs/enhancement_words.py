"""Two signs of a lesion's enhancement, in LI-RADS' words and by numbers that anyone can check.

``r_k`` is the lesion's mean signal over the median of its reference tissue in phase k (both raw, no offset).  LI-RADS
v2018 has a reader see these signs; the rules here are a numeric reading of its definitions, not a LI-RADS category:

* arterial phase hyperenhancement: in the arterial phase the lesion is brighter than the liver and than it was::

      r_arterial >= 1.10   and, when there is a pre-contrast phase, S_arterial >= 1.10 S_pre

* washout: later the lesion is darker than the liver, and has lost against it since the arterial phase::

      r_k <= 0.90   and   r_arterial - r_k >= 0.10      for k = portal venous or delayed

Neither distinguishes a rim from the whole lesion: a curve has no place.
"""

from __future__ import annotations

from collections.abc import Mapping

BRIGHTER = 1.10
"""Ratio from which a lesion counts as brighter."""

DARKER = 0.90
"""Ratio up to which a lesion counts as darker than its reference tissue."""

LOSS = 0.10
"""Least drop of the lesion/liver ratio since the arterial phase."""

PRESENT, ABSENT = "present", "absent"


def arterial_phase_hyperenhancement(ratio: Mapping[str, float | None], raw: Mapping[str, float | None]) -> str | None:
    """Whether the lesion shows arterial phase hyperenhancement.

    Args:
        ratio: lesion/liver ratio of each phase, None where unknown.
        raw: the lesion's measured curve, raw units, None where a phase is missing.

    Returns:
        "present", "absent", or None when the arterial ratio is unknown.
    """
    if ratio["arterial"] is None:
        return None
    enhances = raw["pre"] is None or raw["arterial"] >= BRIGHTER * raw["pre"]
    return PRESENT if enhances and ratio["arterial"] >= BRIGHTER else ABSENT


def washout(ratio: Mapping[str, float | None]) -> str | None:
    """Whether the lesion shows washout; arguments and result as for arterial phase hyperenhancement.

    None when the arterial ratio is unknown, or a later one is and the other shows none: washout often comes late.
    """
    arterial = ratio["arterial"]
    later = [ratio["portal_venous"], ratio["delayed"]]
    if arterial is None:
        return None
    if any(r is not None and r <= DARKER and arterial - r >= LOSS for r in later):
        return PRESENT
    return None if None in later else ABSENT
