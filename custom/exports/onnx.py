"""MTI-Net as one ONNX file, for batches and images of any size.

ONNX has no real-valued Fourier transform of images of unknown size, so the exported network filters by the matrix form
of the high-pass (:mod:`custom.networks.spectral`).  The phase mask is always an input: four times True where all phases
are there.  Nothing is published that does not agree with the network itself.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from monai.bundle import ConfigParser
from torch import nn
from torch.export import Dim

from ..config_check import read_config
from ..engines import load_weights
from ..inference.exported import WEIGHTS_KEY, OnnxNetwork, noise, sha256_of
from ..networks.mti_net import STRIDE
from ..types import InputError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
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
        InputError: a package that is not installed, weights of another network, or an export that does not agree.
    """
    _check_packages()
    weights, output = Path(weights), Path(output)
    network = _network(config_files, weights, {})
    program = _program(_network(config_files, weights, {"network_def#spectral_form": "matrix"}))
    program.model.metadata_props[WEIGHTS_KEY] = sha256_of(weights)
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f".{output.name}.tmp")
    try:
        program.save(unfinished)
        _compare(network, unfinished, weights)
        os.replace(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)
    return output


def _check_packages() -> None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(
            found=f"no package {', '.join(missing)}",
            expected=f"the packages {', '.join(PACKAGES)}",
            where="export-onnx",
            remedy=f"Install them: python -m pip install {' '.join(PACKAGES)}.",
        )


def _network(config_files: list[str], weights: Path, overrides: dict) -> nn.Module:
    made_for = {"ckpt_path": str(weights)}  # beside which the configuration finds how these weights are to be read
    parser = ConfigParser(read_config(config_files, {**overrides, **made_for}))
    network = parser.get_parsed_content("network_def")
    load_weights(network, weights)
    return network.eval()


def _program(network: nn.Module):
    """The exported program, of which batch, height and width stay open."""
    outputs = network(*noise(1, 1, 1))
    names = tuple(name for name in OUTPUTS if name in outputs)
    height, width = STRIDE * Dim("height"), STRIDE * Dim("width")
    with _exporter_silenced():
        return torch.onnx.export(
            TupleOutput(network=network, names=names).eval(),
            noise(2, 4, 6),
            dynamo=True,
            dynamic_shapes={"image": {0: Dim.DYNAMIC, 2: height, 3: width}, "phase_mask": {0: Dim.DYNAMIC}},
            input_names=["image", "phase_mask"],
            output_names=list(names),
            verbose=False,
        )


@contextmanager
def _exporter_silenced() -> Iterator[None]:
    """Without the exporter's warnings, which speak of its own inner workings; its errors still come."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _compare(network: nn.Module, path: Path, weights: Path) -> None:
    """Refuse an export whose outputs differ from the network's."""
    exported = OnnxNetwork(network=network, device=torch.device("cpu"))
    exported.read(path, weights)
    for shape in CHECKS:
        inputs = noise(*shape)
        with torch.no_grad():
            expected, found = network(*inputs), exported(*inputs)
        for name, values in found.items():
            scale = expected[name].abs().max().clamp(min=10) / 10  # float32 errs by 1e-4 at logits of 25 by itself
            difference = float((values - expected[name]).abs().max() / scale)
            if not difference < TOLERANCE:
                raise InputError(
                    found=f"an export whose {name} differs by {difference:.1e}",
                    expected=f"less than {TOLERANCE:g}",
                    where=f"images of {shape[1] * STRIDE} × {shape[2] * STRIDE}",
                    remedy="Use the TorchScript export, or the versions that metadata.json names.",
                )
