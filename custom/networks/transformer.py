"""The channel-token transformer: every channel of every phase is a token, its positions are the embedding.

``Z (B, N = P·C, d = h·w)``. Attention at N = 2048 never holds the N×N matrix: ``scaled_dot_product_attention`` with a
key mask, and dropout on what either path adds to the residual stream only (inside attention it forces the matrix on the
CPU; inside the MLP, at four times the width, drawing its random numbers cost a tenth of a training step).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .exportable import area_average


class TransformerBlock(nn.Module):
    """Pre-norm block: ``z + MHSA(LN(z))``, then ``z + MLP(LN(z))`` with GELU.

    Args:
        dim: embedding length d, a multiple of ``head_dim``.
        head_dim: length of a head; the scale is its square root (64 in the paper, scale 8).
        mlp_ratio: hidden width of the MLP over ``dim``.
        dropout: rate on what attention and MLP add to the stream.
    """

    def __init__(self, *, dim: int, head_dim: int, mlp_ratio: int, dropout: float) -> None:
        super().__init__()
        self.heads = dim // head_dim
        self.attention_norm, self.mlp_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.project = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, mlp_ratio * dim), nn.GELU(), nn.Linear(mlp_ratio * dim, dim))
        self.dropout = nn.Dropout(dropout)

    def forward(self, z: torch.Tensor, key_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Mix ``z (B, N, d)``; tokens that ``key_mask (B, 1, 1, N)`` marks False are attended to by nobody."""
        z = z + self.dropout(self.project(self._attend(self.attention_norm(z), key_mask)))
        return z + self.dropout(self.mlp(self.mlp_norm(z)))

    def _attend(self, z: torch.Tensor, key_mask: torch.Tensor | None) -> torch.Tensor:
        qkv = self.qkv(z).unflatten(2, (3, self.heads, -1))  # (B, N, 3, heads, head_dim)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, N, head_dim)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=key_mask)
        return mixed.transpose(1, 2).flatten(2)  # (B, N, d)


class ChannelTransformer(nn.Module):
    """Relate all channels of all phases; learned factorised position = phase embedding + channel embedding.

    Args:
        phases, channels: P and C; there are N = P·C tokens.
        token_grid: grid ``(h, w)`` that a map of any size is pooled to, so that weights do not depend on image size.
        blocks, head_dim, mlp_ratio, dropout: see :class:`TransformerBlock`.
    """

    def __init__(
        self,
        *,
        phases: int,
        channels: int,
        token_grid: tuple[int, int],
        blocks: int,
        head_dim: int,
        mlp_ratio: int,
        dropout: float,
    ) -> None:
        super().__init__()
        dim = token_grid[0] * token_grid[1]
        self.token_grid = token_grid
        self.phase_embedding = nn.Parameter(0.02 * torch.randn(phases, 1, dim))
        self.channel_embedding = nn.Parameter(0.02 * torch.randn(channels, dim))
        self.blocks = nn.ModuleList(
            TransformerBlock(dim=dim, head_dim=head_dim, mlp_ratio=mlp_ratio, dropout=dropout) for _ in range(blocks)
        )

    def forward(self, features: torch.Tensor, phase_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Turn ``features (B, P, C, h, w)`` into mixed tokens ``(B, P, C, d)``; absent phases are never attended to."""
        batch, phases, channels = features.shape[0], features.shape[1], features.shape[2]
        grid = area_average(features.flatten(1, 2), self.token_grid[0], self.token_grid[1])  # (B, P·C, gh, gw)
        z = grid.reshape(batch, phases, channels, -1) + self.phase_embedding + self.channel_embedding  # (B, P, C, d)
        z = z.flatten(1, 2)  # (B, N, d)
        key_mask: torch.Tensor | None = None
        if phase_mask is not None:
            none_present = ~phase_mask.any(1, keepdim=True)  # attention over no key at all would be 0/0
            keys = (phase_mask | none_present)[:, :, None].expand(batch, phases, channels)  # (B, P, C)
            key_mask = keys.reshape(batch, 1, 1, phases * channels)  # (B, 1, 1, N)
        for block in self.blocks:
            z = block(z, key_mask)
        return z.unflatten(1, (phases, channels))  # (B, P, C, d)
