"""Whether tissue enhances from phase to phase as contrast agent makes it: a sign of phases in the wrong order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...types import PHASES
from ..study import Volume
from .places import marked_mm, values_at
from .problem import StudyReport

_BRIGHTER = 1.05  # by noise and drift alone, medians of a region differ less
_FEWEST_VOXELS = 20


def check_enhancement(phases: Mapping[str, Volume], name: str, mask: Volume, report: StudyReport) -> None:
    """No later phase is darker than the pre phase in the liver or tumour, by the medians of what the mask marks.

    Args:
        phases: volumes in comparable units.
        name: what the mask marks, e.g. ``"liver"``.
        mask: on any grid.
        report: takes the finding.
    """
    points_mm = marked_mm(mask)
    values = {phase: values_at(phases[phase], points_mm) for phase in PHASES if phase in phases}
    medians = {phase: float(np.median(v)) for phase, v in values.items() if len(v) >= _FEWEST_VOXELS}
    if "pre" not in medians:
        return
    darker = [phase for phase, median in medians.items() if phase != "pre" and medians["pre"] > _BRIGHTER * median]
    if darker:
        said = ", ".join(f"{phase} {medians[phase]:.4g}" for phase in ("pre", *darker))
        report.warning(
            f"the pre phase is brighter in the {name} than the phase {' and '.join(darker)} (medians: {said})",
            "Check the order of the phases; name them in a phase map (--phase_map) if it is wrong.",
        )
