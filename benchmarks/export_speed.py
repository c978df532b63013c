"""Time of a forward pass of the shipped network and of its exports, on the CPU, in one process.

    python benchmarks/export_speed.py --size 128 --batch 16

The exports are made in a temporary folder. The passes take turns, so that another load of the machine falls on all of
them: look at the ratios.
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
from custom.engines import load_weights
from custom.exports import export_onnx
from custom.inference.exported import OnnxNetwork, TorchScriptNetwork

ROOT = Path(__file__).resolve().parents[1]
CONFIG, WEIGHTS = str(ROOT / "bundle/configs/inference.json"), ROOT / "bundle/models/model.pt"
CPU = torch.device("cpu")


def networks(folder: Path) -> dict[str, torch.nn.Module]:
    """The network in every form; exports go into ``folder``."""
    parser = ConfigParser()
    parser.read_config(CONFIG)
    eager = parser.get_parsed_content("network_def").eval()
    load_weights(eager, WEIGHTS)
    script, graph = TorchScriptNetwork(device=CPU), OnnxNetwork(device=CPU)
    ckpt_export("network_def", filepath=str(folder / "model.ts"), ckpt_file=str(WEIGHTS), config_file=CONFIG)
    script.read(folder / "model.ts", WEIGHTS)
    graph.read(export_onnx([CONFIG], WEIGHTS, folder / "model.onnx"), WEIGHTS)
    return {"eager": eager, "torchscript": script, "onnx": graph}


def times(forms: dict[str, torch.nn.Module], image: torch.Tensor, repeats: int) -> dict[str, float]:
    """Median seconds of a pass of each form, after two to warm up; they take turns."""
    mask = torch.ones(len(image), 4, dtype=torch.bool)
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    with torch.no_grad():
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
    with tempfile.TemporaryDirectory() as folder:
        forms = networks(Path(folder))
        image = torch.rand(arguments.batch, 4, arguments.size, arguments.size)
        measured = times(forms, image, arguments.repeats)
    print(f"{torch.get_num_threads()} threads, {arguments.batch} slices of {arguments.size}²: median of a forward pass")
    print(f"{'':14}{'ms a slice':>12}{'of eager':>10}")
    for name, seconds in measured.items():
        print(f"{name:14}{1000 * seconds / arguments.batch:12.2f}{seconds / measured['eager']:10.2f}")


if __name__ == "__main__":
    main()
