"""The spectral image: each phase after a Gaussian high-pass, as an image again (not as a spectrum).

Keeping the spatial layout is what lets eq. 2 add the two domains voxel by voxel::

    x_spe = irfft2(G * rfft2(x)),    G(f) = 1 - exp(-|f|^2 / (2 D0^2)),    D0 = cutoff * Nyquist

The Gaussian low-pass is separable, so the same image is ``x - A_H x A_W^T`` with a circulant matrix for each axis.
That form holds no complex numbers and is the one to export to ONNX.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from .options import one_of, within

SPECTRAL_FORMS = ("fft", "matrix")


class HighPass(nn.Module):
    """Gaussian high-pass filter of images of any size; it has no weights and computes in float32.

    Args:
        cutoff: standard deviation D0 of the Gaussian as a fraction of the Nyquist frequency, (0, 1].
        form: ``"fft"``, or ``"matrix"`` for exporters that know no complex numbers; both give the same image.
    """

    def __init__(self, *, cutoff: float = 0.1, form: str = "fft") -> None:
        super().__init__()
        self.cutoff = float(within("cutoff", cutoff, 1e-3, 1.0))
        self.form = one_of("spectral_form", form, SPECTRAL_FORMS)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Filter ``image (B, P, H, W)``; returns ``(B, P, H, W)`` float32 with mean zero."""
        image = image.float()
        height, width = image.shape[-2], image.shape[-1]
        if self.form == "fft":
            low_h = self._low_pass(height, height, image)[:, None]  # (H, 1)
            low_w = self._low_pass(width, width // 2 + 1, image)  # (W/2 + 1)
            spectrum = torch.fft.rfft2(image)  # (B, P, H, W/2 + 1)
            return torch.fft.irfft2(spectrum * (1.0 - low_h * low_w), s=(height, width))
        if torch.jit.is_scripting():
            return self._matrix_form(image)
        with torch.autocast(image.device.type, enabled=False):
            return self._matrix_form(image)

    def _matrix_form(self, image: torch.Tensor) -> torch.Tensor:
        low_h, low_w = self._circulant(image.shape[-2], image), self._circulant(image.shape[-1], image)
        return image - low_h @ image @ low_w  # circulant and symmetric: no transpose needed

    def _low_pass(self, size: int, bins: int, like: torch.Tensor) -> torch.Tensor:
        """Gaussian at the first ``bins`` of the ``size`` DFT frequencies: ``(bins,)``."""
        index = torch.arange(bins, device=like.device, dtype=like.dtype)
        nyquist_fraction = torch.minimum(index, size - index) * (2.0 / size)
        return torch.exp(-0.5 * (nyquist_fraction / self.cutoff) ** 2)

    def _circulant(self, size: int, like: torch.Tensor) -> torch.Tensor:
        """Matrix of the one-dimensional low-pass, ``A[i, j] = sum_f g(f) cos(2 pi f (i - j) / size) / size``.

        Made in float64, so that the float32 result is exact: ``(size, size)`` in the type of ``like``.
        """
        index = torch.arange(size, device=like.device, dtype=torch.float64)
        turns = index[:, None] * index / size  # (pixel, frequency)
        angle = (2.0 * math.pi) * (turns - torch.floor(turns))  # in [0, 2 pi)
        cosine, sine = torch.cos(angle), torch.sin(angle)
        weight = self._low_pass(size, size, index) / size
        return ((cosine * weight) @ cosine.T + (sine * weight) @ sine.T).to(like.dtype)
