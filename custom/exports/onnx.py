"""MTI-Net as one ONNX file, for batches and images of any size.

ONNX has no real-valued Fourier transform of images of unknown size, so the exported network filters by the matrix form
of the high-pass (:mod:`custom.networks.spectral`).  The phase mask is always an input: four times True where all phases
are there.  Nothing is published that does not agree with the network itself.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path

import torch
from monai.bundle import ConfigParser
from torch import nn
from torch.export import Dim

from ..config_check import read_config
from ..engines import load_weights
from ..inference.exported import WEIGHTS_KEY, OnnxNetwork
from ..networks.mti_net import STRIDE
from ..types import PHASES, InputError

OUTPUTS = ("seg", "enhancement", "class_logits")
TOLERANCE = 1e-4
CHECKS = ((1, 4, 6), (3, 7, 5))
"""Batch, height and width (in strides) of the inputs that the export is compared on."""


class TupleOutput(nn.Module):
    """A network with its outputs in a fixed order, as exporters want them.

    Args:
        network: ``(image, phase_mask) -> dict``.
        names: which entries, in which order.
    """

    def __init__(self, *, network: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, image: torch.Tensor, phase_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """``image (B, P, H, W)`` and ``phase_mask (B, P)`` bool to the named outputs."""
        outputs = self.network(image, phase_mask)
        return tuple(outputs[name] for name in self.names)


def export_onnx(config_files: list[str], weights: str | os.PathLike, output: str | os.PathLike) -> Path:
    """Write the network of a configuration, with its weights, as an ONNX file.

    Args:
        config_files: configurations that define ``network_def``, merged in this order.
        weights: the weights file; its SHA-256 is kept in the export.
        output: the ``.onnx`` file.

    Raises:
        InputError: weights of another network, a package that is not installed, or an export that does not agree.
    """
    weights, output = Path(weights), Path(output)
    network = _network(config_files, weights, {})
    names = tuple(name for name in OUTPUTS if name in network(*_example(1, 1, 1)))
    program = _program(_network(config_files, weights, {"network_def#spectral_form": "matrix"}), names)
    program.model.metadata_props[WEIGHTS_KEY] = hashlib.sha256(weights.read_bytes()).hexdigest()
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f".{output.name}.tmp")
    try:
        program.save(unfinished)
        _compare(network, unfinished, weights)
        os.replace(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)
    return output


def _network(config_files: list[str], weights: Path, overrides: dict) -> nn.Module:
    parser = ConfigParser(read_config(config_files, overrides))
    network = parser.get_parsed_content("network_def")
    load_weights(network, weights)
    return network.eval()


def _program(network: nn.Module, names: tuple[str, ...]):
    """The exported program, of which batch, height and width stay open."""
    height, width = STRIDE * Dim("height"), STRIDE * Dim("width")
    dynamic = {"image": {0: Dim.DYNAMIC, 2: height, 3: width}, "phase_mask": {0: Dim.DYNAMIC}}
    wrapped = TupleOutput(network=network, names=names).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter speaks of its own inner workings
        return torch.onnx.export(
            wrapped,
            _example(2, 4, 6),
            dynamo=True,
            dynamic_shapes=dynamic,
            input_names=["image", "phase_mask"],
            output_names=list(names),
            verbose=False,
        )


def _example(batch: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise of ``height × width`` strides, and a mask that lacks the first study's last phase."""
    generator = torch.Generator().manual_seed(batch)
    image = torch.rand(batch, len(PHASES), height * STRIDE, width * STRIDE, generator=generator)  # (B, P, H, W)
    phase_mask = torch.ones(batch, len(PHASES), dtype=torch.bool)
    phase_mask[0, -1] = False
    return image, phase_mask


def _compare(network: nn.Module, path: Path, weights: Path) -> None:
    """Refuse an export whose outputs differ from the network's."""
    exported = OnnxNetwork(device=torch.device("cpu"))
    exported.read(path, weights)
    for shape in CHECKS:
        inputs = _example(*shape)
        with torch.no_grad():
            expected, found = network(*inputs), exported(*inputs)
        for name, values in found.items():
            difference = float((values - expected[name]).abs().max())
            if not difference <= TOLERANCE:
                raise InputError(
                    found=f"an export whose {name} differs by {difference:.1e}",
                    expected=f"at most {TOLERANCE:g}",
                    where=f"images of {shape[1] * STRIDE} × {shape[2] * STRIDE}",
                    remedy="Use the TorchScript export, or the versions in requirements-dev.txt.",
                )
