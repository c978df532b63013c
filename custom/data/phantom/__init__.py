"""The physics phantom: four-phase liver MRI with a known truth, made from equations, not from patients."""

from .dataset import write_phantom
from .dicom import DIALECTS, write_dicom
from .ensure import ensure_phantom
from .orientation import reoriented
from .plan import PlannedStudy, plan_studies
from .presets import PRESETS, Preset
from .retime import phantom_manifest, write_retimed
from .simulate import PhantomStudy, simulate_study
from .sites import SITES
from .write_nifti import write_nifti

__all__ = [
    "DIALECTS",
    "PRESETS",
    "SITES",
    "PhantomStudy",
    "PlannedStudy",
    "Preset",
    "ensure_phantom",
    "phantom_manifest",
    "plan_studies",
    "reoriented",
    "simulate_study",
    "write_dicom",
    "write_nifti",
    "write_phantom",
    "write_retimed",
]
