"""Heads of the transformer branch: lesion class, and the enhancement curve in standardised units."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from .exportable import area_average

REG_POOLS = ("mask", "flatten", "mean")
CLS_POOLS = ("mask", "mean")
REG_SCALES = ("all", "last")


def pool_under_mask(features: torch.Tensor, mask: torch.Tensor, floor: float = 1e-5) -> torch.Tensor:
    """Mean of ``features (B, P, C, h, w)`` under ``mask (B, 1, H, W)`` in [0, 1]: ``(B, P, C)`` float32.

    The mask is area-averaged to the features' grid. ``floor`` is every pixel's least weight: under an empty mask this
    becomes the plain mean, never 0/0. Products and sums only: autocast leaves them in float32.
    """
    weight = area_average(mask.float(), features.shape[-2], features.shape[-1]) + floor  # (B, 1, h, w)
    weight = weight / weight.sum((2, 3), keepdim=True)
    return (features.float() * weight[:, :, None]).sum((3, 4))  # (B, P, C)


def mean_over_present(values: torch.Tensor, phase_mask: torch.Tensor | None) -> torch.Tensor:
    """Mean of ``values (B, P, F)`` over the phases that are present: ``(B, F)``."""
    if phase_mask is None:
        return values.mean(1)
    present = phase_mask[:, :, None].to(values.dtype)  # (B, P, 1)
    return (values * present).sum(1) / present.sum(1).clamp(min=1.0)


def phase_features(
    tokens: torch.Tensor, maps: list[torch.Tensor], token_grid: tuple[int, int], mask: torch.Tensor
) -> torch.Tensor:
    """What each phase looks like under the mask: its mixed tokens, and its features before the transformer.

    Args:
        tokens: ``(B, P, C, d)``.
        maps: any of the encoder's scales, ``(B, P, C_s, h, w)`` each.
        token_grid: sides of the grid that d unrolls to.
        mask: ``(B, 1, H, W)`` in [0, 1].

    Returns:
        ``(B, P, C + sum of C_s)`` float32.
    """
    pooled = [pool_under_mask(tokens.unflatten(3, token_grid), mask)]  # (B, P, C, d) to (B, P, C)
    for scale in maps:
        pooled.append(pool_under_mask(scale, mask))
    return torch.cat(pooled, -1)


class ClassificationHead(nn.Module):
    """Lesion class logits by one linear layer, in float32.

    Args:
        pool: what the layer sees. ``"mean"``: LayerNorm, mean over the tokens of each phase, mean over the phases
            present; ``"mask"``: every phase's :func:`phase_features` under the (detached) predicted tumour, side by
            side, so that the layer can compare phases; an absent phase is zero.
        phases: P.
        widths: channels of the four encoder blocks.
        dim: embedding length d.
        num_classes: K.
    """

    def __init__(self, *, pool: str, phases: int, widths: Sequence[int], dim: int, num_classes: int) -> None:
        super().__init__()
        self.pool = pool
        self.norm = nn.LayerNorm(dim) if pool == "mean" else None
        self.linear = nn.Linear(dim if pool == "mean" else phases * (widths[-1] + sum(widths)), num_classes)

    def forward(
        self,
        tokens: torch.Tensor,
        maps: list[torch.Tensor],
        token_grid: tuple[int, int],
        mask: torch.Tensor | None,
        phase_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """``tokens (B, P, C, d)`` and ``maps`` under ``mask (B, 1, H, W)`` to class logits ``(B, K)``."""
        if self.norm is not None:
            return self.linear(mean_over_present(self.norm(tokens).mean(2), phase_mask)).float()  # of (B, P, d)
        assert mask is not None
        features = phase_features(tokens, maps, token_grid, mask)  # (B, P, F)
        if phase_mask is not None:
            features = features.masked_fill(~phase_mask[:, :, None], 0.0)
        flat = features.flatten(1)  # (B, P·F)
        return (flat[:, None] * self.linear.weight.float()).sum(-1) + self.linear.bias.float()


class RegressionHead(nn.Module):
    """The standardised enhancement curve, one value a phase, by one linear layer; all of it in float32.

    There is no LayerNorm on this path and no plain mean: either would take away the amplitude that is regressed.
    Each phase has weights of its own, because unshared encoders give the same channel another meaning in each phase.

    Args:
        pool: what the linear layer sees of a phase. ``"mask"``: the mixed tokens and the features before the
            transformer, each averaged under the (detached) predicted tumour; ``"mean"``: the mean token;
            ``"flatten"``: every token of every phase, the paper's literal linear layer.
        scales: with ``pool="mask"``, features of which scales: ``"last"`` or ``"all"`` (small lesions are smaller
            than one pixel of the last).
        phases: P.
        widths: channels of the four encoder blocks.
        dim: embedding length d.
    """

    def __init__(self, *, pool: str, scales: str, phases: int, widths: Sequence[int], dim: int) -> None:
        super().__init__()
        self.pool, self.all_scales = pool, scales == "all"
        if pool == "mask":
            self.linear = nn.Linear(widths[-1] + (sum(widths) if self.all_scales else widths[-1]), phases)
        elif pool == "mean":
            self.linear = nn.Linear(dim, phases)
        else:
            self.linear = nn.Linear(phases * widths[-1] * dim, phases)
            nn.init.uniform_(self.linear.weight, -1.0, 1.0)  # its input is scaled by the root of its length

    def forward(
        self,
        tokens: torch.Tensor,
        maps: list[torch.Tensor],
        token_grid: tuple[int, int],
        mask: torch.Tensor | None,
        phase_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Regress from ``tokens (B, P, C, d)`` and ``maps`` under ``mask (B, 1, H, W)``: ``(B, P)`` float32."""
        tokens = tokens.float()
        if self.pool == "flatten":
            if phase_mask is not None:
                tokens = tokens.masked_fill(~phase_mask[:, :, None, None], 0.0)
            flat = tokens.flatten(1) / float(self.linear.in_features) ** 0.5  # (B, P·C·d); else one step overshoots all
            return (flat[:, None] * self.linear.weight).sum(-1) + self.linear.bias  # (B, P)
        if self.pool == "mean":
            features = tokens.mean(2)  # (B, P, d)
        else:
            assert mask is not None
            scales = maps if self.all_scales else maps[-1:]
            features = phase_features(tokens, scales, token_grid, mask)  # (B, P, C + sum of widths)
        # a product and a sum instead of F.linear, which autocast would run in half precision
        return (features * self.linear.weight).sum(-1) + self.linear.bias  # (B, P, F) * (P, F) to (B, P)
