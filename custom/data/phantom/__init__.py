"""The physics phantom: four-phase liver MRI with a known truth, made from equations, not from patients."""

from .dataset import write_phantom
from .ensure import ensure_phantom
from .plan import PlannedStudy, plan_studies
from .presets import PRESETS, Preset
from .simulate import PhantomStudy, simulate_study

__all__ = [
    "PRESETS",
    "PhantomStudy",
    "PlannedStudy",
    "Preset",
    "ensure_phantom",
    "plan_studies",
    "simulate_study",
    "write_phantom",
]
