"""A 2-D network on a whole study: slices in batches, results back in their places."""

from __future__ import annotations

import torch
from monai.inferers import Inferer
from torch import nn

from ..coverage import phases_in_slices
from ..engines.memory import explain_out_of_memory
from ..types import PHASES, InputError

LEFT_RIGHT = 2
"""Axis of ``(N, C, H, W)`` slices along which the studies are mirrored in training: H of an LPS slice."""


class SliceInferer(Inferer):
    """Run a slice network over the last axis of a study.

    Args:
        slice_batch_size: slices per network call, >= 1; the one number that decides the memory.
        output: ``"all"`` for the dict of every head, ``"seg"`` for the segmentation tensor alone.
        mirror: answer with the mean of what the network says of each slice and of its mirror image, left and right
            swapped; takes twice the time.
    """

    def __init__(self, *, slice_batch_size: int = 16, output: str = "all", mirror: bool = False) -> None:
        if slice_batch_size < 1 or output not in ("all", "seg"):
            raise InputError(
                found=f"slice_batch_size={slice_batch_size}, output={output!r}",
                expected="slice_batch_size of at least 1, and output 'all' or 'seg'",
                where="SliceInferer",
                remedy="Correct the 'inferer' in the configuration.",
            )
        super().__init__()
        self.slice_batch_size = slice_batch_size
        self.output = output
        self.mirror = mirror

    def __call__(self, inputs: torch.Tensor, network, phase_mask: torch.Tensor | None = None):
        """Predict every slice.

        Args:
            inputs: ``(B, P, H, W, D)``, normalised.
            network: takes ``(N, P, H, W)`` and ``(N, P)`` bool; returns a dict of tensors. One that is in training
                mode (Monte Carlo dropout) keeps its trained batch statistics all the same.
            phase_mask: ``(B, P)`` bool, present phases; None where nobody says so (other tools call an inferer with an
                image alone): phases without a voxel other than zero are absent. A phase is absent as well in the slices
                that it does not reach.

        Returns:
            Plain tensors ``seg (B, 1, H, W, D)``, ``enhancement (B, P, D)``, ``class_logits (B, K, D)`` in float32 on
            the device of ``inputs`` (those that the network has), or the ``seg`` tensor alone.

        Raises:
            InputError: wrong shape, or memory that does not suffice for ``slice_batch_size`` slices.
        """
        _check_shape(inputs)
        images = inputs.as_tensor() if hasattr(inputs, "as_tensor") else inputs  # MetaTensors would keep each history
        phase_mask = _nonzero_phases(images) if phase_mask is None else phase_mask
        _keep_batch_statistics(network)
        results: dict[str, torch.Tensor] = {}
        for b in range(images.shape[0]):
            for start in range(0, images.shape[-1], self.slice_batch_size):
                span = slice(start, start + self.slice_batch_size)
                slices = images[b, ..., span].movedim(-1, 0).contiguous()  # (N, P, H, W)
                mask = phases_in_slices(slices, phase_mask[b])  # (N, P)
                for key, value in self._predict(network, slices, mask).items():
                    if key not in results:
                        size = (images.shape[0], *value.shape[1:], images.shape[-1])
                        results[key] = torch.empty(size, dtype=torch.float32, device=images.device)
                    results[key][b, ..., span] = value.movedim(0, -1)
        return results["seg"] if self.output == "seg" else results

    def _predict(self, network, slices: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        with explain_out_of_memory(keys=("slice_batch_size",), where="SliceInferer"):
            prediction = network(slices, mask)
            if self.mirror:
                mirrored = network(slices.flip(LEFT_RIGHT), mask)
                mirrored = {**mirrored, "seg": mirrored["seg"].flip(LEFT_RIGHT)}
                prediction = {key: (value + mirrored[key]) / 2 for key, value in prediction.items()}
        return {"seg": prediction["seg"]} if self.output == "seg" else prediction


def _nonzero_phases(images: torch.Tensor) -> torch.Tensor:
    """``(B, P)`` bool."""
    return torch.stack([torch.stack([phase.any() for phase in study]) for study in images])


def _keep_batch_statistics(network) -> None:
    """Batch normalisation in evaluation mode; it stays there, since several threads may share the network."""
    if isinstance(network, nn.Module) and network.training:
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def _check_shape(inputs: torch.Tensor) -> None:
    if inputs.ndim != 5 or inputs.shape[1] != len(PHASES):
        raise InputError(
            found=f"an input of shape {tuple(inputs.shape)}",
            expected=f"(B, {len(PHASES)}, H, W, D): one channel for each of {', '.join(PHASES)}",
            where="SliceInferer",
            remedy="Load the study with LoadStudyd, which fills missing phases with zeros.",
        )
