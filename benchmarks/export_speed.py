"""The shipped network and its exports on the CPU, in one process: how far apart their outputs are, how fast each is.

    python benchmarks/export_speed.py --models bundle/models --size 128 --batch 16

The exports lie beside the weights; docs/export.md shows the commands that make them. The timed passes take turns, so
that another load of the machine falls on all of them; processor time hardly depends on it with one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median

import torch
from monai.bundle import ConfigParser

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from custom.inference.exported import OnnxNetwork, TorchScriptNetwork

ROOT = Path(__file__).resolve().parents[1]
SIZES = ((16, 16), (32, 80), (112, 96), (176, 144))


def networks(weights: Path) -> dict[str, torch.nn.Module]:
    """The network in every form, of which the exports lie beside the weights."""
    parser = ConfigParser()
    parser.read_config(str(ROOT / "bundle/configs/inference.json"))
    forms = {"eager": parser.get_parsed_content("network_def")}
    for name, kind in (("torchscript", TorchScriptNetwork), ("onnx", OnnxNetwork)):
        forms[name] = kind(network=forms["eager"], device=torch.device("cpu"))
        forms[name].open(weights)  # the network gets its weights here, too
    return forms


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


def times(forms: dict[str, torch.nn.Module], image: torch.Tensor, repeats: int) -> dict[str, tuple[float, float]]:
    """Median seconds of a pass of each form, elapsed and of the processors, after one to warm up; they take turns."""
    mask = torch.ones(len(image), 4, dtype=torch.bool)
    passes: dict[str, list[tuple[float, float]]] = {name: [] for name in forms}
    for _ in range(repeats + 1):
        for name, network in forms.items():
            start, start_cpu = time.perf_counter(), time.process_time()
            network(image, mask)
            passes[name].append((time.perf_counter() - start, time.process_time() - start_cpu))
    return {name: tuple(map(median, zip(*taken[1:], strict=True))) for name, taken in passes.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT / "bundle/models", metavar="DIR")
    parser.add_argument("--size", type=int, default=128, help="in-plane pixels, a multiple of 16")
    parser.add_argument("--batch", type=int, default=16, help="slices in a batch")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with torch.no_grad():
        forms = networks(arguments.models / "model.pt")
        apart = differences(forms)
        measured = times(forms, torch.rand(arguments.batch, 4, arguments.size, arguments.size), arguments.repeats)
    print(f"{arguments.threads} threads; median of a pass over {arguments.batch} slices of {arguments.size}²;")
    print("largest difference from eager over 20 other inputs")
    print(f"{'':14}{'ms a slice':>12}{'processor ms':>14}" + "".join(f"{name:>14}" for name in apart["eager"]))
    for name, seconds in measured.items():
        speed = "".join(f"{1000 * s / arguments.batch:{width}.2f}" for s, width in zip(seconds, (12, 14), strict=True))
        print(f"{name:14}{speed}" + "".join(f"{value:14.1e}" for value in apart[name].values()))


if __name__ == "__main__":
    main()
