"""Training and evaluation engines: the trainer's step, checkpoints, batch preparation, metrics and progress."""

from .best_weights import BestWeights
from .checkpoint import ResumeCheckpoint, save_atomically
from .memory import ExplainOutOfMemory
from .metrics import StudyMetrics
from .prepare_batch import PrepareSlices, PrepareStudy
from .seeding import SeedEpoch
from .trainer import MTITrainer
from .weights import WeightsLoader, load_weights

__all__ = [
    "BestWeights",
    "ExplainOutOfMemory",
    "MTITrainer",
    "PrepareSlices",
    "PrepareStudy",
    "ResumeCheckpoint",
    "SeedEpoch",
    "StudyMetrics",
    "WeightsLoader",
    "load_weights",
    "save_atomically",
]
