"""Which form of the network predicts: ``--backend eager|torchscript|onnx``."""

from __future__ import annotations

import torch
from ignite.engine import Engine
from torch import nn

from ..engines import WeightsLoader
from ..types import InputError
from .exported import ExportedNetwork, OnnxNetwork, TorchScriptNetwork

EXPORTS = {"torchscript": TorchScriptNetwork, "onnx": OnnxNetwork}


def network_for_backend(*, backend: str, network: nn.Module, device: torch.device) -> nn.Module:
    """The network itself for ``"eager"``, else a stand-in that :class:`NetworkLoader` fills from an exported file.

    Args:
        backend: ``"eager"``, ``"torchscript"`` or ``"onnx"``.
        network: the configured network.
        device: where it computes.

    Raises:
        InputError: another backend.
    """
    if backend == "eager":
        return network.to(device)
    if backend not in EXPORTS:
        raise InputError(
            found=repr(backend),
            expected=f"one of 'eager', {', '.join(map(repr, EXPORTS))}",
            where="backend",
            remedy="Correct the spelling (--backend).",
        )
    return EXPORTS[backend](network=network, device=device)


class NetworkLoader(WeightsLoader):
    """Handler: when the engine starts, loads weights into its network, or opens the export that was made from them.

    Args:
        path: the weights file.
    """

    def started(self, engine: Engine) -> None:
        if isinstance(engine.network, ExportedNetwork):
            engine.network.open(self.path)
        else:
            super().started(engine)
