"""The losses: named terms, each of which can be weighted, logged and switched off."""

from .adversarial import AdversarialLoss
from .classification import balanced_class_weights
from .multitask import MultiTaskLoss

__all__ = ["AdversarialLoss", "MultiTaskLoss", "balanced_class_weights"]
