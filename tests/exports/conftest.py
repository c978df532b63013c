"""The shipped network with its exports beside its weights, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ckpt_export

from custom.engines import load_weights

ROOT = Path(__file__).resolve().parents[2]
CONFIG = str(ROOT / "bundle" / "configs" / "inference.json")


@pytest.fixture(scope="session")
def config():
    """The shipped configuration of inference."""
    return CONFIG


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """The shipped weights in a folder of their own, with ``model.ts`` beside them."""
    shipped = ROOT / "bundle" / "models" / "model.pt"
    path = tmp_path_factory.mktemp("models") / "model.pt"
    shutil.copyfile(shipped, path)
    ckpt_export("network_def", filepath=str(path.with_suffix(".ts")), ckpt_file=str(path), config_file=CONFIG)
    return path


@pytest.fixture(scope="session")
def weights_with_onnx(weights):
    """The same with ``model.onnx`` beside it too."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    from custom.exports import export_onnx

    export_onnx([CONFIG], weights, weights.with_suffix(".onnx"))
    return weights


@pytest.fixture(scope="session")
def eager(weights):
    parser = ConfigParser()
    parser.read_config(CONFIG)
    network = parser.get_parsed_content("network_def").eval()
    load_weights(network, weights)
    return network


@pytest.fixture(scope="session")
def twenty_inputs():
    """Images and phase masks: batches of 1 to 5, sizes that share nothing, every number of phases."""
    generator = torch.Generator().manual_seed(3)
    sizes = [(16, 16), (32, 80), (112, 96), (144, 160)]
    inputs = []
    for k in range(20):
        height, width = sizes[k % len(sizes)]
        image = 1.5 * torch.rand(k % 5 + 1, 4, height, width, generator=generator)
        mask = torch.rand(len(image), 4, generator=generator) < 0.75
        mask[:, 2] = True  # the reference phase is always there
        if k % 3 == 0:
            mask[:] = True
        inputs.append((image, mask))
    return inputs
