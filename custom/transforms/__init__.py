"""Study to tensors: loading on one grid, one intensity scale, the network's grid, training slices and their targets."""

from .anti_alias import AntiAliasd
from .check_slice_axis import CheckSliceAxisd
from .collate import StudyList, collate_studies
from .degrade_study import DegradeStudyd
from .joint_scale import JointScaled
from .load_study import LoadStudyd
from .measure_enhancementd import MeasureEnhancementd
from .rand_common_intensity import RandCommonIntensityd
from .rand_noise import RandNoised
from .rand_phase_dropout import RandPhaseDropoutd
from .rand_phase_shift import RandPhaseShiftd
from .rand_resolution import RandResolutiond
from .rand_slice_affine import RandSliceAffined
from .rand_slices import RandSlicesd
from .slice_targets import SliceTargetsd
from .study_cache import StudyCacheDataset, study_key
from .study_enhancement import study_enhancement

__all__ = [
    "AntiAliasd",
    "CheckSliceAxisd",
    "DegradeStudyd",
    "JointScaled",
    "LoadStudyd",
    "MeasureEnhancementd",
    "RandCommonIntensityd",
    "RandNoised",
    "RandPhaseDropoutd",
    "RandPhaseShiftd",
    "RandResolutiond",
    "RandSliceAffined",
    "RandSlicesd",
    "SliceTargetsd",
    "StudyCacheDataset",
    "StudyList",
    "collate_studies",
    "study_enhancement",
    "study_key",
]
