"""The network as an export of it: TorchScript or ONNX instead of PyTorch, with the same inputs and outputs.

An export lies beside the weights that it was made from and under their name: ``model.pt``, ``model.ts``,
``model.onnx``.  One that was made from other weights, or of another network, is refused.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..engines import load_weights
from ..networks.mti_net import STRIDE
from ..types import COMMAND, PHASES, InputError

logger = logging.getLogger(__name__)

WEIGHTS_KEY = "weights_sha256"
"""Entry of an ONNX file's metadata: the SHA-256 of the weights file that it was made from."""

AGREEMENT = 0.02
"""An opened export may differ from the network by this share of an output's largest value.

Rounding, on whatever device, stays far below; another ``network_def`` does not.  What is published is held to 1e-4.
"""


class ExportedNetwork(nn.Module):
    """A network that an exported file holds; it predicts after :meth:`open`.

    Args:
        network: what was exported; the file is compared with it.
        device: where it computes.
    """

    suffix = ""
    made_by = ""

    def __init__(self, *, network: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.device = torch.device(device)
        self.network = network.to(self.device).eval()

    def open(self, weights: Path) -> None:
        """Read the export beside ``weights``.

        Raises:
            InputError: there is none, it cannot be read, or it was made from other weights or of another network.
        """
        path = weights.with_suffix(self.suffix)
        if not path.is_file():
            raise self._unusable(path, "no such file")
        load_weights(self.network, weights)
        self.read(path, weights)
        image, phase_mask = (tensor.to(self.device) for tensor in noise(2, 4, 6))
        with torch.no_grad():
            expected, found = self.network(image, phase_mask), self(image, phase_mask)
        for name, values in expected.items():
            if not (found[name] - values).abs().max() <= AGREEMENT * values.abs().max():
                raise self._unusable(path, f"an export whose {name} is not that of this network_def")
        logger.info("Opened %s, made from %s.", path.name, weights.name)

    def read(self, path: Path, weights: Path) -> None:
        """Read the export ``path`` of the weights file ``weights``, which the network holds."""
        raise NotImplementedError

    def _unusable(self, path: Path, found: str) -> InputError:
        expected = f"an export of the weights beside it ({path.with_suffix('.pt').name})"
        return InputError(found=found, expected=expected, where=str(path), remedy=f"Make it by {self.made_by}.")


class TorchScriptNetwork(ExportedNetwork):
    """What ``python -m monai.bundle ckpt_export`` writes."""

    suffix = ".ts"
    made_by = "python -m monai.bundle ckpt_export network_def (docs/export.md)"

    def read(self, path: Path, weights: Path) -> None:
        """Read a TorchScript file, whose tensors must be those of ``weights``."""
        try:
            self.script = torch.jit.load(str(path), map_location=self.device).eval()
        except RuntimeError as error:
            raise self._unusable(path, "a file that is no TorchScript, or a damaged one") from error
        inside, outside = self.script.state_dict(), self.network.state_dict()
        if inside.keys() != outside.keys() or not all(torch.equal(inside[name], outside[name]) for name in inside):
            raise self._unusable(path, "an export of other weights")

    def forward(self, image: torch.Tensor, phase_mask: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """As ``MTINet.forward``."""
        return self.script(image, phase_mask)


class OnnxNetwork(ExportedNetwork):
    """What ``python -m custom export-onnx`` writes, run by onnxruntime."""

    suffix = ".onnx"
    made_by = f"{COMMAND} export-onnx (docs/export.md)"

    def read(self, path: Path, weights: Path) -> None:
        """Read an ONNX file, which must name the hash of ``weights``."""
        runtime = import_onnxruntime()
        wanted = ["CUDAExecutionProvider"] if self.device.type == "cuda" else []
        providers = [name for name in [*wanted, "CPUExecutionProvider"] if name in runtime.get_available_providers()]
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            self.session = runtime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # onnxruntime's errors have no common base
            raise self._unusable(path, "a file that is no ONNX network, or a damaged one") from error
        if self.session.get_modelmeta().custom_metadata_map.get(WEIGHTS_KEY) != sha256_of(weights):
            raise self._unusable(path, "an export of other weights")

    def forward(self, image: torch.Tensor, phase_mask: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """As ``MTINet.forward``."""
        present = np.ones(image.shape[:2], bool) if phase_mask is None else phase_mask.bool().cpu().numpy()
        values = self.session.run(None, {"image": image.float().cpu().numpy(), "phase_mask": present})
        names = [output.name for output in self.session.get_outputs()]
        return {name: torch.from_numpy(v).to(image.device) for name, v in zip(names, values, strict=True)}


def noise(batch: int, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The same image each time, of ``rows × columns`` strides, and a mask: the first slice lacks its last phase."""
    generator = torch.Generator().manual_seed(batch)
    image = torch.rand(batch, len(PHASES), rows * STRIDE, columns * STRIDE, generator=generator)  # (B, P, H, W)
    phase_mask = torch.ones(batch, len(PHASES), dtype=torch.bool)
    phase_mask[0, -1] = False
    return image, phase_mask


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def import_onnxruntime():
    """onnxruntime, which only this backend needs.

    Raises:
        InputError: it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(
            found="no onnxruntime",
            expected="the package that runs ONNX networks",
            where="backend",
            remedy="Install it (python -m pip install onnxruntime), or use --backend eager.",
        ) from error
    return onnxruntime
