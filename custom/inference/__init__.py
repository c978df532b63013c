"""From slices to a study prediction on the study's own grid."""

from .aggregate import AggregateStudyd
from .backend import NetworkLoader, network_for_backend
from .deploy import PresentPhasesd, SegmentationAsDictd, SegmentationInferer
from .lesions import Lesion, describe_lesions, find_lesions
from .measure import MeasureLesionsd
from .native_grid import KeepNatived, ReturnToNatived, native_instances
from .reference_tissue import reference_curve
from .runner import StudyEvaluator, StudyOutcome
from .slice_inferer import SliceInferer
from .study_dataset import StudyDataset, StudyFailure, StudyLoader
from .summary import Summary

__all__ = [
    "AggregateStudyd",
    "KeepNatived",
    "Lesion",
    "MeasureLesionsd",
    "NetworkLoader",
    "PresentPhasesd",
    "ReturnToNatived",
    "SegmentationAsDictd",
    "SegmentationInferer",
    "SliceInferer",
    "StudyDataset",
    "StudyEvaluator",
    "StudyFailure",
    "StudyLoader",
    "StudyOutcome",
    "Summary",
    "describe_lesions",
    "find_lesions",
    "native_instances",
    "network_for_backend",
    "reference_curve",
]
