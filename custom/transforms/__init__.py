"""Study to tensors: loading on one grid, one intensity scale, the network's grid, training slices and their targets."""

from .joint_scale import JointScaled
from .load_study import LoadStudyd
from .measure_enhancementd import MeasureEnhancementd
from .rand_slices import RandSlicesd
from .slice_targets import SliceTargetsd
from .study_enhancement import StudyEnhancementd

__all__ = [
    "JointScaled",
    "LoadStudyd",
    "MeasureEnhancementd",
    "RandSlicesd",
    "SliceTargetsd",
    "StudyEnhancementd",
]
