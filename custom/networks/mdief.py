"""Multi-domain Information Entropy Fusion (MdIEF): spatial and spectral features of one scale become one map.

With ``P_d = GAP(X_d)`` taken after convolution, batch norm and ReLU (the mean of a raw high-pass image is always 0)::

    gamma_d = exp(P_d) / (exp(P_spa) + exp(P_spe))                    per channel            (eq. 1)
    X_fused = X_spa (1 + gamma_spa) + X_spe (1 + gamma_spe)                                  (eq. 2)

Equation 1 holds no entropy although the paper calls it entropy-aware. ``weighting="entropy"`` puts one there.
"""

from __future__ import annotations

import torch
from torch import nn

WEIGHTINGS = ("gap", "entropy")


class MdIEF(nn.Module):
    """Fuse the two domains by weights that each channel earns.

    Args:
        weighting: what earns the weight: ``"gap"`` (eq. 1 as printed), the mean activation; or ``"entropy"``, the
            normalised Shannon entropy of the channel's activation as a distribution over the positions.
    """

    def __init__(self, *, weighting: str = "gap") -> None:
        super().__init__()
        self.weighting = weighting

    def forward(self, domains: torch.Tensor) -> torch.Tensor:
        """Fuse ``domains (B, 2C, h, w)``, spatial channels first, to ``(B, C, h, w)``."""
        score = self._entropy(domains) if self.weighting == "entropy" else self._gap(domains)  # (B, 2C)
        gamma = score.unflatten(1, (2, -1)).softmax(1).flatten(1)  # (B, 2C); the two domains of a channel sum to 1
        spatial, spectral = (domains * (1.0 + gamma).to(domains.dtype)[:, :, None, None]).chunk(2, 1)  # (B, C, h, w)
        return spatial + spectral

    def _gap(self, domains: torch.Tensor) -> torch.Tensor:
        """Global average of each channel, ``(B, 2C)``; as a sum, whose gradient needs no map of its own."""
        return domains.sum((2, 3), dtype=torch.float32) / (domains.shape[2] * domains.shape[3])

    def _entropy(self, domains: torch.Tensor) -> torch.Tensor:
        """Entropy of each channel: 1 when spread evenly over the positions, 0 at a single one. Returns ``(B, 2C)``."""
        activation = domains.float().flatten(2) + 1e-6  # (B, 2C, h·w), positive after ReLU
        share = activation / activation.sum(2, keepdim=True)
        uniform = torch.log(torch.ones_like(activation[0, 0]).sum() + 1e-6)  # of as many positions
        return -(share * share.log()).sum(2) / uniform


class ConcatFusion(nn.Module):
    """The ablation "No MdIEF": naive concatenation and a 1×1 convolution, one for each encoder.

    Args:
        encoders: number of encoders side by side in the channels (4 unshared, 1 shared).
        channels: channels of one encoder at this scale.
    """

    def __init__(self, *, encoders: int, channels: int) -> None:
        super().__init__()
        self.encoders = encoders
        self.conv = nn.Conv2d(2 * encoders * channels, encoders * channels, 1, groups=encoders)

    def forward(self, domains: torch.Tensor) -> torch.Tensor:
        """Fuse ``domains (B, 2·E·C, h, w)``, spatial channels first, to ``(B, E·C, h, w)``."""
        pairs = domains.unflatten(1, (2, self.encoders, -1)).transpose(1, 2)  # (B, E, 2, C, h, w)
        return self.conv(pairs.flatten(1, 3))


class FirstDomain(nn.Module):
    """No fusion: keep the first domain. Used for a single branch, and below the last scale when only that is fused."""

    def __init__(self, *, domains: int) -> None:
        super().__init__()
        self.domains = domains

    def forward(self, domains: torch.Tensor) -> torch.Tensor:
        """``(B, S·C, h, w)`` to the first ``C`` channels, ``(B, C, h, w)``."""
        return domains.chunk(self.domains, 1)[0]
