"""Where mixed precision makes training faster: devices that compute bfloat16 in hardware."""

from __future__ import annotations

import torch

CPU_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")  # x86: the first two, ARM: the last


def has_native_bfloat16(device: torch.device | str) -> bool:
    """Whether a device multiplies in bfloat16 itself.

    A CPU without the instructions emulates them: a training step of MTI-Net then takes about ten times as long as in
    float32, so ``amp`` is decided by this, not switched on everywhere.

    Args:
        device: where the training runs.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name, False) for name in CPU_INSTRUCTIONS)
    return False
