"""Figures of merit: one record a study, and everything that is told from the records."""

from .study_metrics import StudyMetrics
from .study_record import measure_study
from .summary import score, summarise

__all__ = ["StudyMetrics", "measure_study", "score", "summarise"]
