"""The shipped network and its exports on the CPU, in one process: how far apart their outputs are, how fast each is.

    python benchmarks/export_speed.py --size 128 --batch 16

The exports are made in a temporary folder. The timed passes take turns, so that another load of the machine falls on
all of them: look at the ratios.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from monai.bundle import ConfigParser, ckpt_export

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from custom.exports import export_onnx
from custom.inference.exported import OnnxNetwork, TorchScriptNetwork

ROOT = Path(__file__).resolve().parents[1]
CONFIG, WEIGHTS = str(ROOT / "bundle/configs/inference.json"), ROOT / "bundle/models/model.pt"
CPU = torch.device("cpu")
SIZES = ((16, 16), (32, 80), (112, 96), (176, 144))


def networks(folder: Path) -> dict[str, torch.nn.Module]:
    """The network in every form; exports go into ``folder``, beside a copy of the weights."""
    weights = folder / "model.pt"
    weights.write_bytes(WEIGHTS.read_bytes())
    ckpt_export("network_def", filepath=str(folder / "model.ts"), ckpt_file=str(weights), config_file=CONFIG)
    export_onnx([CONFIG], weights, folder / "model.onnx")
    parser = ConfigParser()
    parser.read_config(CONFIG)
    eager = parser.get_parsed_content("network_def")
    exports = {kind: kind(network=eager, device=CPU) for kind in (TorchScriptNetwork, OnnxNetwork)}
    for export in exports.values():
        export.open(weights)  # the network gets its weights here, too
    return {"eager": eager, "torchscript": exports[TorchScriptNetwork], "onnx": exports[OnnxNetwork]}


def differences(forms: dict[str, torch.nn.Module]) -> dict[str, dict[str, float]]:
    """Largest absolute difference from eager of each output, over 20 inputs of 1 to 5 slices with absent phases."""
    generator = torch.Generator().manual_seed(0)
    largest: dict[str, dict[str, float]] = {name: {} for name in forms}
    for k in range(20):
        image = 1.5 * torch.rand(k % 5 + 1, 4, *SIZES[k % len(SIZES)], generator=generator)
        mask = torch.rand(len(image), 4, generator=generator) < 0.75
        mask[:, 2] = True
        expected = forms["eager"](image, mask)
        for name, network in forms.items():
            for output, values in network(image, mask).items():
                difference = float((values - expected[output]).abs().max())
                largest[name][output] = max(difference, largest[name].get(output, 0.0))
    return largest


def times(forms: dict[str, torch.nn.Module], image: torch.Tensor, repeats: int) -> dict[str, float]:
    """Median seconds of a pass of each form, after two to warm up; they take turns."""
    mask = torch.ones(len(image), 4, dtype=torch.bool)
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for turn in range(repeats + 2):
        for name, network in forms.items():
            start = time.perf_counter()
            network(image, mask)
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="in-plane pixels, a multiple of 16")
    parser.add_argument("--batch", type=int, default=16, help="slices in a batch")
    parser.add_argument("--repeats", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        forms = networks(Path(folder))
        apart = differences(forms)
        measured = times(forms, torch.rand(arguments.batch, 4, arguments.size, arguments.size), arguments.repeats)
    print(f"{torch.get_num_threads()} threads; median of a pass over {arguments.batch} slices of {arguments.size}²;")
    print("largest difference from eager over 20 other inputs")
    print(f"{'':14}{'ms a slice':>12}{'of eager':>10}  " + "".join(f"{name:>14}" for name in apart["eager"]))
    for name, seconds in measured.items():
        speed = f"{1000 * seconds / arguments.batch:12.2f}{seconds / measured['eager']:10.2f}  "
        print(f"{name:14}{speed}" + "".join(f"{value:14.1e}" for value in apart[name].values()))


if __name__ == "__main__":
    main()
