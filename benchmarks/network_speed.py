"""Time of a forward pass and of a training step: MTI-Net beside three single-task networks, in one process.

    python benchmarks/network_speed.py --size 128 --batch 8

The peers are MONAI's BasicUNet (segmentation), ResNet-50 with the published first stride (regression) and DenseNet-121
(classification).  Absolute times drift with the machine's load: look at the ratios, and set the environment variable
OMP_WAIT_POLICY to passive.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from monai.networks.nets import BasicUNet, DenseNet121, resnet50
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from custom.networks import MTINet


class ThreeNetworks(nn.Module):
    """One network a task, as one would do without multi-task learning."""

    def __init__(self) -> None:
        super().__init__()
        self.seg = BasicUNet(spatial_dims=2, in_channels=4, out_channels=1, features=(32, 32, 64, 128, 256, 32))
        self.reg = resnet50(spatial_dims=2, n_input_channels=4, num_classes=4, conv1_t_stride=2, pretrained=False)
        self.cls = DenseNet121(spatial_dims=2, in_channels=4, out_channels=2)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"seg": self.seg(image), "enhancement": self.reg(image), "class_logits": self.cls(image)}


def networks() -> dict[str, nn.Module]:
    demo = {"widths": (16, 32, 64, 128), "token_grid": (8, 8), "skip_connections": True, "cls_pool": "mask"}
    return {
        "MTI-Net, train.json": MTINet(**demo, downsampling="stride"),
        "MTI-Net, train.json with max-pooling": MTINet(**demo, downsampling="pool"),
        "MTI-Net, widths 32-256": MTINet(**{**demo, "widths": (32, 64, 128, 256)}, downsampling="stride"),
        "three networks": ThreeNetworks(),
    }


def fastest(step: Callable[[], None], repeats: int) -> float:
    """Seconds of the fastest of ``repeats`` runs after one warm-up."""
    step()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def forward_pass(network: nn.Module, image: torch.Tensor, amp: bool) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=amp):
        network(image)


def training_step(network: nn.Module, image: torch.Tensor, amp: bool) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=amp):
        outputs = network(image)
    sum(output.float().square().mean() for output in outputs.values()).backward()
    network.zero_grad()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="in-plane pixels")
    parser.add_argument("--batch", type=int, default=8, help="slices in a batch")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    image = torch.rand(arguments.batch, 4, arguments.size, arguments.size)
    print(f"{torch.get_num_threads()} threads, {arguments.batch} slices of {arguments.size}², ms a slice")
    print(f"{'':40}{'forward':>18}{'training step':>18}\n{'':40}{'fp32':>9}{'bf16':>9}{'fp32':>9}{'bf16':>9}")
    for name, network in networks().items():
        cells = []
        for run in (forward_pass, training_step):
            for amp in (False, True):
                seconds = fastest(lambda run=run, amp=amp: run(network, image, amp), arguments.repeats)  # noqa: B023
                cells.append(f"{1000 * seconds / arguments.batch:9.1f}")
        print(f"{name:40}{''.join(cells)}")


if __name__ == "__main__":
    main()
