"""The adversarial game over pairs of enhancement curve and lesion class, in the form of the original GAN."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ..types import InputError
from .masking import masked_mean


class AdversarialLoss(nn.Module):
    """Binary cross-entropy for the discriminator, non-saturating loss for the generator.

    Args:
        label_smoothing: what the true class gives up in the "real" pair, [0, 0.5): a hard one-hot would be told from a
            softmax at a glance.
    """

    def __init__(self, *, label_smoothing: float = 0.1) -> None:
        super().__init__()
        if not 0.0 <= label_smoothing < 0.5:
            raise InputError(
                found=repr(label_smoothing),
                expected="a number from 0 to below 0.5",
                where="label_smoothing",
                remedy="Correct it in the configuration of the adversarial loss.",
            )
        self.label_smoothing = float(label_smoothing)

    def real_class_probabilities(self, label: torch.Tensor, num_classes: int) -> torch.Tensor:
        """Smoothed one-hot, e.g. 0.9 / 0.1, of ``label (B,)``: ``(B, K)``; unknown classes (-1) count as class 0.

        They must be left out by ``valid`` in the losses.
        """
        one_hot = F.one_hot(label.clamp(min=0), num_classes).float()
        others = self.label_smoothing / max(num_classes - 1, 1)
        return one_hot * (1.0 - self.label_smoothing) + (1.0 - one_hot) * others

    def generator(self, fake_logits: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """``-log D(fake)`` over the valid slices; ``fake_logits (B, 1)``, ``valid (B,)`` bool: a scalar."""
        return masked_mean(F.softplus(-fake_logits.float()).flatten(), valid)

    def discriminator(self, real_logits: torch.Tensor, fake_logits: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """``(-log D(real) - log(1 - D(fake))) / 2`` over the valid slices: a scalar."""
        real, fake = F.softplus(-real_logits.float()), F.softplus(fake_logits.float())  # (B, 1)
        return 0.5 * masked_mean((real + fake).flatten(), valid)
