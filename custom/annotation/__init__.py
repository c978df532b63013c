"""The bundle in a MONAI Label server: requests in, label maps and reports out, and a studies folder to begin with."""

from .answer import AnswerRequestd
from .request import PrepareRequestd
from .scoring import class_probabilities

__all__ = ["AnswerRequestd", "PrepareRequestd", "class_probabilities"]
