"""Study to tensors: loading on one grid, one intensity scale, the network's grid, training slices and their targets."""

from .anti_alias import AntiAliasd
from .cache_key import study_key
from .check_slice_axis import CheckSliceAxisd
from .collate import StudyList, collate_studies
from .joint_scale import JointScaled
from .load_study import LoadStudyd
from .measure_enhancementd import MeasureEnhancementd
from .rand_phase_dropout import RandPhaseDropoutd
from .rand_phase_shift import RandPhaseShiftd
from .rand_slices import RandSlicesd
from .slice_targets import SliceTargetsd
from .study_enhancement import StudyEnhancementd

__all__ = [
    "AntiAliasd",
    "CheckSliceAxisd",
    "JointScaled",
    "LoadStudyd",
    "MeasureEnhancementd",
    "RandPhaseDropoutd",
    "RandPhaseShiftd",
    "RandSlicesd",
    "SliceTargetsd",
    "StudyEnhancementd",
    "StudyList",
    "collate_studies",
    "study_key",
]
