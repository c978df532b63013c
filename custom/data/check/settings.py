"""What a check needs to know besides the studies: names and defaults are those of the bundle's configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...types import DEFAULT_CLASSES, REFERENCE_PHASE
from ..budget import MemoryBudget
from ..load import plan_study
from ..phase_map import PhaseMap
from ..plan import StudyPlan
from ..study import check_phase_names


@dataclass(frozen=True)
class Settings:
    """Settings of a check.

    Args:
        root: folder that files are named relative to.
        phase_map: which volume is which phase; ``None`` to decide by the evidence.
        reference_phase: phase whose grid the others are brought to.
        classes: lesion class names in head order; class ``k`` is label value ``k + 1``.
        min_volume_ml: smaller lesions are worth a warning.
        memory_budget_gb: studies that would take more are errors.
        min_coverage: share of the reference grid (0..1) below which a phase is worth a warning.
        max_anisotropy: as ``check_slice_axis`` takes it.

    Raises:
        InputError: an unknown phase, or no positive number of gigabytes.
    """

    root: Path
    phase_map: PhaseMap | None = None
    reference_phase: str = REFERENCE_PHASE
    classes: tuple[str, ...] = DEFAULT_CLASSES
    min_volume_ml: float = 0.5
    memory_budget_gb: float = 8.0
    min_coverage: float = 0.9
    max_anisotropy: float = 2.0

    def __post_init__(self) -> None:
        check_phase_names([self.reference_phase], where="reference_phase")
        MemoryBudget(self.memory_budget_gb)

    def plan(self, item: Mapping) -> StudyPlan:
        """The plan of a study, as training and inference make it."""
        return plan_study(
            item,
            phase_map=self.phase_map,
            reference_phase=self.reference_phase,
            memory_budget_gb=self.memory_budget_gb,
        )
