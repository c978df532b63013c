"""Operations that exporters need in another form; outside an export they are PyTorch's own.

Each asks twice: TorchScript leaves out what follows a return under ``is_scripting``, and compiles any other condition.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F


def area_average(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """``adaptive_avg_pool2d`` of ``image (B, C, H, W)`` to ``(B, C, height, width)``.

    Exporters know that operation for sizes that are fixed beforehand.  For them it is two matrix products, of which
    the matrices follow from the sizes at run time; the means are the same.
    """
    if torch.jit.is_scripting():
        return F.adaptive_avg_pool2d(image, (height, width))
    if not torch.compiler.is_exporting():
        return F.adaptive_avg_pool2d(image, (height, width))
    rows, columns = _averages(image.shape[-2], height, image), _averages(image.shape[-1], width, image)
    return rows @ image @ columns.T


def soft_mask(logits: torch.Tensor) -> torch.Tensor:
    """``sigmoid``, exact to the last digits where it is small.

    onnxruntime's own is exact to 1e-7 only, which under a mask that is nearly empty is not little.
    """
    if torch.jit.is_scripting():
        return torch.sigmoid(logits)
    if not torch.compiler.is_exporting():
        return torch.sigmoid(logits)
    return 1.0 / (1.0 + torch.exp(-logits))


def _averages(pixels: int, cells: int, like: torch.Tensor) -> torch.Tensor:
    """Matrix ``(cells, pixels)`` whose rows average the pixels from ``floor(i n / m)`` to ``ceil((i + 1) n / m)``."""
    cell = torch.arange(cells, device=like.device, dtype=like.dtype)[:, None]
    pixel = torch.arange(pixels, device=like.device, dtype=like.dtype)
    start, stop = torch.floor(cell * pixels / cells), torch.ceil((cell + 1) * pixels / cells)
    return ((pixel >= start) & (pixel < stop)).to(like.dtype) / (stop - start)
