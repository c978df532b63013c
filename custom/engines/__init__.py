"""Training and evaluation engines: the trainer's step, checkpoints, batch preparation, metrics and progress."""

from .best_weights import BestWeights
from .checkpoint import ResumeCheckpoint, save_atomically
from .description import made_for
from .distributed import SynchroniseBuffers
from .history import History
from .metrics import StudyMetrics
from .mixed_precision import has_native_bfloat16
from .prepare_batch import PrepareSlices, PrepareStudy
from .pretrained import start_from
from .progress import Progress, loss_terms
from .reporting import EvaluationReport, TrainingReport
from .seeding import SeedEpoch
from .statistics import EnhancementStatistics
from .trainer import MTITrainer
from .weights import CheckpointLoader, WeightsLoader, load_weights

__all__ = [
    "BestWeights",
    "CheckpointLoader",
    "EnhancementStatistics",
    "EvaluationReport",
    "History",
    "MTITrainer",
    "PrepareSlices",
    "PrepareStudy",
    "Progress",
    "ResumeCheckpoint",
    "SeedEpoch",
    "StudyMetrics",
    "SynchroniseBuffers",
    "TrainingReport",
    "WeightsLoader",
    "has_native_bfloat16",
    "load_weights",
    "loss_terms",
    "made_for",
    "save_atomically",
    "start_from",
]
