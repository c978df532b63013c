"""The task-driven discriminator (TDD): is this pair of enhancement curve and lesion class a real one?"""

from __future__ import annotations

import torch
from torch import nn

from ..types import PHASES
from .options import check_head_dim, positive_int, within
from .transformer import TransformerBlock


class TaskDrivenDiscriminator(nn.Module):
    """One token a phase (its embedded value) and one class token, a small transformer, one logit.

    It has LayerNorm only: batch statistics would let real and fake batches, judged apart, be told apart by themselves.

    Args:
        num_classes: lesion classes K.
        dim: embedding length.
        depth: transformer blocks.
        head_dim: length of an attention head, divides ``dim``.
        mlp_ratio: hidden width of the MLP over ``dim``.
        dropout: rate on what attention and MLP add to the stream, [0, 1].
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        dim: int = 32,
        depth: int = 2,
        head_dim: int = 8,
        mlp_ratio: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        positive_int("dim", dim)
        self.embed_value = nn.Linear(1, dim)
        self.embed_class = nn.Linear(positive_int("num_classes", num_classes), dim)
        self.position = nn.Parameter(0.02 * torch.randn(len(PHASES) + 1, dim))
        self.blocks = nn.ModuleList(
            TransformerBlock(
                dim=dim,
                head_dim=check_head_dim(head_dim, dim),
                mlp_ratio=positive_int("mlp_ratio", mlp_ratio),
                dropout=within("dropout", dropout, 0.0, 1.0),
            )
            for _ in range(positive_int("depth", depth))
        )
        self.norm = nn.LayerNorm(dim)
        self.judge = nn.Linear(dim, 1)

    def forward(
        self, enhancement: torch.Tensor, class_probabilities: torch.Tensor, phase_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Judge a batch of pairs.

        Args:
            enhancement: ``(B, P)``, standardised (mean 0, standard deviation 1 over the training set).
            class_probabilities: ``(B, K)``: softmax, or the smoothed one-hot of the truth.
            phase_mask: ``(B, P)`` bool; absent phases are not looked at.

        Returns:
            ``(B, 1)`` logit, high for real.
        """
        if phase_mask is not None:
            enhancement = enhancement.masked_fill(~phase_mask, 0.0)
        values = self.embed_value(enhancement[:, :, None])  # (B, P, dim)
        label = self.embed_class(class_probabilities)[:, None]  # (B, 1, dim)
        z = torch.cat([values, label], 1) + self.position  # (B, P + 1, dim)
        key_mask: torch.Tensor | None = None
        if phase_mask is not None:
            key_mask = torch.cat([phase_mask, torch.ones_like(phase_mask[:, :1])], 1)[:, None, None]  # (B, 1, 1, P + 1)
        for block in self.blocks:
            z = block(z, key_mask)
        return self.judge(self.norm(z[:, -1])).float()  # read at the class token, which has seen every phase
