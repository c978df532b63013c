"""From slices to a study prediction on the study's own grid."""

from .aggregate import AggregateStudyd
from .lesions import Lesion, describe_lesions, find_lesions

__all__ = ["AggregateStudyd", "Lesion", "describe_lesions", "find_lesions"]
